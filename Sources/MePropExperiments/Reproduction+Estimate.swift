// The forecast that is told beforehand: of runs and step times; Reproduction+Widths.swift adds wide
// layers.

import Foundation
import MePropTasks
import MePropTraining

extension Reproduction {
  /// Estimates what is open: runs like their finished seeds, where there are some, else from a few
  /// steps.
  ///
  /// - Throws: `ReproductionInterrupted`, and what preparing and training throw.
  func estimate(
    _ open: [(experiment: Experiment, seed: Int)], timingGroups: [[Experiment]]
  ) throws -> Forecast {
    var forecast = Forecast()
    var estimator = RunEstimator(
      budget: settings.isQuick ? 0.03 : 0.15,
      trialFolder: folder.url.appendingPathComponent(".estimate", isDirectory: true),
      interrupt: interrupt)
    var estimates: [String: RunEstimate] = [:]
    for (index, run) in open.enumerated() {
      let experiment = run.experiment
      if estimates[experiment.id] == nil {
        status.show("estimating the time, \(index * 100 / open.count) %")
        estimates[experiment.id] = try estimate(experiment, &estimator)
      }
      forecast.add(
        experiment.id, seconds: estimates[experiment.id]?.seconds ?? 0, group: experiment.task)
    }
    for group in timingGroups {
      forecast.add(Self.timingKey(group[0]), seconds: secondsOfTiming(group, estimates))
    }
    status.clear()
    return forecast
  }

  private func estimate(
    _ experiment: Experiment, _ estimator: inout RunEstimator
  ) throws -> RunEstimate {
    let finished = try seeds.compactMap { seed in
      folder.record(
        of: experiment.id, seed: seed,
        settings: decisiveSettings(try configuration(of: experiment, seed: seed)))
    }
    if !finished.isEmpty {
      return RunEstimate(
        seconds: Sample(finished.map(\.seconds)).mean, stepSeconds: 0, preparationSeconds: 0)
    }
    let clock = ContinuousClock()
    let start = clock.now
    let prepared = try prepare(experiment, configuration(of: experiment, seed: 1))
    return try estimator.estimate(
      prepared, preparationSeconds: start.duration(to: clock.now).inSeconds)
  }

  /// Dense steps are measured once, the others with and without the optimizer in back propagation,
  /// PyTorch's once.
  private func secondsOfTiming(
    _ group: [Experiment], _ estimates: [String: RunEstimate]
  ) -> Double {
    var seconds = 0.0
    for experiment in group {
      let estimate = estimates[experiment.id]
      // One step to begin with, one or more that are not counted, five turns of one or more.
      let steps = 7 * (estimate?.stepSeconds ?? 0)
      seconds +=
        (experiment.dense == nil ? 1 : 2)
        * (max(timingSeconds, steps) + (estimate?.preparationSeconds ?? 0))
    }
    return seconds + (torch?.seconds(forSteps: timingSeconds) ?? 0)
  }
}
