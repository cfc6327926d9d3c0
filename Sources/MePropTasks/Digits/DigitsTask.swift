// The digits task for the training loop: batches of images, steps, evaluation, checkpoints.

import Foundation
import MePropCore
import MePropData
import MePropNN
import MePropTraining

/// Trains a multilayer perceptron to tell images of digits, or of anything else, apart.
public final class DigitsTask: NetworkTask {
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
  /// Trains the network.
  public let trainer: Trainer<DigitsNetwork, SoftmaxCrossEntropy>
  private let evaluator: DigitsEvaluator
  var order: ExampleOrder
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
    fingerprint = data.fingerprint
    var layers = Stack.perceptron(
      [data.training.pixelsPerImage] + settings.layerSizes, activation: settings.activation,
      dropout: settings.dropout, precision: settings.precision,
      initialization: settings.initialization, seed: settings.steps.seed)
    if settings.selectsInOutputLayer {
      layers.layers[layers.layers.count - 1].selector.policy = settings.steps.selection
    }
    trainer = settings.steps.makeTrainer(
      layers.named("layers"), loss: SoftmaxCrossEntropy(), context: context)
    evaluator = DigitsEvaluator(inputSize: data.training.pixelsPerImage, context: context)
    order = settings.steps.makeOrder(exampleCount: data.training.count)
    input = Matrix(rowCount: 0, columnCount: data.training.pixelsPerImage)
  }

  // MARK: Training

  /// The number of batches, the short one included.
  public var stepsPerEpoch: Int {
    settings.steps.stepsPerEpoch(exampleCount: order.examples.count)
  }

  /// Shuffles the images.
  public func beginEpoch(_ epoch: Int) { order.begin(epoch) }

  /// Does one step on the images that the order of the epoch gives it.
  ///
  /// - Throws: `NonFiniteError`.
  public func trainStep(_ step: Int, ofEpoch epoch: Int) throws -> StepReport {
    try trainStep(step, ofEpoch: epoch, settings.steps) { examples, _, weights in
      fillBatch(examples)
      return TrainingBatch(input, labels, weights: weights)
    }
  }

  private func fillBatch(_ examples: ArraySlice<UInt32>) {
    input.setRowCount(examples.count)
    trainer.context.gather(
      data.training.pixels, examples: examples, scale: Self.pixelScale, into: &input)
    labels.removeAll(keepingCapacity: true)
    for example in examples { labels.append(Int32(data.training.labels[Int(example)])) }
  }

  /// The confusion of classes in the last evaluation.
  public func confusion(_ split: EvaluationSplit) -> ConfusionMatrix? {
    lastEvaluations[split]?.confusionMatrix
  }

  /// The accuracy in percent and the mean loss on images that are not trained on.
  ///
  /// - Throws: `WorkInterrupted` where a signal asks the run to stop.
  public func evaluate(_ split: EvaluationSplit) throws -> Evaluation? {
    let images = split == .dev ? data.development : data.test
    let evaluation = try evaluator.evaluate(
      trainer.model, on: images, scale: Self.pixelScale, in: trainer.processes)
    lastEvaluations[split] = evaluation
    return evaluation.evaluation
  }

  // MARK: State

  /// The order of the images.
  public var exampleOrder: ExampleOrder? {
    get { order }
    set { if let newValue { order = newValue } }
  }

  /// Of the images that are trained on and that choose the best epoch.
  public let fingerprint: Int

  /// Writes the model of the current weights.
  ///
  /// - Throws: `FileWriteError`.
  public func writeModel(to folder: URL) throws {
    try writeModels(to: folder) { network, folder in
      try DigitsModel(
        network: network, imageRows: data.training.rows, imageColumns: data.training.columns,
        pixelScale: Self.pixelScale, dataSet: settings.data,
        developmentCount: settings.developmentCount
      ).write(to: folder)
    }
  }
}
