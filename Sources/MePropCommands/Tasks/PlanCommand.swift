// meprop plan: what training will cost on this machine, before it is started.

import ArgumentParser
import Foundation
import MePropTasks

/// `meprop plan`.
struct PlanCommand: ParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: "plan",
      abstract: "Measure a few steps, dense and with several k, and advise a setting.",
      discussion: """
        Trains for some seconds on the task's own data, all settings in turns, and prints expected \
        seconds an epoch, \
        what selection can gain at most, memory, threads, and which setting to train with; that \
        may be dense. It \
        measures time, not accuracy, so it never advises to keep less than the task's default \
        recipe does, unless --k \
        asks for it. Seconds are those of an epoch in the middle of a run: without the steps of \
        --dense-start, with one \
        k, and in a parser that explores with the time for that. 'meprop train TASK --select auto' \
        does the same and \
        trains.

        EXAMPLES:
          meprop plan digits --batch 32 --hidden 1000,1000
          meprop plan tagger --data ud-english-ewt --json
          meprop plan parser --batch 100
        """,
      subcommands: TaskRegistry.current.tasks.map { command($0) })
  }

  private static func command<Task: TaskDefinition>(_ task: Task.Type) -> any ParsableCommand.Type {
    PlanTask<Task>.self
  }
}

/// `meprop plan TASK`.
struct PlanTask<Task: TaskDefinition>: ParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: Task.name,
      abstract: "Plan 'meprop train \(Task.name)'; takes the same settings.")
  }

  @OptionGroup var data: DataArgument
  @OptionGroup var source: SettingsOptions

  @Flag(help: "Print one JSON object.")
  var json = false

  @OptionGroup(title: "Settings") var settings: Flags<SettingsOf<Task>>

  func run() throws {
    let status = StatusLine()
    let plan = try Planner(task: Task.name, progress: status.show).plan(
      source.request(flags: data.joined(settings.values)).configuration(for: Task.schema),
      prepare: Task.makePreparer(.ofCommands))
    status.clear()
    if json { return try StandardOutput.write("\(plan.json)\n") }
    try StandardOutput.write(table: plan.table)
    for line in plan.lines { try StandardOutput.write(line + "\n") }
  }
}
