// One training step of the tagger.

import MePropCore
import MePropNN
import MePropTraining

/// How the tagger trains.
public struct TaggerTraining: Sendable, Equatable {
  /// How parameters follow their gradients.
  public var optimizer: Optimizer
  /// What the LSTM's backward pass keeps of each gate; the output layer is dense.
  public var selection: SelectionPolicy
  /// When selection departs from it.
  public var schedule: SelectionSchedule
  /// The share of inputs, and of outputs of each LSTM layer, that fall out.
  public var dropout: Float
  /// Whether the same numbers fall out at all words of a sentence, and of the states as well (Gal and
  /// Ghahramani, 2016).
  public var isVariational: Bool
  /// How the learning rate falls over the run.
  public var rateSchedule: LearningRateSchedule
  /// How much of the running mean of all parameters, which is what is used, a step leaves; 0: no mean.
  public var averageDecay: Float
  /// What the products of the LSTM's forward pass read.
  public var precision: LSTMPrecision
  /// The seed of dropout and random selection.
  public var seed: UInt64

  /// Creates dense training with Adam.
  public init(
    optimizer: Optimizer = .adam(), selection: SelectionPolicy = .dense,
    schedule: SelectionSchedule = SelectionSchedule(), dropout: Float = 0,
    isVariational: Bool = false, rateSchedule: LearningRateSchedule = .constant,
    averageDecay: Float = 0,
    precision: LSTMPrecision = .f32, seed: UInt64 = 1
  ) {
    self.optimizer = optimizer
    self.selection = selection
    self.schedule = schedule
    self.dropout = dropout
    self.isVariational = isVariational
    self.rateSchedule = rateSchedule
    self.averageDecay = averageDecay
    self.precision = precision
    self.seed = seed
  }
}

/// Trains a tagger, one batch of sentences at a time.
final class TaggerTrainer {
  let training: TaggerTraining
  private(set) var step = 0
  var times = PhaseSeconds()

  private let context: ComputeContext
  let words: EmbeddingTrainer
  let features: EmbeddingTrainer
  let layers: [LSTMLayerTrainer]
  private(set) var output: Linear
  private(set) var outputMoments: [Moments]
  private var outputTally: LayerTally
  private var average: ParameterAverage?
  private let momentCount: Int

  private var input: Matrix
  private var inputGradient: Matrix
  private var logits: Matrix
  private var logitGradient: Matrix
  private var stateGradient: Matrix
  private var outputGradient: WeightGradient
  private var outputBiasGradient: Matrix
  private let zeroBias: Matrix
  private let zeroOutputBias: Matrix
  private var labels: [Int32] = []
  private var losses: [Float] = []
  private var uses: [(id: UInt32, row: Int, column: Int)] = []
  private var inputMasks: Matrix
  private var outputMasks: [Matrix]
  private var stateMasks: [[Matrix]]

  init(_ network: TaggerNetwork, training: TaggerTraining, context: ComputeContext) {
    self.training = training
    self.context = context
    words = EmbeddingTrainer(network.words, optimizer: training.optimizer, context: context)
    features = EmbeddingTrainer(network.features, optimizer: training.optimizer, context: context)
    layers = network.lstm.layers.map {
      LSTMLayerTrainer(
        $0, optimizer: training.optimizer, selection: training.selection,
        precision: training.precision, context: context)
    }
    output = network.output
    let count = training.optimizer.momentCount
    momentCount = count
    let tags = output.outputSize
    outputTally = LayerTally(name: "output", outputSize: tags, countsUnits: false)
    let width = output.inputSize
    outputMoments = [
      Moments(count: count, rowCount: tags, columnCount: width),
      Moments(count: count, rowCount: 1, columnCount: tags),
    ]
    input = Matrix(rowCount: 0, columnCount: network.lstm.inputSize)
    inputGradient = input
    logits = Matrix(rowCount: 0, columnCount: tags)
    logitGradient = logits
    stateGradient = Matrix(rowCount: 0, columnCount: width)
    outputGradient = WeightGradient(outputSize: tags, inputSize: width)
    outputBiasGradient = Matrix(rowCount: 1, columnCount: tags)
    zeroBias = Matrix(rowCount: 1, columnCount: network.lstm.inputSize)
    zeroOutputBias = Matrix(rowCount: 1, columnCount: width)
    inputMasks = input
    outputMasks = layers.map { _ in Matrix(rowCount: 0, columnCount: width) }
    let hidden = network.lstm.hiddenSize
    stateMasks = layers.map { layer in
      layer.weights.map { _ in Matrix(rowCount: 0, columnCount: hidden) }
    }
    if training.averageDecay > 0 {
      average = ParameterAverage(
        network.parameters, decay: training.averageDecay, context: context)
    }
  }

