// What is kept of an epoch: in checkpoints, metrics.jsonl, TensorBoard and `--json`.

import MePropNN

/// The figures of one epoch.
public struct EpochRecord: Sendable, Codable, Equatable {
  /// The epoch, from 1.
  public var epoch: Int
  /// Time spent in training, by phase.
  public var seconds: PhaseSeconds
  /// The mean loss per example, in nats, while the weights changed.
  public var trainLoss: Double
  /// The number of examples trained on.
  public var exampleCount: Int
  /// What an example is called, plural.
  public var exampleUnit: String
  /// The evaluation on development data after the epoch.
  public var dev: Evaluation?
  /// The evaluation on test data after the epoch.
  public var test: Evaluation?
  /// What selection did, by layer, as means over the epoch's steps.
  public var layers: [LayerReport]
  /// What was cut out of the network; `nil` for nothing.
  public var cuts: [UnitCut]?
  /// The bytes that the first process sent to others while training; `nil` for none.
  public var bytesSent: Int?

  /// Creates a record.
  public init(
    epoch: Int, seconds: PhaseSeconds, trainLoss: Double, exampleCount: Int, exampleUnit: String,
    dev: Evaluation?, test: Evaluation?, layers: [LayerReport]
  ) {
    self.epoch = epoch
    self.seconds = seconds
    self.trainLoss = trainLoss
    self.exampleCount = exampleCount
    self.exampleUnit = exampleUnit
    self.dev = dev
    self.test = test
    self.layers = layers
  }

  /// Examples trained on in a second of training.
  public var examplesPerSecond: Double {
    seconds.total > 0 ? Double(exampleCount) / seconds.total : 0
  }
}

extension Sequence<EpochRecord> {
  /// The epoch of the highest first dev figure; of equals the first.
  ///
  /// Where there are no development data, the last epoch. Where units were cut, of the epochs since
  /// the last cuts: those before had a larger network.
  public var best: EpochRecord? { reduce(nil, EpochRecord.better) }
}

extension EpochRecord {
  /// The best epoch of those before, if there were any, and of the next one.
  static func better(_ best: EpochRecord?, _ record: EpochRecord) -> EpochRecord {
    guard let best, record.cuts?.isEmpty ?? true, let old = best.dev?.primary,
      let new = record.dev?.primary
    else { return record }
    return new > old ? record : best
  }
}

/// When a run ends.
public struct StoppingRule: Sendable, Equatable {
  /// The number of epochs at most, at least 1.
  public var epochs: Int
  /// Stops after this many epochs in a row without a better dev figure; `nil` for never.
  public var patience: Int?
  /// Stops after the first epoch whose first dev figure is at least this; `nil` for never.
  public var target: Double?

  /// Creates a rule; `epochs` and `patience` must be at least 1.
  public init(epochs: Int, patience: Int? = nil, target: Double? = nil) {
    precondition(epochs >= 1, "StoppingRule: epochs must be at least 1, found \(epochs)")
    precondition(
      patience ?? 1 >= 1, "StoppingRule: patience must be at least 1, found \(patience ?? 0)")
    self.epochs = epochs
    self.patience = patience
    self.target = target
  }

  /// Returns why a run with these epochs ends, or `nil` if it goes on.
  ///
  /// Depends on nothing but the history, so a resumed run stops where an uninterrupted one does.
  public func outcome(after history: [EpochRecord]) -> TrainingOutcome? {
    outcome(after: history, best: history.best)
  }

  /// The same, with the best of the epochs known.
  func outcome(after history: [EpochRecord], best: EpochRecord?) -> TrainingOutcome? {
    if let target, let figure = history.last?.dev?.primary, figure >= target {
      return .reachedTarget
    }
    if history.count >= epochs { return .finished }
    if let patience, let best, history.count - best.epoch >= patience {
      return .stoppedEarly
    }
    return nil
  }
}

/// How a run ended.
public enum TrainingOutcome: Sendable, Equatable {
  /// After the last epoch.
  case finished
  /// After too many epochs without a better dev figure.
  case stoppedEarly
  /// After the first epoch that was good enough.
  case reachedTarget
  /// On a signal, which can be resumed.
  case interrupted(signal: Int32)
}

/// The result of a run.
public struct TrainingResult: Sendable, Equatable {
  /// How it ended.
  public var outcome: TrainingOutcome
  /// All epochs, those before a resumption included.
  public var history: [EpochRecord]
  /// The next step, if the run were to go on.
  public var position: TrainingPosition
  /// The best epoch, by the first dev figure.
  public var best: EpochRecord? { history.best }

  /// Creates a result.
  public init(
    outcome: TrainingOutcome, history: [EpochRecord], position: TrainingPosition
  ) {
    self.outcome = outcome
    self.history = history
    self.position = position
  }
}
