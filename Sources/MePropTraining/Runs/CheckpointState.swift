// What a checkpoint holds besides tensors: state.json.

import Foundation
import MePropCore
import MePropNN

/// Where a run stands: the next step to do.
public struct TrainingPosition: Sendable, Codable, Equatable {
  /// The epoch of the next step, from 1; one more than the epochs done when between epochs.
  public var epoch: Int
  /// The next step within the epoch, from 0.
  public var step: Int

  /// Creates a position; the default is the start of a run.
  public init(epoch: Int = 1, step: Int = 0) {
    self.epoch = epoch
    self.step = step
  }
}

/// Sums over the steps of an epoch that is under way.
public struct EpochProgress: Sendable, Codable, Equatable {
  /// The loss added up over examples, in nats.
  public var lossSum = 0.0
  /// The number of examples seen.
  public var exampleCount = 0
  /// Time spent, by phase.
  public var seconds = PhaseSeconds()
  /// What selection did in the steps before the last interruption.
  public var layers: [LayerReport] = []
  /// The number of steps that `layers` is a mean over.
  public var layerSteps = 0
  /// What was counted so far; `nil` in checkpoints of versions that did not count.
  public var details: EpochDetails?
  /// What was cut out of the network so far; `nil` for nothing.
  public var cuts: [UnitCut]?
  /// The bytes that this process sent to others so far; `nil` for none.
  public var bytesSent: Int?

  /// Creates the progress of an epoch that has not begun.
  public init() {}
}

/// Everything of a checkpoint except its tensors.
///
/// The figures of the epochs done are in a file beside all checkpoints, ``RunFolder``'s
/// `history.jsonl`; `state.json` says how much of it is this checkpoint's.
public struct CheckpointState: Sendable, Codable, Equatable {
  /// The version of the format that this program writes and reads.
  public static let currentVersion = 3

  /// The version of the format.
  public var version = CheckpointState.currentVersion
  /// The task's name.
  public var task: String
  /// The next step to do.
  public var position: TrainingPosition
  /// Sums over the steps already done of the epoch at `position`.
  public var progress: EpochProgress
  /// The epochs done.
  public var history: [EpochRecord]
  /// The task's own counters.
  public var counters: [String: Int]
  /// The settings that must not change when the run is resumed, as texts by key.
  public var settings: [String: String]
  /// How much of `history.jsonl` holds the epochs done.
  var historyMark = HistoryMark()

  private enum CodingKeys: String, CodingKey {
    case version, task, position, progress, counters, settings
    case historyMark = "history"
  }

  /// Creates the state of a run.
  public init(
    task: String, position: TrainingPosition, progress: EpochProgress, history: [EpochRecord],
    counters: [String: Int], settings: [String: String]
  ) {
    self.task = task
    self.position = position
    self.progress = progress
    self.history = history
    self.counters = counters
    self.settings = settings
  }

  /// Reads all but the epochs done.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    version = try container.decode(Int.self, forKey: .version)
    task = try container.decode(String.self, forKey: .task)
    position = try container.decode(TrainingPosition.self, forKey: .position)
    progress = try container.decode(EpochProgress.self, forKey: .progress)
    counters = try container.decode([String: Int].self, forKey: .counters)
    settings = try container.decode([String: String].self, forKey: .settings)
    historyMark = try container.decode(HistoryMark.self, forKey: .historyMark)
    history = []
  }

  /// Compares all but where the epochs done are kept.
  public static func == (one: CheckpointState, other: CheckpointState) -> Bool {
    one.version == other.version && one.task == other.task && one.position == other.position
      && one.progress == other.progress && one.history == other.history
      && one.counters == other.counters && one.settings == other.settings
  }

  /// Throws if a setting differs from the one that the run was started with.
  func check(settings now: [String: String], path: String) throws {
    for key in Set(settings.keys).union(now.keys).sorted() where settings[key] != now[key] {
      throw CheckpointError(
        .otherSetting(key: key, checkpoint: settings[key], now: now[key]), path: path)
    }
  }

  static var encoder: JSONEncoder {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return encoder
  }

  static var decoder: JSONDecoder {
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return decoder
  }

  func encoded() throws -> Data { try Self.encoder.encode(self) }

  /// Throws where a version that this program does not read wrote the state.
  static func checkVersion(of data: Data, path: String) throws {
    struct Version: Decodable { var version: Int }
    do {
      let version = try decoder.decode(Version.self, from: data).version
      guard version == currentVersion else {
        throw CheckpointError(.unknownVersion(version), path: path)
      }
    } catch let error as DecodingError {
      throw CheckpointError(
        .corrupt(expected: "the JSON of a checkpoint", found: words(for: error)), path: path)
    }
  }

  /// Reads a state without the epochs done, which `historyMark` says where to find.
  static func decode(_ data: Data, path: String) throws -> CheckpointState {
    try checkVersion(of: data, path: path)
    do {
      let state = try decoder.decode(CheckpointState.self, from: data)
      let mark = state.historyMark
      guard FileNumber.counts.contains(mark.count), FileNumber.counts.contains(mark.byteCount),
        state.position.epoch == mark.count + 1, FileNumber.counts.contains(state.position.step)
      else {
        throw CheckpointError(
          .corrupt(
            expected: "a position at the epoch after \(mark.count) epochs",
            found: "epoch \(state.position.epoch), step \(state.position.step)"), path: path)
      }
      guard state.progress.hasPossibleCounts else {
        throw CheckpointError(
          .corrupt(
            expected: "counts from 0 to \(FileNumber.counts.upperBound)",
            found: "others in 'progress'"), path: path)
      }
      return state
    } catch let error as DecodingError {
      throw CheckpointError(
        .corrupt(expected: "the JSON of a checkpoint", found: words(for: error)), path: path)
    }
  }

  private static func words(for error: DecodingError) -> String {
    func place(_ context: DecodingError.Context) -> String {
      context.codingPath.map(\.stringValue).joined(separator: ".")
    }
    switch error {
    case .keyNotFound(let key, _): return "no '\(key.stringValue)'"
    case .typeMismatch(_, let context), .valueNotFound(_, let context):
      return "another type at '\(place(context))'"
    default: return "text that is not JSON"
    }
  }
}