  private var currentNetwork: TaggerNetwork {
    TaggerNetwork(
      words: words.table, features: features.table, lstm: LSTM(layers: layers.map(\.weights)),
      output: output)
  }

  /// The network to use: of averaged parameters, if there is an average.
  var network: TaggerNetwork {
    guard let average, average.hasValues else { return currentNetwork }
    return currentNetwork.replacing(parameters: average.values)
  }

  /// Does one step and returns the loss added up over the words.
  func train(
    _ batch: TaggerBatch, of data: EncodedSentences, epoch: Int, progress: Double
  ) throws -> Double {
    step += 1
    let start = Clock.now()
    batch.gather(data, words: words.table, features: features.table, into: &input)
    labels.removeAll(keepingCapacity: true)
    for place in batch.places { labels.append(data.classes[place]) }
    let gathered = Clock.now()
    times.data += gathered - start
    let loss = try forward(batch)
    let middle = Clock.now()
    times.forward += middle - gathered
    for layer in layers { layer.times = PhaseTimes() }
    var seconds = try backward(batch, data, epoch: epoch, progress: progress)
    if average?.isDue(step: step) == true {
      let start = Clock.now()
      average?.update(currentNetwork.parameters, step: step)
      seconds += Clock.now() - start
    }
    for layer in layers {
      times.selection += layer.times.selection
      times.products += layer.times.products
    }
    times.optimizer += seconds
    times.backward += Clock.now() - middle - seconds
    return loss
  }

  // MARK: Forward

  /// Dropout `place` of this step: 0 for the inputs, then for the output of each layer.
  private func dropout(_ place: Int) -> Dropout {
    let index = step * (4 * layers.count + 2) + place
    return Dropout(
      rate: training.dropout, seed: training.seed, stream: RandomPurpose.dropout.stream(index))
  }

  private func makeMasks(_ masks: inout Matrix, count: Int, _ dropout: Dropout) {
    masks.setRowCount(count)
    for row in 0..<count { masks.withMutableRow(row) { $0.update(repeating: 1) } }
    let bias = Matrix(rowCount: 1, columnCount: masks.columnCount)
    context.activate(&masks, bias: bias, activation: .identity, dropout: dropout)
  }

