// meprop check: what in data would hurt, before training.

import ArgumentParser
import MePropTasks

/// `meprop check`.
struct CheckCommand: ParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: "check", abstract: "Look for what would hurt in data, before training.",
      subcommands: TaskRegistry.current.tasks.compactMap { task in
        (task as? any DataCheckingTask.Type).map { command($0) }
      })
  }

  private static func command<Task: DataCheckingTask>(
    _ task: Task.Type
  ) -> any ParsableCommand.Type {
    CheckTask<Task>.self
  }
}

/// `meprop check TASK`.
struct CheckTask<Task: DataCheckingTask>: ParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: Task.name, abstract: "Check data before 'meprop train \(Task.name)'.",
      discussion: """
        Reports \(Task.checkHelp). The exit code is 1 if the data cannot be used.

        EXAMPLE:
          meprop check \(Task.name) --data \(Task.schema["data"]?.defaultValue.text ?? "FOLDER") \
        --json
        """)
  }

  @OptionGroup var data: DataArgument
  @OptionGroup var flags: Flags<CheckedDataOf<Task>>

  @Flag(help: "Print one JSON object.")
  var json = false

  func run() throws {
    let configuration = try TrainingRequest(flags: data.joined(flags.values)).configuration(
      for: Task.schema)
    let check = try Task.check(configuration, .ofCommands)
    if json {
      try StandardOutput.write("\(check.json)\n")
    } else {
      try StandardOutput.write("", check.table)
      try StandardOutput.write("\(check.summary)\n")
      for line in check.warnings { try StandardOutput.write("warning: \(line.printable)\n") }
      for line in check.errors { try StandardOutput.write("error: \(line.printable)\n") }
    }
    if !check.errors.isEmpty { throw ExitCode.failure }
  }
}
