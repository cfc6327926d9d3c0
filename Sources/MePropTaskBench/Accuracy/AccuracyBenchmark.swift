// Time to a given accuracy: `meprop train` and PyTorch in turn, each a process of its own.

import Foundation
import MePropBench
import MePropCore
import MePropTraining

/// What is trained, and with what.
public struct AccuracySettings: Sendable {
  /// The program `meprop`.
  public var executable: String
  /// A Python interpreter that has PyTorch; `nil`: it is left out.
  public var python: String?
  /// Threads of all processes; PyTorch at its best may take fewer.
  public var threads = 1
  /// Seeds 1 to this are trained with.
  public var seedCount = 3
  /// The accuracy on development data, in percent; `nil`: the task's own.
  public var target: Double?
  /// Whether PyTorch may be tried in bf16.
  public var triesBF16 = InstructionSet.preferred.multipliesBF16

  /// Creates settings.
  public init(executable: String, python: String? = nil) {
    self.executable = executable
    self.python = python
  }
}

/// The rows of a task, and what PyTorch's best was.
public struct AccuracyResult: Sendable, Equatable {
  /// A row a seed.
  public var rows: [AccuracyRow]
  /// How PyTorch computed at its best; `nil` where it was not asked for.
  package var torchBest: TorchVariant?

  /// An entry of `torchBest` in `meprop bench accuracy --json`: the task, batch, threads and
  /// precision of PyTorch at its best, or `nil`.
  public var torchBestJSON: JSONValue? {
    guard let torchBest, let task = rows.first?.task else { return nil }
    return .object([.init("task", .string(task.rawValue))] + torchBest.json)
  }
}

/// Measures the time from the start of a process to its end, in which it trains until it has a
/// given accuracy on development data.
///
/// Ours is `meprop train TASK --target X` with the default recipe otherwise. PyTorch trains a
/// network of the same shape, densely, with the same rate, dropout and running mean. At its best it
/// has the batch size, the products and the threads that were fastest with seed 1
/// (``TorchVariant/fastest(from:batchSizes:triesVendorCheck:triesBF16:seconds:)``). With each seed
/// all of them run in turn, so that a machine whose speed drifts is fair to them.
public struct AccuracyBenchmark {
  private let settings: AccuracySettings
  private let isInterrupted: () -> Bool
  private let progress: (String) -> Void

  /// Creates a benchmark.
  ///
  /// - Parameters:
  ///   - settings: What is compared.
  ///   - isInterrupted: Asked ten times a second; once it returns `true`, the process under way is
  ///     killed and ``BenchmarkInterrupted`` thrown.
  ///   - progress: Told what is being done, and what did not reach the target.
  public init(
    _ settings: AccuracySettings, isInterrupted: @escaping () -> Bool = { false },
    progress: @escaping (String) -> Void
  ) {
    self.settings = settings
    self.isInterrupted = isInterrupted
    self.progress = progress
  }

  /// Measures a task.
  ///
  /// - Parameters:
  ///   - task: The task.
  ///   - data: The folder of its data.
  /// - Returns: A row a seed.
  /// - Throws: ``TorchError``, ``AccuracyError``, ``BenchmarkInterrupted``, `ConfigurationError`.
  public func run(_ task: AccuracyTask, data: URL) throws -> AccuracyResult {
    let target = settings.target ?? task.defaultTarget
    let vendor =
      settings.python != nil && TorchVariant.vendorMatters
      ? TorchWorker.vendorLibrary() : nil
    defer {
      if let vendor {
        try? FileManager.default.removeItem(
          at: URL(fileURLWithPath: vendor).deletingLastPathComponent())
      }
    }
    let torch = settings.python.map {
      TorchTrainer(
        python: $0, task: task, data: data, target: target, vendorLibrary: vendor,
        isInterrupted: isInterrupted, progress: progress)
    }
    let asItComes = TorchVariant(
      batchSize: try task.defaultBatchSize(), threads: settings.threads)
    var best: TorchVariant?
    if let torch { best = try fastest(torch, from: asItComes, task, hasVendor: vendor != nil) }
    let rows = try (1...settings.seedCount).map { seed in
      var row = AccuracyRow(task: task, seed: seed, target: target)
      row.ours = try train(task, data: data, seed: seed, target: target)
      if let torch, let best {
        row.torch = try torch.train(asItComes, seed: seed)
        row.torchBest = best == asItComes ? row.torch : try torch.train(best, seed: seed)
      }
      return row
    }
    return AccuracyResult(rows: rows, torchBest: best)
  }

  private func fastest(
    _ torch: TorchTrainer, from start: TorchVariant, _ task: AccuracyTask, hasVendor: Bool
  ) throws -> TorchVariant {
    let best = try TorchVariant.fastest(
      from: start, batchSizes: task.otherBatchSizes, triesVendorCheck: hasVendor,
      triesBF16: settings.triesBF16
    ) { try torch.train($0, seed: 1, limit: $1)?.seconds }
    progress("\(task.rawValue): PyTorch at its best: \(best.text)")
    return best
  }

  // MARK: Ours

  /// Trains in a process of its own, and in a folder that is gone when it has ended.
  private func train(
    _ task: AccuracyTask, data: URL, seed: Int, target: Double
  ) throws -> AccuracyTime? {
    let title = "\(task.rawValue), seed \(seed): meprop"
    progress(title)
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("meprop-accuracy-\(UUID().uuidString)", isDirectory: true)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let process = TimedProcess([
      settings.executable, "train", task.rawValue, "--data", data.path, "--target", String(target),
      "--json", "--run", folder.appendingPathComponent("run").path, "--seed", String(seed),
      "--threads", String(settings.threads),
    ])
    let outcome = try process.run(isInterrupted: isInterrupted) { line in
      if line.hasPrefix("epoch ") { progress("\(title): \(line)") }
    }
    guard case .ended(let report) = outcome else {
      throw AccuracyError.silent(title, seconds: process.silenceLimit)
    }
    guard report.status == 0 else {
      // The signal of a terminal may have ended it before it was seen here.
      if isInterrupted() { throw BenchmarkInterrupted() }
      throw AccuracyError.failed(title, status: report.status, message: report.lastMessage)
    }
    guard let epochs = Self.developmentFigures(report.output, key: task.figure), !epochs.isEmpty
    else { throw AccuracyError.unreadable(title, output: report.output) }
    // Figures are printed to six places.
    guard let last = epochs.last, last >= target - 1e-6 else {
      progress("\(title): \(target) % was not reached; best \(epochs.max() ?? 0) %")
      return nil
    }
    progress(String(format: "%@: %.2f s", title, report.seconds))
    return AccuracyTime(seconds: report.seconds, epochs: epochs.count)
  }

  /// The development figure of each epoch in what `train --json` printed.
  private static func developmentFigures(_ text: String, key: String) -> [Double]? {
    let object = try? JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
    let epochs = object?["epochs"] as? [[String: Any]]
    let figures = epochs?.map { ($0["dev"] as? [String: Any])?[key] as? Double }
    guard let figures, !figures.contains(nil) else { return nil }
    return figures.compactMap(\.self)
  }
}
