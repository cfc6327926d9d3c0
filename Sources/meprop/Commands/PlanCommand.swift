// meprop plan: what training will cost on this machine, before it is started.

import ArgumentParser
import Foundation
import MePropTasks

/// `meprop plan`.
struct PlanCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan",
    abstract: "Measure a few steps, dense and with several k, and advise a setting.",
    discussion: """
      Trains for some seconds on the task's own data, all settings in turns, and prints expected seconds an epoch, \
      what selection can gain at most, memory, threads, and which setting to train with; that may be dense. It \
      measures time, not accuracy, so it never advises to keep less than the task's default recipe does, unless --k \
      asks for it. Seconds are those of an epoch in the middle of a run: without the steps of --dense-start, with one \
      k, and in a parser that explores with the time for that. 'meprop train TASK --select auto' does the same and \
      trains.

      EXAMPLES:
        meprop plan digits --batch 32 --hidden 1000,1000
        meprop plan tagger --data ud-english-ewt --json
        meprop plan parser --batch 100
      """,
    subcommands: [
      PlanDigitsCommand.self, PlanTaggerCommand.self, PlanParserCommand.self,
    ])
}

/// The options that plans of all tasks have.
struct PlanOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp("Take settings from a YAML file; see 'meprop config'.", valueName: "file"),
    completion: .file(extensions: ["yaml", "yml"]))
  var config: String?

  @Option(
    name: .customLong("set"),
    help: ArgumentHelp(
      "Set a key; overrides the file, and flags override this.", valueName: "key=value"))
  var assignments: [String] = []

  @Flag(help: "Print one JSON object.")
  var json = false

  /// Makes and prints the plan of a task.
  func plan(_ definition: TaskDefinition, flags: [(key: String, value: String?)]) throws {
    let status = StatusLine()
    let plan = try Planner(task: definition.name, progress: status.show).plan(
      TrainingRequest(
        configurationFile: config.map { URL(fileURLWithPath: $0) }, assignments: assignments,
        flags: flags
      ).configuration(for: definition.schema),
      prepare: definition.makePreparer(.ofProcess, DownloadNotice.show))
    status.clear()
    if json { return try StandardOutput.write("\(plan.json)\n") }
    try StandardOutput.write(table: plan.table)
    for line in plan.lines { try StandardOutput.write(line + "\n") }
  }
}

/// `meprop plan digits`.
struct PlanDigitsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "digits", abstract: "Plan 'meprop train digits'; takes the same settings.")

  @OptionGroup var options: PlanOptions
  @OptionGroup(title: "Settings") var settings: DigitsFlags

  func run() throws { try options.plan(DigitsTask.definition, flags: settings.values) }
}

/// `meprop plan tagger`.
struct PlanTaggerCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tagger", abstract: "Plan 'meprop train tagger'; takes the same settings.")

  @OptionGroup var options: PlanOptions
  @OptionGroup(title: "Settings") var settings: TaggerFlags

  func run() throws { try options.plan(TaggerTask.definition, flags: settings.values) }
}

/// `meprop plan parser`.
struct PlanParserCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "parser", abstract: "Plan 'meprop train parser'; takes the same settings.")

  @OptionGroup var options: PlanOptions
  @OptionGroup(title: "Settings") var settings: ParserFlags

  func run() throws { try options.plan(ParserTask.definition, flags: settings.values) }
}
