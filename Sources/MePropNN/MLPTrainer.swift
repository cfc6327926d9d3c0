import MePropCore

/// A number that is not finite came up in training: usually the learning rate is too high.
public struct NonFiniteError: Error, Equatable, Sendable, CustomStringConvertible {
  /// Where it was found first.
  public enum Quantity: String, Sendable {
    /// The layer's output in the forward pass.
    case output
    /// The gradient at the layer's pre-activations.
    case gradient
  }
  /// The layer's name.
  public let layer: String
  /// The step of the run, from 1.
  public let step: Int
  /// What was not finite.
  public let quantity: Quantity

  /// One line for the user.
  public var description: String {
    "\(layer): the \(quantity.rawValue) is no longer finite in step \(step) of training; "
      + "lower the learning rate or clip gradients"
  }
}

/// Seconds of wall-clock time by phase of a step.
///
/// `backward` includes `selection`, and updates that are applied to gradient rows as these are
/// computed; `optimizer` is the time of all other updates.
public struct PhaseTimes: Sendable, Equatable {
  /// Forward pass and loss.
  public var forward = 0.0
  /// Backward pass, selection included.
  public var backward = 0.0
  /// Selection alone: unit memory, top-k, bookkeeping.
  public var selection = 0.0
  /// The products of back propagation alone, `dW` and `dx`; a part of `backward`.
  ///
  /// Includes updates that are applied to gradient rows as these are computed.
  public var products = 0.0
  /// Updates of parameters that are not fused into the backward pass.
  public var optimizer = 0.0
  /// Creates zeros.
  public init() {}
}

/// Trains an ``MLP`` for classification, one batch at a time, with selection in the backward pass.
///
/// A step is: forward, softmax cross-entropy (mean over the batch), backward (for each layer from the last: selection,
/// input gradient, weight gradient rows), update. Same seed and settings give the same bits for any number of threads.
public final class MLPTrainer {
  /// The network in its current state.
  public internal(set) var network: MLP
  /// How parameters are updated.
  public let optimizer: Optimizer
  /// The selection policy of each layer.
  public let selection: [SelectionPolicy]
  /// When selection departs from that.
  public let schedule: SelectionSchedule
  /// The dropout rate after each hidden layer.
  public let dropout: Float
  /// What forward products read.
  public let precision: Precision
  /// The seed of dropout and random selection.
  public let seed: UInt64
  /// The number of steps done.
  public internal(set) var step = 0
  /// Multiplies the learning rate of the coming steps: where a schedule stands, 0 or more.
  public var learningRateFactor: Float = 1
  /// Time spent since the caller last set this to zero.
  public var times = PhaseTimes()

  /// Whether a step computes the gradient at its input as well, for a layer below.
  public var computesInputGradient = false
  /// That gradient, shape `[batchSize, inputSize]`; of the last step, or what it was exchanged for.
  public var inputGradient: Matrix

  private let context: ComputeContext
  private let momentCount: Int
  let states: [LayerState]
  private var losses: [Float] = []

  /// Creates a trainer.
  ///
  /// - Parameters:
  ///   - network: Where training starts.
  ///   - optimizer: How parameters are updated.
  ///   - selection: The policy of the hidden layers; the output layer is dense, as in the authors' code.
  ///   - schedule: When selection departs from it.
  ///   - dropout: The rate after each hidden layer, in 0 ..< 1.
  ///   - precision: What forward products and dense products of back propagation read; all else is f32.
  ///   - seed: Of dropout and random selection.
  ///   - context: Where to compute.
  public convenience init(
    _ network: MLP, optimizer: Optimizer = .adam(), selection: SelectionPolicy = .dense,
    schedule: SelectionSchedule = SelectionSchedule(), dropout: Float = 0,
    precision: Precision = .f32, seed: UInt64 = 1, context: ComputeContext
  ) {
    let hidden = network.layers.count - 1
    self.init(
      network, optimizer: optimizer,
      selectionByLayer: Array(repeating: selection, count: hidden) + [.dense],
      schedule: schedule, dropout: dropout, precision: precision, seed: seed, context: context)
  }

