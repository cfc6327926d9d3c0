// Step times of experiments beside those of their dense counterparts, and of PyTorch on request.

import MePropBench
import MePropTasks
import MePropTraining

extension Reproduction {
  /// Seconds of measuring for each experiment.
  var timingSeconds: Double { settings.isQuick ? 0.3 : 1 }

  static func timingKey(_ dense: Experiment) -> String { "times of \(dense.id)" }

  /// Dense experiments, each followed by those that are compared with it, where one of them is not
  /// measured yet.
  func openTimingGroups() throws -> [[Experiment]] {
    try plan.experiments.filter { $0.dense == nil }.compactMap { dense in
      let group = [dense] + plan.experiments.filter { $0.dense == dense.id }
      let isOpen = try group.contains { experiment in
        let settings = decisiveSettings(try configuration(of: experiment, seed: 1))
        let timing = folder.timing(
          of: experiment.id, settings: settings, threads: self.settings.timingThreads)
        return timing == nil || (self.settings.python != nil && timing?.torch == nil)
      }
      return isOpen ? group : nil
    }
  }

  /// Measures a group in turns and saves what came of it.
  ///
  /// - Throws: `ReproductionInterrupted`, and what preparing and steps throw.
  func measure(_ group: [Experiment], number: Int, of count: Int) throws {
    try checkInterruption()
    status.show("step times \(number)/\(count): \(group[0].id) and \(group.count - 1) others")
    let tasks = try group.map { try prepare($0, timingConfiguration($0)) }
    let unfused = try group.map { experiment in
      try unfusedConfiguration(experiment).map { try prepare(experiment, $0) }
    }
    let all = tasks + unfused.compactMap(\.self)
    let watched = all.map { WatchedTask($0.task, interrupt) }
    let timings = try StepMeasurement.alternate(
      watched, seconds: timingSeconds * Double(all.count))
    let torch = try torchStep(like: group[0])
    var next = group.count
    for (index, experiment) in group.enumerated() {
      let (prepared, timing) = (tasks[index], timings[index])
      var unfusedSeconds: PhaseSeconds?
      if unfused[index] != nil {
        unfusedSeconds = timings[next].seconds
        next += 1
      }
      try folder.save(
        MeasuredStep(
          experiment: experiment.id,
          settings: decisiveSettings(try configuration(of: experiment, seed: 1)),
          threads: settings.timingThreads, stepsPerEpoch: prepared.task.stepsPerEpoch,
          seconds: timing.seconds, unfused: unfusedSeconds, spread: timing.spread, torch: torch))
    }
  }

  private func timingConfiguration(_ experiment: Experiment) throws -> Configuration {
    var configuration = try configuration(of: experiment, seed: 1)
    try configuration.set(
      "threads", to: String(settings.timingThreads), from: configuration.origin(of: "threads"))
    return configuration
  }

  /// The same step with as little as possible of the optimizer in back propagation: rows that no
  /// gradient touches are left alone, and where the task can clip the norm of all gradients, they
  /// are stored first, so that products are nothing but products; `nil` where the experiment is
  /// dense.
  private func unfusedConfiguration(_ experiment: Experiment) throws -> Configuration? {
    guard experiment.dense != nil else { return nil }
    var configuration = try timingConfiguration(experiment)
    for (key, value) in [("untouched", "skip"), ("clip-norm", "1e30")]
    where configuration.schema[key] != nil {
      try configuration.set(key, to: value, from: configuration.origin(of: key))
    }
    return configuration
  }

  /// The step of a dense experiment in PyTorch, or `nil` where that was not asked for.
  private func torchStep(like dense: Experiment) throws -> TorchStep? {
    guard let torch else { return nil }
    let configuration = try configuration(of: dense, seed: 1)
    return try torch.measure(
      TorchSteps.request(for: dense, configuration), seconds: timingSeconds)
  }
}
