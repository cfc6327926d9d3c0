// Runs of experiments, seed by seed, each in an ordinary run folder.

import Foundation
import MePropReport
import MePropTasks
import MePropTraining

extension Reproduction {
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

  /// Refuses to go on where a finished run was trained with other settings.
  ///
  /// - Throws: `ReproductionError.otherSettings`.
  func checkFinishedRuns() throws {
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
  }

  /// Trains an experiment with a seed, and keeps what came of it.
  ///
  /// - Throws: `ReproductionInterrupted`, and what preparing and training throw.
  func train(_ experiment: Experiment, seed: Int, number: Int, of count: Int) throws {
    try checkInterruption()
    let configuration = try configuration(of: experiment, seed: seed)
    let url = folder.run(of: experiment.id, seed: seed)
    let clock = ContinuousClock()
    let start = clock.now
    let (run, goesOn) = try openRun(at: url, configuration)
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
      interrupt: interrupt)
    let result = try loop.run()
    if case .interrupted(let signal) = result.outcome {
      throw ReproductionInterrupted(signal: signal)
    }
    let seconds = start.duration(to: clock.now).inSeconds
    let trained = result.history.reduce(0.0) { $0 + $1.seconds.total }
    try folder.save(
      FinishedRun(
        experiment: experiment.id, seed: seed, settings: decisiveSettings(configuration),
        history: result.history, seconds: max(seconds, trained)))
    try RunReport(RunRecord.read([url])).write(to: RunReport.url(in: url))
    // Only resuming needs them, and there is nothing to resume.
    try? FileManager.default.removeItem(at: url.appendingPathComponent("checkpoints"))
    forecast.finish(experiment.id, actual: goesOn ? nil : seconds)
    let score = result.best.flatMap { $0.test ?? $0.dev }?.metrics.first
    status.write(
      "\(title): " + (score.map { "\($0.name) \(String(format: "%.2f", $0.value))" } ?? "done")
        + " in \(Forecast.text(seconds)); about \(Forecast.text(forecast.remaining)) left")
  }

  /// Opens the folder of a run that goes on, or of a new one; without a checkpoint there is nothing
  /// to go on with.
  ///
  /// - Throws: `ReproductionError.otherSettings` for a checkpoint of other settings.
  private func openRun(
    at url: URL, _ configuration: Configuration
  ) throws -> (run: RunFolder, goesOn: Bool) {
    guard FileManager.default.fileExists(atPath: url.path) else {
      return (try RunFolder(at: url, resuming: false), false)
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
      return (run, true)
    }
    try FileManager.default.removeItem(at: url)
    return (try RunFolder(at: url, resuming: false), false)
  }
}