  private func forward(_ batch: TaggerBatch) throws -> Double {
    let packing = batch.packing
    let drops = training.dropout > 0
    if drops {
      if training.isVariational {
        makeMasks(&inputMasks, count: packing.sentenceCount, dropout(0))
        context.multiply(&input, bySentenceMasks: inputMasks, packing: packing)
      } else {
        context.activate(&input, bias: zeroBias, activation: .identity, dropout: dropout(0))
      }
    }
    for (index, layer) in layers.enumerated() {
      if drops, training.isVariational {
        for direction in layer.weights.indices {
          makeMasks(
            &stateMasks[index][direction], count: packing.sentenceCount,
            dropout(1 + layers.count + 2 * index + direction))
        }
      }
      layer.forward(
        index == 0 ? input : layers[index - 1].output, packing: packing,
        masks: drops && training.isVariational ? stateMasks[index] : [],
        largestFactor: drops && training.isVariational ? 1 / (1 - training.dropout) : 1)
      if drops {
        if training.isVariational {
          makeMasks(&outputMasks[index], count: packing.sentenceCount, dropout(1 + index))
          layer.multiplyOutput(bySentenceMasks: outputMasks[index], packing: packing)
        } else {
          layer.drop(dropout(1 + index))
        }
      }
    }
    let count = packing.positionCount
    logits.setRowCount(count)
    logitGradient.setRowCount(count)
    if losses.count < count { losses = Array(repeating: 0, count: count) }
    context.multiplyThin(
      layers[layers.count - 1].output, byTransposeOf: output.weight, bias: output.bias,
      into: &logits)
    context.crossEntropy(
      logits, labels: labels, scale: 1 / Float(count), gradient: &logitGradient, losses: &losses)
    var sum = 0.0
    for index in 0..<count { sum += Double(losses[index]) }
    guard sum.isFinite else {
      throw NonFiniteError(in: "output", step: step, quantity: .output)
    }
    return sum
  }

  // MARK: Backward

  /// Returns the seconds that are updates only.
  private func backward(
    _ batch: TaggerBatch, _ data: EncodedSentences, epoch: Int, progress: Double
  ) throws -> Double {
    let packing = batch.packing
    let rate = training.rateSchedule.factor(progress: progress)
    var seconds = 0.0
    stateGradient.setRowCount(packing.positionCount)
    context.sumRows(of: logitGradient, into: &outputBiasGradient)
    let last = layers[layers.count - 1].output
    let productStart = Clock.now()
    context.multiply(logitGradient, by: output.weight, into: &stateGradient)
    context.weightGradient(ofDense: logitGradient, input: last, into: &outputGradient)
    outputTally.costs.addDense(
      ProductShape(
        batchSize: packing.positionCount, outputSize: output.outputSize,
        inputSize: output.inputSize, momentCount: momentCount, hasInputGradient: true))
    let start = Clock.now()
    times.products += start - productStart
    context.update(
      &output.weight, &outputMoments[0],
      by: training.optimizer.rule(step: step, isBias: false).scaled(rate),
      gradient: outputGradient)
    context.update(
      &output.bias, &outputMoments[1],
      by: training.optimizer.rule(step: step, isBias: true).scaled(rate),
      gradient: outputBiasGradient)
    seconds += Clock.now() - start
    let policy = training.schedule.policy(training.selection, step: step, epoch: epoch)
    for (index, layer) in layers.enumerated().reversed() {
      undrop(&stateGradient, outputMasks[index], zeroOutputBias, place: 1 + index, packing)
      do {
        try layer.propagate(
          stateGradient, packing: packing, selection: policy, step: step, seed: training.seed,
          stream: (step * layers.count + index) * 2)
      } catch is NaNGradientError {
        throw NonFiniteError(in: "lstm.\(index)", step: step, quantity: .gradient)
      }
      layer.computeInputGradient()
      seconds += layer.update(
        input: index == 0 ? input : layers[index - 1].output, step: step, rateScale: rate)
      if index > 0 { stateGradient = layer.inputGradient }
    }
    inputGradient = layers[0].inputGradient
    undrop(&inputGradient, inputMasks, zeroBias, place: 0, packing)
    accumulateEmbeddings(batch, data)
    let updates = Clock.now()
    words.update(step: step, rateScale: rate)
    features.update(step: step, rateScale: rate)
    return seconds + Clock.now() - updates
  }

  /// Takes a gradient back through dropout.
  private func undrop(
    _ gradient: inout Matrix, _ masks: Matrix, _ zeros: Matrix, place: Int,
    _ packing: SentencePacking
  ) {
    guard training.dropout > 0 else { return }
    if training.isVariational {
      context.multiply(&gradient, bySentenceMasks: masks, packing: packing)
    } else {
      context.activate(&gradient, bias: zeros, activation: .identity, dropout: dropout(place))
    }
  }

