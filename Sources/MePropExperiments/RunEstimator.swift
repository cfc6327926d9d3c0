// How long a run will take, from a few of its steps and one epoch without them.

import Foundation
import MePropTasks
import MePropTraining

/// What a run is expected to take.
struct RunEstimate {
  /// All of the run.
  var seconds: Double
  /// One step, a mean over an epoch.
  var stepSeconds: Double
  /// What comes before the first step.
  var preparationSeconds: Double
}

/// Estimates runs: steps of each experiment, and what an epoch takes beside them, once for each
/// network.
///
/// The experiments of a task go on with the steps of the epoch where the one before stopped, so
/// that together they have seen many, and learn how many examples a step has.
struct RunEstimator {
  /// Seconds of steps for each experiment; where steps differ in length it may be ten times as
  /// much.
  private let budget: Double
  private let trialFolder: URL
  private let interrupt: InterruptFlag
  /// Steps so far by task and batch size, and the next to do.
  private var lengths: [String: StepSamples] = [:]
  private var nextSteps: [String: Int] = [:]
  /// Seconds of an epoch beside its steps, by network.
  private var overheads: [String: Double] = [:]
  /// The least seconds of preparing, by task: other times data were read.
  private var preparations: [String: Double] = [:]

  /// Creates an estimator.
  ///
  /// - Parameters:
  ///   - budget: Seconds of steps for each experiment, at least.
  ///   - trialFolder: A run folder for the time of an estimate; what is there is removed.
  ///   - interrupt: Looked at before each step.
  init(budget: Double, trialFolder: URL, interrupt: InterruptFlag) {
    self.budget = budget
    self.trialFolder = trialFolder
    self.interrupt = interrupt
  }

  /// Estimates the run of a task, which is trained by this.
  ///
  /// - Parameters:
  ///   - prepared: The task at its start.
  ///   - preparationSeconds: What it took to prepare it.
  /// - Returns: The estimate.
  /// - Throws: `ReproductionInterrupted`, and what a training loop throws.
  mutating func estimate(
    _ prepared: PreparedTask, preparationSeconds: Double
  ) throws -> RunEstimate {
    let name = prepared.task.name
    let preparation = min(preparations[name] ?? .infinity, preparationSeconds)
    preparations[name] = preparation
    let task = WatchedTask(prepared.task, interrupt)
    let clock = ContinuousClock()
    let start = clock.now
    try task.beginEpoch(1)
    let epochStart = start.duration(to: clock.now).inSeconds
    let step = try secondsPerStep(task, batch: prepared.configuration.int("batch"))
    let network = "\(name) \(prepared.configuration.value("hidden").text)"
    let overhead: Double
    if let known = overheads[network] {
      overhead = known
    } else {
      overhead = try secondsBesideSteps(of: prepared)
      overheads[network] = overhead
    }
    let epoch = step * Double(task.stepsPerEpoch) + epochStart + overhead
    // The report that is written at the end takes about a tenth of a second.
    return RunEstimate(
      seconds: preparation + epoch * Double(prepared.stopping.epochs) + 0.1, stepSeconds: step,
      preparationSeconds: preparation)
  }

  private mutating func secondsPerStep(_ task: WatchedTask, batch: Int) throws -> Double {
    let stepCount = task.stepsPerEpoch
    let kind = "\(task.name) \(batch)"
    var next = nextSteps[kind, default: 0]
    var all = lengths[kind] ?? StepSamples()
    var own = StepSamples()
    // The first step allocates.
    _ = try task.trainStep(next % stepCount, ofEpoch: 1)
    let clock = ContinuousClock()
    let start = clock.now
    var last = start
    var spent = 0.0
    repeat {
      next += 1
      let report = try task.trainStep(next % stepCount, ofEpoch: 1)
      let now = clock.now
      let seconds = last.duration(to: now).inSeconds
      own.add(examples: report.exampleCount, seconds: seconds)
      all.add(examples: report.exampleCount, seconds: seconds)
      last = now
      spent = start.duration(to: now).inSeconds
    } while spent < budget || (spent < 10 * budget && !all.isSettled)
    nextSteps[kind] = next + 1
    lengths[kind] = all
    return own.seconds(ofExamples: all.meanExamples)
  }

  /// Does an epoch of one step as in training, and returns what it takes beside that step:
  /// evaluation on all parts, averaged weights where there are any, a checkpoint and the model, and
  /// records.
  private func secondsBesideSteps(of prepared: PreparedTask) throws -> Double {
    try? FileManager.default.removeItem(at: trialFolder)
    defer { try? FileManager.default.removeItem(at: trialFolder) }
    let clock = ContinuousClock()
    let start = clock.now
    let run = try RunFolder(at: trialFolder, resuming: false)
    let loop = TrainingLoop(
      task: WatchedTask(prepared.task, interrupt, stepLimit: 1), stopping: StoppingRule(epochs: 1),
      run: run, configuration: prepared.configuration, description: prepared.description,
      recorders: [
        JSONLRecorder(run: run), TensorBoardRecorder(run: run), DetailsRecorder(run: run),
      ],
      interrupt: interrupt)
    let result = try loop.run()
    if case .interrupted(let signal) = result.outcome {
      throw ReproductionInterrupted(signal: signal)
    }
    let training = result.history.reduce(0.0) { $0 + $1.seconds.total }
    return max(0, start.duration(to: clock.now).inSeconds - training)
  }
}
