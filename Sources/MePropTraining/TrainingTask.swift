// The contract between a task (digits, tagger, parser) and the training loop, DESIGN.md section 2.

import Foundation
import MePropCore
import MePropNN

/// A set of held-out examples that a task can be evaluated on.
public enum EvaluationSplit: String, Sendable, Codable, CaseIterable {
  /// Development data: chooses the best epoch.
  case dev
  /// Test data: only ever reported.
  case test
}

/// The measured result of one evaluation: named figures in the task's own order.
///
/// Shares (accuracy, UAS, …) are in percent; losses are means per example in nats.
public struct Evaluation: Sendable, Equatable, Codable {
  /// One named figure, for example `accuracy`, `98.1`.
  public struct Metric: Sendable, Equatable, Codable {
    /// The key under which the figure appears in JSON and in log lines.
    public var name: String
    /// The figure.
    public var value: Double

    /// Creates a named figure.
    public init(_ name: String, _ value: Double) {
      self.name = name
      self.value = value
    }
  }

  /// The figures in the order in which they are printed.
  ///
  /// The first decides which epoch is best; higher is better.
  public var metrics: [Metric]

  /// Creates a result from its figures; `metrics` must not be empty.
  public init(_ metrics: [Metric]) {
    precondition(!metrics.isEmpty, "Evaluation: needs at least one metric, found none")
    self.metrics = metrics
  }

  /// The figure that decides which epoch is best.
  public var primary: Double { metrics[0].value }
}

/// What one training step reports to the loop.
public struct StepReport: Sendable {
  /// The loss added up over the examples of the step, in nats.
  public var lossSum: Double
  /// The number of examples the loss is a sum over (images, words, transitions).
  public var exampleCount: Int
  /// Seconds spent, by phase (`total` is left 0: the loop measures it).
  public var seconds: PhaseSeconds
  /// The bytes that this process sent to others.
  public var bytesSent = 0
  /// What was cut out of the network after the step, a record a layer.
  public var cuts: [UnitCut] = []

  /// Creates the report of a step.
  public init(lossSum: Double, exampleCount: Int, seconds: PhaseSeconds) {
    self.lossSum = lossSum
    self.exampleCount = exampleCount
    self.seconds = seconds
  }
}

/// What selection did in one layer, as means over the steps of an epoch.
public struct LayerReport: Sendable, Codable, Equatable {
  /// The layer's dotted name, for example `hidden.0`.
  public var name: String
  /// The number of weight rows updated, a mean per step.
  public var touchedRows: Double
  /// The share of Σ|dy| that selection kept, in 0...1.
  public var keptMagnitude: Double

  /// Creates the report of a layer.
  public init(name: String, touchedRows: Double, keptMagnitude: Double) {
    self.name = name
    self.touchedRows = touchedRows
    self.keptMagnitude = keptMagnitude
  }
}

/// What the training loop needs of a task.
///
/// The loop knows nothing of digits or trees.
///
/// All randomness of a task is a function of its seed, the epoch and the step, so a checkpoint
/// holds tensors, integers and the position only, and a resumed run equals an uninterrupted one bit
/// for bit.
public protocol TrainingTask: AnyObject {
  /// The task's name in the command line, file names and JSON, for example `digits`.
  var name: String { get }
  /// What an example is called in rates, plural, for example `images`, `words`.
  var exampleUnit: String { get }
  /// The number of steps in an epoch, at least 1.
  var stepsPerEpoch: Int { get }
  /// Prepares the order of examples of an epoch, counted from 1.
  ///
  /// Called also when a run resumes within the epoch.
  func beginEpoch(_ epoch: Int) throws
  /// Does step `step` (from 0) of `epoch` (from 1): data, forward, backward, update.
  func trainStep(_ step: Int, ofEpoch epoch: Int) throws -> StepReport
  /// Cuts batches into shards, which the processes of `communicator` compute; called before the
  /// first step.
  ///
  /// Results depend on the number of shards, and not on the number of processes.
  ///
  /// - Throws: `ShardingError`.
  func shard(into count: Int, communicator: any Communicator) throws
  /// Returns what selection did since the last call, and starts afresh.
  ///
  /// One entry a layer that can be sparsified, always in the same order.
  func takeLayerReports() -> [LayerReport]
  /// Returns what was counted since the last call, and starts afresh.
  ///
  /// One entry a layer with products, always in the same order; where layers have reports of
  /// `takeLayerReports`, under the same names. None where the task does not count.
  func takeTallies() -> [LayerTally]
  /// Evaluates the current weights; `nil` where the task has no such data.
  func evaluate(_ split: EvaluationSplit) throws -> Evaluation?
  /// How often classes were taken for each other in the last evaluation on `split`.
  ///
  /// `nil` where there was none, or where the task does not tell classes apart.
  func confusion(_ split: EvaluationSplit) -> ConfusionMatrix?
  /// Returns what must survive a restart: weights, optimizer moments, unit memories, step counters.
  func checkpointTensors() -> (tensors: [NamedTensor], counters: [String: Int])
  /// Takes such a state back.
  ///
  /// - Throws: `CheckpointError` naming the tensor or counter that is missing or does not fit.
  func restore(tensors: [NamedTensor], counters: [String: Int]) throws
  /// Writes the model for `evaluate` and `predict` into an existing, empty folder.
  func writeModel(to folder: URL) throws
}

extension TrainingTask {
  /// Refuses.
  public func shard(into count: Int, communicator: any Communicator) throws {
    throw ShardingError.setting("the task \(name)")
  }
  /// Nothing.
  public func takeTallies() -> [LayerTally] { [] }
  /// Nothing.
  public func confusion(_ split: EvaluationSplit) -> ConfusionMatrix? { nil }
}