  /// Creates a trainer with a policy for each layer, the output layer included.
  public init(
    _ network: MLP, optimizer: Optimizer, selectionByLayer selection: [SelectionPolicy],
    schedule: SelectionSchedule = SelectionSchedule(), dropout: Float = 0,
    precision: Precision = .f32, seed: UInt64 = 1, context: ComputeContext
  ) {
    precondition(
      selection.count == network.layers.count,
      "MLPTrainer: \(selection.count) selection policies for \(network.layers.count) layers")
    for policy in selection {
      precondition(
        policy.k?.isValid ?? true,
        "MLPTrainer: k is \(policy.k.map { "\($0)" } ?? "none"), expected above 0")
      precondition(
        policy.memory >= 0 && policy.memory <= 1,
        "MLPTrainer: memory is \(policy.memory), expected 0 ... 1")
    }
    precondition(
      dropout >= 0 && dropout < 1,
      "MLPTrainer: dropout is \(dropout), expected 0 or more and below 1")
    self.network = network
    self.optimizer = optimizer
    self.selection = selection
    self.schedule = schedule
    self.dropout = dropout
    self.precision = precision
    self.seed = seed
    self.context = context
    inputGradient = Matrix(rowCount: 0, columnCount: network.inputSize)
    momentCount = optimizer.momentCount
    states = network.layers.enumerated().map { index, layer in
      LayerState(
        MLP.layerName(index), layer: layer, momentCount: optimizer.momentCount,
        countsUnits: selection[index] != .dense, memoryScope: selection[index].memoryScope,
        precision: precision)
    }
  }

  /// Does one step on a batch.
  ///
  /// - Parameters:
  ///   - input: Shape `[batchSize, inputSize]`, `batchSize` at least 1.
  ///   - labels: One class a row, each in 0 ..< outputSize.
  ///   - epoch: The epoch from 1, for the schedule.
  /// - Returns: The loss added up over the batch, in nats.
  /// - Throws: ``NonFiniteError``; parameters are then as before the step or partly updated.
  @discardableResult
  public func train(_ input: Matrix, labels: [Int32], epoch: Int = 1) throws -> Double {
    precondition(
      input.rowCount >= 1 && labels.count == input.rowCount,
      "MLPTrainer.train: \(labels.count) labels for an input of \(input.rowCount) rows")
    step += 1
    let start = Clock.now()
    let loss = try forward(input, labels: labels)
    let middle = Clock.now()
    times.forward += middle - start
    let optimizerBefore = times.optimizer
    try backward(input, epoch: epoch)
    let end = Clock.now()
    times.backward += end - middle - (times.optimizer - optimizerBefore)
    return loss
  }

  /// Gives back the memory of the last batch's matrices, for example while nothing is trained; the next step takes it
  /// again.
  public func releaseBatchMemory() {
    for state in states { state.releaseBatchMemory() }
    inputGradient = Matrix(rowCount: 0, columnCount: network.inputSize)
  }

  /// What selection did in each layer since the last call.
  public func takeStatistics() -> [SelectionStatistics] {
    states.map { state in
      defer { state.statistics = SelectionStatistics() }
      return state.statistics
    }
  }

  /// How often units were kept, and what the products cost, in each layer since the last call.
  public func takeTallies() -> [LayerTally] { states.map { $0.tally.take() } }

  // MARK: Forward

  private func dropout(ofLayer index: Int) -> Dropout {
    guard dropout > 0, index < states.count - 1 else { return .none }
    return Dropout(
      rate: dropout, seed: seed, stream: RandomPurpose.dropout.stream(step * states.count + index))
  }

