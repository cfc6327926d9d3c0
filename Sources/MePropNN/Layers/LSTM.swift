import MePropCore

/// A layer of an LSTM over packed sentences, in one direction or in both.
///
/// The equations are those of PyTorch's `LSTM`; see `LSTMParameters`. A layer of h units a
/// direction gives `directions · paddedSize` numbers a word, where paddedSize is h rounded up to a
/// multiple of 16: direction j of unit u is number `j · paddedSize + u`, and numbers of padding
/// are zero. A ``Stack`` makes a deep one.
///
/// In backward each of the four gates' pre-activation gradients has its own selection of its units,
/// and one support serves the input and the recurrent product; the path through the cells is exact.
public struct LSTM: Layer, Equatable {
  /// The parameters of one direction.
  public struct Direction: Sendable, Equatable {
    /// W, shape `[4 · hiddenSize, inputSize]` without padding; gates in the order i, f, g, o.
    public var inputWeight: Parameter
    /// U, shape `[4 · hiddenSize, hiddenSize]` without padding.
    public var recurrentWeight: Parameter
    /// b, `4 · hiddenSize` numbers without padding: PyTorch's two biases added up.
    public var bias: Parameter
    /// What backward keeps of each gate.
    public var selector: Selector
    /// Drops states on their way to the next word, alike at all words of a sentence.
    public var stateDropout: DropoutRate
  }

  /// One direction, or from the first word to the last and back.
  public var directions: [Direction]
  /// What the forward pass reads.
  public var precision: Precision
  /// The share of outputs that are dropped in training.
  public var dropout: DropoutRate
  /// Whether the same outputs are dropped at all words of a sentence, and states as well.
  public let isVariational: Bool

  /// Creates a layer with parameters uniform within ±1/√hiddenSize, as PyTorch's `LSTM` does.
  ///
  /// Random numbers come from sequence `RandomPurpose.initialization.stream(firstStream +
  /// direction)`.
  ///
  /// - Parameters:
  ///   - inputSize: Numbers a word without padding, at least 1.
  ///   - hiddenSize: Units of each direction, at least 1.
  ///   - isBidirectional: Whether there is a second direction, from the last word to the first.
  ///   - inputPadding: How the input lies among zeros, as that of another LSTM; `nil`: it does not.
  ///   - precision: What the forward pass reads.
  ///   - dropout: The share of outputs that are dropped in training.
  ///   - isVariational: Whether the same are dropped at all words of a sentence, and of the states
  ///     as well.
  ///   - seed: Of the random numbers.
  ///   - firstStream: The index of the first sequence.
  public init(
    _ inputSize: Int, _ hiddenSize: Int, isBidirectional: Bool = true,
    inputPadding: Parameter.Padding.Block? = nil, precision: Precision = .f32,
    dropout: DropoutRate = DropoutRate(0), isVariational: Bool = false, seed: UInt64,
    firstStream: Int = 0
  ) {
    precondition(
      inputSize >= 1 && hiddenSize >= 1,
      "LSTM(\(inputSize) → \(hiddenSize)): expected sizes of 1 or more")
    directions = (0..<(isBidirectional ? 2 : 1)).map { direction in
      Direction(
        inputSize: inputSize, hiddenSize: hiddenSize, inputPadding: inputPadding,
        stateDropout: DropoutRate(isVariational ? dropout.rate : 0), seed: seed,
        stream: firstStream + direction)
    }
    self.precision = precision
    self.dropout = dropout
    self.isVariational = isVariational
  }

  /// Creates a layer in both directions, or in one, whose initial parameters a generator decides.
  public init(
    _ inputSize: Int, _ hiddenSize: Int, isBidirectional: Bool = true,
    using random: inout some RandomNumberGenerator
  ) {
    self.init(inputSize, hiddenSize, isBidirectional: isBidirectional, seed: random.next())
  }

  /// `hiddenSize` rounded up to a multiple of 16.
  public static func paddedSize(_ hiddenSize: Int) -> Int { paddedGateSize(hiddenSize) }
  /// The numbers a word that it takes, padding included.
  public var inputSize: Int { directions[0].inputWeight.columnCount }
  /// The units of each direction.
  public var hiddenSize: Int { directions[0].hiddenSize }
  /// The numbers a word that it gives, padding included.
  public var outputSize: Int { directions.count * paddedGateSize(hiddenSize) }
  /// The units of all directions.
  public var unpaddedOutputSize: Int { directions.count * hiddenSize }
  /// How outputs lie among zeros.
  public var outputPadding: Parameter.Padding.Block {
    Parameter.Padding.Block(size: hiddenSize, paddedSize: paddedGateSize(hiddenSize))
  }
  /// One for each weight of each direction, for a word.
  public var multiplyAdds: Int {
    directions.count * 4 * hiddenSize
      * ((directions[0].inputWeight.shape.last ?? 0) + hiddenSize)
  }
  /// For example `LSTM(190 → 2 × 500)`.
  public var description: String {
    "LSTM(\(directions[0].inputWeight.shape[1]) → "
      + (directions.count == 2 ? "2 × \(hiddenSize))" : "\(hiddenSize))")
  }

