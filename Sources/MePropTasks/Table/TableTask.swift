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
  /// Where rows are not divided: of each chunk, in the order of the epoch, the first step, the
  /// first row's place, and how many rows there are.
  private var chunks: [(firstStep: Int, start: Int, count: Int)] = []
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
    fingerprint = data.fingerprint
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

  /// The number of batches, the short ones included: no batch has rows of two chunks, unless rows
  /// are divided among shards.
  public var stepsPerEpoch: Int {
    if let division = data.division {
      return division.stepsPerEpoch(batchSize: settings.steps.batchSize)
    }
    return data.shards[0].training.chunkCounts.reduce(0) {
      $0 + settings.steps.stepsPerEpoch(exampleCount: $1)
    }
  }

  /// Cuts batches into shards, where rows are divided into as many as they were divided into.
  ///
  /// - Throws: `ShardingError`.
  public func shard(into count: Int, communicator: any Communicator) throws {
    if let division = data.division {
      precondition(
        count == division.counts.count,
        "TableTask.shard: \(count) shards, but rows are divided into \(division.counts.count)")
    }
    try trainer.shard(into: count, communicator: communicator)
  }

  /// Begins the epoch's order of rows.
  public func beginEpoch(_ epoch: Int) {
    for shard in data.shards { shard.beginEpoch(epoch) }
    chunks.removeAll(keepingCapacity: true)
    var (step, start) = (0, 0)
    for count in data.shards[0].chunkCounts {
      chunks.append((step, start, count))
      step += settings.steps.stepsPerEpoch(exampleCount: count)
      start += count
    }
  }

  /// Does one step on the rows that the order of the epoch gives it.
  ///
  /// - Throws: `NonFiniteError`, and what reading a chunk throws.
  public func trainStep(_ step: Int, ofEpoch epoch: Int) throws -> StepReport {
    let start = Clock.now()
    let stepCount = stepsPerEpoch
    let isWeighted = batch.hasWeights || settings.isBalanced
    let factor = settings.steps.learningRateFactor(
      step: step, epoch: epoch, stepsPerEpoch: stepCount)
    if let division = data.division {
      let counts = division.counts.indices.map {
        division.places(ofShard: $0, step: step, of: stepCount)
      }
      return try trainStep(
        onShards: counts.map(\.count), isWeighted: isWeighted, step: step, epoch: epoch,
        learningRateFactor: factor, since: start
      ) { shard in
        let own = division.own
        precondition(
          own.contains(shard), "TableTask: shard \(shard), but this process has rows of \(own)")
        return try gather(counts[shard], of: data.shards[shard - own.lowerBound])
      }
    }
    let chunk = chunks.last { $0.firstStep <= step } ?? (0, 0, 0)
    let examples = settings.steps.examples(ofStep: step - chunk.firstStep, of: chunk.count)
    return try trainStep(
      ofExamples: examples.count, isWeighted: isWeighted, step: step, epoch: epoch,
      learningRateFactor: factor, since: start
    ) { part in
      let first = chunk.start + examples.lowerBound
      return try gather(
        first + part.lowerBound..<first + part.upperBound, of: data.shards[0])
    }
  }

  private func gather(
    _ places: Range<Int>, of shard: TableShard
  ) throws -> TrainingBatch<SparseRows, TableTargets> {
    try shard.gather(places, into: &batch)
    return TrainingBatch(batch.input, batch.targets, weights: batch.weights)
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
    guard (split == .dev ? data.developmentCount : data.testCount) > 0 else { return nil }
    let rows = data.shards.map { split == .dev ? $0.development : $0.test }
    let evaluation =
      try data.division.map {
        try evaluator.evaluate(trainer.model, on: rows, in: $0.processes)
      } ?? evaluator.evaluate(trainer.model, on: rows[0])
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