  private func forward(_ input: Matrix, labels: [Int32]) throws -> Double {
    let batchSize = input.rowCount
    for (index, state) in states.enumerated() {
      state.setBatchSize(batchSize)
      network.layers[index].forward(
        index == 0 ? input : states[index - 1].output, into: &state.output,
        activation: network.activation(ofLayer: index), dropout: dropout(ofLayer: index),
        product: state.product,
        preparing: index + 1 < states.count ? states[index + 1].product : nil, context: context)
    }
    if losses.count < batchSize { losses = Array(repeating: 0, count: batchSize) }
    let last = states[states.count - 1]
    context.crossEntropy(
      last.output, labels: labels, scale: 1 / Float(batchSize), gradient: &last.gradient,
      losses: &losses)
    var sum = 0.0
    for index in 0..<batchSize { sum += Double(losses[index]) }
    guard sum.isFinite else {
      throw NonFiniteError(layer: firstBrokenLayer(), step: step, quantity: .output)
    }
    return sum
  }

  private func firstBrokenLayer() -> String {
    for (index, state) in states.enumerated() {
      for row in 0..<state.output.rowCount
      where !state.output.withRow(row, { $0.allSatisfy(\.isFinite) }) {
        return MLP.layerName(index)
      }
    }
    return MLP.layerName(states.count - 1)
  }

  // MARK: Backward

  /// A layer of at most so many outputs, in batches of at most so many examples, is differentiated by sums of rows even
  /// where it is dense: the library packs more for such products than it multiplies.
  ///
  /// 10 outputs of 500 inputs, batch 128, took 75 µs of the library and take 35.
  private static let thinOutputs = 16
  private static let thinBatch = 256

  private func backward(_ input: Matrix, epoch: Int) throws {
    let storesGradients = optimizer.clipNorm != nil
    let rule = optimizer.rule(
      step: step, isBias: false, learningRateFactor: learningRateFactor)
    let biasRule = optimizer.rule(
      step: step, isBias: true, learningRateFactor: learningRateFactor)
    for index in states.indices.reversed() {
      try differentiate(
        layer: index, input: index == 0 ? input : states[index - 1].output, epoch: epoch,
        rule: storesGradients ? nil : rule)
      if !storesGradients {
        let start = Clock.now()
        updateBias(ofLayer: index, by: biasRule)
        times.optimizer += Clock.now() - start
      }
    }
    if storesGradients {
      let start = Clock.now()
      applyStoredGradients(rule: rule, biasRule: biasRule)
      times.optimizer += Clock.now() - start
    }
  }

  /// One layer: the gradient at its pre-activations, selection, both products, and the update of its weights by `rule`
  /// (`nil`: the gradient is stored instead).
  private func differentiate(layer index: Int, input: Matrix, epoch: Int, rule: UpdateRule?) throws
  {
    let state = states[index]
    let policy = selection[index]
    // Also where k covers this layer: the schedule may set a smaller one.
    let usesMemory = policy.memory > 0
    context.differentiate(
      &state.gradient, output: state.output, activation: network.activation(ofLayer: index),
      dropout: dropout(ofLayer: index), memory: usesMemory ? state.memory : nil,
      beta: policy.memory,
      partialSums: &state.partialSums, columnSums: &state.biasGradient, norms: &state.norms)
    let effective = schedule.policy(policy, step: step, epoch: epoch)
    if effective.isDense(outputSize: state.outputSize) {
      if usesMemory { state.memory.setToZero() }
      state.statistics.add(touchedRows: state.outputSize, keptShare: nil)
      state.tally.keepAll(ofExamples: input.rowCount)
      state.tally.costs.addDense(shape(ofLayer: index, batchSize: input.rowCount))
      if state.outputSize <= Self.thinOutputs, input.rowCount <= Self.thinBatch {
        let start = Clock.now()
        state.support.keepAll(of: state.gradient)
        updateSparse(layer: index, input: input, rule: rule)
        times.products += Clock.now() - start
        return
      }
      withInputGradient(ofLayer: index, batchSize: input.rowCount) { gradient in
        let start = Clock.now()
        let weights = network.layers[index].weight
        if let rounded = roundedProducts(of: state, batchSize: input.rowCount) {
          rounded.inputGradient(
            of: state.gradient, weights: weights, into: &gradient, context: context)
        } else {
          context.multiply(state.gradient, by: weights, into: &gradient)
        }
        times.products += Clock.now() - start
      }
      updateDense(layer: index, input: input, rule: rule)
      return
    }
    let start = Clock.now()
    do {
      try state.select(
        effective, seed: seed,
        stream: RandomPurpose.selection.stream(step * states.count + index),
        everyRow: optimizer.updatesEveryRow, context: context)
    } catch is NaNGradientError {
      throw NonFiniteError(layer: MLP.layerName(index), step: step, quantity: .gradient)
    }
    if usesMemory { state.storeRemainder() }
    state.addSelectionStatistics(step: step)
    count(state, layer: index)
    let selected = Clock.now()
    times.selection += selected - start
    updateSparse(layer: index, input: input, rule: rule)
    times.products += Clock.now() - selected
  }