  /// Gates, cells and supports of each direction, and copies of the weights.
  public struct Scratch {
    let supports: [Support]
    package let workspaces: [LSTMWorkspace]
    let products: [WeightProduct]
    let bytes: ByteCopies?
    let byteWorkspace: LSTMByteWorkspace
    var rounded: [RoundedDirection]
    var mask: DropMask
    var stateMasks: [Matrix]
    var secondGradient: Matrix
  }

  /// Makes empty memory.
  public func makeScratch() -> Scratch {
    let width = 4 * paddedGateSize(hiddenSize)
    let supports = directions.map { _ in
      Support(outputSize: width, precision: precision == .bf16 ? .bf16 : .f32)
    }
    return Scratch(
      supports: supports,
      workspaces: supports.map { LSTMWorkspace(hiddenSize: hiddenSize, support: $0.entries) },
      products: precision == .bf16 ? directions.map { _ in WeightProduct(precision: .bf16) } : [],
      bytes: precision == .int8 ? ByteCopies() : nil,
      byteWorkspace: LSTMByteWorkspace(
        hiddenSize: hiddenSize, directionCount: directions.count),
      rounded: precision == .bf16 ? directions.map(RoundedDirection.init) : [],
      mask: DropMask(size: outputSize),
      stateMasks: directions.map { _ in Matrix(rowCount: 0, columnCount: hiddenSize) },
      secondGradient: Matrix(rowCount: 0, columnCount: inputSize))
  }

  // MARK: Forward

  /// Goes through all words of all sentences; shapes `[positions, inputSize]`,
  /// `[positions, outputSize]`.
  public func forward(
    _ x: Matrix, into y: inout Matrix, _ scratch: inout Scratch, _ step: inout Step
  ) {
    let packing = packing(step, x)
    let context = step.context
    y.setRowCount(packing.positionCount)
    let dropsStates = step.isTraining && isVariational && dropout.rate > 0
    if dropsStates {
      for index in directions.indices {
        DropMask.draw(
          &scratch.stateMasks[index], count: packing.sentenceCount,
          directions[index].stateDropout.dropout(in: step), context)
      }
    }
    let masks = dropsStates ? scratch.stateMasks : []
    switch precision {
    case .f32:
      context.lstmForward(
        directions, scratch.workspaces, input: x, packing: packing, masks: masks, output: &y
      ) { index, product in
        context.multiplyThin(
          x, byTransposeOf: directions[index].inputWeight.value, into: &product)
      }
    case .bf16:
      for index in directions.indices { scratch.rounded[index].follow(directions[index]) }
      context.lstmForward(
        scratch.rounded, scratch.workspaces, input: x, packing: packing, masks: masks, output: &y
      ) { index, product in
        scratch.products[index].multiply(
          x, weight: directions[index].inputWeight, into: &product, context)
      }
    case .int8:
      let weights = scratch.bytes?.following(directions, context) ?? []
      context.lstmForward(
        weights, scratch.byteWorkspace, input: .values(x), packing: packing,
        keeping: step.isTraining ? scratch.workspaces : [], masks: masks,
        largestFactor: dropsStates ? 1 / (1 - dropout.rate) : 1, output: &y)
    }
    scratch.mask.drop(&y, dropout, isVariational: isVariational, step)
    step.check(y, of: directions[0].selector)
  }

  private func packing(_ step: Step, _ x: Matrix) -> PackedSequence {
    guard let packing = step.packing, packing.positionCount == x.rowCount,
      x.columnCount == inputSize
    else {
      preconditionFailure(
        "\(self): input is [\(x.rowCount), \(x.columnCount)], expected "
          + "[\(step.packing.map { "\($0.positionCount)" } ?? "words of packed sentences"), "
          + "\(inputSize)]")
    }
    return packing
  }

  // MARK: Backward

