// Running experiments, seed by seed, in the folders of one reproduction.

import Foundation
import MePropCore
import MePropReport
import MePropTasks
import MePropTraining

/// What a user asks of `meprop reproduce`, tables aside.
public struct ReproductionSettings: Sendable {
  /// Whether subsets are enough: to see that everything works and where figures lie, in minutes.
  public var isQuick = false
  /// The number of seeds, which count from 1.
  public var seedCount = 3
  /// Threads to train with; `nil`: measured for each run.
  public var threads: Int?
  /// Threads that step times are measured with.
  public var timingThreads = 1
  /// A Python interpreter with PyTorch, for steps beside ours; `nil`: none.
  public var python: String?
  /// A folder with the Penn Treebank, or another treebank, for tagging and parsing; `nil`: UD English EWT.
  public var treebank: String?
  /// Settings by task that override those of experiments.
  public var overrides: [String: [ExperimentSetting]] = [:]

  /// Creates settings for the full experiments.
  public init() {}
}

extension ReproductionSettings {
  /// The configuration of an experiment with a seed.
  ///
  /// - Throws: `ConfigurationError`.
  func configuration(of experiment: Experiment, seed: Int) throws -> Configuration {
    guard let definition = TaskDefinition.named(experiment.task) else {
      preconditionFailure("Reproduction: no task is called '\(experiment.task)'")
    }
    var all = experiment.settings
    if isQuick { all += experiment.quick }
    if let treebank, experiment.task != "digits" {
      all.append(ExperimentSetting("data", treebank))
      // The Penn Treebank has no universal tags.
      if experiment.task == "parser" { all.append(ExperimentSetting("columns", "xpos")) }
    }
    all += overrides[experiment.task] ?? []
    all.append(ExperimentSetting("seed", String(seed)))
    all.append(ExperimentSetting("threads", threads.map(String.init) ?? "auto"))
    return try TrainingRequest(assignments: all.map { "\($0.key)=\($0.value)" })
      .configuration(for: definition.schema)
  }
}

/// A signal stopped a reproduction; what was finished is kept.
public struct ReproductionInterrupted: Error, Sendable {
  /// The signal.
  public var signal: Int32
}

/// Trains the experiments of a plan and measures their steps.
public final class Reproduction {
  /// What is run.
  public let plan: ExperimentPlan
  /// How.
  public let settings: ReproductionSettings
  /// Where.
  public let folder: ReproductionFolder
  let status: StatusLine
  let handlesSignals: Bool
  private let preparers: [String: TaskPreparer]
  private var forecast = Forecast()
  /// Called when something more is finished.
  var onProgress: () throws -> Void = {}
  /// PyTorch, where it was asked for, while steps are measured.
  var torch: TorchSteps?

