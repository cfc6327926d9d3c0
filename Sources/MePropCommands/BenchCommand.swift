// meprop bench: what this machine does, beside dense products, its own limits and PyTorch.

import ArgumentParser
import MePropBench
import MePropTasks

/// `meprop bench`.
struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Measure kernels, training steps and wide layers on this machine.",
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
      cache, else on sentences that are made up), widths (the paper's Tables 7 and 8: unified \
      selection, up to 8,192 \
      wide; takes minutes, and says how many). Without a group: kernels and steps.

      EXAMPLES:
        meprop bench
        meprop bench steps --precision f32
        meprop bench steps --threads 2 --torch python3
        meprop bench parser --torch python3
        meprop bench widths --json > widths.json
      """)

  @Argument(
    help: ArgumentHelp("What to measure: kernels, steps, lstm, parser, widths.", valueName: "group")
  )
  var groups: [BenchmarkGroup] = []

  @Flag(help: "Print one JSON object and nothing else on standard output.")
  var json = false

  @Option(help: ArgumentHelp("Threads for all columns.", valueName: "n"))
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

  func validate() throws {
    guard threads >= 1 && threads <= 1_024 else {
      throw ValidationError("--threads: found \(threads), expected 1 to 1024")
    }
  }

  func run() throws {
    let groups = groups.isEmpty ? [.kernels, .steps] : groups
    if precision != nil, !groups.contains(where: \.hasPrecisions) {
      throw UsageError("--precision: widths and lstm read f32 only; leave it out")
    }
    if torch != nil, !groups.contains(where: \.hasTorch) {
      throw UsageError("--torch: lstm is not measured in PyTorch; leave it out")
    }
    let trap = SignalTrap()
    defer { trap.restore() }
    do {
      try measure(groups)
    } catch {
      // PyTorch gets the signal of a terminal too, and may end first.
      guard let signal = InterruptFlag.process.signal,
        error is BenchmarkInterrupted || error is TorchError
      else { throw error }
      StandardError.write("bench: interrupted")
      throw Interrupted(signal: signal)
    }
  }

  private func measure(_ groups: [BenchmarkGroup]) throws {
    if let torch { try Benchmark.checkTorch(torch) }
    var rows: [BenchmarkRow] = []
    var settings = BenchmarkSettings(threads: threads, python: torch, precision: precision)
    // Nothing is downloaded to be measured.
    settings.treebank = try? DataLocator.ofProcess.localTreebankFolder("ud-english-ewt")
    let benchmark = Benchmark(
      settings, isInterrupted: { InterruptFlag.process.signal != nil },
      progress: { StandardError.write("bench: \($0)") }, report: { rows.append($0) })
    if !json { try StandardOutput.write(benchmark.machine + "\n") }
    for group in groups {
      let first = rows.count
      try benchmark.run(group)
      if !json {
        try StandardOutput.write("\n")
        try StandardOutput.write(table: BenchmarkTable.lines(Array(rows[first...])))
      }
    }
    if json {
      try StandardOutput.write(
        JSONValue.object([
          .init("machine", .string(benchmark.machine)), .init("rows", .array(rows.map(\.json))),
        ]).description + "\n")
    }
  }
}

extension BenchmarkGroup: ExpressibleByArgument {}

extension Precision: ExpressibleByArgument {}
