// The digits task for the training loop: batches of images, steps, evaluation, checkpoints.

import Foundation
import MePropCore
import MePropData
import MePropNN
import MePropTraining

/// Trains a multilayer perceptron to tell images of digits, or of anything else, apart.
public final class DigitsTask: TrainingTask {
  /// `digits`.
  public let name: String = DigitsTask.taskName
  /// `images`.
  public let exampleUnit = "images"
  /// The task's name.
  public static let taskName = Digits.name
  /// What pixels are multiplied by: inputs are in 0...1.
  public static let pixelScale: Float = 1 / 255

  /// What is trained with.
  public let settings: DigitsSettings
  /// The images.
  public let data: DigitsData
  private let context: ComputeContext
  private let trainer: MLPTrainer
  private let evaluator: DigitsEvaluator
  private let inOrder: [UInt32]
  private var order: [UInt32]
  private var input: Matrix
  private var labels: [Int32] = []
  private var lastEvaluations: [EvaluationSplit: DigitsEvaluation] = [:]

  /// Creates the task at the start of a run.
  ///
  /// - Parameters:
  ///   - settings: What to train with.
  ///   - data: The images; labels are below `settings.classCount`.
  ///   - context: Where to compute.
  public init(settings: DigitsSettings, data: DigitsData, context: ComputeContext) {
    precondition(
      data.training.classCount == settings.classCount,
      "DigitsTask: data of \(data.training.classCount) classes, settings of \(settings.classCount)")
    self.settings = settings
    self.data = data
    self.context = context
    trainer = Self.makeTrainer(
      settings, inputSize: data.training.pixelsPerImage, context: context)
    evaluator = DigitsEvaluator(
      inputSize: data.training.pixelsPerImage, precision: settings.precision, context: context)
    inOrder = Array(0..<UInt32(data.training.count))
    order = inOrder
    input = Matrix(rowCount: 0, columnCount: data.training.pixelsPerImage)
  }

  private static func makeTrainer(
    _ settings: DigitsSettings, inputSize: Int, context: ComputeContext
  ) -> MLPTrainer {
    let network = MLP(
      inputSize: inputSize, hiddenSizes: settings.hiddenSizes, outputSize: settings.classCount,
      activation: settings.activation, initialization: settings.initialization,
      seed: settings.seed)
    return MLPTrainer(
      network, optimizer: settings.optimizer, selectionByLayer: settings.selectionByLayer,
      schedule: settings.schedule, dropout: settings.dropout, precision: settings.precision,
      seed: settings.seed, context: context)
  }

  /// The network in its current state.
  public var network: MLP { trainer.network }

  // MARK: Training

  /// The number of batches, the short one included.
  public var stepsPerEpoch: Int {
    (order.count + settings.batchSize - 1) / settings.batchSize
  }

  /// Shuffles the images: their order is a function of seed and epoch.
  public func beginEpoch(_ epoch: Int) {
    for index in order.indices { order[index] = inOrder[index] }
    var random = Philox(seed: settings.seed, stream: RandomPurpose.order.stream(epoch))
    random.shuffle(&order)
  }

  /// Does one step on the images that the order of the epoch gives it.
  ///
  /// - Throws: `NonFiniteError`.
  public func trainStep(_ step: Int, ofEpoch epoch: Int) throws -> StepReport {
    let clock = ContinuousClock()
    let start = clock.now
    fillBatch(step)
    var seconds = PhaseSeconds()
    seconds.data = start.duration(to: clock.now).inSeconds
    trainer.times = PhaseTimes()
    let stepCount = settings.stopping.epochs * stepsPerEpoch
    trainer.learningRateFactor = settings.learningRateSchedule.factor(
      progress: Double(trainer.step) / Double(stepCount))
    let loss = try trainer.train(input, labels: labels, epoch: epoch)
    let times = trainer.times
    seconds.forward = times.forward
    seconds.backward = times.backward
    seconds.selection = times.selection
    seconds.products = times.products
    seconds.optimizer = times.optimizer
    return StepReport(lossSum: loss, exampleCount: labels.count, seconds: seconds)
  }

  private func fillBatch(_ step: Int) {
    let start = step * settings.batchSize
    let examples = order[start..<min(start + settings.batchSize, order.count)]
    input.setRowCount(examples.count)
    context.gather(
      data.training.pixels, examples: examples, scale: Self.pixelScale, into: &input)
    labels.removeAll(keepingCapacity: true)
    for example in examples { labels.append(Int32(data.training.labels[Int(example)])) }
  }

  /// One entry a layer, `layers.0` first, the output layer included.
  public func takeLayerReports() -> [LayerReport] {
    trainer.takeStatistics().enumerated().map { index, statistics in
      LayerReport(
        name: MLP.layerName(index), touchedRows: statistics.meanTouchedRows,
        keptMagnitude: statistics.meanKeptMagnitude)
    }
  }

  /// One entry a layer, the output layer included.
  public func takeTallies() -> [LayerTally] { trainer.takeTallies() }

  /// The confusion of classes in the last evaluation.
  public func confusion(_ split: EvaluationSplit) -> ConfusionMatrix? {
    lastEvaluations[split]?.confusionMatrix
  }

  /// The accuracy in percent and the mean loss on images that are not trained on.
  public func evaluate(_ split: EvaluationSplit) -> Evaluation? {
    let images = split == .dev ? data.development : data.test
    let evaluation = evaluator.evaluate(network, on: images, scale: Self.pixelScale)
    lastEvaluations[split] = evaluation
    return evaluation.evaluation
  }

  // MARK: State

  /// The trainer's matrices, its step, and a fingerprint of the data.
  public func checkpointTensors() -> (tensors: [NamedTensor], counters: [String: Int]) {
    (
      TrainerCheckpoint.tensors(trainer.state),
      ["step": trainer.step, "data": data.fingerprint]
    )
  }

  /// Takes such a state back.
  ///
  /// - Throws: `CheckpointError`.
  public func restore(tensors: [NamedTensor], counters: [String: Int]) throws {
    let step = try TrainerCheckpoint.counter("step", in: counters)
    try TrainerCheckpoint.checkData(data.fingerprint, counters, examples: "images")
    let matrices = try tensors.map { tensor in
      guard tensor.shape.count == 2 else {
        throw CheckpointError(
          .shapeMismatch(name: tensor.name, expected: [0, 0], found: tensor.shape))
      }
      return NamedMatrix(
        tensor.name,
        Matrix(
          rowCount: tensor.shape[0], columnCount: tensor.shape[1], elements: tensor.values))
    }
    do {
      try trainer.restore(matrices, step: step)
    } catch {
      switch error {
      case .missing(let name): throw CheckpointError(.missingTensor(name))
      case .unexpected(let name): throw CheckpointError(.unexpectedTensor(name))
      case .shapeMismatch(let name, let expected, let found):
        throw CheckpointError(.shapeMismatch(name: name, expected: expected, found: found))
      }
    }
  }

  /// Writes the model of the current weights.
  ///
  /// - Throws: `FileWriteError`.
  public func writeModel(to folder: URL) throws {
    let isCatalogued = DataCatalogue.all.contains { $0.name == settings.data }
    try DigitsModel(
      network: network, imageRows: data.training.rows, imageColumns: data.training.columns,
      pixelScale: Self.pixelScale, dataSet: isCatalogued ? settings.data : nil,
      developmentCount: settings.developmentCount, precision: settings.precision
    ).write(to: folder)
  }
}
