// What can go wrong with run folders and checkpoints.

import Foundation

/// A run folder that cannot be used; `description` is one line naming the path.
///
/// Files that cannot be written (no rights, disk full, …) are a `FileWriteError`.
public enum RunFolderError: Error, Equatable, CustomStringConvertible, LocalizedError {
  /// A file or folder cannot be read.
  case cannotRead(path: String, reason: String)
  /// Another process trains in the folder.
  case inUse(path: String, process: String?)
  /// The folder holds a run, and resuming was not asked for.
  case alreadyHoldsRun(path: String)
  /// The folder holds something else.
  case notARunFolder(path: String)
  /// Resuming was asked for, and there is no run.
  case nothingToResume(path: String)
  /// Resuming was asked for, and the run's settings are not there, or not all of them.
  case noSettings(path: String, missing: [String])
  /// Resuming was asked for with another task than the run's.
  case otherTask(path: String, expected: String, found: String)

  /// One line: path, what is wrong, what to do.
  public var description: String {
    switch self {
    case .cannotRead(let path, let reason): "\(path): cannot read: \(reason)"
    case .inUse(let path, let process):
      "\(path): another run is using this folder\(process.map { " (process \($0))" } ?? ""); "
        + "wait for it, stop it, or choose another folder with --run"
    case .alreadyHoldsRun(let path):
      "\(path): the folder already holds a run; continue it with --resume, or choose another "
        + "folder with --run"
    case .notARunFolder(let path):
      "\(path): expected an empty folder or a run, found other files; choose another folder "
        + "with --run"
    case .nothingToResume(let path):
      "\(path): no run to resume; check the path, or leave out --resume to start a new run"
    case .noSettings(let path, let missing) where missing.isEmpty:
      "\(path): nothing to resume here: the run ended before its settings were saved in "
        + "config.yaml; start it again without --resume, with all its options"
    case .noSettings(let path, let missing):
      "\(path): nothing to resume here: config.yaml lacks "
        + missing.prefix(5).joined(separator: ", ")
        + (missing.count > 5 ? " and \(missing.count - 5) more keys" : "")
        + ", which the run was started with; copy it again, or start a new run"
    case .otherTask(let path, let expected, let found):
      "\(path): a run of '\(found)', asked to go on as '\(expected)'; say 'meprop train \(found) "
        + "--run … --resume'"
    }
  }

  /// The same line, for callers that print Foundation's errors.
  public var errorDescription: String? { description }
}

/// A checkpoint that cannot be loaded; `description` is one line naming file and place.
public struct CheckpointError: Error, Equatable, CustomStringConvertible, LocalizedError {
  /// What is wrong.
  public enum Problem: Sendable, Equatable {
    /// A file is missing or cannot be read, with the system's reason.
    case unreadable(reason: String)
    /// A file is torn or was changed, with what was expected and found.
    case corrupt(expected: String, found: String)
    /// Written by a version of the program with another format.
    case unknownVersion(Int)
    /// Written by another task.
    case otherTask(expected: String, found: String)
    /// The run was started with another value of a setting.
    case otherSetting(key: String, checkpoint: String?, now: String?)
    /// The run was started with other training data, of which `unit` is what there are.
    case otherData(unit: String)
    /// A tensor that the model needs is missing.
    case missingTensor(String)
    /// A tensor that the model does not have.
    case unexpectedTensor(String)
    /// A tensor of another shape.
    case shapeMismatch(name: String, expected: [Int], found: [Int])
    /// A counter that the task needs is missing.
    case missingCounter(String)
    /// A counter of an impossible value.
    case invalidCounter(name: String, expected: String, found: Int)
  }

  /// The file or folder; `nil` until the loop adds it to an error of a task.
  public var path: String?
  /// What is wrong with it.
  public var problem: Problem

  /// Creates an error; tasks leave out the path, the loop fills it in.
  public init(_ problem: Problem, path: String? = nil) {
    self.path = path
    self.problem = problem
  }

  /// One line: path, place, expected, found, what to do.
  public var description: String {
    let remedy = isDamage ? "; copy the run again, or start a new one" : ""
    return "\(place): \(explanation)\(remedy)"
  }
  /// The same line, for callers that print Foundation's errors.
  public var errorDescription: String? { description }

  /// The file or folder, for messages.
  var place: String { path ?? "checkpoint" }
  /// Whether files are not what they were, as against a checkpoint that is of something else.
  var isDamage: Bool {
    switch problem {
    case .unreadable, .corrupt: true
    default: false
    }
  }

  var explanation: String {
    switch problem {
    case .unreadable(let reason): "cannot read the checkpoint: \(reason)"
    case .corrupt(let expected, let found):
      "corrupt checkpoint: expected \(expected), found \(found)"
    case .unknownVersion(let version):
      "expected checkpoint format \(CheckpointState.currentVersion), found \(version)"
        + (version == 1 ? ", written by meprop 0.1" : "")
        + "; use the version of meprop that wrote it, or start the run again"
    case .otherTask(let expected, let found):
      "expected a checkpoint of task '\(expected)', found one of '\(found)'"
    case .otherSetting(let key, let checkpoint, let now):
      "the run was started with \(key) = \(checkpoint ?? "(not set)"), found "
        + "\(now ?? "(not set)") now; a resumed run keeps its settings, so leave it as it was or "
        + "start a new run"
    case .otherData(let unit):
      "the run was started with other training \(unit) than those found now; name the same data "
        + "with --data, or start a new run"
    case .missingTensor(let name): "expected a tensor '\(name)', found none"
    case .unexpectedTensor(let name): "found a tensor '\(name)' that this model does not have"
    case .shapeMismatch(let name, let expected, let found):
      "tensor '\(name)': expected shape \(expected), found \(found)"
    case .missingCounter(let name): "expected a counter '\(name)', found none"
    case .invalidCounter(let name, let expected, let found):
      "counter '\(name)': expected \(expected), found \(found)"
    }
  }
}
