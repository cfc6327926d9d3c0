import MePropCore

/// Which entries of a gradient at a layer's pre-activations take part in its products, and the way
/// from them to both products.
///
/// One support serves `dx = s W` and `dW = sᵀ x` of one layer, or of two that share their
/// pre-activations as the input and the recurrent product of an LSTM do. How they are computed is
/// decided by rules of shapes and counts, never by the clock: by kept entries, gathered where all
/// examples keep the same outputs, among zeros where much is kept, or densely.
///
/// It is a workspace: memory is kept from step to step.
public final class Support {
  /// How the products are computed.
  package enum Form: Sendable {
    /// By the dense library.
    case dense
    /// Row by row of the kept entries.
    case listed
    /// Of the outputs that all examples keep, gathered.
    case shared
    /// Densely, of the kept entries among zeros.
    case masked
  }

  /// The kept entries; those of the last step that was not dense.
  package let entries = GradientSupport()
  /// Whether the whole gradient takes part in this step.
  package private(set) var isDense = true
  /// How the products of this step are computed.
  package private(set) var form = Form.dense
  /// Σ d over the rows: the gradient of the bias, shape `[1, outputSize]`.
  public internal(set) var columnSums: Matrix
  var partialSums: Matrix
  var norms: [Float] = []
  /// Whether the products are those of this support; else a layer takes the entries for its own.
  package var hasProducts = true
  /// Whether the gradient at the input was asked for in this step.
  private var hasInputGradient = false

  private let outputSize: Int
  private let unified = UnifiedProducts()
  private let masked: MaskedProducts
  private let rounded: RoundedGradientProducts?

  /// A layer of at most so many outputs, in batches of at most so many examples, is differentiated
  /// by sums of rows even where it is dense: the library packs more than it multiplies.
  ///
  /// 10 outputs of 500 inputs, batch 128, took 75 µs of the library and take 35.
  private static let thinOutputs = 16
  private static let thinBatch = 256

  /// Creates the support of a layer with `outputSize` outputs.
  ///
  /// - Parameters:
  ///   - outputSize: The rows of the layer's weights.
  ///   - precision: What dense products read.
  public init(outputSize: Int, precision: Precision = .f32) {
    self.outputSize = outputSize
    columnSums = Matrix(rowCount: 1, columnCount: outputSize)
    partialSums = Matrix(rowCount: 1, columnCount: outputSize)
    masked = MaskedProducts(precision: precision)
    rounded = precision == .bf16 ? RoundedGradientProducts() : nil
  }

  // MARK: Selection

  func prepare(rowCount: Int) {
    if norms.count < rowCount { norms = Array(repeating: 0, count: rowCount) }
  }

  /// The whole gradient takes part.
  package func takeAll(of d: Matrix) {
    isDense = true
    hasInputGradient = false
    form = .dense
    if outputSize <= Self.thinOutputs, d.rowCount <= Self.thinBatch {
      entries.keepAll(of: d)
      form = .listed
    }
  }

  /// Chooses the entries that `policy`, which is not dense, keeps.
  ///
  /// - Throws: `NaNGradientError`.
  ///
  /// `shares` are the thresholds of sampling, which it carries from step to step.
  func select(
    _ policy: SelectionPolicy, of d: Matrix, shares: inout [Float], stream: UInt64, _ step: Step
  ) throws {
    let context = step.context
    let count = policy.k?.resolved(outputSize: outputSize) ?? outputSize
    switch policy {
    case .dense: break
    case .top: try entries.selectTop(count, of: d, norms: norms, context: context)
    case .unified(_, .none, _) where step.peers != nil:
      if let peers = step.peers {
        try entries.selectUnified(count, of: d, peers: peers, context: context)
      }
    case .unified(_, let groupSize, _):
      try entries.selectUnified(count, of: d, groupSize: groupSize, context: context)
    case .batchTop, .sampled:
      try norms.withUnsafeBufferPointer { norms in
        try selectOverBatch(
          policy, of: d, norms: norms.baseAddress, shares: &shares, stream: stream, step)
      }
    case .random: try entries.selectRandom(count, of: d, seed: step.seed, stream: stream)
    }
    takeEntries(rowCount: d.rowCount, step)
  }