  /// Calls `body` with the matrix that takes the gradient at the input of layer `index`, if anybody wants it.
  private func withInputGradient(
    ofLayer index: Int, batchSize: Int, _ body: (inout Matrix) -> Void
  ) {
    if index > 0 { return body(&states[index - 1].gradient) }
    guard computesInputGradient else { return }
    inputGradient.setRowCount(batchSize)
    body(&inputGradient)
  }

  private func shape(ofLayer index: Int, batchSize: Int) -> ProductShape {
    ProductShape(
      batchSize: batchSize, outputSize: states[index].outputSize,
      inputSize: network.layers[index].inputSize, momentCount: momentCount,
      hasInputGradient: index > 0 || computesInputGradient)
  }

  /// Counts kept units and the costs of a sparse step.
  private func count(_ state: LayerState, layer index: Int) {
    let batchSize = state.gradient.rowCount
    let rows = state.support.countTouchedOutputs()
    let entries = state.support.addKeptCounts(to: &state.tally.keptCounts)
    let everyRow = optimizer.updatesEveryRow
    state.tally.exampleCount += batchSize
    state.tally.costs.addSparse(
      shape(ofLayer: index, batchSize: batchSize), entries: entries, rows: rows,
      updatedRows: everyRow ? state.outputSize : rows,
      storesGradient: optimizer.clipNorm != nil)
  }

  /// The rounded products of a dense step, if it is to be rounded: zeros of its input are not skipped then.
  private func roundedProducts(of state: LayerState, batchSize: Int) -> RoundedGradientProducts? {
    RoundedGradientProducts.rounds(batchSize: batchSize, context: context)
      ? state.roundedGradients : nil
  }

  private func updateDense(layer index: Int, input: Matrix, rule: UpdateRule?) {
    let state = states[index]
    var gradient =
      state.weightGradient
      ?? WeightGradient(outputSize: state.outputSize, inputSize: network.layers[index].inputSize)
    state.weightGradient = nil
    let productStart = Clock.now()
    if let rounded = roundedProducts(of: state, batchSize: input.rowCount) {
      rounded.weightGradient(
        of: state.gradient, input: input, into: &gradient, context: context)
    } else {
      state.product.weightGradient(
        ofDense: state.gradient, input: input, into: &gradient, context: context)
    }
    let start = Clock.now()
    times.products += start - productStart
    if let rule {
      context.update(
        &network.layers[index].weight, &state.weightMoments, by: rule, gradient: gradient)
      state.product.weightsDidChange()
      times.optimizer += Clock.now() - start
    }
    state.weightGradient = gradient
  }

