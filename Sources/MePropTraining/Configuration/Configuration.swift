// A complete set of settings: defaults, then a file, then `--set`, then flags.

import Foundation
import MePropData

/// The values of all keys of a schema, with where each of them came from.
///
/// ```swift
/// var configuration = Configuration(schema: schema)
/// try configuration.apply(file: url)
/// try configuration.apply(assignment: "epochs=5")
/// try configuration.set("batch", to: "32", from: .flag("--batch"))
/// let epochs = configuration.int("epochs")
/// ```
public struct Configuration: Sendable, Equatable {
  /// The keys.
  public let schema: ConfigurationSchema
  private var values: [String: ConfigurationValue] = [:]
  private var origins: [String: ConfigurationOrigin] = [:]

  /// Creates the default configuration.
  public init(schema: ConfigurationSchema) { self.schema = schema }

  /// Creates a configuration from all the places where settings are given.
  ///
  /// Each place overrides those before it: defaults, files in their order, `--set`, flags.
  ///
  /// - Parameters:
  ///   - schema: The keys.
  ///   - files: YAML files, for example that of the run to resume and that of `--config`.
  ///   - assignments: The arguments of `--set`, in the form `KEY=VALUE`.
  ///   - flags: Names of keys and the arguments of their flags; `nil` for a flag not given.
  /// - Throws: `ConfigurationError` naming the place of the first mistake.
  public init(
    schema: ConfigurationSchema, files: [URL], assignments: [String] = [],
    flags: KeyValuePairs<String, String?> = [:]
  ) throws {
    self.init(schema: schema)
    for file in files { try apply(file: file) }
    for assignment in assignments { try apply(assignment: assignment) }
    for (name, text) in flags {
      if let text { try set(name, to: text, from: .flag("--" + name)) }
    }
  }

  /// Compares keys and values; where they came from does not count.
  public static func == (first: Configuration, second: Configuration) -> Bool {
    first.schema == second.schema
      && first.schema.keys.allSatisfy { first.value($0.name) == second.value($0.name) }
  }

  // MARK: Setting

  /// Sets a key from a text.
  ///
  /// An error blames `origin`.
  ///
  /// - Throws: `ConfigurationError` for an unknown key or a value that is not of the key's kind.
  public mutating func set(_ name: String, to text: String, from origin: ConfigurationOrigin) throws
  {
    let key = try key(named: name, from: origin)
    guard let value = key.kind.value(from: text) else {
      throw ConfigurationError(
        origin,
        .invalidValue(
          key: name, expected: key.kind.expectation,
          found: text.isEmpty ? "nothing" : "'\(text.printable(limit: 80))'"))
    }
    values[name] = value
    origins[name] = origin
  }

  /// Gives a key its default again, as if nobody had set it.
  ///
  /// - Throws: `ConfigurationError` for an unknown key.
  public mutating func reset(_ name: String) throws {
    let key = try key(named: name, from: .defaultValue)
    values[key.name] = nil
    origins[key.name] = nil
  }

  /// Sets a key from an argument of `--set`, in the form `KEY=VALUE`.
  public mutating func apply(assignment: String) throws {
    let origin = ConfigurationOrigin.assignment(assignment)
    guard let equals = assignment.firstIndex(of: "="), equals != assignment.startIndex else {
      throw ConfigurationError(origin, .notAnAssignment)
    }
    let name = String(assignment[..<equals])
    try set(name, to: String(assignment[assignment.index(after: equals)...]), from: origin)
  }

  func key(named name: String, from origin: ConfigurationOrigin) throws -> ConfigurationKey {
    guard let key = schema[name] else {
      let suggestion = schema.suggestion(for: name)
      throw ConfigurationError(
        origin, .unknownKey(name.printable(limit: 80), suggestion: suggestion))
    }
    return key
  }

  // MARK: Reading

