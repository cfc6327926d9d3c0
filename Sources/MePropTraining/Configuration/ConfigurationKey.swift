// The schema of a configuration: declared once by a task, used by files, flags and `--set` alike.

/// One setting: its name, type, default, and what it is for.
public struct ConfigurationKey: Sendable, Equatable {
  /// The name in files and after `--`, for example `learning-rate`.
  public let name: String
  /// The type of the value.
  public let kind: ConfigurationKind
  /// The value where nobody sets the key.
  public let defaultValue: ConfigurationValue
  /// What the setting does, in a line; becomes the comment in rendered files.
  public let summary: String
  /// Whether a run may be resumed with another value than it was started with.
  public let mayChangeOnResume: Bool
  /// What the value is called after the flag in help texts, for example `n` or `name|folder`.
  public let valueName: String

  /// Creates a key; `defaultValue` must be a value of `kind`.
  ///
  /// - Parameters:
  ///   - name: The name in files and after `--`.
  ///   - kind: The type of the value.
  ///   - defaultValue: The value where nobody sets the key.
  ///   - mayChangeOnResume: Whether a run may be resumed with another value.
  ///   - valueName: What help calls the value; `nil` for what suits the kind. Where the name has
  ///     the word `folder` or `file`, shells complete such paths.
  ///   - summary: What the setting does, in a line.
  public init(
    _ name: String, _ kind: ConfigurationKind, default defaultValue: ConfigurationValue,
    mayChangeOnResume: Bool = false, valueName: String? = nil, _ summary: String
  ) {
    precondition(
      kind.value(from: defaultValue.text) == defaultValue,
      "ConfigurationKey(\(name)): expected \(kind.expectation), default is \(defaultValue)")
    self.name = name
    self.kind = kind
    self.defaultValue = defaultValue
    self.mayChangeOnResume = mayChangeOnResume
    self.valueName = valueName ?? kind.valueName
    self.summary = summary
  }

  /// Whether the value is, or may be, the path of a file or folder, by ``valueName``.
  ///
  /// Such a path is kept absolute, so that it means the same in any folder; and a run may be gone
  /// on with at another place, because its data are known by their fingerprint.
  public var namesPlace: Bool { valueName.contains("folder") || valueName.contains("file") }

  /// The key as a flag of the command line, for example `--learning-rate`.
  public var flag: String { "--" + name }

  /// The summary with what is expected and the default, as help texts show it.
  public var help: String {
    "\(summary) (\(kind.expectation); default: \(defaultValue.text))"
  }
}

/// All keys of a configuration, in the order in which they are rendered.
public struct ConfigurationSchema: Sendable, Equatable {
  /// The keys; their names are unique.
  public let keys: [ConfigurationKey]
  private let positions: [String: Int]
  private let replacements: [String: String]

  /// Creates a schema; two keys of one name are a programmer's error.
  ///
  /// - Parameters:
  ///   - keys: The keys.
  ///   - replacements: For names that earlier versions had, the key that took their place.
  public init(_ keys: [ConfigurationKey], replacements: [String: String] = [:]) {
    self.keys = keys
    self.replacements = replacements
    positions = Dictionary(
      keys.enumerated().map { ($1.name, $0) },
      uniquingKeysWith: { first, _ in
        preconditionFailure("ConfigurationSchema: key '\(keys[first].name)' appears twice")
      })
  }

  /// The key of this name, or `nil`.
  public subscript(name: String) -> ConfigurationKey? { positions[name].map { keys[$0] } }

  /// Returns the key that took the place of `name`, else the one closest by edit distance, or `nil`
  /// where none is close.
  public func suggestion(for name: String) -> String? {
    // Nobody misspells a name that long, and the distance takes the product of both lengths.
    guard name.count <= 100 else { return nil }
    let wanted = name.lowercased().replacing("_", with: "-")
    if let replacement = replacements[wanted] { return replacement }
    return nearest(to: wanted, among: keys.map(\.name))
  }
}
