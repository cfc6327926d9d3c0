// Why a folder cannot be reported on.

import Foundation

/// A run folder that cannot be read; `description` is one line naming the file.
public enum RunRecordError: Error, Equatable, Sendable, CustomStringConvertible, LocalizedError {
  /// There is no such folder, or it holds no run.
  case notARunFolder(path: String)
  /// No epoch of the run has ended.
  case noEpochs(path: String)
  /// A file cannot be read, with the system's reason.
  case unreadable(path: String, reason: String)
  /// A line that is not the last is no row of figures, with what was expected and found.
  case badLine(path: String, line: Int, expected: String, found: String)

  /// One line: path, place, expected, found, what to do.
  public var description: String {
    switch self {
    case .notARunFolder(let path):
      "\(path): expected the folder of a run, with config.yaml or metrics.jsonl, found neither; "
        + "name a folder that 'meprop train' wrote"
    case .noEpochs(let path):
      "\(path): expected a row for each epoch, found none; a report needs one finished epoch: let "
        + "the run go on with --resume"
    case .unreadable(let path, let reason): "\(path): cannot read: \(reason)"
    case .badLine(let path, let line, let expected, let found):
      "\(path):\(line): expected \(expected), found \(found); restore the file, or resume the run, "
        + "which writes it anew"
    }
  }

  /// The same line, for callers that print Foundation's errors.
  public var errorDescription: String? { description }
}
