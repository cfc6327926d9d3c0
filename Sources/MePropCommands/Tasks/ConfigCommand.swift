// meprop config: the default configuration of a task.

import ArgumentParser
import MePropTasks

/// `meprop config`.
struct ConfigCommand: ParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: "config", abstract: "Print the default configuration of a task as YAML.",
      subcommands: TaskRegistry.current.tasks.map { command($0) })
  }

  private static func command<Task: TaskDefinition>(_ task: Task.Type) -> any ParsableCommand.Type {
    ConfigTask<Task>.self
  }
}

/// `meprop config TASK`.
struct ConfigTask<Task: TaskDefinition>: ParsableCommand {
  static var configuration: CommandConfiguration {
    let name = Task.name
    return CommandConfiguration(
      commandName: name, abstract: "Print the configuration of 'meprop train \(name)'.",
      discussion: """
        EXAMPLE:
          meprop config \(name) > \(name).yaml
          meprop train \(name) --config \(name).yaml --set epochs=3
        """)
  }

  func run() throws {
    try StandardOutput.write(
      Configuration(schema: Task.schema)
        .yaml(title: "Default configuration of 'meprop train \(Task.name)'."))
  }
}
