import MePropCore

/// A fully connected layer on rows that are mostly zeros: `y = dropout(activation(x W + b))`.
///
/// The same as a ``Linear`` layer on the dense rows, whose transposed weights these are: row j of W
/// is what input j adds to all outputs, the embedding of a symbol if x is 0 or 1. Only rows that a
/// batch has entries for are read in forward and get a gradient in backward; what happens to the
/// others is up to the optimizer, as with ``Embedding``. Selection chooses among the gradients at
/// the outputs; entries that are left out count as zeros.
///
/// With E entries in the batch and n outputs both passes take O(*E n*).
public struct SparseLinear: Layer, Equatable {
  /// W, shape `[inputSize, outputSize]`.
  public var weight: Parameter
  /// b, shape `[1, outputSize]`.
  public var bias: Parameter
  /// Applied to each sum.
  public var activation: Activation
  /// The share of outputs that are dropped in training.
  public var dropout: DropoutRate
  /// What backward keeps.
  public var selector: Selector

  /// Creates a layer from its parameters.
  ///
  /// - Parameters:
  ///   - weight: W, shape `[inputSize, outputSize]`.
  ///   - bias: b, shape `[1, outputSize]`.
  ///   - activation: Applied to each sum.
  ///   - dropout: The share of outputs that are dropped in training.
  ///   - selection: What backward keeps; `nil`: what the trainer is given for all layers.
  public init(
    weight: Matrix, bias: Matrix, activation: Activation = .identity,
    dropout: DropoutRate = DropoutRate(0), selection: SelectionPolicy? = nil
  ) {
    precondition(
      bias.rowCount == 1 && bias.columnCount == weight.columnCount && weight.rowCount >= 1,
      "SparseLinear: weight is [\(weight.rowCount), \(weight.columnCount)], bias is "
        + "[\(bias.rowCount), \(bias.columnCount)], expected [1, \(weight.columnCount)]")
    self.weight = Parameter(weight)
    self.bias = Parameter(bias, decays: false)
    self.activation = activation
    self.dropout = dropout
    selector = Selector(outputSize: weight.columnCount, policy: selection)
  }

  /// Creates a layer with normal weights and biases of zero.
  ///
  /// - Parameters:
  ///   - inputSize: The number of inputs, at least 1.
  ///   - outputSize: The number of outputs, at least 1.
  ///   - entryCount: About how many inputs of a row are not zero, at least 1: weights start with
  ///     deviation √(2 / entryCount) (He et al., 2015).
  ///   - activation: Applied to each sum.
  ///   - dropout: The share of outputs that are dropped in training.
  ///   - seed: Of the random numbers.
  ///   - place: The place of the layer in the network, which tells its random numbers from others.
  public init(
    _ inputSize: Int, _ outputSize: Int, entryCount: Int, activation: Activation = .identity,
    dropout: Float = 0, seed: UInt64, place: Int = 0
  ) {
    precondition(
      inputSize >= 1 && outputSize >= 1 && entryCount >= 1,
      "SparseLinear: \(inputSize) inputs, \(outputSize) outputs, \(entryCount) entries a row")
    self.init(
      weight: Embedding.makeTable(
        symbolCount: inputSize, size: outputSize, scale: (2 / Float(entryCount)).squareRoot(),
        seed: seed, stream: place),
      bias: Matrix(rowCount: 1, columnCount: outputSize), activation: activation,
      dropout: DropoutRate(dropout))
  }

  /// The number of inputs.
  public var inputSize: Int { weight.rowCount }
  /// The number of outputs.
  public var outputSize: Int { weight.columnCount }
  /// One for each weight, at most: a row takes those of inputs that are not zero.
  public var multiplyAdds: Int { inputSize * outputSize }
  /// For example `SparseLinear(350 → 256, relu)`.
  public var description: String {
    "SparseLinear(\(inputSize) → \(outputSize)"
      + (activation == .identity ? ")" : ", \(activation.rawValue))")
  }

