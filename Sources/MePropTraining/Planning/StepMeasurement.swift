// Measuring steps of several tasks side by side: what a plan and a speed-up rest on.

/// The time of a step of one task.
public struct StepTiming: Sendable, Equatable {
  /// Seconds of a step by phase, `total` being wall-clock time: means over the round whose total is
  /// the median of all rounds.
  public var seconds: PhaseSeconds
  /// Half the range of the middle half of the rounds' totals, as a share of the median.
  public var spread: Double
  /// The number of steps measured.
  public var stepCount: Int

  package init(seconds: PhaseSeconds, spread: Double, stepCount: Int) {
    self.seconds = seconds
    self.spread = spread
    self.stepCount = stepCount
  }

  /// Returns the timing with the seconds of starting an epoch divided among its steps.
  ///
  /// They are time for data, as in training.
  func including(epochStart: Double, ofSteps stepsPerEpoch: Int) -> StepTiming {
    let share = epochStart / Double(stepsPerEpoch)
    var result = self
    result.seconds.total += share
    result.seconds.data += share
    if result.seconds.total > 0 { result.spread *= seconds.total / result.seconds.total }
    return result
  }
}

/// Steps of several tasks that take turns, so that what else the machine does hits all of them
/// alike.
public enum StepMeasurement {
  /// The share of the time that goes to steps that are not counted: selection settles in them.
  static let warmUpShare = 0.3
  /// The number of turns that are counted.
  static let rounds = 5

  /// Measures tasks in turns on the same steps of their first epoch.
  ///
  /// Each turn is as many steps as the slowest task does in its share of the time, at least one.
  /// Tasks are trained by this.
  ///
  /// - Parameters:
  ///   - tasks: Tasks with as many steps an epoch; not started.
  ///   - seconds: The time to spend in all, about; a step of each task is done in any case.
  ///   - progress: Told the share done, from 0 to 1.
  /// - Returns: The timing of each.
  /// - Throws: What steps throw.
  public static func alternate(
    _ tasks: [any TrainingTask], seconds: Double, progress: (Double) -> Void = { _ in }
  ) throws -> [StepTiming] {
    precondition(!tasks.isEmpty, "StepMeasurement: found no tasks")
    for task in tasks { try task.beginEpoch(1) }
    var nextStep = 0
    var slowest = 0.0
    for task in tasks { slowest = max(slowest, try turn(task, from: 0, count: 1).total) }
    nextStep = 1
    let share = seconds / Double(tasks.count)
    let warmUp = count(of: share * warmUpShare, stepSeconds: slowest)
    slowest = 0
    for task in tasks {
      slowest = max(slowest, try turn(task, from: nextStep, count: warmUp).total)
    }
    nextStep += warmUp
    let perTurn = count(of: share * (1 - warmUpShare) / Double(rounds), stepSeconds: slowest)
    var turns = tasks.map { _ in [PhaseSeconds]() }
    for round in 0..<rounds {
      progress(warmUpShare + (1 - warmUpShare) * Double(round) / Double(rounds))
      for (index, task) in tasks.enumerated() {
        turns[index].append(try turn(task, from: nextStep, count: perTurn))
      }
      nextStep += perTurn
    }
    progress(1)
    return turns.map { timing(of: $0, stepCount: perTurn * rounds) }
  }

  /// Starts an epoch, counted from 1, and returns the seconds that this takes.
  static func epochStart(_ epoch: Int, of task: any TrainingTask) throws -> Double {
    let clock = ContinuousClock()
    let start = clock.now
    try task.beginEpoch(epoch)
    return start.duration(to: clock.now).inSeconds
  }

  private static func count(of seconds: Double, stepSeconds: Double) -> Int {
    stepSeconds > 0 ? min(max(1, Int(seconds / stepSeconds)), 100_000) : 1
  }

  /// Does steps, and returns the mean seconds of one.
  private static func turn(
    _ task: any TrainingTask, from first: Int, count: Int
  ) throws -> PhaseSeconds {
    var sum = PhaseSeconds()
    let clock = ContinuousClock()
    let start = clock.now
    for step in first..<(first + count) {
      sum += try task.trainStep(step % task.stepsPerEpoch, ofEpoch: 1).seconds
    }
    sum.total = start.duration(to: clock.now).inSeconds
    return sum.divided(by: Double(count))
  }

  private static func timing(of turns: [PhaseSeconds], stepCount: Int) -> StepTiming {
    let sorted = turns.sorted { $0.total < $1.total }
    let median = sorted[sorted.count / 2]
    let range = sorted[sorted.count * 3 / 4].total - sorted[sorted.count / 4].total
    return StepTiming(
      seconds: median, spread: median.total > 0 ? range / 2 / median.total : 0,
      stepCount: stepCount)
  }
}
