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
      Selection, sparse products and forward products are checked against plain references before they are timed. \
      Times are medians; what is compared takes turns. GROUPS: kernels (one layer: selection, products, updates), \
      steps (whole steps of 784-500-500-10), lstm (the layer of the tagger, one sentence and 16), parser (steps of the parser, and parsing; on UD English EWT, \
      if it is in MEPROP_DATA or the cache, else on sentences that are made up), widths \
      (the paper's Tables 7 and 8: unified selection, up to 8,192 wide; takes minutes). Without a group: kernels and \
      steps.

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
      "What our forward products read, in kernels, steps and parser (default: f32; in kernels and steps bf16 too, where "
        + "the processor multiplies such numbers).",
      valueName: "f32|bf16"))
  var precision: Precision?

  @Option(
    help: ArgumentHelp(
      "Measure PyTorch too, in steps and parser, with this interpreter.", valueName: "python"))
  var torch: String?

  func validate() throws {
    guard threads >= 1 && threads <= 1_024 else {
      throw ValidationError("--threads: found \(threads), expected 1 to 1024")
    }
  }

  func run() throws {
    let groups = groups.isEmpty ? [.kernels, .steps] : groups
    if let torch {
      guard groups.contains(where: \.hasTorch) else {
        throw UsageError("--torch: only steps and parser are measured in PyTorch too; leave it out")
      }
      try Benchmark.checkTorch(torch)
    }
    var rows: [BenchmarkRow] = []
    var settings = BenchmarkSettings(threads: threads, python: torch, precision: precision)
    // Nothing is downloaded to be measured.
    settings.treebank = try? DataLocator.ofProcess.localTreebankFolder("ud-english-ewt")
    let benchmark = Benchmark(
      settings,
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
