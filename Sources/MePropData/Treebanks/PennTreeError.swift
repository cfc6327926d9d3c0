// What can be wrong with trees in brackets.

import Foundation

/// A file that does not hold trees in brackets; lines count from 1.
public enum PennTreeError: Error, Equatable, Sendable {
  /// Something else than what has to come at that place.
  case unexpected(path: String, line: Int, found: String, expected: String)
  /// The file ends within the tree that starts at a line.
  case unfinished(path: String, line: Int)
}

extension PennTreeError: CustomStringConvertible, LocalizedError {
  /// One line: file, line, expected, found, and what to do.
  public var description: String {
    switch self {
    case .unexpected(let path, let line, let found, let expected):
      return "\(path):\(line): found \"\(found)\", expected \(expected); "
        + "is a bracket missing or one too many?"
    case .unfinished(let path, let line):
      return "\(path):\(line): the tree that starts here is not closed at the end of the file, "
        + "expected as many ) as (; is the file complete?"
    }
  }

  /// The same line as `description`.
  public var errorDescription: String? { description }
}
