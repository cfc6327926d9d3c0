// meprop bench: what this machine does, beside dense products, its own limits and PyTorch.

import ArgumentParser
import Foundation
import MePropBench
import MePropTaskBench
import MePropTasks

/// `meprop bench`.
struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Measure kernels, training steps, wide layers and whole runs on this machine.",
    discussion: """
      Before anything is timed its result is compared with a plain one in double precision: \
      selections, products and \
      updates of kernels, whole steps with loss, gradients, memory, moments and weights, products \
      and gradients of \
      wide layers; of LSTMs the gradient at their inputs, of the parser the sums over its \
      features. \
      Times are medians; what is compared takes turns, and goes from one set of buffers to the \
      next, larger than a \
      core's caches together. 'of the limit' is the least time that counted bytes and operations \
      allow at the \
      measured peaks.

      GROUPS: kernels (one layer: selection, products, updates, optimizers, and where dense \
      products of the masked \
      gradient overtake sparse ones), steps (whole steps of 784-500-500-10), lstm (the layer of \
      the tagger, one \
      sentence and 16), parser (steps of the parser, and parsing; on UD English EWT, if it is in \
      MEPROP_DATA or the \
      cache, else on sentences that are made up), images (back propagation through a convolution, \
      and steps of the network 'lenet'), widths (the paper's Tables 7 and 8: unified \
      selection, up to 8,192 \
      wide; takes minutes, and says how many), accuracy (whole runs, from the start of a process \
      until it has an \
      accuracy on development data; its tasks follow: digits, parser, tagger, or none for all), \
      mpi (alone, started with mpirun: messages between processes, and steps with them). \
      Without a group: kernels and steps.

      ACCURACY is seconds by the clock: the start of the process, reading, training, evaluation, \
      with seeds 1 to \
      --seeds. Ours is 'meprop train TASK --target X', the default recipe. PyTorch trains a \
      network of the same \
      shape densely, with the same rate, dropout and running mean; its parser is arc-standard with \
      a static oracle. As \
      it comes it has our batch size, f32 and --threads. At its best it has what was fastest with \
      seed 1: of three \
      batch sizes; then of f32, f32 with MKL's vendor check satisfied (on processors that are not \
      Intel's) and bf16 \
      (where the processor multiplies such numbers); then of --threads and one. Targets are 98 % \
      for digits, LAS \
      84.1 % for the parser and 93.7 % for the tagger. With PyTorch digits take minutes, others \
      up to an hour. In \
      JSON, 'rows' have PyTorch at its best and 'rowsAsItComes' as it comes.

      EXAMPLES:
        meprop bench
        meprop bench steps --precision f32
        meprop bench steps --threads 2 --torch python3
        meprop bench parser --torch python3
        meprop bench widths --json > widths.json
        meprop bench accuracy digits --threads 2 --torch python3
        mpirun -n 2 meprop bench mpi --json
      """)

  @Argument(
    help: ArgumentHelp(
      "What to measure: \(BenchRequest.groupNames.joined(separator: ", ")); after accuracy its "
        + "tasks (\(BenchRequest.taskNames.joined(separator: ", "))).",
      valueName: "group"),
    completion: .list(BenchRequest.groupNames + BenchRequest.taskNames))
  var names: [String] = []

  @Flag(help: "Print one JSON object and nothing else on standard output.")
  var json = false

  @Option(parsing: .unconditional, help: ArgumentHelp("Threads for all columns.", valueName: "n"))
  var threads = 1

  @Option(
    help: ArgumentHelp(
      "What our products read, in kernels, steps and parser (default: f32; in kernels and steps "
        + "bf16 too, where "
        + "the processor multiplies such numbers).",
      valueName: "f32|bf16"))
  var precision: Precision?

  @Option(
    help: ArgumentHelp(
      "Measure PyTorch too, in all groups but lstm, with this interpreter.", valueName: "python"))
  var torch: String?

  @Option(
    help: ArgumentHelp(
      "With accuracy of one task: the accuracy on development data to be reached, in percent.",
      valueName: "percent"))
  var target: Double?

  @Option(
    help: ArgumentHelp("With accuracy: train with seeds 1 to this (default: 3).", valueName: "n"))
  var seeds: Int?

  func validate() throws {
    guard threads >= 1 && threads <= 1_024 else {
      throw ValidationError("--threads: found \(threads), expected 1 to 1024")
    }
    guard (seeds ?? 1) >= 1, (seeds ?? 1) <= 1_000 else {
      throw ValidationError("--seeds: found \(seeds ?? 0), expected 1 to 1000")
    }
    if let target, !(0...100).contains(target) {
      throw ValidationError("--target: found \(target), expected 0 to 100")
    }
  }

  func run() throws {
    let request = try BenchRequest(names)
    try request.check(
      hasPrecision: precision != nil, hasTorch: torch != nil, hasTarget: target != nil,
      hasSeeds: seeds != nil, threads: threads)
    if request.measuresProcesses {
      return try ProcessBenchmarkOutput(threads: threads, isJSON: json).run()
    }
    guard ProcessGroup.current.size == 1 else {
      throw KnownError(
        error: UsageError("expected 'bench mpi' in several processes, found other groups"))
    }
    let trap = SignalTrap()
    defer { trap.restore() }
    do {
      try measure(request)
    } catch {
      // PyTorch gets the signal of a terminal too, and may end first.
      guard let signal = InterruptFlag.process.signal,
        error is BenchmarkInterrupted || error is TorchError
      else { throw error }
      StandardError.write("bench: interrupted")
      throw Interrupted(signal: signal)
    }
  }

  private func measure(_ request: BenchRequest) throws {
    // Nothing is downloaded to be measured.
    let folders = try request.accuracyTasks.map {
      try DataLocator.ofProcess.locate($0.dataSet, defaultName: $0.dataSet)
    }
    if let torch { try Benchmark.checkTorch(torch) }
    var rows: [BenchmarkRow] = []
    var settings = BenchmarkSettings(threads: threads, python: torch, precision: precision)
    settings.treebank = try? DataLocator.ofProcess.localTreebankFolder("ud-english-ewt")
    let benchmark = Benchmark(
      settings, isInterrupted: { InterruptFlag.process.signal != nil },
      progress: { StandardError.write("bench: \($0)") }, report: { rows.append($0) })
    if !json { try StandardOutput.write(benchmark.machine + "\n") }
    for group in request.groups {
      let first = rows.count
      try benchmark.run(group)
      try show(BenchmarkTable.lines(Array(rows[first...])))
    }
    var results: [AccuracyResult] = []
    for (task, folder) in zip(request.accuracyTasks, folders) {
      let result = try accuracyBenchmark.run(task, data: folder)
      results.append(result)
      try show(BenchmarkTable.lines(result.rows, hasTorch: torch != nil))
    }
    if json {
      let figures = results.flatMap(\.rows)
      var members: [JSONValue.Member] = [
        .init("machine", .string(benchmark.machine)),
        .init("rows", .array(rows.map(\.json) + figures.map(\.json))),
      ]
      if !results.isEmpty, torch != nil {
        members += [
          .init("rowsAsItComes", .array(figures.map(\.jsonAsItComes))),
          .init("torchBest", .array(results.compactMap(\.torchBestJSON))),
        ]
      }
      try StandardOutput.write(JSONValue.object(members).description + "\n")
    }
  }

  private func show(_ table: [[String]]) throws {
    guard !json else { return }
    try StandardOutput.write("\n")
    try StandardOutput.write(table: table)
  }

  private var accuracyBenchmark: AccuracyBenchmark {
    var settings = AccuracySettings(
      executable: Bundle.main.executablePath ?? CommandLine.arguments[0], python: torch)
    settings.threads = threads
    settings.target = target
    if let seeds { settings.seedCount = seeds }
    return AccuracyBenchmark(
      settings, isInterrupted: { InterruptFlag.process.signal != nil },
      progress: { StandardError.write("bench: accuracy: \($0)") })
  }
}

extension Precision: ExpressibleByArgument {}
