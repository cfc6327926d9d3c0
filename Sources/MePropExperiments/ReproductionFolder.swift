// The folder of a reproduction: what is kept of finished runs and measurements, so that it can go
// on where it stopped.

import Foundation
import MePropData
import MePropTasks
import MePropTraining

/// A finished run.
public struct FinishedRun: Sendable, Codable, Equatable {
  /// The experiment's identifier.
  public var experiment: String
  /// The seed.
  public var seed: Int
  /// All settings that decide the result, as texts by key.
  public var settings: [String: String]
  /// All epochs.
  public var history: [EpochRecord]
  /// Seconds of the run, evaluation and checkpoints included.
  public var seconds: Double
}

/// Times of a step of an experiment, measured side by side with those of its dense counterpart.
public struct MeasuredStep: Sendable, Codable, Equatable {
  /// The experiment's identifier.
  public var experiment: String
  /// All settings that decide the result, as texts by key.
  public var settings: [String: String]
  /// The number of threads.
  public var threads: Int
  /// The number of steps in an epoch.
  public var stepsPerEpoch: Int
  /// Seconds of a step by phase.
  public var seconds: PhaseSeconds
  /// Seconds of a step whose back propagation has as little of the optimizer in it as the task can
  /// be asked for; `nil` where the experiment is dense, whose back propagation has nothing of it.
  public var unfused: PhaseSeconds?
  /// Half the range of the middle half of the turns, as a share of the median.
  public var spread: Double
  /// Seconds of the same step in PyTorch, dense; `nil` where it was not asked for.
  public var torch: TorchStep?
}

/// A dense step in PyTorch.
public struct TorchStep: Sendable, Codable, Equatable {
  /// Seconds of the products of back propagation, done by themselves.
  public var products: Double
  /// Seconds of back propagation.
  public var backward: Double
  /// Seconds of the whole step.
  public var total: Double
}

/// The folder of a reproduction: a folder of ordinary run folders, and small files of what is
/// finished.
///
/// ```text
/// EXPERIMENT/seed-N/     run folders, without checkpoints once they are finished
/// records/               a JSON file for each finished run and measurement
/// request.json           what was asked for, so that --resume needs nothing but the folder
/// results.json           what --json prints, of what is finished
/// results.md             the same as tables
/// index.html             the same as a page that leads to the report of each run
/// ```
public final class ReproductionFolder {
  /// The folder.
  public let url: URL
  /// Keeps other processes out.
  private let lock: RunFolder

  /// Opens or creates the folder.
  ///
  /// - Parameters:
  ///   - url: The folder; `nil` for one named after the time, or, when resuming, the newest of
  ///     these.
  ///   - resuming: Whether to go on with the reproduction in the folder.
  /// - Throws: `RunFolderError`, `FileWriteError`.
  public init(at url: URL?, resuming: Bool) throws {
    if let url {
      lock = try RunFolder(at: url, resuming: resuming)
    } else if resuming {
      guard let newest = RunFolder.latest(task: Self.name) else {
        throw RunFolderError.nothingToResume(path: "runs")
      }
      lock = try RunFolder(at: newest, resuming: true)
    } else {
      lock = try RunFolder.create(task: Self.name)
    }
    self.url = lock.url
    try FileManager.default.createDirectory(at: records, withIntermediateDirectories: true)
  }

  private static let name = "reproduce"

  var records: URL { url.appendingPathComponent("records", isDirectory: true) }

  /// The run folder of an experiment and seed.
  public func run(of experiment: String, seed: Int) -> URL {
    url.appendingPathComponent(experiment, isDirectory: true)
      .appendingPathComponent("seed-\(seed)", isDirectory: true)
  }

  /// The record of a finished run with these settings, or `nil`.
  func record(of experiment: String, seed: Int, settings: [String: String]) -> FinishedRun? {
    let record: FinishedRun? = read("\(experiment)-seed-\(seed)")
    return record?.settings == settings ? record : nil
  }

