import MePropCore

/// Trains one layer of an ``LSTM``: forward and backward pass over a batch of sentences, and the
/// update of its parameters.
///
/// Each of the four gates' pre-activation gradients has its own selection of its hidden units, one
/// support shared by the input and the recurrent product; the path through the cells is exact. The
/// support of a batch is regrouped once for both weight matrices, whose rows are updated as they are
/// computed. Bias gradients are dense.
public final class LSTMLayerTrainer {
  /// The parameters in their current state.
  public private(set) var weights: [LSTMWeights]
  /// The layer's output, shape `[positions, directions · paddedSize]`.
  public private(set) var output: Matrix
  /// The gradient with respect to the input, after a backward pass that was asked for it.
  public private(set) var inputGradient: Matrix
  /// The gates, cells and supports of each direction.
  public let workspaces: [LSTMWorkspace]
  /// The moments of each direction: of input weights, recurrent weights, bias.
  public private(set) var moments: [[Moments]]
  private var statistics: [SelectionStatistics]
  /// Seconds of selection and of products in the backward pass since the caller last set this to zero; other phases are
  /// left 0.
  public var times = PhaseTimes()
  private var tallies: [LayerTally]

  private let optimizer: Optimizer
  private let momentCount: Int
  private let policy: SelectionPolicy
  private let context: ComputeContext
  private let zeroBias: Matrix
  private var secondInputGradient: Matrix
  private var denseGradients: [[WeightGradient]] = []
  private var masks: [Matrix] = []
  private let byteWeights: [LSTMByteWeights]
  private let byteWorkspace: LSTMByteWorkspace

  /// Creates a trainer.
  ///
  /// - Parameters:
  ///   - weights: Where training starts: one direction or two.
  ///   - optimizer: How parameters are updated; its `clipNorm` must be `nil`.
  ///   - selection: What the backward pass keeps.
  ///   - precision: What the products of the forward pass read.
  ///   - context: Where to compute.
  public init(
    _ weights: [LSTMWeights], optimizer: Optimizer, selection: SelectionPolicy,
    precision: LSTMPrecision = .f32, context: ComputeContext
  ) {
    precondition(optimizer.clipNorm == nil, "LSTMLayerTrainer: clips by value only, not by norm")
    self.weights = weights
    self.optimizer = optimizer
    self.context = context
    policy = selection
    let width = weights[0].paddedSize * weights.count
    output = Matrix(rowCount: 0, columnCount: width)
    zeroBias = Matrix(rowCount: 1, columnCount: width)
    inputGradient = Matrix(rowCount: 0, columnCount: weights[0].inputSize)
    secondInputGradient = Matrix(rowCount: 0, columnCount: weights[0].inputSize)
    workspaces = weights.map { LSTMWorkspace(hiddenSize: $0.hiddenSize) }
    byteWeights =
      precision == .int8 ? weights.map { LSTMByteWeights($0, context: context) } : []
    byteWorkspace = LSTMByteWorkspace(
      hiddenSize: weights[0].hiddenSize, directionCount: weights.count)
    statistics = weights.map { _ in SelectionStatistics() }
    tallies = weights.map {
      LayerTally(
        name: "", outputSize: 4 * $0.hiddenSize,
        countsUnits: selection != .dense)
    }
    let count = optimizer.momentCount
    momentCount = count
    moments = weights.map { weights in
      [weights.inputWeight, weights.recurrentWeight, weights.bias].map {
        Moments(count: count, rowCount: $0.rowCount, columnCount: $0.columnCount)
      }
    }
  }

  /// Takes back parameters, moments and unit memories of the shapes that it has.
  public func restore(weights: [LSTMWeights], moments: [[Moments]], memories: [Matrix]) {
    precondition(
      weights.count == self.weights.count && moments.count == weights.count
        && memories.count == weights.count,
      "LSTMLayerTrainer.restore: \(weights.count) directions, expected \(self.weights.count)")
    self.weights = weights
    self.moments = moments
    for (workspace, memory) in zip(workspaces, memories) { workspace.memory = memory }
    for (bytes, weights) in zip(byteWeights, weights) {
      bytes.update(from: weights, context: context)
    }
  }

  /// What selection did in each direction since the last call.
  public func takeStatistics() -> [SelectionStatistics] {
    defer { statistics = statistics.map { _ in SelectionStatistics() } }
    return statistics
  }

  /// How often units were kept, gate by gate, and what the products cost, in each direction since
  /// the last call; names are left empty.
  ///
  /// Input and recurrent products count together; the recurrent part of dx is the gradient that is
  /// passed on through time.
  public func takeTallies() -> [LayerTally] { tallies.indices.map { tallies[$0].take() } }

