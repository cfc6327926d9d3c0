// What `meprop bench` measures of layers and networks.

import MePropCore

/// Groups of measurements, each result checked against a plain reference before it is timed.
public struct Benchmark {
  package let settings: BenchmarkSettings
  package let context: ComputeContext
  let limits: MachineLimits
  package let isInterrupted: () -> Bool
  package let report: (BenchmarkRow) -> Void
  package let progress: (String) -> Void

  /// Creates a benchmark and measures the machine's peaks.
  ///
  /// - Parameters:
  ///   - settings: Threads and comparisons.
  ///   - isInterrupted: Asked between rows, between turns, and while PyTorch is waited for; once it
  ///     returns `true`, what is running throws ``BenchmarkInterrupted``.
  ///   - progress: Told what is being done.
  ///   - report: Given each row as it is measured.
  public init(
    _ settings: BenchmarkSettings, isInterrupted: @escaping () -> Bool = { false },
    progress: @escaping (String) -> Void, report: @escaping (BenchmarkRow) -> Void
  ) {
    let context = ComputeContext(threadCount: settings.threads)
    progress("peak rates of this machine")
    self.init(
      settings, context: context, limits: MachineLimits.measure(context: context),
      isInterrupted: isInterrupted, progress: progress, report: report)
  }

  /// Creates a benchmark of a machine whose peaks are known.
  package init(
    _ settings: BenchmarkSettings, context: ComputeContext, limits: MachineLimits,
    isInterrupted: @escaping () -> Bool = { false }, progress: @escaping (String) -> Void,
    report: @escaping (BenchmarkRow) -> Void
  ) {
    self.settings = settings
    self.context = context
    self.limits = limits
    self.isInterrupted = isInterrupted
    self.progress = progress
    self.report = report
  }

  /// The machine as a line of text: threads, instruction set, measured peaks.
  public var machine: String {
    let gigaflops = Int(limits.multiplyAdds * 2e-3)
    let gigabytes = Int(limits.bytes * 1e-3)
    return "\(settings.threads) thread(s), \(context.instructionSet.rawValue), "
      + "\(gigaflops) GFLOP/s in dense products, \(gigabytes) GB/s beyond the caches"
  }

  /// Starts an interpreter and imports torch, so that one that cannot is told before anything is
  /// measured.
  ///
  /// - Throws: ``TorchError``.
  public static func checkTorch(_ python: String) throws {
    _ = try TorchWorker(
      python: python, program: "import torch; print('ready', flush=True)", arguments: [],
      preload: nil)
  }

  /// Ends a benchmark that was asked to stop.
  package func checkInterruption() throws {
    if isInterrupted() { throw BenchmarkInterrupted() }
  }

  /// Runs `body`; where it fails because the same signal has ended PyTorch, that is an interruption
  /// too.
  package func tellingInterruptions(_ body: () throws -> Void) throws {
    do {
      try body()
    } catch is TorchError where isInterrupted() {
      throw BenchmarkInterrupted()
    }
  }
}
