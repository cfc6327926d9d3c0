// meprop importance: how much a model depends on each part of its input.

import ArgumentParser
import Foundation
import MePropTasks

/// `meprop importance`.
struct ImportanceCommand: ParsableCommand {
  static var configuration: CommandConfiguration {
    let texts = tasks.map { "For \($0.name): \(help($0))." }
    return CommandConfiguration(
      commandName: "importance",
      abstract: "Measure how much a model depends on each part of its input.",
      discussion: (["The model folder says of which task it is."] + texts)
        .joined(separator: "\n\n")
        + TaskTexts.examples(
          tasks.flatMap { $0.help.uses }.filter { $0.hasPrefix("meprop importance") }))
  }

  private static var tasks: [any ImportanceTask.Type] {
    TaskRegistry.current.tasks.compactMap { $0 as? any ImportanceTask.Type }
  }

  private static func help<Task: ImportanceTask>(_ task: Task.Type) -> String {
    task.importanceHelp
  }

  @Argument(help: "The folder of a run, or its model folder.", completion: .directory)
  var model: String

  @Argument(
    help: ArgumentHelp("The data, as for 'meprop evaluate'.", valueName: "data"),
    completion: .file())
  var data: String?

  @Option(help: ArgumentHelp("Which part of it.", valueName: "test|dev"))
  var split: EvaluationSplit = .test

  @Option(
    parsing: .unconditional, help: ArgumentHelp("How often each part is shuffled.", valueName: "n"))
  var repeats = 3

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Threads to compute with (default: all).", valueName: "n"))
  var threads: Int?

  @Flag(help: "Print one JSON object.")
  var json = false

  func validate() throws {
    if let threads, !(1...256).contains(threads) {
      throw ValidationError("--threads: found \(threads), expected 1 to 256")
    }
    guard (1...1000).contains(repeats) else {
      throw ValidationError("--repeats: found \(repeats), expected 1 to 1000")
    }
  }

  func run() throws {
    let task = try TaskRegistry.current.task(ofModelAt: URL(fileURLWithPath: model))
    guard let measured = task as? any ImportanceTask.Type else {
      throw UsageError(
        "'\(model)' is a model of \(task.name); importance is for "
          + Self.tasks.map { $0.name }.joined(separator: ", "))
    }
    let report = try measure(measured)
    if json { return try StandardOutput.write("\(report.json(task: task.name))\n") }
    try StandardOutput.write(report.summary + "\n\n", report.table)
  }

  private func measure<Task: ImportanceTask>(_ task: Task.Type) throws -> ImportanceReport {
    let use = ModelUse(
      options: Configuration(schema: ConfigurationSchema([])),
      threadCount: threads ?? ComputeContext.availableThreads, source: .ofCommands)
    return try task.importance(
      task.readModel(at: URL(fileURLWithPath: model)), on: split, of: data,
      repeats: repeats, use)
  }
}
