// What can be wrong with a configuration, with the place where it was written.

import Foundation
import MePropData

/// Where a setting came from.
public enum ConfigurationOrigin: Sendable, Equatable, CustomStringConvertible {
  /// Nobody set it.
  case defaultValue
  /// A line of a file, counted from 1; `nil` where the whole file is meant.
  case file(path: String, line: Int?)
  /// A flag of its own, with the dashes, for example `--epochs`.
  case flag(String)
  /// `--set KEY=VALUE`, with the argument as given.
  case assignment(String)

  /// The place in a form that starts an error message.
  public var description: String {
    switch self {
    case .defaultValue: "default configuration"
    case .file(let path, let line?): "\(path):\(line)"
    case .file(let path, nil): path
    case .flag(let flag): flag
    case .assignment(let text): "--set \(text.printable(limit: 80))"
    }
  }
}

/// A configuration that cannot be used; `description` is one line naming the place.
public struct ConfigurationError: Error, Equatable, CustomStringConvertible, LocalizedError {
  /// What is wrong.
  public enum Problem: Sendable, Equatable {
    /// The file cannot be read, with the system's reason.
    case unreadable(reason: String)
    /// The text is not YAML.
    case syntax(reason: String)
    /// The file holds something else than keys and values.
    case notAMapping(found: String)
    /// No such key; with the closest name, if one is close.
    case unknownKey(String, suggestion: String?)
    /// The same key twice in a file.
    case duplicateKey(String)
    /// The value has the wrong type or is out of range.
    case invalidValue(key: String, expected: String, found: String)
    /// An argument of `--set` without `=`.
    case notAnAssignment
    /// The value is fine by itself and does not fit the rest.
    case conflict(key: String, reason: String)
  }

  /// Where it was written.
  public var origin: ConfigurationOrigin
  /// What is wrong there.
  public var problem: Problem

  /// Creates an error.
  public init(_ origin: ConfigurationOrigin, _ problem: Problem) {
    self.origin = origin
    self.problem = problem
  }

  /// One line: place, what was expected, what was found, what to do.
  public var description: String { "\(origin): \(explanation)" }
  /// The same line, for callers that print Foundation's errors.
  public var errorDescription: String? { description }

  private var explanation: String {
    switch problem {
    case .unreadable(let reason): "cannot read the configuration: \(reason)"
    case .syntax(let reason): "not valid YAML: \(reason)"
    case .notAMapping(let found): "expected lines of the form 'key: value', found \(found)"
    case .unknownKey(let key, let suggestion?):
      "unknown key '\(key)'; did you mean '\(suggestion)'?"
    case .unknownKey(let key, nil):
      "unknown key '\(key)'; 'meprop config' prints the keys that a task has"
    case .duplicateKey(let key): "key '\(key)' appears twice; remove one of the lines"
    case .invalidValue(let key, let expected, let found):
      blame(key) + "expected \(expected), found \(found)"
    case .notAnAssignment: "expected KEY=VALUE, for example --set epochs=5"
    case .conflict(let key, let reason): blame(key) + reason
    }
  }

  /// The key, unless the place is its own flag.
  private func blame(_ key: String) -> String {
    origin == .flag("--" + key) ? "" : key + ": "
  }
}
