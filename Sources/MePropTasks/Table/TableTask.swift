// The table task for the training loop: batches of rows, steps, evaluation, checkpoints.

import Foundation
import MePropCore
import MePropData
import MePropNN
import MePropTraining

/// Trains a multilayer perceptron on the rows of a table.
public final class TableTask: NetworkTask {
  /// `table`.
  public let name: String = Table.name
  /// `rows`.
  public let exampleUnit = "rows"

  /// What is trained with.
  public let settings: TableSettings
  /// The rows.
  public let data: TableData
  /// Trains the network.
  public let trainer: Trainer<TableNetwork, TableLoss>
  private let evaluator: TableEvaluator
  private var batch: TableBatch
  /// The chunks in the order of the epoch, and the first step of each.
  private var chunks: [(chunk: Int, firstStep: Int)] = []
  private var epoch = 1
  /// The rows of the chunk in memory, in the order of the epoch.
  private var order: [UInt32] = []
  private var orderedChunk: (chunk: Int, epoch: Int)?
  private var lastEvaluations: [EvaluationSplit: TableEvaluation] = [:]

  /// Creates the task at the start of a run.
  ///
  /// - Parameters:
  ///   - settings: What to train with.
  ///   - data: The rows.
  ///   - context: Where to compute.
  /// - Throws: What reading rows throws.
  public init(settings: TableSettings, data: TableData, context: ComputeContext) throws {
    self.settings = settings
    self.data = data
    fingerprint = try data.fingerprint()
    let schema = data.schema
    let network = schema.makeNetwork(
      hiddenSizes: settings.hiddenSizes, activation: settings.activation,
      isResidual: settings.isResidual, dropout: settings.dropout, seed: settings.steps.seed)
    let loss: TableLoss =
      switch schema.target.kind {
      case .classes:
        .classes(
          SoftmaxCrossEntropy(
            classWeights: settings.isBalanced ? Self.balanced(data.classCounts) : []))
      case .labels:
        .labels(
          BinaryCrossEntropy(
            classWeights: settings.isBalanced ? Self.balanced(data.classCounts) : []))
      case .number: .number(SquaredError())
      }
    trainer = settings.steps.makeTrainer(network, loss: loss, context: context)
    evaluator = TableEvaluator(schema, context: context)
    batch = TableBatch(schema, TableFeatures(schema))
  }

  /// Weights that make all classes count alike, with a mean of 1 over rows.
  private static func balanced(_ counts: [Int]) -> [Float] {
    let present = counts.filter { $0 > 0 }
    let total = present.reduce(0, +)
    return counts.map {
      $0 == 0 ? 1 : Float(Double(total) / Double(present.count) / Double($0))
    }
  }

  // MARK: Training

  /// The number of batches, the short ones included: no batch has rows of two chunks.
  public var stepsPerEpoch: Int {
    data.training.chunkCounts.reduce(0) { $0 + settings.steps.stepsPerEpoch(exampleCount: $1) }
  }

  /// Shuffles the chunks, if there are several: their order is a function of seed and epoch.
  public func beginEpoch(_ epoch: Int) {
    self.epoch = epoch
    var order = (0..<data.training.chunkCounts.count).map(UInt32.init)
    var random = Philox(seed: settings.steps.seed, stream: RandomPurpose.order.stream(epoch))
    if order.count > 1 { random.shuffle(&order) }
    chunks.removeAll(keepingCapacity: true)
    var step = 0
    for chunk in order {
      chunks.append((Int(chunk), step))
      step += settings.steps.stepsPerEpoch(
        exampleCount: data.training.chunkCounts[Int(chunk)])
    }
  }

  /// Does one step on the rows that the order of the epoch gives it.
  ///
  /// - Throws: `NonFiniteError`, and what reading a chunk throws.
  public func trainStep(_ step: Int, ofEpoch epoch: Int) throws -> StepReport {
    let start = Clock.now()
    let place = chunks.lastIndex { $0.firstStep <= step } ?? 0
    try shuffle(chunks[place].chunk)
    let examples = settings.steps.examples(
      ofStep: step - chunks[place].firstStep, of: order.count)
    return try trainStep(
      ofExamples: examples.count, isWeighted: batch.hasWeights || settings.isBalanced,
      step: step, epoch: epoch,
      learningRateFactor: settings.steps.learningRateFactor(
        step: step, epoch: epoch, stepsPerEpoch: stepsPerEpoch), since: start
    ) { part in
      batch.fill(order[examples][from: part], of: data.training)
      return TrainingBatch(batch.input, batch.targets, weights: batch.weights)
    }
  }

  /// Brings a chunk into memory and shuffles it: its order is a function of seed, epoch and chunk.
  private func shuffle(_ chunk: Int) throws {
    try data.training.load(chunk)
    if let orderedChunk, orderedChunk == (chunk, epoch) { return }
    orderedChunk = (chunk, epoch)
    let count = data.training.chunkCounts[chunk]
    if order.count != count { order = Array(repeating: 0, count: count) }
    for index in order.indices { order[index] = UInt32(index) }
    var random = Philox(
      seed: settings.steps.seed,
      stream: RandomPurpose.order.stream(epoch + (chunk + 1) << 32))
    random.shuffle(&order)
  }

  // MARK: Evaluation

  /// The confusion of classes in the last evaluation.
  public func confusion(_ split: EvaluationSplit) -> ConfusionMatrix? {
    lastEvaluations[split]?.confusionMatrix
  }

  /// The figures on rows that are not trained on; `nil` where there are none.
  ///
  /// - Throws: What reading rows throws.
  public func evaluate(_ split: EvaluationSplit) throws -> Evaluation? {
    guard let rows = split == .dev ? data.development : data.test, rows.count > 0 else {
      return nil
    }
    let evaluation = try evaluator.evaluate(trainer.model, on: rows)
    lastEvaluations[split] = evaluation
    return evaluation.evaluation
  }

  // MARK: State

  /// Of the training rows.
  public let fingerprint: Int

  /// Writes the model of the current weights.
  ///
  /// - Throws: `FileWriteError`.
  public func writeModel(to folder: URL) throws {
    try TableModel(of: self).write(to: folder)
  }
}
