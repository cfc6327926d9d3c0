// Everything of one reproduction that is not finished: step times, runs, wide layers.

import Foundation
import MePropBench
import MePropTasks
import MePropTraining

/// Trains the experiments of a plan, measures their steps, and measures Tables 7 and 8.
public final class Reproduction {
  /// What is run.
  public let plan: ExperimentPlan
  /// `table7`, `table8`: those that are measured besides.
  public let widthTables: [String]
  /// How.
  public let settings: ReproductionSettings
  /// Where.
  public let folder: ReproductionFolder
  private let data: ReproductionData
  let status: StatusLine
  /// Looked at before each step of whatever kind.
  let interrupt: InterruptFlag
  private let handlesSignals: Bool
  var forecast = Forecast()
  /// Called when something more is finished.
  var onProgress: () throws -> Void = {}
  /// PyTorch, where it was asked for, while steps are measured.
  var torch: TorchSteps?

  /// Creates a reproduction.
  ///
  /// - Parameters:
  ///   - plan: The tables and experiments.
  ///   - widthTables: `table7`, `table8`, or none of them.
  ///   - settings: Seeds, threads, subsets.
  ///   - folder: Where runs and results go.
  ///   - data: Makes tasks of experiments.
  ///   - status: Shows what is being done.
  ///   - handlesSignals: Whether Ctrl-C and SIGTERM stop it, to be resumed.
  ///   - interrupt: Stops it too, where it does not handle signals; `nil`: nothing does.
  public init(
    _ plan: ExperimentPlan, widthTables: [String] = [], settings: ReproductionSettings,
    folder: ReproductionFolder, data: ReproductionData, status: StatusLine = StatusLine(),
    handlesSignals: Bool = true, interrupt: InterruptFlag? = nil
  ) {
    precondition(
      !handlesSignals || interrupt == nil,
      "Reproduction: signals can only set InterruptFlag.process, found another flag")
    self.plan = plan
    self.widthTables = widthTables
    self.settings = settings
    self.folder = folder
    self.data = data
    self.status = status
    self.handlesSignals = handlesSignals
    self.interrupt = handlesSignals ? .process : interrupt ?? InterruptFlag()
  }

  /// The seeds.
  public var seeds: ClosedRange<Int> { 1...max(1, settings.seedCount) }

  // MARK: Configurations

  /// The configuration of an experiment with a seed.
  ///
  /// - Throws: `ConfigurationError`.
  public func configuration(of experiment: Experiment, seed: Int) throws -> Configuration {
    try settings.configuration(of: experiment, seed: seed)
  }

  /// What decides the result of a run.
  func decisiveSettings(_ configuration: Configuration) -> [String: String] {
    configuration.texts.filter { $0.key != "threads" }
  }

  /// Makes the task of an experiment, unless a signal has come.
  func prepare(_ experiment: Experiment, _ configuration: Configuration) throws -> PreparedTask {
    try checkInterruption()
    return try data.prepare(experiment, configuration)
  }

  // MARK: Running

  /// Does everything that is not finished.
  ///
  /// - Throws: `ReproductionError.otherSettings` before anything is done,
  ///   `ReproductionInterrupted`, and what preparing, training and measuring throw.
  public func run() throws {
    let signals = handlesSignals ? SignalTrap() : nil
    defer { signals?.restore() }
    defer {
      status.clear()
      torch = nil
    }
    do {
      try runOpenParts()
    } catch {
      // What a signal did to a process of ours is no failure of its own.
      guard let signal = interrupt.signal, error is TorchError || error is BenchmarkInterrupted
      else { throw error }
      throw ReproductionInterrupted(signal: signal)
    }
  }

  private func runOpenParts() throws {
    try checkFinishedRuns()
    let open = try openRuns()
    let groups = try openTimingGroups()
    let tables = openWidthTables()
    let all = plan.experiments.count * seeds.count
    if all > 0 {
      status.write(
        "\(all) runs (\(plan.experiments.count) experiments, \(seeds.count) "
          + "\(seeds.count == 1 ? "seed" : "seeds")), \(all - open.count) finished before")
    }
    // Before hours of work, as the interpreter may have no torch.
    if let python = settings.python {
      if !groups.isEmpty {
        torch = try TorchSteps(
          python: python, threads: settings.timingThreads,
          isInterrupted: { [interrupt] in interrupt.signal != nil })
      } else if !tables.isEmpty {
        try Benchmark.checkTorch(python)
      }
    }
    let benchmark = tables.isEmpty ? nil : makeWidthBenchmark()
    if !open.isEmpty || !groups.isEmpty || !tables.isEmpty {
      forecast = try estimate(open, timingGroups: groups)
      if let benchmark { addWidths(tables, benchmark) }
      status.write("this takes about \(Forecast.text(forecast.remaining))")
    }
    for (index, group) in groups.enumerated() {
      try measure(group, number: index + 1, of: groups.count)
      forecast.finish(Self.timingKey(group[0]), actual: nil)
      try onProgress()
    }
    torch = nil
    for (index, run) in open.enumerated() {
      try train(run.experiment, seed: run.seed, number: index + 1, of: open.count)
      try onProgress()
    }
    if let benchmark {
      for table in tables {
        try measure(table, benchmark)
        forecast.finish(Self.widthKey(table), actual: nil)
        try onProgress()
      }
    }
  }

  /// Throws `ReproductionInterrupted` if a signal has come.
  func checkInterruption() throws {
    if let signal = interrupt.signal { throw ReproductionInterrupted(signal: signal) }
  }
}
