// Making a plan: a few steps of each setting, in turns.

import Foundation
import MePropCore

/// Makes plans for a task.
public struct Planner {
  /// The time that a plan takes, about, beside reading the data and starting epochs.
  public var seconds: Double

  private let task: String
  private let progress: (String) -> Void

  /// Creates a planner.
  ///
  /// - Parameters:
  ///   - task: The task's name.
  ///   - seconds: The time to spend, about; where steps take long it is exceeded.
  ///   - progress: Told in a line what is being done.
  public init(
    task: String, seconds: Double = 8,
    progress: @escaping (String) -> Void = { _ in }
  ) {
    self.task = task
    self.seconds = seconds
    self.progress = progress
  }

  /// Measures dense back propagation and several k.
  ///
  /// First the number of threads that dense and sparse steps are fastest with, unless it is set;
  /// then all settings in turns. Results of training do not depend on threads, so they may differ
  /// between settings.
  ///
  /// What is measured is what most of a run is like. Steps are those of the first epoch, without a
  /// dense start and with one k. The start of an epoch is that of the epoch in the middle of the
  /// run, because a parser that explores makes new examples in all epochs but the first ones; it is
  /// measured once with each number of threads, on weights that the steps before it have trained,
  /// and divided among the steps of an epoch.
  ///
  /// - Parameters:
  ///   - configuration: The settings to plan for; what it says of selection is varied, except a k
  ///     given with a flag.
  ///   - prepare: Makes tasks.
  /// - Returns: The plan.
  /// - Throws: `ConfigurationError` for random-k, which is never advised, and for `auto` beside a
  ///   schedule of k; what `prepare` and steps throw.
  public func plan(_ configuration: Configuration, prepare: TaskPreparer) throws -> Plan {
    let clock = ContinuousClock()
    let start = clock.now
    let candidates = try PlanCandidates.all(of: configuration)
    progress("plan: reading data")
    let counts = threadCounts(of: configuration)
    let usual = try PlanCandidates.share(
      of: configuration.schema["k"]?.defaultValue.text ?? "1", configuration)
    func prepared(_ candidate: PlanCandidate, _ threads: Int) throws -> PreparedTask {
      var configuration = candidate.configuration
      try configuration.set(
        "threads", to: String(threads), from: configuration.origin(of: "threads"))
      return try prepare(configuration)
    }

    // One task alone first, so that what it takes of memory is known.
    let first = try prepared(candidates[0], counts[0])
    try first.task.beginEpoch(1)
    _ = try first.task.trainStep(0, ofEpoch: 1)
    let resident = Self.peakResidentBytes
    var starts = EpochStarts(epoch: first.stopping.epochs / 2 + 1)

    var threads = (dense: counts[0], sparse: counts[0])
    if counts.count > 1 {
      progress("plan: threads")
      let shares = try candidates.map { try Self.share(of: $0, configuration) }
      let probe = shares.indices.dropFirst().min {
        abs(shares[$0] - usual) < abs(shares[$1] - usual)
      }
      threads.dense = try fastest(counts, &starts) { try prepared(candidates[0], $0) }
      if let probe {
        threads.sparse = try fastest(counts, &starts) { try prepared(candidates[probe], $0) }
      }
    }
    let tasks = try candidates.map {
      try prepared($0, $0.k == nil ? threads.dense : threads.sparse)
    }
    let timings = try StepMeasurement.alternate(
      tasks.map(\.task), seconds: counts.count > 1 ? seconds * 0.7 : seconds
    ) { done in progress("plan: measuring \(candidates.count) settings, \(Int(done * 100)) %") }
    progress("plan: measuring the start of an epoch")
    var settings: [Plan.Setting] = []
    for (index, candidate) in candidates.enumerated() {
      let prepared = tasks[index]
      // Before an epoch is started: a parser that explores keeps a second network then.
      let tensors = prepared.task.checkpointTensors().tensors
      let step = try starts.included(in: timings[index], of: prepared)
      settings.append(
        Plan.Setting(
          policy: candidate.policy, k: candidate.k,
          share: try Self.share(of: candidate, configuration), threads: prepared.threadCount,
          step: step, stateBytes: tensors.reduce(0) { $0 + 4 * $1.values.count }))
    }
    return Plan(
      task: task, stepsPerEpoch: first.task.stepsPerEpoch, settings: settings,
      smallestAdvisedShare: usual, residentBytes: resident,
      planSeconds: start.duration(to: clock.now).inSeconds)
  }

  /// Decides what `select: auto` stands for.
  ///
  /// - Parameters: As for ``plan(_:prepare:)``.
  /// - Returns: The configuration with policy and k set to what the plan advises, and the plan.
  /// - Throws: The same.
  public func decide(
    _ configuration: Configuration, prepare: TaskPreparer
  ) throws -> (configuration: Configuration, plan: Plan) {
    let plan = try plan(configuration, prepare: prepare)
    let advice = plan.advice
    let chosen =
      if let k = advice.k {
        try PlanCandidates.sparse(configuration, policy: advice.policy, k: k)
      } else {
        try PlanCandidates.dense(configuration)
      }
    return (chosen.configuration, plan)
  }

  private static func share(
    of candidate: PlanCandidate, _ configuration: Configuration
  ) throws -> Double {
    try candidate.k.map { try PlanCandidates.share(of: $0, configuration) } ?? 1
  }

  private func threadCounts(of configuration: Configuration) -> [Int] {
    configuration.optionalInt("threads").map { [$0] } ?? ThreadChoice.candidates()
  }

  /// The fewest threads that no other number is 5 % faster than.
  private func fastest(
    _ counts: [Int], _ starts: inout EpochStarts, prepare: (Int) throws -> PreparedTask
  ) throws -> Int {
    let tasks = try counts.map { try prepare($0) }
    let timings = try StepMeasurement.alternate(tasks.map(\.task), seconds: seconds * 0.15)
    var totals: [Double] = []
    for (timing, task) in zip(timings, tasks) {
      totals.append(try starts.included(in: timing, of: task).seconds.total)
    }
    var best = 0
    for index in counts.indices.dropFirst() where totals[index] < 0.95 * totals[best] {
      best = index
    }
    return counts[best]
  }

  private static var peakResidentBytes: Int {
    var usage = rusage()
    #if canImport(Darwin)
      getrusage(RUSAGE_SELF, &usage)
      let unit = 1
    #else
      getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
      let unit = 1_024
    #endif
    return Int(usage.ru_maxrss) * unit
  }
}

/// The seconds of starting an epoch by number of threads, each measured once.
private struct EpochStarts {
  /// The epoch that is started, from 1.
  let epoch: Int
  private var seconds: [Int: Double] = [:]

  init(epoch: Int) { self.epoch = epoch }

  /// Returns a timing of a task's steps with the start of an epoch in it; may leave the task at
  /// that start.
  mutating func included(in timing: StepTiming, of prepared: PreparedTask) throws -> StepTiming {
    let start: Double
    if let known = seconds[prepared.threadCount] {
      start = known
    } else {
      start = try StepMeasurement.epochStart(epoch, of: prepared.task)
      seconds[prepared.threadCount] = start
    }
    return timing.including(epochStart: start, ofSteps: prepared.task.stepsPerEpoch)
  }
}
