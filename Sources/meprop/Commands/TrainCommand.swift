// meprop train: from flags to a request, and from a report to text.

import ArgumentParser
import Foundation
import MePropReport
import MePropTasks

/// `meprop train`.
struct TrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train", abstract: "Train a model.",
    subcommands: [TrainDigitsCommand.self, TrainTaggerCommand.self, TrainParserCommand.self])
}

/// The options that every task has: where settings come from, where the run goes, what is printed.
struct TrainOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp("Take settings from a YAML file; see 'meprop config'.", valueName: "file"),
    completion: .file(extensions: ["yaml", "yml"]))
  var config: String?

  @Option(
    name: .customLong("set"),
    help: ArgumentHelp(
      "Set a key; overrides the file, and flags override this.", valueName: "key=value"))
  var assignments: [String] = []

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
    return TrainingRequest(
      configurationFile: config.map { URL(fileURLWithPath: $0) }, assignments: assignments,
      flags: flags, runFolder: run.map { URL(fileURLWithPath: $0, isDirectory: true) },
      resumes: resume)
  }

  /// Prints what came of a run.
  ///
  /// - Throws: `Interrupted` after a signal, and errors of standard output.
  func print(_ report: TrainingReport) throws {
    let page = Self.writeReport(of: report)
    if json {
      try StandardOutput.write("\(report.summary.json)\n")
    } else {
      try StandardOutput.write(table: report.table)
      if report.summary.epochs.best != nil {
        try StandardOutput.write("model: \(report.model.path)\n")
      }
      if let page { try StandardOutput.write("report: \(page.path)\n") }
    }
    if case .interrupted(let signal) = report.outcome { throw Interrupted(signal: signal) }
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

/// `meprop train digits`.
struct TrainDigitsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "digits",
    abstract: "Train a classifier of handwritten digits, or of other small grey images.",
    discussion: """
      Without options this trains on MNIST with the default recipe. Every option but --run, \
      --resume, --config, --set and --json is a key of the configuration, and the complete \
      configuration is saved in the run folder. Ctrl-C saves a checkpoint; --resume goes on from it.

      EXAMPLES:
        meprop train digits
        meprop train digits --data fashion-mnist --epochs 5 --run runs/fashion
        meprop train digits --select dense --batch 10 --epochs 20
        meprop train digits --select top-k --k 20 --memory 0.9 --untouched skip --batch 10
        meprop train digits --select unified --k 0.06 --group 25 --batch 50
        meprop train digits --config digits.yaml --set epochs=3 --json
        meprop train digits --run runs/fashion --resume
      """)

  @OptionGroup var options: TrainOptions
  @OptionGroup(title: "Settings") var settings: DigitsFlags

  func run() throws {
    let report = try DigitsTask.train(
      options.request(flags: settings.values), progress: DownloadNotice.show)
    try options.print(report)
  }
}