  /// Chooses entries by a policy over the whole batch, of each of `blockCount` blocks of outputs,
  /// `unitCount` of which are no padding; `norms` are Σ|d| of the rows.
  ///
  /// - Throws: `NaNGradientError`.
  func selectOverBatch(
    _ policy: SelectionPolicy, of d: Matrix, norms: UnsafePointer<Float>?, blockCount: Int = 1,
    unitCount: Int? = nil, shares: inout [Float], stream: UInt64, _ step: Step
  ) throws {
    guard let k = policy.k, d.rowCount > 0 else { return }
    let units = unitCount ?? outputSize / blockCount
    let budget = BatchBudget(k, outputSize: units, batchSize: d.rowCount)
    if case .sampled = policy, shares.count != blockCount {
      shares = Array(repeating: 0, count: blockCount)
    }
    if let peers = step.peers {
      if case .sampled = policy {
        try entries.selectSampled(
          k, unitCount: units, of: d, blockCount: blockCount, shares: &shares, seed: step.seed,
          stream: stream, norms: norms, peers: peers, context: step.context)
      } else {
        try entries.selectBatchTop(
          k, unitCount: units, of: d, blockCount: blockCount, norms: norms, peers: peers,
          context: step.context)
      }
    } else if case .sampled = policy {
      try entries.selectSampled(
        budget, of: d, blockCount: blockCount, shares: &shares, seed: step.seed, stream: stream,
        norms: norms, context: step.context)
    } else {
      try entries.selectBatchTop(
        budget, of: d, blockCount: blockCount, norms: norms, context: step.context)
    }
  }

  /// What ``entries`` hold takes part; decides how the products are computed.
  ///
  /// Entries are regrouped at once as the update needs them, so that counting does not regroup them
  /// otherwise.
  package func takeEntries(rowCount: Int, _ step: Step) {
    isDense = false
    hasInputGradient = false
    guard hasProducts else { return }
    let everyRow = step.updates.updatesEveryRow
    if entries.sharedOutputs == nil { entries.regroup(everyOutput: everyRow) }
    if !(step.updates.storesGradients && everyRow), (entries.sharedOutputs?.count ?? 0) > 0 {
      // Not where gradients of all rows are stored, as those without entries are stored too.
      form = .shared
      unified.gather(entries)
    } else if outputSize > Self.thinOutputs,
      MaskedProducts.areFaster(
        entryCount: entries.entryCount, batchSize: rowCount, outputSize: outputSize,
        areRounded: rounds(rowCount, step.context))
    {
      form = .masked
      masked.scatter(entries)
    } else {
      form = .listed
    }
  }

  /// Σ|d| of the batch, from the norms that differentiation left.
  func magnitude(rowCount: Int) -> Double {
    var whole = 0.0
    for row in 0..<rowCount { whole += Double(norms[row]) }
    return whole
  }

  private func rounds(_ rowCount: Int, _ context: ComputeContext) -> Bool {
    rounded != nil && RoundedGradientProducts.rounds(batchSize: rowCount, context: context)
  }
}

// MARK: - Products

extension Support {
  /// `dx = s W`, overwriting `dx` if it is needed; comes before the update of W.
  ///
  /// - Parameters:
  ///   - d: The gradient at the pre-activations that was selected from, shape `[rows, outputSize]`.
  ///   - weight: W, shape `[outputSize, inputSize]`.
  ///   - dx: Becomes of shape `[rows, inputSize]`.
  ///   - step: The pass.
  public func inputGradient(
    of d: Matrix, weight: Parameter, into dx: inout InputGradient, _ step: inout Step
  ) {
    guard dx.isNeeded else { return }
    dx.values.setRowCount(d.rowCount)
    inputGradient(of: d, weight: weight, into: &dx.values, &step)
  }

  /// `dx = s W`, overwriting `dx`, which has its shape already.
  package func inputGradient(
    of d: Matrix, weight: Parameter, into dx: inout Matrix, _ step: inout Step
  ) {
    hasInputGradient = true
    let context = step.context
    let start = Clock.now()
    let w = weight.value
    switch form {
    case .dense:
      if let rounded, rounds(d.rowCount, context) {
        rounded.inputGradient(of: d, weights: w, into: &dx, context: context)
      } else {
        context.multiply(d, by: w, into: &dx)
      }
    case .listed: context.inputGradient(of: entries, weights: w, into: &dx)
    case .shared: unified.inputGradient(of: entries, weights: w, into: &dx, context: context)
    case .masked: masked.inputGradient(weights: w, into: &dx, context: context)
    }
    step.times.products += Clock.now() - start
  }

  /// Computes `dW = sᵀ x` and applies it to W, or stores it where gradients are clipped by norm.
  ///
  /// - Parameters:
  ///   - weight: W, changed in place; rows that s does not touch as the optimizer says.
  ///   - d: The gradient that was selected from.
  ///   - x: The input of the layer, shape `[rows, inputSize]`.
  ///   - product: The forward product of the same input, whose list of zeros is used again.
  ///   - selector: Of the layer, for counting.
  ///   - step: The pass.
  public func update(
    _ weight: inout Parameter, of d: Matrix, input x: Matrix, product: WeightProduct? = nil,
    countingFor selector: Selector, _ step: inout Step
  ) {
    if form == .dense {
      updateDensely(&weight, of: d, input: x, product: product, &step)
    } else {
      updateSparsely(&weight, input: x, &step)
    }
    let shape = ProductShape(
      batchSize: d.rowCount, outputSize: selector.unitCount, inputSize: x.columnCount,
      momentCount: step.updates.momentCount, hasInputGradient: hasInputGradient)
    step.ledger.countProducts(shape, of: selector, self, step.updates)
  }