  /// The value of a key; the schema must have the key.
  public func value(_ name: String) -> ConfigurationValue {
    guard let key = schema[name] else {
      preconditionFailure("Configuration: the schema has no key '\(name)'")
    }
    return values[name] ?? key.defaultValue
  }

  /// Where the value of a key came from.
  public func origin(of name: String) -> ConfigurationOrigin { origins[name] ?? .defaultValue }

  /// The value of a key of kind `int`.
  public func int(_ name: String) -> Int {
    guard case .int(let value) = value(name) else { wrongKind(name, "int") }
    return value
  }

  /// The value of a key of kind `auto(int)` or `optional(int)`; `nil` for `auto` and `none`.
  public func optionalInt(_ name: String) -> Int? { isUnset(name) ? nil : int(name) }

  /// The value of a key of kind `double`.
  public func double(_ name: String) -> Double {
    guard case .double(let value) = value(name) else { wrongKind(name, "double") }
    return value
  }

  /// The value of a key of kind `auto(double)` or `optional(double)`; `nil` for `auto` and `none`.
  public func optionalDouble(_ name: String) -> Double? { isUnset(name) ? nil : double(name) }

  /// The value of a key of kind `string` or `choice`.
  public func string(_ name: String) -> String {
    guard case .string(let value) = value(name) else { wrongKind(name, "string") }
    return value
  }

  /// The value of a key of kind `auto(string)` or `optional(string)`; `nil` for `auto` and `none`.
  public func optionalString(_ name: String) -> String? { isUnset(name) ? nil : string(name) }

  /// The value of a key of kind `bool`.
  public func bool(_ name: String) -> Bool {
    guard case .bool(let value) = value(name) else { wrongKind(name, "bool") }
    return value
  }

  /// The value of a key of kind `intList`.
  public func intList(_ name: String) -> [Int] {
    guard case .intList(let value) = value(name) else { wrongKind(name, "intList") }
    return value
  }

  /// The value of a key of kind `textList`.
  public func textList(_ name: String) -> [String] {
    guard case .textList(let value) = value(name) else { wrongKind(name, "textList") }
    return value
  }

  private func isUnset(_ name: String) -> Bool {
    let value = value(name)
    return value == .auto || value == ConfigurationValue.none
  }

  private func wrongKind(_ name: String, _ wanted: String) -> Never {
    preconditionFailure("Configuration: '\(name)' is \(value(name)), read as \(wanted)")
  }

  /// Returns the error of a value that does not fit the rest, to be thrown by a task.
  ///
  /// - Parameters:
  ///   - name: The key to blame.
  ///   - reason: Expected, found and what to do, for example
  ///     `600 is above every layer's width (500, 500); choose at most 500`.
  /// - Returns: An error that names the place where the key was set.
  public func conflict(_ name: String, _ reason: String) -> ConfigurationError {
    ConfigurationError(origin(of: name), .conflict(key: name, reason: reason))
  }

  // MARK: Comparing

  /// The values by key, as texts; checkpoints store them.
  public var texts: [String: String] {
    Dictionary(uniqueKeysWithValues: schema.keys.map { ($0.name, value($0.name).text) })
  }

  /// The names of the keys that must not change when a run is resumed.
  ///
  /// Places may: what is there is compared by its fingerprint.
  public var fixedKeys: [String] {
    schema.keys.filter { !$0.mayChangeOnResume && !$0.namesPlace }.map(\.name)
  }

  /// Makes the paths of files and folders that are there absolute; names of data sets stay names.
  ///
  /// - Throws: `ConfigurationError`.
  public mutating func makePlacesAbsolute() throws {
    for key in schema.keys where key.namesPlace {
      guard case .string(let text) = value(key.name), !text.isEmpty, !text.hasPrefix("/"),
        !DataCatalogue.all.contains(where: { $0.name == text }),
        FileManager.default.fileExists(atPath: text)
      else { continue }
      let path = URL(fileURLWithPath: text).standardizedFileURL.path
      try set(key.name, to: path, from: origin(of: key.name))
    }
  }
}
