import MePropCore

extension Selector {
  /// Creates the selector of a layer whose outputs are images.
  ///
  /// - Parameters:
  ///   - image: What a row of the output gradient is.
  ///   - wholeSize: What k as a share is one of: the outputs before pooling.
  ///   - policy: What is kept; `nil`: what the trainer is given for all layers.
  package init(image: ImageShape, wholeSize: Int, policy: SelectionPolicy?) {
    self.init(outputSize: image.count, policy: policy)
    positionCount = image.positionCount
    self.wholeSize = wholeSize
  }

  /// Back propagates through activation and dropout, and chooses k whole channels for the batch.
  ///
  /// As `select`, of a policy that is unified: the k channels of largest Σ|d| over examples and
  /// positions, of equals the lower.
  ///
  /// - Parameters:
  ///   - k: How many, below the number of channels.
  ///   - gradient: dy, shape `[rows, positions · channels]`; becomes d.
  ///   - output: The layer's output.
  ///   - activation: As in the forward pass.
  ///   - dropout: As in the forward pass.
  ///   - outputs: Takes sums over rows.
  ///   - support: Takes the result.
  ///   - chooser: Chooses.
  ///   - step: The pass.
  /// - Throws: ``NonFiniteError`` if an entry is NaN.
  mutating func selectChannels(
    _ k: Int, _ gradient: inout Matrix, output: Matrix, activation: Activation, dropout: Dropout,
    outputs: Support, into support: ConvolutionSupport, _ chooser: ChannelChooser,
    _ step: inout Step
  ) throws {
    let context = step.context
    prepareMemory(slotCount: gradient.rowCount, rowCount: gradient.rowCount)
    outputs.prepare(rowCount: gradient.rowCount)
    context.differentiate(
      &gradient, output: output, activation: activation, dropout: dropout,
      memory: usesMemory ? memory : nil, beta: decidedPolicy.memory,
      partialSums: &outputs.partialSums, columnSums: &outputs.columnSums, norms: &outputs.norms)
    let start = Clock.now()
    do {
      try support.takeChannels(k, of: gradient, chooser: chooser, context: context)
    } catch is NaNGradientError {
      throw nanError(step)
    }
    if usesMemory { keepOtherChannels(than: chooser.channels, of: outputs, gradient.rowCount) }
    step.ledger.countSelected(
      self, support, rowCount: gradient.rowCount, share: chooser.keptShare, step: step.number)
    step.times.selection += Clock.now() - start
  }

  /// The memory becomes the mean over the batch of the channels that were left out.
  private mutating func keepOtherChannels(
    than kept: [UInt32], of outputs: Support, _ rowCount: Int
  ) {
    memory.copyRow(0, from: outputs.columnSums, row: 0)
    let channels = outputSize / positionCount
    let scale = 1 / Float(max(rowCount, 1))
    memory.withMutableRow(0) { memory in
      for place in memory.indices { memory[place] *= scale }
      for channel in kept {
        for position in 0..<positionCount { memory[position * channels + Int(channel)] = 0 }
      }
    }
  }
}

extension Support {
  /// The share of Σ|d| that is kept.
  func keptShare(rowCount: Int) -> Double {
    let whole = magnitude(rowCount: rowCount)
    return whole > 0 ? min(1, entries.keptMagnitude / whole) : 1
  }
}

extension Ledger {
  /// Counts what a step of a convolution keeps; a unit is a channel, and an example a position.
  mutating func countSelected(
    _ selector: Selector, _ support: ConvolutionSupport, rowCount: Int,
    share: @autoclosure () -> Double, step: Int
  ) {
    guard selector.index < entries.count else { return }
    let isSampled = entries[selector.index].statistics.isSampled(step: step)
    entries[selector.index].statistics.add(
      touchedRows: support.touchedChannels.count, keptShare: isSampled ? share() : nil)
    entries[selector.index].tally.exampleCount += rowCount * selector.positionCount
    support.addKeptCounts(to: &entries[selector.index].tally.keptCounts)
  }

  /// Counts the costs of the products of a convolution, of which a position is an example.
  mutating func countProducts(
    _ shape: ProductShape, of selector: Selector, _ support: ConvolutionSupport,
    _ updates: Step.Updates
  ) {
    guard selector.index < entries.count else { return }
    if support.form == .dense { return entries[selector.index].tally.costs.addDense(shape) }
    let rows = support.touchedChannels.count
    entries[selector.index].tally.costs.addSparse(
      shape, entries: support.entryCount, rows: rows,
      updatedRows: updates.updatesEveryRow ? shape.outputSize : rows,
      storesGradient: updates.storesGradients)
  }
}
