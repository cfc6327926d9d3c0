// The options of evaluate and predict that only some tasks take: each task declares its own.

import ArgumentParser
import Foundation
import MePropTasks

/// A command that uses models.
protocol ModelCommand {
  /// The options of a task besides those of all tasks.
  static func keys(of task: any TaskDefinition.Type) -> [ConfigurationKey]
}

/// The options of a command that some task takes, each once, with what it means to which task.
enum UseKeys<Command: ModelCommand>: FlagSource {
  static var keys: [ConfigurationKey] {
    let declared = TaskRegistry.current.tasks.flatMap { task in
      Command.keys(of: task).map { (task: task.name, key: $0) }
    }
    var names: [String] = []
    for (_, key) in declared where !names.contains(key.name) { names.append(key.name) }
    return names.map { name in merged(declared.filter { $0.key.name == name }) }
  }

  static func help(of key: ConfigurationKey) -> String { key.summary }

  /// A key for help and completion, whose value is any text: which texts are good depends on the
  /// task.
  private static func merged(
    _ declared: [(task: String, key: ConfigurationKey)]
  ) -> ConfigurationKey {
    var meanings: [(tasks: [String], text: String)] = []
    var words: [String] = []
    for (task, key) in declared {
      if let place = meanings.firstIndex(where: { $0.text == key.help }) {
        meanings[place].tasks.append(task)
      } else {
        meanings.append(([task], key.help))
      }
      for word in key.kind.words where !words.contains(word) { words.append(word) }
    }
    let summary = meanings.map { "for \($0.tasks.joined(separator: ", ")): \($0.text)" }
      .joined(separator: "; ")
    return ConfigurationKey(
      declared[0].key.name, words.isEmpty ? .string : .choice(words),
      default: .string(words.first ?? ""),
      valueName: words.isEmpty ? declared[0].key.valueName : words.joined(separator: "|"), summary)
  }
}

/// How a model is used: threads, and what its task takes besides.
struct UseOptions<Command: ModelCommand>: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Threads to compute with (default: all).", valueName: "n"))
  var threads: Int?

  @OptionGroup var flags: Flags<UseKeys<Command>>

  func validate() throws {
    if let threads, !(1...256).contains(threads) {
      throw ValidationError("--threads: found \(threads), expected 1 to 256")
    }
    // What no task takes is wrong whatever the model is.
    for (key, value) in flags.values {
      guard let value else { continue }
      let keys = TaskRegistry.current.tasks.flatMap { Command.keys(of: $0) }
        .filter { $0.name == key }
      guard keys.allSatisfy({ $0.kind.value(from: value) == nil }), let first = keys.first else {
        continue
      }
      throw ValidationError("--\(key): expected \(first.kind.expectation), found '\(value)'")
    }
  }

  /// The values for the task of a model.
  ///
  /// - Throws: `UsageError` where the task does not take an option, `ConfigurationError` where it
  ///   does not take a value.
  func use(by task: any TaskDefinition.Type, model: String) throws -> ModelUse {
    let schema = ConfigurationSchema(Command.keys(of: task))
    var options = Configuration(schema: schema)
    for (key, value) in flags.values {
      guard let value else { continue }
      guard schema[key] != nil else {
        let tasks = TaskRegistry.current.tasks.filter { other in
          Command.keys(of: other).contains { $0.name == key }
        }
        throw UsageError(
          "--\(key) is for \(tasks.map { $0.name }.joined(separator: ", ")), and '\(model)' is a "
            + "model "
            + "of \(task.name); leave it out")
      }
      try options.set(key, to: value, from: .flag("--" + key))
    }
    return ModelUse(
      options: options, threadCount: threads ?? ComputeContext.availableThreads,
      source: .ofCommands)
  }
}

extension DataSource {
  /// Data of this process's environment, with a line on standard error for each file that is
  /// downloaded.
  package static var ofCommands: DataSource { DataSource(progress: DownloadNotice.show) }
}