  private func updateDensely(
    _ weight: inout Parameter, of d: Matrix, input x: Matrix, product: WeightProduct?,
    _ step: inout Step
  ) {
    let context = step.context
    step.prepareGradient(of: weight)
    let index = weight.index
    let productStart = Clock.now()
    if let rounded, rounds(d.rowCount, context) {
      rounded.weightGradient(of: d, input: x, into: &step.gradients[index], context: context)
    } else if let product {
      product.forward.weightGradient(
        ofDense: d, input: x, into: &step.gradients[index], context: context)
    } else {
      context.weightGradient(ofDense: d, input: x, into: &step.gradients[index])
    }
    let start = Clock.now()
    step.times.products += start - productStart
    if step.updates.storesGradients { return }
    let rule = step.updates.rule(for: weight)
    weight.update(rows: nil) { value, moments in
      context.update(&value, &moments, by: rule, gradient: step.gradients[index])
    }
    step.times.optimizer += Clock.now() - start
  }

  private func updateSparsely(_ weight: inout Parameter, input x: Matrix, _ step: inout Step) {
    let context = step.context
    let everyRow = step.updates.updatesEveryRow
    let start = Clock.now()
    defer { step.times.products += Clock.now() - start }
    if step.updates.storesGradients {
      step.prepareGradient(of: weight)
      let index = weight.index
      switch form {
      case .shared:
        unified.weightGradient(
          of: entries, input: x, into: &step.gradients[index], context: context)
      case .masked:
        masked.weightGradient(
          of: entries, input: x, into: &step.gradients[index], everyRow: everyRow,
          context: context)
      default:
        context.weightGradient(
          of: entries, input: x, into: &step.gradients[index], everyRow: everyRow)
      }
      return
    }
    let rule = step.updates.rule(for: weight)
    weight.update(rows: everyRow ? nil : entries.touchedRows) { value, moments in
      switch form {
      case .shared:
        unified.updateWeights(
          &value, &moments, by: rule, support: entries, input: x, everyRow: everyRow,
          context: context)
      case .masked:
        masked.updateWeights(
          &value, &moments, by: rule, support: entries, input: x, everyRow: everyRow,
          context: context)
      default:
        context.updateWeights(
          &value, &moments, by: rule, support: entries, input: x, everyRow: everyRow)
      }
    }
  }
}

/// The forward product of one weight matrix, which follows its changes by itself.
public final class WeightProduct {
  let forward: ForwardProduct
  private var version: UInt64 = 0

  /// Creates an empty workspace.
  ///
  /// - Parameter precision: What the product reads.
  public init(precision: Precision = .f32) { forward = ForwardProduct(precision: precision) }

  /// What a layer before it may prepare.
  public var reader: InputReader { InputReader(forward) }

  /// Tells the copies of the weights what changed since they were made.
  private func follow(_ weight: Parameter) {
    guard version != weight.version else { return }
    if version == weight.previousVersion, let rows = weight.changedRows {
      forward.weightsDidChange(rows: rows)
    } else {
      forward.weightsDidChange()
    }
    version = weight.version
  }

  /// `y = dropout(activation(x Wᵀ + b))`, overwriting `y`; shapes `[rows, inputSize]`,
  /// `[outputSize, inputSize]`, `[1, outputSize]`, `[rows, outputSize]`.
  public func multiply(
    _ x: Matrix, weight: Parameter, bias: Parameter, activation: Activation,
    dropout: Dropout = .none, into y: inout Matrix, _ step: Step
  ) {
    follow(weight)
    let context = step.context
    if dropout.rate == 0 {
      forward.multiply(
        x, byTransposeOf: weight.value, bias: bias.value, activation: activation, into: &y,
        preparing: step.reader?.product, weightsStay: !step.isTraining, context: context)
    } else {
      forward.multiply(x, byTransposeOf: weight.value, into: &y, context: context)
      context.activate(&y, bias: bias.value, activation: activation, dropout: dropout)
    }
  }

  /// `y = x Wᵀ`, overwriting `y`, which has its shape already.
  func multiply(_ x: Matrix, weight: Parameter, into y: inout Matrix, _ context: ComputeContext) {
    follow(weight)
    forward.multiply(x, byTransposeOf: weight.value, into: &y, context: context)
  }
}
