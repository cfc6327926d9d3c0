// The images task for the training loop: batches of images, steps, evaluation, checkpoints.

import Foundation
import MePropCore
import MePropData
import MePropNN
import MePropTraining

/// Trains a network to tell images apart.
public final class ImagesTask: NetworkTask {
  /// `images`.
  public let name: String = Images.name
  /// `images`.
  public let exampleUnit = "images"

  /// What is trained with.
  public let settings: ImagesSettings
  /// The images.
  public let data: ImageData
  /// Trains the network.
  public let trainer: Trainer<ImageNetwork, SoftmaxCrossEntropy>
  private var evaluator: ImageEvaluator
  var order: ExampleOrder
  private var batch: ImageBatch
  private var lastEvaluations: [EvaluationSplit: DigitsEvaluation] = [:]

  /// Creates the task at the start of a run.
  ///
  /// - Parameters:
  ///   - settings: What to train with, resolved for these images.
  ///   - data: The images.
  ///   - context: Where to compute.
  /// - Throws: `LayerText.Problem` where settings were not resolved for these images.
  public init(settings: ImagesSettings, data: ImageData, context: ComputeContext) throws {
    self.settings = settings
    self.data = data
    fingerprint = data.fingerprint
    let shape = data.training.shape
    let network = try ImageNetworkPlan(settings.layers).makeNetwork(
      shape, classCount: data.training.classes.count, initialization: settings.initialization,
      seed: settings.steps.seed)
    trainer = settings.steps.makeTrainer(
      network, loss: SoftmaxCrossEntropy(), context: context)
    evaluator = ImageEvaluator(shape, context: context)
    order = settings.steps.makeOrder(exampleCount: data.training.count)
    batch = ImageBatch(shape)
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
    try trainStep(step, ofEpoch: epoch, settings.steps) { examples, start, weights in
      fillBatch(examples, from: start, step: step, epoch: epoch)
      return TrainingBatch(batch.input, batch.labels, weights: weights)
    }
  }

  /// Gathers examples of a step, the first of which is number `start` of it.
  private func fillBatch(_ examples: ArraySlice<UInt32>, from start: Int, step: Int, epoch: Int) {
    guard settings.augmentation.isActive else {
      return batch.fill(data.training, examples, trainer.context)
    }
    // Each shard has numbers of its own.
    var random = Philox(
      seed: settings.steps.seed,
      stream: RandomPurpose.task.stream(start << 36 + (epoch - 1) * stepsPerEpoch + step + 1))
    batch.fill(data.training, examples, settings.augmentation, using: &random)
  }

  /// The confusion of classes in the last evaluation.
  public func confusion(_ split: EvaluationSplit) -> ConfusionMatrix? {
    lastEvaluations[split]?.confusionMatrix
  }

  /// The accuracy in percent and the mean loss on images that are not trained on.
  ///
  /// - Throws: `WorkInterrupted` where a signal asks the run to stop.
  public func evaluate(_ split: EvaluationSplit) throws -> Evaluation? {
    let evaluation = try evaluator.evaluate(
      trainer.model, on: split == .dev ? data.development : data.test, in: trainer.processes)
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
    let shape = data.training.shape
    let isCatalogued = DataCatalogue.all.contains { $0.name == settings.data }
    try ImagesModel(
      network: trainer.model,
      details: .init(
        layers: settings.layers, classes: data.training.classes, imageRows: shape.height,
        imageColumns: shape.width, imageChannels: shape.channels,
        scalesImages: settings.options.size != nil, pixelScale: ImageBatch.pixelScale,
        data: isCatalogued
          ? settings.data : data.folder?.standardizedFileURL.path ?? settings.data,
        developmentShare: settings.options.developmentShare,
        testShare: settings.options.testShare, splitSeed: settings.options.splitSeed)
    ).write(to: folder)
  }
}

extension ImageData {
  /// A number that differs for other images: a hash of shape, pixels and labels of training and
  /// development images.
  fileprivate var fingerprint: Int {
    var print = DataFingerprint()
    for side in [training.shape.height, training.shape.width, training.shape.channels] {
      print.add(side)
    }
    for part in [training, development] {
      part.pixels.withUnsafeBytes { print.add(bytes: $0) }
      part.labels.withUnsafeBytes { print.add(bytes: $0) }
    }
    return print.value
  }
}