  private func updateSparse(layer index: Int, input: Matrix, rule: UpdateRule?) {
    let state = states[index]
    let support = state.support
    let everyRow = optimizer.updatesEveryRow
    // One support for all examples: gathered and multiplied densely; not where gradients of all rows are stored, to be
    // clipped, as those without entries are stored too.
    let isGathered = (rule != nil || !everyRow) && (support.sharedOutputs?.count ?? 0) > 0
    // Where so much is kept that dense products are faster.
    let isMasked =
      !isGathered && state.outputSize > Self.thinOutputs
      && MaskedProducts.areFaster(
        entryCount: support.entryCount, batchSize: input.rowCount, outputSize: state.outputSize,
        areRounded: roundedProducts(of: state, batchSize: input.rowCount) != nil)
    if isGathered { state.unified.gather(support) }
    if isMasked { state.masked.scatter(support) }
    withInputGradient(ofLayer: index, batchSize: input.rowCount) { gradient in
      if isGathered {
        state.unified.inputGradient(
          of: support, weights: network.layers[index].weight, into: &gradient, context: context)
      } else if isMasked {
        state.masked.inputGradient(
          weights: network.layers[index].weight, into: &gradient, context: context)
      } else {
        context.inputGradient(
          of: support, weights: network.layers[index].weight, into: &gradient)
      }
    }
    if let rule {
      if isGathered {
        state.unified.updateWeights(
          &network.layers[index].weight, &state.weightMoments, by: rule, support: support,
          input: input, everyRow: everyRow, context: context)
      } else if isMasked {
        state.masked.updateWeights(
          &network.layers[index].weight, &state.weightMoments, by: rule, support: support,
          input: input, everyRow: everyRow, context: context)
      } else {
        context.updateWeights(
          &network.layers[index].weight, &state.weightMoments, by: rule, support: support,
          input: input,
          everyRow: everyRow)
      }
      if everyRow {
        state.product.weightsDidChange()
      } else {
        state.product.weightsDidChange(rows: support.touchedRows)
      }
    } else {
      var gradient =
        state.weightGradient
        ?? WeightGradient(outputSize: state.outputSize, inputSize: network.layers[index].inputSize)
      state.weightGradient = nil
      if isGathered {
        state.unified.weightGradient(of: support, input: input, into: &gradient, context: context)
      } else if isMasked {
        state.masked.weightGradient(
          of: support, input: input, into: &gradient, everyRow: everyRow, context: context)
      } else {
        context.weightGradient(of: support, input: input, into: &gradient, everyRow: everyRow)
      }
      state.weightGradient = gradient
    }
  }

  private func updateBias(ofLayer index: Int, by rule: UpdateRule) {
    let state = states[index]
    context.update(
      &network.layers[index].bias, &state.biasMoments, by: rule, gradient: state.biasGradient)
  }

  /// Scales all gradients to the norm that is allowed, then updates all parameters.
  private func applyStoredGradients(rule: UpdateRule, biasRule: UpdateRule) {
    var sum = 0.0
    for state in states {
      sum += state.weightGradient?.sumOfSquares(context: context) ?? 0
      sum += state.biasGradient.withRow(0) { $0.reduce(0) { $0 + Double($1) * Double($1) } }
    }
    var rule = rule
    var biasRule = biasRule
    if let limit = optimizer.clipNorm, sum.squareRoot() > Double(limit) {
      rule.gradientScale = Float(Double(limit) / sum.squareRoot())
      biasRule.gradientScale = rule.gradientScale
    }
    for (index, state) in states.enumerated() {
      if let gradient = state.weightGradient {
        context.update(
          &network.layers[index].weight, &state.weightMoments, by: rule, gradient: gradient)
        if gradient.rows == .all || optimizer.updatesEveryRow {
          state.product.weightsDidChange()
        } else {
          state.product.weightsDidChange(rows: state.support.touchedRows)
        }
      }
      updateBias(ofLayer: index, by: biasRule)
    }
  }
}
