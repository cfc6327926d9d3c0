// meprop train: from flags to a request, and from a report to text.

import ArgumentParser
import Foundation
import MePropReport
import MePropTasks

/// `meprop train`.
struct TrainCommand: ParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: "train", abstract: "Train a model.",
      subcommands: TaskRegistry.current.tasks.map { command($0) })
  }

  private static func command<Task: TaskDefinition>(_ task: Task.Type) -> any ParsableCommand.Type {
    TrainTask<Task>.self
  }

  func run() throws { try StandardOutput.write(NextSteps.training) }
}

/// `meprop train TASK`.
struct TrainTask<Task: TaskDefinition>: ParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: Task.name, abstract: Task.help.abstract,
      discussion: Task.help.training + " "
        + """
        Every option but --run, --resume, --config, --set and --json is a key of the \
        configuration, \
        and the complete configuration is saved in the run folder. Ctrl-C saves a checkpoint; \
        --resume \
        goes on from it.
        """
        + TaskTexts.examples(
          Task.help.examples.map { "meprop train \(Task.name)" + ($0.isEmpty ? "" : " \($0)") }))
  }

  @OptionGroup var data: DataArgument
  @OptionGroup var options: TrainOptions
  @OptionGroup(title: "Settings") var settings: Flags<SettingsOf<Task>>

  func run() throws {
    let report = try Task.train(
      options.request(flags: data.joined(settings.values)), from: .ofCommands)
    // The first of several processes tells.
    if ProcessGroup.current.rank == 0 { return try options.print(report) }
    if case .interrupted(let signal) = report.outcome { throw Interrupted(signal: signal) }
  }
}

/// Where settings come from, for every task.
struct SettingsOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp("Take settings from a YAML file; see 'meprop config'.", valueName: "file"),
    completion: .file(extensions: ["yaml", "yml"]))
  var config: String?

  @Option(
    name: .customLong("set"),
    help: ArgumentHelp(
      "Set a key; overrides the file, and flags override this.", valueName: "key=value"))
  var assignments: [String] = []

  /// The request with the flags of a task.
  func request(flags: [(key: String, value: String?)]) -> TrainingRequest {
    TrainingRequest(
      configurationFile: config.map { URL(fileURLWithPath: $0) }, assignments: assignments,
      flags: flags)
  }
}

/// A run that ended without a model, because that of the best epoch was lost before and could not
/// be written anew.
struct MissingModel: Error, CustomStringConvertible {
  var path: String
  var epoch: Int

  var description: String {
    "\(path): there is no model: that of epoch \(epoch), the best one, was lost, and no epoch "
      + "since was better; train again in another folder"
  }
}

/// The options of training, for every task: where settings come from, where the run goes, what is
/// printed.
struct TrainOptions: ParsableArguments {
  @OptionGroup var source: SettingsOptions

  @Option(
    help: ArgumentHelp(
      "The run folder (default: runs/TASK-DATE-TIME, with --resume the newest of these).",
      valueName: "folder"),
    completion: .directory)
  var run: String?

  @Flag(help: "Go on from the last checkpoint of the run.")
  var resume = false

  @Flag(help: "Print one JSON object with the figures of every epoch.")
  var json = false

  /// The request with the flags of a task.
  func request(flags: [(key: String, value: String?)]) throws -> TrainingRequest {
    if let run, run.isEmpty { throw UsageError("--run: expected a folder, found nothing") }
    var request = source.request(flags: flags)
    request.runFolder = run.map { URL(fileURLWithPath: $0, isDirectory: true) }
    request.resumes = resume
    return request
  }

  /// Prints what came of a run.
  ///
  /// - Throws: `Interrupted` after a signal, and errors of standard output.
  func print(_ report: TrainingReport) throws {
    let page = Self.writeReport(of: report)
    if json {
      try StandardOutput.write("\(report.summary.json)\n")
    } else {
      // The figures of all epochs have been shown as they came, and are in metrics.jsonl.
      for table in [report.figures, report.times] where !table.isEmpty {
        try StandardOutput.write(table: table)
        try StandardOutput.write("\n")
      }
      if let model = report.model, FileManager.default.fileExists(atPath: model.path) {
        try StandardOutput.write("model: \(model.path.printable)\n")
      }
      if let page { try StandardOutput.write("report: \(page.path.printable)\n") }
    }
    if case .interrupted(let signal) = report.outcome { throw Interrupted(signal: signal) }
    if let best = report.summary.epochs.best, let model = report.model,
      !FileManager.default.fileExists(atPath: model.path)
    {
      throw MissingModel(path: model.path, epoch: best.epoch)
    }
  }

  /// Writes the report of a run with epochs and returns where; a failure is told, and is no failure
  /// of the run.
  private static func writeReport(of report: TrainingReport) -> URL? {
    guard let run = report.summary.run, !report.summary.epochs.isEmpty else { return nil }
    let folder = URL(fileURLWithPath: run, isDirectory: true)
    let page = RunReport.url(in: folder)
    do {
      try RunReport(RunRecord.read([folder])).write(to: page)
      return page
    } catch {
      StandardError.write("warning: the report was not written: \(error)")
      return nil
    }
  }
}