  /// Back through time with selection in each gate; then both products of each direction.
  public mutating func backward(
    _ x: Matrix, _ y: Matrix, _ dy: inout Matrix, into dx: inout InputGradient,
    _ scratch: inout Scratch, _ step: inout Step
  ) throws {
    let packing = packing(step, x)
    scratch.mask.dropGradient(&dy, dropout, isVariational: isVariational, step)
    clearPadding(of: &dy)
    try propagate(dy, packing, scratch, &step)
    if dx.isNeeded { dx.values.setRowCount(x.rowCount) }
    for index in directions.indices {
      let gates = scratch.workspaces[index].gates
      if index == 0 {
        scratch.supports[0].inputGradient(
          of: gates, weight: directions[0].inputWeight, into: &dx, &step)
      } else if dx.isNeeded {
        scratch.secondGradient.setRowCount(x.rowCount)
        scratch.supports[index].inputGradient(
          of: gates, weight: directions[index].inputWeight, into: &scratch.secondGradient, &step)
        dx.values.add(scratch.secondGradient)
      }
    }
    for index in directions.indices {
      let (support, workspace) = (scratch.supports[index], scratch.workspaces[index])
      let selector = directions[index].selector
      support.update(
        &directions[index].inputWeight, of: workspace.gates, input: x, countingFor: selector, &step)
      support.update(
        &directions[index].recurrentWeight, of: workspace.gates, input: workspace.previous,
        countingFor: selector, &step)
      step.update(&directions[index].bias, gradient: workspace.biasGradient)
    }
  }

  /// Numbers of padding are no outputs: what the layer above says of them would train units that
  /// are not there.
  private func clearPadding(of dy: inout Matrix) {
    let block = outputPadding
    guard block.paddedSize > block.size else { return }
    for row in 0..<dy.rowCount {
      dy.withMutableRow(row) { gradient in
        for end in stride(from: block.paddedSize, through: gradient.count, by: block.paddedSize) {
          for column in (end - block.paddedSize + block.size)..<end { gradient[column] = 0 }
        }
      }
    }
  }

  /// From gradients at the output to those at the pre-activations, and what is kept of them.
  ///
  /// Order matters here: what a position keeps decides the gradient of the one before it in time,
  /// so a budget of all positions cannot be spent before all are known. Under a policy over the
  /// whole batch the recurrent product on the way back takes the k largest of each position and
  /// gate; the products of all positions take a support of their own, chosen once the way is done.
  private mutating func propagate(
    _ dy: Matrix, _ packing: PackedSequence, _ scratch: Scratch, _ step: inout Step
  ) throws {
    let context = step.context
    // Not a copy of the selector: its memory would be copied as soon as it changes.
    let decided = directions[0].selector.decidedPolicy
    let policy = directions[0].selector.policy(in: step)
    precondition(
      directions.allSatisfy { $0.selector.decidedPolicy == decided },
      "\(self): directions have different selection policies, expected the same")
    let dropsStates = isVariational && dropout.rate > 0
    let masks = dropsStates ? scratch.stateMasks : []
    guard let k = policy.k, !policy.isDense(outputSize: hiddenSize) else {
      let seconds = try context.lstmBackward(
        directions, scratch.workspaces, outputGradient: dy, packing: packing, masks: masks,
        selection: nil)
      step.times.products += seconds.products
      for index in directions.indices {
        if directions[index].selector.usesMemory { directions[index].selector.memory.setToZero() }
        scratch.supports[index].takeAll(of: scratch.workspaces[index].gates)
        step.ledger.countDense(directions[index].selector, rowCount: packing.positionCount)
      }
      return
    }
    var selection = LSTMSelection(
      k: k.resolved(outputSize: hiddenSize), memory: policy.memory, seed: step.seed,
      stream: directions[0].selector.stream(in: step))
    if case .unified(_, let groupSize, _) = policy {
      selection.groupSize = groupSize ?? packing.sentenceCount
    }
    if case .random = policy { selection.isRandom = true }
    for index in directions.indices {
      directions[index].selector.prepareMemory(
        slotCount: packing.sentenceCount, rowCount: packing.positionCount)
    }
    exchangeMemories(scratch)
    defer { exchangeMemories(scratch) }
    do {
      let seconds = try context.lstmBackward(
        directions, scratch.workspaces, outputGradient: dy, packing: packing, masks: masks,
        selection: selection)
      step.times.selection += seconds.selection
      step.times.products += seconds.products
      let start = Clock.now()
      if policy.isOverBatch {
        for index in directions.indices {
          try scratch.supports[index].selectOverBatch(
            policy, of: scratch.workspaces[index].gates,
            norms: scratch.workspaces[index].magnitudes, blockCount: 4, unitCount: hiddenSize,
            shares: &directions[index].selector.shares,
            stream: directions[index].selector.stream(in: step), step)
        }
      }
      step.times.selection += Clock.now() - start
    } catch is NaNGradientError {
      throw directions[0].selector.nanError(step)
    }
    let start = Clock.now()
    for index in directions.indices {
      let (support, workspace) = (scratch.supports[index], scratch.workspaces[index])
      if directions[index].selector.usesMemory {
        workspace.storeRemainder(policy.memoryScope, packing)
      }
      support.takeEntries(rowCount: packing.positionCount, step)
      step.ledger.countSelected(
        directions[index].selector, support.entries, of: workspace.magnitude, step: step.number)
    }
    step.times.selection += Clock.now() - start
  }

