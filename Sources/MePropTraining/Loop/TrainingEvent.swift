// What the loop tells recorders, and nothing else connects them.

import Foundation
import MePropNN

/// What is known when a run starts.
public struct RunStart: Sendable {
  /// The task's name.
  public var task: String
  /// What an example is called, plural.
  public var exampleUnit: String
  /// The run folder, if there is one.
  public var folder: URL?
  /// The complete configuration, if there is one.
  public var configuration: Configuration?
  /// Lines on the model, the data and the machine, for people.
  public var description: [String]
  /// The number of epochs at most.
  public var epochs: Int
  /// The number of steps in an epoch.
  public var stepsPerEpoch: Int
  /// Where the run starts; the default position unless it is resumed.
  public var position: TrainingPosition
  /// The epochs done before.
  public var history: [EpochRecord]
  /// What was cut in the epoch that is gone on with, before its interruption.
  public var cuts: [UnitCut]

  /// Creates what is known at the start.
  package init(
    task: String, exampleUnit: String, folder: URL?, configuration: Configuration?,
    description: [String], epochs: Int, stepsPerEpoch: Int, position: TrainingPosition,
    history: [EpochRecord], cuts: [UnitCut] = []
  ) {
    self.task = task
    self.exampleUnit = exampleUnit
    self.folder = folder
    self.configuration = configuration
    self.description = description
    self.epochs = epochs
    self.stepsPerEpoch = stepsPerEpoch
    self.position = position
    self.history = history
    self.cuts = cuts
  }

  /// The number of steps done before, over all epochs.
  public var stepsDone: Int { (position.epoch - 1) * stepsPerEpoch + position.step }
}

/// How far an epoch is.
public struct TrainingProgress: Sendable, Equatable {
  /// The epoch, from 1.
  public var epoch: Int
  /// The number of epochs at most.
  public var epochs: Int
  /// Steps done in the epoch.
  public var step: Int
  /// The number of steps in an epoch.
  public var stepsPerEpoch: Int
  /// The mean loss per example of the epoch so far, in nats.
  public var meanLoss: Double
  /// The number of examples of the epoch so far.
  public var exampleCount: Int
  /// Seconds of training in the epoch so far.
  public var seconds: Double
}

/// Something that happened in a run.
public enum TrainingEvent: Sendable {
  /// The first event of a run.
  case runStarted(RunStart)
  /// An epoch begins, or goes on after a resumption.
  case epochStarted(epoch: Int)
  /// Some steps were done; sent about ten times a second.
  case progress(TrainingProgress)
  /// Units were cut out of the network, a record a layer.
  case unitsCut([UnitCut], epoch: Int)
  /// What was counted in an epoch; comes before its end is told.
  case epochDetailed(
    EpochDetails, confusions: [EvaluationSplit: ConfusionMatrix], isBest: Bool)
  /// An epoch was trained and evaluated.
  case epochEnded(EpochRecord, isBest: Bool)
  /// A checkpoint is on the disk.
  case checkpointSaved(URL, position: TrainingPosition, seconds: Double)
  /// The run ended as it should.
  case finished(TrainingResult)
  /// The run was stopped by a signal.
  case interrupted(signal: Int32, TrainingResult)
  /// The run failed, with the error's line.
  case failed(String)
}

/// Something that listens to a run, such as a progress bar or a file of figures.
public protocol Recorder: AnyObject {
  /// Takes note of an event; what it throws ends the run.
  func record(_ event: TrainingEvent) throws
}
