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

  /// Creates the progress of an epoch that has not begun.
  public init() {}
}

/// Everything of a checkpoint except its tensors.
public struct CheckpointState: Sendable, Codable, Equatable {
  /// The version of the format that this program writes and reads.
  public static let currentVersion = 2

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
  /// A hash of names, shapes and values of the tensors, so that a changed byte is noticed.
  public var tensorHash: String

  /// Creates the state of a run.
  public init(
    task: String, position: TrainingPosition, progress: EpochProgress, history: [EpochRecord],
    counters: [String: Int], settings: [String: String], tensors: [NamedTensor]
  ) {
    self.task = task
    self.position = position
    self.progress = progress
    self.history = history
    self.counters = counters
    self.settings = settings
    tensorHash = Self.hash(of: tensors)
  }

  /// Throws if a setting differs from the one that the run was started with.
  func check(settings now: [String: String], path: String) throws {
    for key in Set(settings.keys).union(now.keys).sorted() where settings[key] != now[key] {
      throw CheckpointError(
        .otherSetting(key: key, checkpoint: settings[key], now: now[key]), path: path)
    }
  }

  /// A 64-bit FNV-1a hash over 32-bit words, tensors in the order of their names.
  static func hash(of tensors: [NamedTensor]) -> String {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    func add(_ word: UInt32) { hash = (hash ^ UInt64(word)) &* 0x100_0000_01b3 }
    for tensor in tensors.sorted(by: { $0.name < $1.name }) {
      for byte in tensor.name.utf8 { add(UInt32(byte)) }
      for extent in tensor.shape { add(UInt32(truncatingIfNeeded: extent)) }
      tensor.values.withUnsafeBufferPointer { values in
        for value in values { add(value.bitPattern) }
      }
    }
    return String(hash, radix: 16)
  }

  func encoded() throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return try encoder.encode(self)
  }

  static func decode(_ data: Data, path: String) throws -> CheckpointState {
    struct Version: Decodable { var version: Int }
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    do {
      let version = try decoder.decode(Version.self, from: data).version
      guard version == currentVersion else {
        throw CheckpointError(.unknownVersion(version), path: path)
      }
      let state = try decoder.decode(CheckpointState.self, from: data)
      guard state.position.epoch == state.history.count + 1, state.position.step >= 0 else {
        throw CheckpointError(
          .corrupt(
            expected: "position at epoch \(state.history.count + 1)",
            found: "epoch \(state.position.epoch), step \(state.position.step)"), path: path)
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
