import MePropCore

/// Trains a ``FeatureLayer``: its forward pass, and its backward pass with selection and updates.
public final class FeatureLayerTrainer {
  /// The layer's name in reports and messages.
  public static let name = "features"
  /// The layer in its current state.
  public private(set) var layer: FeatureLayer
  /// What follows it.
  public let activation: FeatureActivation
  /// How it is updated.
  public let optimizer: Optimizer
  /// What the backward pass keeps.
  public let selection: SelectionPolicy
  /// The moments of weights and bias, memory and matrices of a step.
  let state: LayerState
  /// The moments of the embeddings.
  public private(set) var embeddingMoments: Moments

  private let context: ComputeContext
  private var groups = FeatureGroups()
  private var workspace = FeatureWorkspace()
  /// What the cube was taken of.
  private var sums: Matrix
  private let zeroBias: Matrix
  private var dropout = Dropout.none

  /// Creates a trainer that starts from `layer`.
  public init(
    _ layer: FeatureLayer, activation: FeatureActivation, optimizer: Optimizer,
    selection: SelectionPolicy, context: ComputeContext
  ) {
    self.layer = layer
    self.activation = activation
    self.optimizer = optimizer
    self.selection = selection
    self.context = context
    state = LayerState(
      outputSize: layer.outputSize, weightRows: layer.weight.rowCount,
      weightColumns: layer.weight.columnCount, momentCount: optimizer.momentCount,
      memoryScope: selection.memoryScope)
    state.tally = LayerTally(
      name: Self.name, outputSize: layer.outputSize, countsUnits: selection != .dense)
    embeddingMoments = Moments(
      count: optimizer.momentCount, rowCount: layer.symbolCount, columnCount: layer.embeddingSize)
    sums = Matrix(rowCount: 0, columnCount: layer.outputSize)
    zeroBias = Matrix(rowCount: 1, columnCount: layer.outputSize)
  }

  /// The output of the last forward pass, shape `[batchSize, outputSize]`.
  public var output: Matrix { state.output }

  /// The gradient at that output, to be filled before ``backward(policy:step:seed:stream:rateFactor:times:)``.
  public var outputGradient: Matrix {
    get { state.gradient }
    _modify { yield &state.gradient }
  }

  /// Computes the outputs of a batch.
  ///
  /// - Parameters:
  ///   - features: A symbol for each example and position.
  ///   - batchSize: The number of examples, at least 1.
  ///   - dropout: Applied last.
  public func forward(_ features: [UInt32], batchSize: Int, dropout: Dropout) {
    self.dropout = dropout
    groups.group(
      features, batchSize: batchSize, positionCount: layer.positionCount,
      symbolCount: layer.symbolCount, context: context)
    // The gradient comes from the layer above, with its memory.
    state.setBatchSize(batchSize, withGradient: false)
    context.featureSums(
      groups, embeddings: layer.embeddings, weights: layer.weight, workspace: workspace,
      into: &state.output)
    switch activation {
    case .relu:
      context.activate(&state.output, bias: layer.bias, activation: .relu, dropout: dropout)
    case .tanh:
      context.activate(&state.output, bias: layer.bias, activation: .tanh, dropout: dropout)
    case .cube:
      context.activate(&state.output, bias: layer.bias, activation: .identity)
      sums.setRowCount(batchSize)
      for row in 0..<batchSize { sums.copyRow(row, from: state.output, row: row) }
      context.cube(&state.output)
      if dropout.rate > 0 {
        context.activate(&state.output, bias: zeroBias, activation: .identity, dropout: dropout)
      }
    }
  }

  /// Back propagates the gradient at the output and updates all parameters.
  ///
  /// - Parameters:
  ///   - policy: What is kept in this step.
  ///   - step: The step of the run, from 1.
  ///   - seed: Of random selection.
  ///   - stream: Its sequence.
  ///   - rateFactor: Multiplies the learning rate.
  ///   - times: Time of selection and of updates that are not fused is added.
  /// - Throws: `NaNGradientError`.
  public func backward(
    policy: SelectionPolicy, step: Int, seed: UInt64, stream: UInt64, rateFactor: Float,
    times: inout PhaseTimes
  ) throws {
    let usesMemory = selection.memory > 0
    let everyRow = optimizer.updatesEveryRow
    var kind = Activation.identity
    switch activation {
    case .relu: kind = .relu
    case .tanh: kind = .tanh
    case .cube:
      if dropout.rate > 0 {
        context.activate(&state.gradient, bias: zeroBias, activation: .identity, dropout: dropout)
      }
      context.multiply(&state.gradient, byCubeDerivativeAt: sums)
    }
    context.differentiate(
      &state.gradient, output: state.output, activation: kind,
      dropout: activation == .cube ? .none : dropout, memory: usesMemory ? state.memory : nil,
      beta: selection.memory, partialSums: &state.partialSums, columnSums: &state.biasGradient,
      norms: &state.norms)
    let isDense = policy.isDense(outputSize: layer.outputSize)
    if isDense {
      if usesMemory { state.memory.setToZero() }
      state.statistics.add(touchedRows: layer.outputSize, keptShare: nil)
    } else {
      let start = Clock.now()
      try state.select(
        policy, seed: seed, stream: stream, everyRow: everyRow, context: context)
      if usesMemory { state.storeRemainder() }
      state.addSelectionStatistics(step: step)
      times.selection += Clock.now() - start
    }
    let rule = optimizer.rule(step: step, isBias: false, learningRateFactor: rateFactor)
    let productStart = Clock.now()
    context.updateFeatureWeights(
      &layer.weight, &state.weightMoments, by: rule, gradient: state.gradient,
      support: isDense ? nil : state.support, groups: groups, embeddings: layer.embeddings,
      workspace: workspace, everyRow: everyRow)
    let start = Clock.now()
    times.products += start - productStart
    let biasRule = optimizer.rule(step: step, isBias: true, learningRateFactor: rateFactor)
    context.updateEmbeddings(
      &layer.embeddings, &embeddingMoments, by: biasRule, groups: groups, workspace: workspace,
      everyRow: everyRow)
    context.update(&layer.bias, &state.biasMoments, by: biasRule, gradient: state.biasGradient)
    times.optimizer += Clock.now() - start
    count(isDense: isDense, everyRow: everyRow)
  }

