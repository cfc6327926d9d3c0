// Configurations as YAML files: reading with the line of every mistake, rendering with comments.

import Foundation
import MePropData
import Yams

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
    try YAMLText.check(text, path: path)
    let root: Node?
    do {
      root = try Yams.compose(yaml: text)
    } catch let error as YamlError {
      throw Self.error(for: error, in: text, path: path)
    }
    guard let root, root.null == nil else { return }
    guard case .mapping(let mapping) = root else {
      throw ConfigurationError(
        .file(path: path, line: root.mark?.line), .notAMapping(found: Self.words(for: root)))
    }
    for (keyNode, valueNode) in mapping {
      let origin = ConfigurationOrigin.file(path: path, line: keyNode.mark?.line)
      guard case .scalar(let scalar) = keyNode else {
        throw ConfigurationError(origin, .notAMapping(found: Self.words(for: keyNode)))
      }
      let key = try key(named: scalar.string, from: origin)
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

  // MARK: Nodes and errors

  private static func text(
    of node: Node, for key: ConfigurationKey, _ origin: ConfigurationOrigin
  ) throws -> String {
    func wrongType(_ found: String) -> ConfigurationError {
      ConfigurationError(
        origin, .invalidValue(key: key.name, expected: key.kind.expectation, found: found))
    }
    switch node {
    case .scalar(let scalar):
      if node.null != nil && scalar.style == .plain { throw wrongType("nothing") }
      return scalar.string
    case .sequence(let sequence) where key.kind.takesList:
      return try sequence.map { element in
        guard case .scalar(let scalar) = element else { throw wrongType("a list inside a list") }
        return scalar.string
      }.joined(separator: ",")
    default: throw wrongType(words(for: node))
    }
  }

  private static func words(for node: Node) -> String {
    switch node {
    case .scalar(let scalar): "the text '\(scalar.string.printable(limit: 40))'"
    case .sequence: "a list"
    case .mapping: "nested keys"
    default: "an alias"
    }
  }

  private static func error(
    for error: YamlError, in text: String, path: String
  ) -> ConfigurationError {
    switch error {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      return ConfigurationError(.file(path: path, line: mark.line), .syntax(reason: problem))
    case .duplicatedKeysInMapping(let duplicates, _):
      let name = duplicates.first ?? ""
      let lines = text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
        .filter { $1.hasPrefix(name + ":") || $1.hasPrefix(name + " ") }
      return ConfigurationError(
        .file(path: path, line: lines.dropFirst().first.map { $0.offset + 1 }),
        .duplicateKey(name.printable(limit: 80)))
    case .reader(let problem, _, _, _):
      return ConfigurationError(.file(path: path, line: nil), .syntax(reason: problem))
    default:
      let reason = String(describing: error).split(separator: "\n").joined(separator: " ")
      return ConfigurationError(.file(path: path, line: nil), .syntax(reason: reason))
    }
  }
}

extension Configuration {
  /// The keys and values of a YAML file, in its order, as texts; there is no schema to check them.
  ///
  /// - Throws: `ConfigurationError` if the file cannot be read or is not a mapping of plain values.
  public static func texts(inFile url: URL) throws -> [(key: String, value: String)] {
    let text = try YAMLText.read(url)
    try YAMLText.check(text, path: url.path)
    let root: Node?
    do {
      root = try Yams.compose(yaml: text)
    } catch let error as YamlError {
      throw Self.error(for: error, in: text, path: url.path)
    }
    guard let root, root.null == nil else { return [] }
    guard case .mapping(let mapping) = root else {
      throw ConfigurationError(
        .file(path: url.path, line: root.mark?.line), .notAMapping(found: Self.words(for: root)))
    }
    return mapping.map { key, value in (key.scalar?.string ?? "", Self.plainText(of: value)) }
  }

  private static func plainText(of node: Node) -> String {
    switch node {
    case .scalar(let scalar): scalar.string
    case .sequence(let sequence): sequence.map(plainText).joined(separator: ", ")
    default: words(for: node)
    }
  }
}