  /// Creates a reproduction.
  ///
  /// - Parameters:
  ///   - plan: The tables and experiments.
  ///   - settings: Seeds, threads, subsets.
  ///   - folder: Where runs and results go.
  ///   - locator: Finds data.
  ///   - downloads: Told of downloads, on an arbitrary thread.
  ///   - status: Shows what is being done.
  ///   - handlesSignals: Whether Ctrl-C and SIGTERM stop it, to be resumed.
  public init(
    _ plan: ExperimentPlan, settings: ReproductionSettings, folder: ReproductionFolder,
    locator: DataLocator, downloads: @escaping @Sendable (DownloadProgress) -> Void = { _ in },
    status: StatusLine = StatusLine(), handlesSignals: Bool = true
  ) {
    self.plan = plan
    self.settings = settings
    self.folder = folder
    self.status = status
    self.handlesSignals = handlesSignals
    preparers = Dictionary(
      uniqueKeysWithValues: TaskDefinition.all.map {
        ($0.name, $0.makePreparer(locator, downloads))
      })
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

  func prepare(_ experiment: Experiment, _ configuration: Configuration) throws -> PreparedTask {
    guard let prepare = preparers[experiment.task] else {
      preconditionFailure("Reproduction: no task is called '\(experiment.task)'")
    }
    return try prepare(configuration)
  }

  // MARK: Running

  /// The runs that are not finished, seed by seed.
  func openRuns() throws -> [(experiment: Experiment, seed: Int)] {
    try seeds.flatMap { seed in
      try plan.experiments.compactMap { experiment in
        let settings = decisiveSettings(try configuration(of: experiment, seed: seed))
        let record = folder.record(of: experiment.id, seed: seed, settings: settings)
        return record == nil ? (experiment, seed) : nil
      }
    }
  }

  /// Does everything that is not finished.
  ///
  /// - Throws: `ReproductionError.otherSettings` before anything is done, `ReproductionInterrupted`, and what preparing,
  ///   training and measuring throw.
  public func run() throws {
    for experiment in plan.experiments {
      for seed in seeds {
        let settings = decisiveSettings(try configuration(of: experiment, seed: seed))
        let differences = folder.differences(of: experiment.id, seed: seed, from: settings)
        guard differences.isEmpty else {
          throw ReproductionError.otherSettings(
            run: folder.run(of: experiment.id, seed: seed).path, differences: differences)
        }
      }
    }
    let open = try openRuns()
    let groups = try openTimingGroups()
    let all = plan.experiments.count * seeds.count
    status.write(
      "\(all) runs (\(plan.experiments.count) experiments, \(seeds.count) "
        + "\(seeds.count == 1 ? "seed" : "seeds")), \(all - open.count) finished before")
    // Before hours of work, as the interpreter may have no torch.
    if !groups.isEmpty {
      torch = try settings.python.map {
        try TorchSteps(python: $0, threads: settings.timingThreads)
      }
    }
    if !open.isEmpty || !groups.isEmpty {
      forecast = try estimate(open, timingGroups: groups)
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
    status.clear()
  }

  private func train(_ experiment: Experiment, seed: Int, number: Int, of count: Int) throws {
    let configuration = try configuration(of: experiment, seed: seed)
    let url = folder.run(of: experiment.id, seed: seed)
    let clock = ContinuousClock()
    let start = clock.now
    let run = try openRun(at: url, configuration)
    let prepared = try prepare(experiment, configuration)
    let title = "\(number)/\(count) \(experiment.id), seed \(seed)"
    let recorder = ForecastRecorder(
      title: title, status: status, estimate: forecast.estimate(experiment.id),
      remaining: forecast.remaining)
    let loop = TrainingLoop(
      task: prepared.task, stopping: prepared.stopping, run: run,
      configuration: prepared.configuration, description: prepared.description,
      recorders: [
        recorder, JSONLRecorder(run: run), TensorBoardRecorder(run: run), DetailsRecorder(run: run),
      ],
      handlesSignals: handlesSignals)
    let result = try loop.run()
    if case .interrupted(let signal) = result.outcome {
      throw ReproductionInterrupted(signal: signal)
    }
    let seconds = start.duration(to: clock.now).inSeconds
    try folder.save(
      FinishedRun(
        experiment: experiment.id, seed: seed, settings: decisiveSettings(configuration),
        history: result.history, seconds: seconds))
    try RunReport(RunRecord.read([url])).write(to: RunReport.url(in: url))
    // Only resuming needs them, and there is nothing to resume.
    try? FileManager.default.removeItem(at: url.appendingPathComponent("checkpoints"))
    forecast.finish(experiment.id, actual: seconds)
    let score = result.best.flatMap { $0.test ?? $0.dev }?.metrics.first
    status.write(
      "\(title): " + (score.map { "\($0.name) \(String(format: "%.2f", $0.value))" } ?? "done")
        + " in \(Forecast.text(seconds)); about \(Forecast.text(forecast.remaining)) left")
  }

  /// Opens the folder of a run that goes on, or of a new one; without a checkpoint there is nothing to go on with.
  ///
  /// - Throws: `ReproductionError.otherSettings` for a checkpoint of other settings.
  private func openRun(at url: URL, _ configuration: Configuration) throws -> RunFolder {
    guard FileManager.default.fileExists(atPath: url.path) else {
      return try RunFolder(at: url, resuming: false)
    }
    let run = try RunFolder(at: url, resuming: true)
    if run.hasConfiguration,
      let before = try? run.loadCheckpoint()?.checkpoint.state.settings
    {
      // `auto` was decided when the run was started.
      let now = configuration.texts.filter { before[$0.key] != nil && $0.value != "auto" }
      let differences = SettingDifference.list(before.filter { now[$0.key] != nil }, now)
      guard differences.isEmpty else {
        throw ReproductionError.otherSettings(run: url.path, differences: differences)
      }
      return run
    }
    try FileManager.default.removeItem(at: url)
    return try RunFolder(at: url, resuming: false)
  }

  // MARK: Forecast

  /// Measures a few steps of each experiment, and one evaluation of each task.
  private func estimate(
    _ open: [(experiment: Experiment, seed: Int)], timingGroups: [[Experiment]]
  ) throws -> Forecast {
    var forecast = Forecast()
    var evaluations: [String: Double] = [:]
    var seen: [String: Double] = [:]
    let budget = settings.isQuick ? 0.03 : 0.15
    for (index, run) in open.enumerated() {
      let experiment = run.experiment
      if seen[experiment.id] == nil {
        status.show("estimating the time, \(index * 100 / open.count) %")
        let prepared = try prepare(experiment, configuration(of: experiment, seed: 1))
        try prepared.task.beginEpoch(1)
        let step = try secondsPerStep(prepared.task, budget: budget)
        if evaluations[experiment.task] == nil {
          evaluations[experiment.task] = try secondsPerEvaluation(prepared.task)
        }
        let epoch =
          step * Double(prepared.task.stepsPerEpoch) + (evaluations[experiment.task] ?? 0)
        seen[experiment.id] = epoch * Double(prepared.stopping.epochs) + 0.1
      }
      forecast.add(experiment.id, seconds: seen[experiment.id] ?? 0)
    }
    for group in timingGroups {
      // Dense once, the others with and without the optimizer in back propagation.
      forecast.add(
        Self.timingKey(group[0]), seconds: Double(2 * group.count - 1) * timingSeconds)
    }
    status.clear()
    return forecast
  }

  private func secondsPerStep(_ task: any TrainingTask, budget: Double) throws -> Double {
    let clock = ContinuousClock()
    // The first step allocates.
    _ = try task.trainStep(0, ofEpoch: 1)
    let start = clock.now
    var count = 0
    repeat {
      _ = try task.trainStep((1 + count) % task.stepsPerEpoch, ofEpoch: 1)
      count += 1
    } while start.duration(to: clock.now).inSeconds < budget
    return start.duration(to: clock.now).inSeconds / Double(count)
  }

  private func secondsPerEvaluation(_ task: any TrainingTask) throws -> Double {
    let clock = ContinuousClock()
    let start = clock.now
    for split in EvaluationSplit.allCases { _ = try task.evaluate(split) }
    return start.duration(to: clock.now).inSeconds
  }
}