  private func shape(ofDirection index: Int, inputSize: Int, positions: Int) -> ProductShape {
    ProductShape(
      batchSize: positions, outputSize: 4 * weights[index].hiddenSize, inputSize: inputSize,
      momentCount: momentCount, hasInputGradient: true)
  }

  private func countDense(direction index: Int, positions: Int) {
    let (input, hidden) = (weights[index].inputSize, weights[index].hiddenSize)
    tallies[index].keepAll(ofExamples: positions)
    tallies[index].costs.addDense(
      shape(ofDirection: index, inputSize: input, positions: positions))
    tallies[index].costs.addDense(
      shape(ofDirection: index, inputSize: hidden, positions: positions))
  }

  private func countSparse(direction index: Int, positions: Int, everyRow: Bool) {
    let (input, hidden) = (weights[index].inputSize, weights[index].hiddenSize)
    tallies[index].exampleCount += positions
    let entries = workspaces[index].addKeptCounts(to: &tallies[index].keptCounts)
    let rows = workspaces[index].touchedRowCount
    let updatedRows = everyRow ? 4 * hidden : rows
    tallies[index].costs.addSparse(
      shape(ofDirection: index, inputSize: input, positions: positions), entries: entries,
      rows: rows, updatedRows: updatedRows, storesGradient: false)
    tallies[index].costs.addSparse(
      shape(ofDirection: index, inputSize: hidden, positions: positions), entries: entries,
      rows: rows, updatedRows: updatedRows, storesGradient: false)
  }

  /// The forward pass; see ``ComputeContext/lstmForward(_:_:input:packing:masks:output:)``.
  ///
  /// - Parameters:
  ///   - input: Shape `[positions, inputSize]`.
  ///   - packing: Which position is which word.
  ///   - masks: Variational dropout of the states, one matrix a direction; empty: none.
  ///   - largestFactor: No factor of a mask is larger.
  public func forward(
    _ input: Matrix, packing: SentencePacking, masks: [Matrix] = [], largestFactor: Float = 1
  ) {
    self.masks = masks
    output.setRowCount(packing.positionCount)
    if byteWeights.isEmpty {
      context.lstmForward(
        weights, workspaces, input: input, packing: packing, masks: masks, output: &output)
    } else {
      context.lstmForward(
        byteWeights, byteWorkspace, input: .values(input), packing: packing, keeping: workspaces,
        masks: masks, largestFactor: largestFactor, output: &output)
    }
  }

  /// Lets units of the output fall out, position by position, in place.
  public func drop(_ dropout: Dropout) {
    context.activate(&output, bias: zeroBias, activation: .identity, dropout: dropout)
  }

  /// Multiplies the output by the masks of the sentences, in place.
  public func multiplyOutput(bySentenceMasks masks: Matrix, packing: SentencePacking) {
    context.multiply(&output, bySentenceMasks: masks, packing: packing)
  }

  /// The backward pass, selection included, without the products of weights.
  ///
  /// - Parameters:
  ///   - outputGradient: Shape of ``output``.
  ///   - packing: As in the forward pass.
  ///   - selection: What holds in this step: the policy, or what a schedule made of it.
  ///   - step: The step of the run, from 1.
  ///   - seed: Of random selection.
  ///   - stream: The index of its sequence; two are taken.
  /// - Throws: ``NaNGradientError``.
  public func propagate(
    _ outputGradient: Matrix, packing: SentencePacking, selection: SelectionPolicy, step: Int,
    seed: UInt64, stream: Int
  ) throws {
    let hidden = weights[0].hiddenSize
    let usesMemory = policy.memory > 0 && !policy.isDense(outputSize: hidden)
    guard let k = selection.k, !selection.isDense(outputSize: hidden) else {
      add(
        try context.lstmBackward(
          weights, workspaces, outputGradient: outputGradient, packing: packing, masks: masks,
          selection: nil))
      for index in weights.indices {
        if usesMemory { workspaces[index].memory.setToZero() }
        statistics[index].add(touchedRows: 4 * hidden, keptShare: nil)
        countDense(direction: index, positions: packing.positionCount)
      }
      return
    }
    var selected = LSTMSelection(
      k: k.resolved(outputSize: hidden), memory: selection.memory, seed: seed,
      stream: RandomPurpose.selection.stream(stream))
    selected.memoryScope = selection.memoryScope
    if case .unified(_, let groupSize, _) = selection {
      selected.groupSize = groupSize ?? packing.sentenceCount
    }
    if case .random = selection { selected.isRandom = true }
    add(
      try context.lstmBackward(
        weights, workspaces, outputGradient: outputGradient, packing: packing, masks: masks,
        selection: selected))
    let everyRow = optimizer.updatesEveryRow
    let start = Clock.now()
    for (index, workspace) in workspaces.enumerated() {
      workspace.regroup(everyRow: everyRow)
      let isSampled = step % SelectionStatistics.samplingInterval == 1
      statistics[index].add(
        touchedRows: workspace.touchedRowCount,
        keptShare: isSampled ? workspace.keptMagnitude : nil)
      countSparse(direction: index, positions: packing.positionCount, everyRow: everyRow)
    }
    times.selection += Clock.now() - start
  }