  /// Counts kept units and the costs of the step.
  private func count(isDense: Bool, everyRow: Bool) {
    let batchSize = groups.batchSize
    let outputs = layer.outputSize
    let kept = isDense ? outputs : state.support.k
    let isMasked = MaskedProducts.areFasterOnFeatures(k: kept, outputSize: outputs)
    let uses = groups.countUses(keepingEntries: isMasked ? outputs : kept, ofOutputs: outputs)
    let shape = FeatureShape(
      batchSize: batchSize, positionCount: layer.positionCount, size: layer.embeddingSize,
      outputSize: outputs, symbolCount: layer.symbolCount, pairCount: groups.pairCount,
      summedPairCount: uses.summedPairCount, singleUseCount: uses.singleUseCount,
      momentCount: optimizer.momentCount)
    var entries = batchSize * outputs
    var rows = outputs
    if isDense {
      state.tally.keepAll(ofExamples: batchSize)
    } else {
      rows = state.support.countTouchedOutputs()
      let kept = state.support.addKeptCounts(to: &state.tally.keptCounts)
      if !isMasked { entries = kept }
      state.tally.exampleCount += batchSize
    }
    state.tally.costs.addFeatures(
      shape, entries: entries, rows: rows, updatedRows: everyRow ? outputs : rows,
      updatedSymbols: groups.updatedSymbolCount)
  }

  /// Gives back the memory of the last batch's matrices; the next step takes it again.
  public func releaseBatchMemory() {
    state.releaseBatchMemory()
    groups = FeatureGroups()
    workspace = FeatureWorkspace()
    sums = Matrix(rowCount: 0, columnCount: layer.outputSize)
  }

  /// What selection did since the last call.
  public func takeStatistics() -> SelectionStatistics {
    defer { state.statistics = SelectionStatistics() }
    return state.statistics
  }

  /// How often units were kept, and what the products cost, since the last call.
  public func takeTally() -> LayerTally { state.tally.take() }

  /// All matrices that a restart needs, under names that start with `name`.
  public func state(named name: String) -> [NamedMatrix] {
    let entries = [
      ("embeddings", layer.embeddings), ("embeddings.first", embeddingMoments.first),
      ("embeddings.second", embeddingMoments.second), ("weight", layer.weight),
      ("weight.first", state.weightMoments.first), ("weight.second", state.weightMoments.second),
      ("bias", layer.bias), ("bias.first", state.biasMoments.first),
      ("bias.second", state.biasMoments.second),
      ("memory", selection.memory > 0 ? state.memory : Matrix(rowCount: 0, columnCount: 0)),
    ]
    return entries.filter { $1.rowCount > 0 }.map { NamedMatrix("\(name).\($0)", $1) }
  }

  /// Takes back matrices whose names and shapes are those of ``state(named:)``.
  public func restore(_ saved: [String: Matrix], named name: String) {
    func matrix(_ suffix: String, _ old: Matrix) -> Matrix { saved["\(name).\(suffix)"] ?? old }
    layer = FeatureLayer(
      embeddings: matrix("embeddings", layer.embeddings), weight: matrix("weight", layer.weight),
      bias: matrix("bias", layer.bias))
    func moments(_ suffix: String, _ old: Moments) -> Moments {
      Moments(
        first: matrix("\(suffix).first", old.first), second: matrix("\(suffix).second", old.second))
    }
    embeddingMoments = moments("embeddings", embeddingMoments)
    state.weightMoments = moments("weight", state.weightMoments)
    state.biasMoments = moments("bias", state.biasMoments)
    state.memory = matrix("memory", state.memory)
  }
}
