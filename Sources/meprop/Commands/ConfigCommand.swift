// meprop config: the complete default configuration of a task.

import ArgumentParser
import MePropTasks

/// `meprop config`.
struct ConfigCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "config", abstract: "Print the complete default configuration of a task as YAML.",
    subcommands: [ConfigDigitsCommand.self, ConfigTaggerCommand.self, ConfigParserCommand.self])
}

/// `meprop config digits`.
struct ConfigDigitsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "digits", abstract: "Print the configuration of 'meprop train digits'.",
    discussion: """
      EXAMPLE:
        meprop config digits > digits.yaml
        meprop train digits --config digits.yaml --set epochs=3
      """)

  func run() throws {
    try StandardOutput.write(
      Configuration(schema: DigitsConfiguration.schema)
        .yaml(title: "Default configuration of 'meprop train digits'."))
  }
}