  private func accumulateEmbeddings(_ batch: TaggerBatch, _ data: EncodedSentences) {
    uses.removeAll(keepingCapacity: true)
    for (row, place) in batch.places.enumerated() { uses.append((data.words[place], row, 0)) }
    words.accumulate(uses, from: inputGradient)
    uses.removeAll(keepingCapacity: true)
    let size = features.table.columnCount
    for (row, place) in batch.places.enumerated() {
      for feature in 0..<TaggerFeatures.count {
        let id = data.features[place * TaggerFeatures.count + feature]
        uses.append((id, row, words.table.columnCount + feature * size))
      }
    }
    features.accumulate(uses, from: inputGradient)
  }

  /// What was counted since the last call: each layer and direction, then the output layer.
  func takeTallies() -> [LayerTally] {
    layers.enumerated().flatMap { index, layer in
      layer.takeTallies().enumerated().map { direction, tally in
        var tally = tally
        tally.name = TaggerTask.layerName(index, direction: direction)
        return tally
      }
    } + [outputTally.take()]
  }

  // MARK: State

  /// All matrices that a restart needs.
  var state: [NamedMatrix] {
    var result: [NamedMatrix] = []
    func add(_ name: String, _ matrix: Matrix, _ moments: Moments) {
      result.append(NamedMatrix(name, matrix))
      if moments.first.rowCount > 0 { result.append(NamedMatrix(name + ".first", moments.first)) }
      if moments.second.rowCount > 0 {
        result.append(NamedMatrix(name + ".second", moments.second))
      }
    }
    add("words", words.table, words.moments)
    add("features", features.table, features.moments)
    for (index, layer) in layers.enumerated() {
      for (direction, weights) in layer.weights.enumerated() {
        let name = "lstm.\(index).\(direction)"
        let moments = layer.moments[direction]
        add("\(name).input", weights.inputWeight, moments[0])
        add("\(name).recurrent", weights.recurrentWeight, moments[1])
        add("\(name).bias", weights.bias, moments[2])
        result.append(NamedMatrix("\(name).memory", layer.workspaces[direction].memory))
      }
    }
    add("output.weight", output.weight, outputMoments[0])
    add("output.bias", output.bias, outputMoments[1])
    result += average?.values.enumerated().map { NamedMatrix("average.\($0)", $1) } ?? []
    return result
  }

  /// Takes back a state whose names and shapes are those of `state`.
  func restore(_ saved: [String: Matrix], step: Int) {
    func matrix(_ name: String) -> Matrix { saved[name] ?? Matrix(rowCount: 0, columnCount: 0) }
    func moments(_ name: String, _ old: Moments) -> Moments {
      Moments(
        first: saved[name + ".first"] ?? old.first, second: saved[name + ".second"] ?? old.second)
    }
    words.restore(table: matrix("words"), moments: moments("words", words.moments))
    features.restore(table: matrix("features"), moments: moments("features", features.moments))
    for (index, layer) in layers.enumerated() {
      var weights = layer.weights
      var allMoments = layer.moments
      var memories: [Matrix] = []
      for direction in weights.indices {
        let name = "lstm.\(index).\(direction)"
        weights[direction].inputWeight = matrix("\(name).input")
        weights[direction].recurrentWeight = matrix("\(name).recurrent")
        weights[direction].bias = matrix("\(name).bias")
        for (place, part) in ["input", "recurrent", "bias"].enumerated() {
          allMoments[direction][place] = moments("\(name).\(part)", allMoments[direction][place])
        }
        memories.append(matrix("\(name).memory"))
      }
      layer.restore(weights: weights, moments: allMoments, memories: memories)
    }
    output = Linear(weight: matrix("output.weight"), bias: matrix("output.bias"))
    outputMoments = [
      moments("output.weight", outputMoments[0]), moments("output.bias", outputMoments[1]),
    ]
    self.step = step
    if let average {
      average.restore(average.values.indices.compactMap { saved["average.\($0)"] }, step: step)
    }
  }
}