  /// Lends the memories of the selectors to the workspaces, or takes them back.
  private mutating func exchangeMemories(_ scratch: Scratch) {
    for index in directions.indices where directions[index].selector.usesMemory {
      swap(&directions[index].selector.memory, &scratch.workspaces[index].memory)
    }
  }

  /// A unit is the same row of all four gates in both products, its biases and its column in the
  /// recurrent product; both directions keep one width.
  public func mapUnits(_ x: Units, _ map: inout UnitMap) -> Units {
    var output = Units(pieces: [])
    for (index, direction) in directions.enumerated() {
      let name = index == 0 ? "forward" : "backward"
      let units = map.makeUnits(hiddenSize, name, isPadded: true)
      let gates = units.repeated(4)
      map.set(
        "\(name).inputWeight", rows: gates, columns: x.ofInput(direction.inputWeight.columnCount))
      map.set("\(name).recurrentWeight", rows: gates, columns: units.withoutPadding)
      map.set("\(name).bias", rows: .fixed(1), columns: gates)
      map.setSelector(gates, name)
      output = output + units
    }
    map.tie(output)
    return output
  }

  /// `forward` and `backward`, the names of the directions, and the dropouts.
  public mutating func visit(_ visitor: inout some LayerVisitor) {
    visitor.visit(&dropout)
    for index in directions.indices {
      visitor.path.enter(index == 0 ? "forward" : "backward")
      visitor.visit("inputWeight", &directions[index].inputWeight)
      visitor.visit("recurrentWeight", &directions[index].recurrentWeight)
      visitor.visit("bias", &directions[index].bias)
      visitor.visit(&directions[index].selector)
      visitor.visit(&directions[index].stateDropout)
      visitor.path.leave()
    }
  }
}

extension LSTM.Direction: LSTMParameters {
  package var inputSize: Int { inputWeight.columnCount }
  package var recurrentMatrix: Matrix { recurrentWeight.value }
  package var biasRow: Matrix { bias.value }
  /// The number of units.
  package var hiddenSize: Int { recurrentWeight.columnCount }

  fileprivate init(
    inputSize: Int, hiddenSize: Int, inputPadding: Parameter.Padding.Block?,
    stateDropout: DropoutRate, seed: UInt64, stream: Int
  ) {
    var random = Philox(seed: seed, stream: RandomPurpose.initialization.stream(stream))
    let limit = 1 / Float(hiddenSize).squareRoot()
    func uniform() -> Float { limit * (2 * random.nextUniform() - 1) }
    let padded = paddedGateSize(hiddenSize)
    let gates = Parameter.Padding.Block(size: hiddenSize, paddedSize: padded)
    let bias = (0..<(4 * hiddenSize)).map { _ in uniform() + uniform() }
    func parameter(_ columns: Int, _ block: Parameter.Padding.Block?, _ values: [Float])
      -> Parameter
    {
      let width = block.map { columns / $0.size * $0.paddedSize } ?? columns
      let empty = Parameter(
        Matrix(rowCount: 4 * padded, columnCount: width),
        padding: Parameter.Padding(rows: gates, columns: block))
      let matrix = empty.matrix(
        of: NamedTensor(name: "weight", shape: empty.shape, values: values))
      return Parameter(matrix, padding: empty.padding)
    }
    inputWeight = parameter(
      inputSize, inputPadding, (0..<(4 * hiddenSize * inputSize)).map { _ in uniform() })
    recurrentWeight = parameter(
      hiddenSize, nil, (0..<(4 * hiddenSize * hiddenSize)).map { _ in uniform() })
    let empty = Parameter(
      Matrix(rowCount: 1, columnCount: 4 * padded), decays: false,
      padding: Parameter.Padding(columns: gates))
    self.bias = Parameter(
      empty.matrix(of: NamedTensor(name: "bias", shape: empty.shape, values: bias)),
      decays: false, padding: empty.padding)
    selector = Selector(outputSize: 4 * padded, padding: gates)
    self.stateDropout = stateDropout
  }
}
