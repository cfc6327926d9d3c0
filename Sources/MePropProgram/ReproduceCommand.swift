// meprop reproduce: the paper's tables, measured again.

import ArgumentParser
import Foundation
import MePropCommands
import MePropExperiments
import MePropTasks

/// `meprop reproduce`.
struct ReproduceCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reproduce",
    abstract: "Measure the tables of the meProp paper again, on this machine.",
    discussion: """
      Trains the experiments of the paper (Sun et al., ICML 2017) seed by seed into folders below \
      --run, measures \
      their steps beside dense ones, and prints the paper's figures and ours side by side, with a \
      paired test over \
      seeds. It can be stopped at any time and goes on with --resume, which needs --run at most: \
      the folder knows \
      what was asked for. Named tables are done besides. The run folder gets index.html, \
      results.md and results.json, \
      of what is finished.

      WHAT: table1 … table8, figure4, memory (or memory-digits, memory-tagger, memory-parser), \
      all. Without \
      --quick this takes many hours; the time is told beforehand. With --quick it is subsets of \
      the data and a few epochs: to see that everything works, not to \
      quote.

      EXAMPLES:
        meprop reproduce all --quick
        meprop reproduce table1 table3 --seeds 5 --run runs/paper
        meprop reproduce all --task digits --seeds 5
        meprop reproduce figure4 --set digits.epochs=5 --torch python3
        meprop reproduce memory --run runs/memory
        meprop reproduce --resume --run runs/memory --json > memory.json
      """)

  @Argument(help: ArgumentHelp("What to reproduce; all if nothing is named.", valueName: "what"))
  var names: [String] = []

  @Option(
    name: .customLong("task"),
    help: ArgumentHelp(
      "Only rows of this task (\(TaskRegistry.current.names.joined(separator: ", "))); may be "
        + "given several times.",
      valueName: "task"))
  var tasks: [String] = []

  @Flag(help: "Subsets of the data and a few epochs.")
  var quick = false

  @Option(
    help: ArgumentHelp(
      "Seeds of each experiment (default: 3, with --quick 2); with --resume no fewer than before.",
      valueName: "n"))
  var seeds: Int?

  @Option(
    name: .customLong("run"),
    help: ArgumentHelp(
      "Where runs and results go (default: runs/reproduce-DATE-TIME, with --resume the newest of "
        + "these).",
      valueName: "folder"),
    completion: .directory)
  var runFolder: String?

  @Flag(help: "Go on with what is in the folder, with the options that it was started with.")
  var resume = false

  @Flag(help: "Print one JSON object with all tables.")
  var json = false

  @Option(
    help: ArgumentHelp(
      "Measure PyTorch's dense steps too, and its dense products of Tables 7 and 8, with this "
        + "interpreter.",
      valueName: "python"))
  var torch: String?

  @Option(
    help: ArgumentHelp(
      "Tag and parse the Penn Treebank (folders 00 to 24 of .mrg or CoNLL-X files, in its "
        + "distribution parsed/mrg/wsj) "
        + "instead of UD English EWT.",
      valueName: "folder"),
    completion: .directory)
  var ptb: String?

  @Option(
    help: ArgumentHelp(
      "Train with so many threads (default: measured for each run).", valueName: "n"))
  var threads: Int?

  @Option(
    name: .customLong("set"),
    help: ArgumentHelp(
      "Set a key of all experiments of a task, for example digits.epochs=5.",
      valueName: "task.key=value"))
  var assignments: [String] = []

  func validate() throws {
    guard (seeds ?? 1) >= 1, (seeds ?? 1) <= 1_000 else {
      throw ValidationError("--seeds: found \(seeds ?? 0), expected 1 to 1000")
    }
    guard (threads ?? 1) >= 1, (threads ?? 1) <= 256 else {
      throw ValidationError("--threads: found \(threads ?? 0), expected 1 to 256")
    }
  }

  func run() throws {
    if let runFolder, runFolder.isEmpty {
      throw UsageError("--run: expected a folder, found nothing")
    }
    if let ptb, ptb.isEmpty { throw UsageError("--ptb: expected a folder, found nothing") }
    var options = ReproductionOptions()
    options.names = names
    options.tasks = tasks
    options.isQuick = quick
    options.seedCount = seeds
    options.threads = threads
    options.python = torch
    options.treebank = ptb.map { URL(fileURLWithPath: $0, isDirectory: true).path }
    options.overrides = assignments
    let url = runFolder.map { URL(fileURLWithPath: $0, isDirectory: true) }
    let started = try resume ? ReproductionFolder(at: url, resuming: true) : nil
    var all = options
    if let started, let before = started.options {
      do {
        try options.complete(with: before, folder: started.url.path)
      } catch let error as ReproductionError {
        throw UsageError(error.description)
      }
      all = options.merged(with: before)
    }
    let request = try request(for: options)
    let settings = try options.settings()
    let data = ReproductionData(settings, locator: .ofProcess, downloads: DownloadNotice.show)
    // What cannot be done is told before a folder is made for it.
    if started == nil { try request.checkStart(settings, data) }
    let folder = try started ?? ReproductionFolder(at: url, resuming: false)
    try folder.save(all)
    StandardError.write("runs and results: \(folder.url.path)")
    do {
      let result = try request.run(
        settings, in: folder,
        with: ReproductionRequest(names: all.names, tasks: all.tasks),
        about: [
          "version: meprop \(MePropTool.configuration.version), "
            + Date.now.formatted(.iso8601.year().month().day()),
          "command: meprop \(CommandLine.arguments.dropFirst().joined(separator: " "))",
        ], data: data)
      try StandardOutput.write(json ? "\(result.json)\n" : result.markdown)
      StandardError.write("index: \(folder.url.appendingPathComponent("index.html").path)")
    } catch let interruption as ReproductionInterrupted {
      StandardError.write(
        "interrupted; go on with: meprop reproduce --resume --run \(folder.url.path)")
      throw Interrupted(signal: interruption.signal)
    }
  }

  /// What options ask for, if it can be done.
  private func request(for options: ReproductionOptions) throws -> ReproductionRequest {
    do {
      let request = try ReproductionRequest(names: options.names, tasks: options.tasks)
      try request.check(options.settings())
      return request
    } catch let error as ReproductionError {
      throw UsageError(error.description)
    }
  }
}
