// What can go wrong when a file is written, told apart by what the user can do about it.

import Foundation

/// A file that could not be written; what was there before is untouched.
public enum FileWriteError: Error, Equatable, Sendable {
  /// No space left, or the quota is used up.
  case diskFull(path: String)
  /// The file system is read-only.
  case readOnly(path: String)
  /// The user may not write there.
  case notPermitted(path: String)
  /// The folder does not exist.
  case noFolder(path: String)
  /// Anything else: what was tried and the system's reason.
  case failed(path: String, operation: String, reason: String)

  /// Creates the error that fits the system's error number `code`.
  public init(code: Int32, path: String, operation: String) {
    switch code {
    case ENOSPC, EDQUOT: self = .diskFull(path: path)
    case EROFS: self = .readOnly(path: path)
    case EACCES, EPERM: self = .notPermitted(path: path)
    case ENOENT: self = .noFolder(path: path)
    default: self = .failed(path: path, operation: operation, reason: systemReason(code))
    }
  }
}

extension FileWriteError: CustomStringConvertible, LocalizedError {
  /// One line: file, what went wrong, and what to do.
  public var description: String {
    switch self {
    case .diskFull(let path):
      return "\(path): cannot be written, no space left on the disk (or quota used up); "
        + "free some space and run again"
    case .readOnly(let path):
      return "\(path): cannot be written, the file system is read-only; choose another folder"
    case .notPermitted(let path):
      return "\(path): cannot be written, permission denied; "
        + "change the rights of the folder or choose another"
    case .noFolder(let path):
      return "\(path): cannot be written, its folder does not exist; create the folder first"
    case .failed(let path, let operation, let reason):
      return "\(path): cannot be written, \(operation) failed (\(reason))"
    }
  }

  /// The same line as `description`.
  public var errorDescription: String? { description }
}