  /// The entries of the batch, regrouped by input, and the support of the gradient.
  public struct Scratch {
    let entries = GradientSupport()
    let support: Support
    /// The kept gradients among zeros.
    var kept: Matrix
  }

  /// Makes empty memory.
  public func makeScratch() -> Scratch {
    Scratch(
      support: Support(outputSize: outputSize),
      kept: Matrix(rowCount: 0, columnCount: outputSize))
  }

  /// Computes `y = dropout(activation(x W + b))`; shapes `[rows, inputSize]`, `[rows, outputSize]`.
  public func forward(
    _ x: SparseRows, into y: inout Matrix, _ scratch: inout Scratch, _ step: inout Step
  ) {
    precondition(
      x.columnCount == inputSize,
      "\(self): input is [\(x.rowCount), \(x.columnCount)], expected [*, \(inputSize)]")
    y.setRowCount(x.rowCount)
    scratch.entries.take(
      columns: x.columns, values: x.values, counts: x.counts, rowCount: x.rowCount,
      entryLimit: x.entryLimit, columnCount: inputSize)
    step.context.inputGradient(of: scratch.entries, weights: weight.value, into: &y)
    step.context.activate(
      &y, bias: bias.value, activation: activation, dropout: dropout.dropout(in: step))
    step.check(y, of: selector)
  }

  /// Selects from the gradient at the pre-activations, and updates the weights of the inputs that
  /// the batch has; there is nothing below.
  public mutating func backward(
    _ x: SparseRows, _ y: Matrix, _ dy: inout Matrix, into dx: inout InputGradient,
    _ scratch: inout Scratch, _ step: inout Step
  ) throws {
    let (support, entries) = (scratch.support, scratch.entries)
    try selector.select(
      &dy, output: y, activation: activation, dropout: dropout.dropout(in: step), into: support,
      &step)
    if support.isDense {
      update(dy, entries, &step)
    } else {
      support.entries.scatter(into: &scratch.kept)
      update(scratch.kept, entries, &step)
    }
    count(entries, support, &step)
    step.update(&bias, gradient: support.columnSums)
  }

  /// `dW = xᵀ d`, row by row of the inputs that have entries.
  private mutating func update(_ d: Matrix, _ entries: GradientSupport, _ step: inout Step) {
    let everyRow = step.updates.updatesEveryRow
    let context = step.context
    let start = Clock.now()
    defer { step.times.products += Clock.now() - start }
    if step.updates.storesGradients {
      step.prepareGradient(of: weight)
      context.weightGradient(
        of: entries, input: d, into: &step.gradients[weight.index], everyRow: everyRow)
      return
    }
    let rule = step.updates.rule(for: weight)
    weight.update(rows: everyRow ? nil : entries.touchedRows) { value, moments in
      context.updateWeights(
        &value, &moments, by: rule, support: entries, input: d, everyRow: everyRow)
    }
  }

  private func count(_ entries: GradientSupport, _ support: Support, _ step: inout Step) {
    guard selector.index < step.ledger.entries.count else { return }
    let rows = entries.countTouchedOutputs()
    step.ledger.entries[selector.index].tally.costs.addSparseInput(
      ProductShape(
        batchSize: entries.batchSize, outputSize: outputSize, inputSize: inputSize,
        momentCount: step.updates.momentCount, hasInputGradient: false),
      inputs: entries.entryCount, rows: rows,
      updatedRows: step.updates.updatesEveryRow ? inputSize : rows,
      storesGradient: step.updates.storesGradients)
  }

  /// `weight`, `bias`, selector and dropout.
  public mutating func visit(_ visitor: inout some LayerVisitor) {
    visitor.visit("weight", &weight)
    visitor.visit("bias", &bias)
    visitor.visit(&selector)
    visitor.visit(&dropout)
  }

  /// Is dense unless a policy was given.
  public mutating func makeOutputDense() { selector.policy = selector.policy ?? .dense }
}