  private func add(_ seconds: LSTMBackwardSeconds) {
    times.selection += seconds.selection
    times.products += seconds.products
  }

  /// The gradient with respect to the input; comes after ``propagate`` and before ``update``.
  public func computeInputGradient() {
    let start = Clock.now()
    defer { times.products += Clock.now() - start }
    inputGradient.setRowCount(output.rowCount)
    secondInputGradient.setRowCount(output.rowCount)
    for (index, workspace) in workspaces.enumerated() {
      if index == 0 {
        multiply(workspace, by: weights[0].inputWeight, into: &inputGradient)
      } else {
        multiply(workspace, by: weights[1].inputWeight, into: &secondInputGradient)
        for row in 0..<inputGradient.rowCount {
          inputGradient.withMutableRow(row) { sum in
            secondInputGradient.withRow(row) { other in
              for column in sum.indices { sum[column] += other[column] }
            }
          }
        }
      }
    }
  }

  private func multiply(_ workspace: LSTMWorkspace, by weights: Matrix, into target: inout Matrix) {
    if workspace.k > 0 {
      context.inputGradient(of: workspace, weights: weights, into: &target)
    } else {
      context.multiply(workspace.gates, by: weights, into: &target)
    }
  }

  /// The products that give weight gradients, and the update of all parameters.
  ///
  /// - Parameters:
  ///   - input: As in the forward pass.
  ///   - step: The step of the run, from 1.
  ///   - rateScale: Multiplies the learning rate.
  /// - Returns: Seconds of it that are updates only, where these are not part of the products.
  public func update(input: Matrix, step: Int, rateScale: Float = 1) -> Double {
    let rule = optimizer.rule(step: step, isBias: false).scaled(rateScale)
    let biasRule = optimizer.rule(step: step, isBias: true).scaled(rateScale)
    var seconds = 0.0
    for (index, workspace) in workspaces.enumerated() {
      if workspace.k > 0 {
        let productStart = Clock.now()
        context.updateWeights(
          &weights[index].inputWeight, &moments[index][0], by: rule, workspace: workspace,
          input: input)
        context.updateWeights(
          &weights[index].recurrentWeight, &moments[index][1], by: rule, workspace: workspace,
          input: workspace.previous)
        times.products += Clock.now() - productStart
      } else {
        seconds += updateDensely(direction: index, input: input, rule: rule)
      }
      let start = Clock.now()
      context.update(
        &weights[index].bias, &moments[index][2], by: biasRule, gradient: workspace.biasGradient)
      if !byteWeights.isEmpty {
        byteWeights[index].update(from: weights[index], changedBy: workspace, context: context)
      }
      seconds += Clock.now() - start
    }
    return seconds
  }

  private func updateDensely(direction index: Int, input: Matrix, rule: UpdateRule) -> Double {
    if denseGradients.isEmpty {
      denseGradients = weights.map { weights in
        [weights.inputWeight, weights.recurrentWeight].map {
          WeightGradient(outputSize: $0.rowCount, inputSize: $0.columnCount)
        }
      }
    }
    let workspace = workspaces[index]
    let productStart = Clock.now()
    context.weightGradient(
      ofDense: workspace.gates, input: input, into: &denseGradients[index][0])
    context.weightGradient(
      ofDense: workspace.gates, input: workspace.previous, into: &denseGradients[index][1])
    let start = Clock.now()
    times.products += start - productStart
    context.update(
      &weights[index].inputWeight, &moments[index][0], by: rule,
      gradient: denseGradients[index][0])
    context.update(
      &weights[index].recurrentWeight, &moments[index][1], by: rule,
      gradient: denseGradients[index][1])
    return Clock.now() - start
  }
}

extension NonFiniteError {
  /// Creates the error of a layer.
  package init(in layer: String, step: Int, quantity: Quantity) {
    self.init(layer: layer, step: step, quantity: quantity)
  }
}