  /// The times of an experiment with these settings, or `nil`.
  func timing(of experiment: String, settings: [String: String], threads: Int) -> MeasuredStep? {
    let record: MeasuredStep? = read("\(experiment)-times")
    return record?.settings == settings && record?.threads == threads ? record : nil
  }

  /// What a run that is finished was trained with otherwise than `settings` say; empty: nothing, or
  /// there is no such run.
  func differences(of experiment: String, seed: Int, from settings: [String: String]) -> [String] {
    let record: FinishedRun? = read("\(experiment)-seed-\(seed)")
    return record.map { SettingDifference.list($0.settings, settings) } ?? []
  }

  /// The rows of Table 7 or 8 that were measured so, or `nil`.
  func widths(of table: String, width: Int, threads: Int) -> [WidthResult]? {
    let record: MeasuredWidths? = read("\(table)-widths")
    return record.flatMap { $0.width == width && $0.threads == threads ? $0.rows : nil }
  }

  func save(_ record: MeasuredWidths, of table: String) throws {
    try write(record, "\(table)-widths")
  }

  /// What was asked for before, or `nil`.
  public var options: ReproductionOptions? {
    (try? Data(contentsOf: url.appendingPathComponent("request.json"))).flatMap {
      try? JSONDecoder().decode(ReproductionOptions.self, from: $0)
    }
  }

  /// Keeps what is asked for.
  ///
  /// - Throws: `FileWriteError`.
  public func save(_ options: ReproductionOptions) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
    try AtomicFile.write(
      encoder.encode(options), to: url.appendingPathComponent("request.json"))
  }

  func save(_ record: FinishedRun) throws {
    try write(record, "\(record.experiment)-seed-\(record.seed)")
  }

  func save(_ record: MeasuredStep) throws { try write(record, "\(record.experiment)-times") }

  /// Replaces a file of the folder as a whole.
  func save(_ text: String, as name: String) throws {
    try AtomicFile.write(text, to: url.appendingPathComponent(name))
  }

  /// What cannot be read is not finished, and is done again.
  private func read<Record: Decodable>(_ name: String) -> Record? {
    guard let data = try? Data(contentsOf: records.appendingPathComponent("\(name).json")) else {
      return nil
    }
    return try? JSONDecoder().decode(Record.self, from: data)
  }

  private func write(_ record: some Encodable, _ name: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    try AtomicFile.write(
      encoder.encode(record), to: records.appendingPathComponent("\(name).json"))
  }
}

/// Why a reproduction cannot start.
public enum ReproductionError: Error, Equatable, Sendable, CustomStringConvertible, LocalizedError {
  /// A name that is no table.
  case unknownTable(name: String, known: [String])
  /// A name that is no task.
  case unknownTask(name: String, known: [String])
  /// No row of these tables belongs to these tasks.
  case nothingLeft(names: [String], tasks: [String])
  /// An option is not that which the folder was started with.
  case otherOption(folder: String, option: String, before: String, now: String)
  /// A run of the folder has other settings than are asked for.
  case otherSettings(run: String, differences: [String])

  /// One line: place, expected, found, what to do.
  public var description: String {
    switch self {
    case .unknownTable(let name, let known):
      "'\(name)': expected all or one of \(known.joined(separator: ", "))"
    case .unknownTask(let name, let known):
      "--task: found '\(name)', expected one of \(known.joined(separator: ", "))"
    case .nothingLeft(let names, let tasks):
      "--task \(tasks.joined(separator: " ")): no row of \(names.joined(separator: ", ")) belongs "
        + "to it; "
        + "name other tables or leave it out"
    case .otherOption(let folder, let option, let before, let now):
      "\(option): found \(now), expected \(before), with which \(folder) was started; "
        + "leave it out, or choose another folder with --run"
    case .otherSettings(let run, let differences):
      "\(run): trained with other settings (\(differences.joined(separator: ", "))); "
        + "leave out what differs, choose another folder with --run, or remove this one"
    }
  }

  /// The same line, for callers that print Foundation's errors.
  public var errorDescription: String? { description }
}
