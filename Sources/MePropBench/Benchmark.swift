// What `meprop bench` runs.

import Foundation
import MePropCore

/// A result differs from the plain reference, so timing it would mean nothing.
public struct WrongResultError: Error, Equatable, CustomStringConvertible {
  /// The operation.
  public let operation: String
  /// The largest difference and what was allowed.
  public let difference: Double, allowed: Double

  /// One line for the user.
  public var description: String {
    "\(operation): the result differs from the reference by \(difference), allowed are \(allowed); "
      + "please report this with your processor's name"
  }
}

/// A group of measurements.
public enum BenchmarkGroup: String, Sendable, CaseIterable {
  /// Selection, both sparse products, updates and the forward product of one layer.
  case kernels
  /// Whole training steps of the paper's digit network.
  case steps
  /// Steps of the LSTM layer of the paper's tagger.
  case lstm
  /// Steps of the parser, and greedy parsing.
  case parser
  /// The paper's Tables 7 and 8: unified selection in very wide layers.
  case widths

  /// Whether PyTorch is measured too, where it is asked for.
  public var hasTorch: Bool { self == .steps || self == .parser }
}

/// Settings of a benchmark.
public struct BenchmarkSettings: Sendable {
  /// Threads for all columns.
  public var threads: Int
  /// A Python interpreter that has PyTorch, for the columns that compare with it; `nil`: none.
  public var python: String?
  /// What our forward products read, one or more.
  ///
  /// Kernels and steps have rows for each, parsing for the first.
  public var precisions: [Precision]
  /// The folder of the treebank of the parser's rows; `nil` for sentences that are made up.
  public var treebank: URL?
  /// Seconds for each row, roughly.
  public var secondsPerRow = 0.6

  /// Creates settings.
  ///
  /// - Parameters:
  ///   - threads: At least 1.
  ///   - python: An interpreter that has PyTorch, if it is to be measured too.
  ///   - precision: What forward products read; `nil`: f32, and bf16 too where the processor multiplies such numbers.
  public init(threads: Int, python: String? = nil, precision: Precision? = nil) {
    self.threads = threads
    precisions =
      precision.map { [$0] } ?? (InstructionSet.preferred.multipliesBF16 ? [.f32, .bf16] : [.f32])
    self.python = python
  }
}

/// Runs groups of measurements, each result checked against a plain reference before it is timed.
public struct Benchmark {
  let settings: BenchmarkSettings
  let context: ComputeContext
  let limits: MachineLimits
  let report: (BenchmarkRow) -> Void
  let progress: (String) -> Void

  /// Creates a benchmark and measures the machine's peaks.
  ///
  /// - Parameters:
  ///   - settings: Threads and comparisons.
  ///   - progress: Told what is being done.
  ///   - report: Given each row as it is measured.
  public init(
    _ settings: BenchmarkSettings, progress: @escaping (String) -> Void,
    report: @escaping (BenchmarkRow) -> Void
  ) {
    self.settings = settings
    self.progress = progress
    self.report = report
    context = ComputeContext(threadCount: settings.threads)
    progress("peak rates of this machine")
    limits = MachineLimits.measure(context: context)
  }

  /// The machine as a line of text: threads, instruction set, measured peaks.
  public var machine: String {
    let gigaflops = Int(limits.multiplyAdds * 2e-3)
    let gigabytes = Int(limits.bytes * 1e-3)
    return "\(settings.threads) thread(s), \(context.instructionSet.rawValue), "
      + "\(gigaflops) GFLOP/s in dense products, \(gigabytes) GB/s beyond the caches"
  }

  /// Starts an interpreter and imports torch, so that one that cannot is told before anything is measured.
  ///
  /// - Throws: ``TorchError``.
  public static func checkTorch(_ python: String) throws {
    _ = try TorchWorker(
      python: python, program: "import torch; print('ready', flush=True)", arguments: [],
      preload: nil)
  }

  /// Runs one group.
  ///
  /// - Throws: ``WrongResultError``, ``TorchError``, and errors of training.
  public func run(_ group: BenchmarkGroup) throws {
    switch group {
    case .kernels: try runKernels()
    case .steps: try runSteps()
    case .lstm: try runLSTM()
    case .parser: try runParser()
    case .widths: try runWidths()
    }
  }
}
