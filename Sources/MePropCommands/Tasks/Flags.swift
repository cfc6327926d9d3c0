// Flags that are keys of a configuration: declared once, where the key is.

import ArgumentParser
import MePropTasks

/// Where flags come from.
protocol FlagSource {
  /// A key for each flag.
  static var keys: [ConfigurationKey] { get }
  /// What help says of a key.
  static func help(of key: ConfigurationKey) -> String
}

extension FlagSource {
  /// What it does, what it expects and its default.
  static func help(of key: ConfigurationKey) -> String { key.help }
}

/// A flag for each key of a source, with its help and its completions.
///
/// Values are texts: a configuration checks them, as in a file.
struct Flags<Source: FlagSource>: ParsableArguments, CustomReflectable {
  /// The texts by key, in the order of the keys; `nil` for flags not given.
  private(set) var values: [(key: String, value: String?)] = []

  init() {}

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: FlagName.self)
    values = try Source.keys.map { key in
      let option = try container.decode(
        Option<String?>.self, forKey: FlagName(stringValue: key.name))
      return (key.name, option.wrappedValue)
    }
  }

  /// The definitions of the flags, which are looked for among the properties of a value.
  var customMirror: Mirror {
    Mirror(
      self,
      children: Source.keys.map { key in
        (label: key.name, value: Self.option(key) as Any)
      })
  }

  private static func option(_ key: ConfigurationKey) -> Option<String?> {
    var help = ArgumentHelp(stringLiteral: Source.help(of: key))
    help.valueName = key.valueName
    let completion: CompletionKind =
      if !key.kind.words.isEmpty {
        .list(key.kind.words)
      } else if key.valueName.contains("folder") {
        .directory
      } else if key.valueName.contains("file") {
        .file()
      } else {
        .default
      }
    return Option(
      name: .customLong(key.name), parsing: .unconditional, help: help, completion: completion)
  }
}

/// The name of a flag as what a decoder asks for.
private struct FlagName: CodingKey {
  let stringValue: String
  var intValue: Int? { nil }

  init(stringValue: String) { self.stringValue = stringValue }
  init?(intValue: Int) { nil }
}

/// The settings of a task.
enum SettingsOf<Task: TaskDefinition>: FlagSource {
  static var keys: [ConfigurationKey] { Task.schema.keys }
}

/// The settings that say what data of a task are looked at.
enum CheckedDataOf<Task: DataCheckingTask>: FlagSource {
  static var keys: [ConfigurationKey] { Task.checkKeys.compactMap { Task.schema[$0] } }
}
