// Configurations as YAML files: reading with the line of every mistake, rendering with comments.

import Foundation
import MePropData

extension Configuration {
  /// Sets the keys that a YAML file gives; other keys keep their values.
  ///
  /// - Throws: `ConfigurationError` with the file's path and the line of the mistake.
  public mutating func apply(file url: URL) throws {
    let text = try YAMLText.read(url)
    try apply(yaml: text, path: url.path)
  }

  /// Sets the keys that a YAML text gives; `path` is only named in errors.
  public mutating func apply(yaml text: String, path: String) throws {
    for (keyNode, valueNode) in try Self.entries(of: text, path: path) {
      let origin = ConfigurationOrigin.file(path: path, line: keyNode.line)
      guard let name = keyNode.scalar else {
        throw ConfigurationError(origin, .notAMapping(found: Self.words(for: keyNode)))
      }
      let key = try key(named: name, from: origin)
      try set(key.name, to: Self.text(of: valueNode, for: key, origin), from: origin)
    }
  }

  /// The complete configuration as YAML, a comment before each key.
  ///
  /// Applying the text to any configuration of the same schema gives an equal configuration.
  ///
  /// - Parameter title: Lines for the head of the file, without `#`.
  /// - Returns: The text, ending with a line break.
  public func yaml(title: String? = nil) -> String {
    var lines: [String] = []
    if let title {
      lines += title.split(separator: "\n", omittingEmptySubsequences: false).map { "# \($0)" }
      lines.append("")
    }
    for key in schema.keys {
      lines.append("# \(key.summary)")
      lines.append("#   \(key.kind.expectation); default \(key.defaultValue.yaml)")
      lines.append("\(key.name): \(value(key.name).yaml)")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// The keys and values of a YAML file, in its order, as texts; there is no schema to check them.
  ///
  /// - Throws: `ConfigurationError` if the file cannot be read or is not a mapping of plain values.
  public static func texts(inFile url: URL) throws -> [(key: String, value: String)] {
    try entries(of: YAMLText.read(url), path: url.path).map { key, value in
      (key.scalar ?? "", plainText(of: value))
    }
  }

  // MARK: Nodes and errors

  /// The entries of a text that is a mapping, or none where it says nothing.
  private static func entries(
    of text: String, path: String
  ) throws -> [(key: YAMLNode, value: YAMLNode)] {
    try YAMLText.check(text, path: path)
    let root: YAMLNode?
    do throws(YAMLError) {
      root = try YAMLNode.root(of: text)
    } catch {
      let problem: ConfigurationError.Problem =
        switch error.problem {
        case .syntax(let reason): .syntax(reason: reason)
        case .duplicateKey(let name): .duplicateKey(name.printable(limit: 80))
        }
      throw ConfigurationError(.file(path: path, line: error.line), problem)
    }
    guard let root else { return [] }
    switch root.content {
    case .mapping(let entries): return entries
    case .scalar(_, isNull: true): return []
    default:
      throw ConfigurationError(
        .file(path: path, line: root.line), .notAMapping(found: words(for: root)))
    }
  }

  private static func text(
    of node: YAMLNode, for key: ConfigurationKey, _ origin: ConfigurationOrigin
  ) throws -> String {
    func wrongType(_ found: String) -> ConfigurationError {
      ConfigurationError(
        origin, .invalidValue(key: key.name, expected: key.kind.expectation, found: found))
    }
    switch node.content {
    case .scalar(_, isNull: true): throw wrongType("nothing")
    case .scalar(let text, _): return text
    case .sequence(let sequence) where key.kind.takesList:
      return try sequence.map { element in
        guard let text = element.scalar else { throw wrongType("a list inside a list") }
        return text
      }.joined(separator: ",")
    default: throw wrongType(words(for: node))
    }
  }

  private static func plainText(of node: YAMLNode) -> String {
    switch node.content {
    case .scalar(let text, _): text
    case .sequence(let sequence): sequence.map(plainText).joined(separator: ", ")
    case .mapping: words(for: node)
    }
  }

  private static func words(for node: YAMLNode) -> String {
    switch node.content {
    case .scalar(let text, _): "the text '\(text.printable(limit: 40))'"
    case .sequence: "a list"
    case .mapping: "nested keys"
    }
  }
}
