// The training loop: epochs, steps, evaluation, checkpoints. Knows nothing of digits or trees.

import Foundation
import MePropCore
import MePropData
import MePropNN

/// Trains a task, telling recorders what happens, and keeps a run folder up to date.
///
/// ```swift
/// let loop = TrainingLoop(
///   task: task, stopping: StoppingRule(epochs: 20), run: run, configuration: configuration,
///   recorders: [ProgressRecorder(), JSONLRecorder(run: run)])
/// let result = try loop.run()
/// ```
///
/// A run whose folder has a checkpoint goes on from there, and yields the same bits as one that was
/// never interrupted. Where several processes train (``ProcessGroup``), each has a loop; the first
/// one reads and writes the run folder and the others have none. A checkpoint is saved after each
/// epoch and when a signal stops the run. A run whose model is damaged or gone gets it back from
/// the checkpoint of its best epoch.
public final class TrainingLoop {
  private let task: any TrainingTask
  private let stopping: StoppingRule
  private let runFolder: RunFolder?
  private let configuration: Configuration?
  private let description: [String]
  private let recorders: [any Recorder]
  /// Set at the steps where all processes stop.
  private let interrupt: InterruptFlag
  /// Set where this process is asked to stop.
  private let ownInterrupt: InterruptFlag
  private let processes: any Communicator
  private let handlesSignals: Bool
  private let progressInterval: Duration
  private let skipsNonFiniteSteps: Bool
  /// Steps left out one after the other, and what was wrong with the last of them.
  private var skippedInRow = 0
  private var lastSkipped: NonFiniteError?

  private var position = TrainingPosition()
  private var savedPosition: TrainingPosition?
  private var progress = EpochProgress()
  private var history: [EpochRecord] = []
  /// That of `history`, which grows too long to be looked through after each epoch.
  private var best: EpochRecord?

  /// Creates a loop.
  ///
  /// - Parameters:
  ///   - task: What to train.
  ///   - stopping: When to end.
  ///   - run: The run folder; `nil` to write nothing.
  ///   - configuration: All settings. Saved in the run folder; a run is only resumed with the
  ///     settings it was started with, except those that may change.
  ///   - description: Lines on model, data and machine, passed to recorders.
  ///   - recorders: Who is told.
  ///   - handlesSignals: Whether SIGINT and SIGTERM stop the run.
  ///   - interrupt: Looked at before each step; `nil`: `InterruptFlag.process` where signals are
  ///     handled, else a flag of the loop's own.
  ///   - progressInterval: The time between two progress events.
  ///   - skipsNonFiniteSteps: Whether a step whose outputs are not finite, so that nothing has
  ///     changed yet, is left out and told instead of ending the run; a hundred of them in a row,
  ///     or a whole epoch, end it, because then the weights themselves are broken.
  public init(
    task: any TrainingTask, stopping: StoppingRule, run: RunFolder? = nil,
    configuration: Configuration? = nil, description: [String] = [],
    recorders: [any Recorder] = [], handlesSignals: Bool = false,
    interrupt: InterruptFlag? = nil, progressInterval: Duration = .milliseconds(100),
    skipsNonFiniteSteps: Bool = false
  ) {
    precondition(
      !handlesSignals || interrupt == nil || interrupt === InterruptFlag.process,
      "TrainingLoop: signals can only set InterruptFlag.process, found another flag")
    self.task = task
    self.stopping = stopping
    runFolder = run
    self.configuration = configuration
    self.description = description
    self.recorders = recorders
    self.handlesSignals = handlesSignals
    // A loop that does not handle signals is not stopped by those that another loop handles.
    let flag = interrupt ?? (handlesSignals ? .process : InterruptFlag())
    processes = ProcessGroup.current
    ownInterrupt = flag
    // Several processes stop at the same step, and within an evaluation none does.
    self.interrupt = processes.size > 1 ? InterruptFlag() : flag
    self.progressInterval = progressInterval
    self.skipsNonFiniteSteps = skipsNonFiniteSteps
  }

  /// Trains until the stopping rule, a signal or an error ends the run.
  ///
  /// - Throws: `TrainingError`, `CheckpointError`, `FileWriteError`, and errors of the task and of
  ///   recorders. The last checkpoint stays as it is then.
  public func run() throws -> TrainingResult {
    let trap = handlesSignals ? SignalTrap() : nil
    defer { trap?.restore() }
    return try InterruptFlag.$ofRun.withValue(interrupt) { try runToEnd() }
  }

  private func runToEnd() throws -> TrainingResult {
    do {
      try resume()
      if let runFolder, let configuration {
        try runFolder.save(configuration, title: "Complete configuration of this run.")
      }
      try emit(.runStarted(start))
      let outcome = try trainEpochs()
      let result = TrainingResult(outcome: outcome, history: history, position: position)
      if case .interrupted(let signal) = outcome {
        try emit(.interrupted(signal: signal, result))
      } else {
        try emit(.finished(result))
      }
      return result
    } catch {
      for recorder in recorders { try? recorder.record(.failed(String(describing: error))) }
      throw error
    }
  }

  // MARK: Epochs

  private func trainEpochs() throws -> TrainingOutcome {
    while true {
      if let outcome = stopping.outcome(after: history, best: best) { return outcome }
      if let signal = interrupt.signal { return try interrupted(by: signal) }
      if let signal = try trainEpoch() { return try interrupted(by: signal) }
      // Whatever the weights were before, nothing comes of them any more.
      if let lastSkipped, progress.exampleCount == 0 { throw lastSkipped }
      do {
        try endEpoch()
      } catch is WorkInterrupted {
        // After the last step, with the evaluation still to do.
        if let signal = interrupt.signal { return try interrupted(by: signal) }
      }
    }
  }

  private func interrupted(by signal: Int32) throws -> TrainingOutcome {
    if position != savedPosition { try saveCheckpoint(writesModel: false) }
    return .interrupted(signal: signal)
  }

  /// Trains from the position to the epoch's end; returns the signal that interrupted it, if any.
  private func trainEpoch() throws -> Int32? {
    let epoch = position.epoch
    let clock = ContinuousClock()
    let start = clock.now
    let earlierSeconds = progress.seconds.total
    let firstStep = position.step
    try emit(.epochStarted(epoch: epoch))
    do {
      try task.beginEpoch(epoch)
    } catch is WorkInterrupted {
      return interrupt.signal
    }
    // Epochs that leave out examples have fewer steps.
    let stepCount = task.stepsPerEpoch
    var now = clock.now
    var lastProgress = now
    progress.seconds.data += start.duration(to: now).inSeconds
    var details =
      progress.details ?? EpochDetails(epoch: epoch, stepsPerEpoch: stepCount)
    progress.details = nil
    var partEnd = 0
    var stopSignal: Int32?
    while position.step < stepCount {
      if let signal = askedToStop() {
        stopSignal = signal
        break
      }
      if position.step >= partEnd { partEnd = details.beginPart(at: position.step) }
      let report = try trainStep(ofEpoch: epoch)
      position.step += 1
      progress.lossSum += report.lossSum
      progress.exampleCount += report.exampleCount
      progress.seconds += report.seconds
      if report.bytesSent > 0 { progress.bytesSent = (progress.bytesSent ?? 0) + report.bytesSent }
      details.add(lossSum: report.lossSum, exampleCount: report.exampleCount)
      if !report.cuts.isEmpty {
        progress.cuts = (progress.cuts ?? []) + report.cuts
        try emit(.unitsCut(report.cuts, epoch: epoch))
      }
      now = clock.now
      if position.step == partEnd {
        details.endPart(
          task.takeTallies(), seconds: earlierSeconds + start.duration(to: now).inSeconds)
      }
      if now - lastProgress >= progressInterval {
        lastProgress = now
        try emitProgress(seconds: earlierSeconds + start.duration(to: now).inSeconds)
      }
    }
    progress.seconds.total = earlierSeconds + start.duration(to: now).inSeconds
    if position.step < partEnd && position.step > firstStep {
      details.endPart(task.takeTallies(), seconds: progress.seconds.total)
    }
    progress.details = details
    takeLayerReports(steps: position.step - firstStep)
    return stopSignal
  }

  /// The signal that asks this or another process to stop before the next step.
  private func askedToStop() -> Int32? {
    guard processes.size > 1 else { return interrupt.signal }
    guard let signal = processes.agreedSignal(ownInterrupt.signal) else { return nil }
    interrupt.request(signal)
    return signal
  }

  /// Does the next step, or leaves it out.
  private func trainStep(ofEpoch epoch: Int) throws -> StepReport {
    do {
      let report = try task.trainStep(position.step, ofEpoch: epoch)
      guard report.lossSum.isFinite else {
        throw TrainingError.nonFiniteLoss(
          epoch: epoch, step: position.step, loss: report.lossSum)
      }
      skippedInRow = 0
      return report
    } catch let error as NonFiniteError
      where skipsNonFiniteSteps && error.quantity == .output && skippedInRow < 100
    {
      skippedInRow += 1
      lastSkipped = error
      Notices.tell(
        "epoch \(epoch), step \(position.step + 1): left out, the output of \(error.layer) is not "
          + "finite")
      return StepReport(lossSum: 0, exampleCount: 0, seconds: PhaseSeconds())
    }
  }

  /// Evaluates, records and saves the epoch that was trained.
  private func endEpoch() throws {
    var record = EpochRecord(
      epoch: position.epoch, seconds: progress.seconds,
      trainLoss: progress.lossSum / Double(max(progress.exampleCount, 1)),
      exampleCount: progress.exampleCount, exampleUnit: task.exampleUnit,
      dev: try evaluate(.dev), test: try evaluate(.test), layers: progress.layers)
    record.cuts = progress.cuts
    record.bytesSent = progress.bytesSent
    let details =
      progress.details
      ?? EpochDetails(epoch: record.epoch, stepsPerEpoch: task.stepsPerEpoch)
    var confusions: [EvaluationSplit: ConfusionMatrix] = [:]
    for split in EvaluationSplit.allCases { confusions[split] = task.confusion(split) }
    history.append(record)
    position = TrainingPosition(epoch: record.epoch + 1)
    progress = EpochProgress()
    best = EpochRecord.better(best, record)
    let isBest = best?.epoch == record.epoch
    try emit(.epochDetailed(details, confusions: confusions, isBest: isBest))
    try emit(.epochEnded(record, isBest: isBest))
    try saveCheckpoint(writesModel: isBest)
  }

  private func evaluate(_ split: EvaluationSplit) throws -> Evaluation? {
    let evaluation = try task.evaluate(split)
    for metric in evaluation?.metrics ?? [] where !metric.value.isFinite {
      throw TrainingError.nonFiniteMetric(
        epoch: position.epoch, split: split, name: metric.name, value: metric.value)
    }
    return evaluation
  }

  /// Joins what selection did since the last call with what it did before an interruption.
  private func takeLayerReports(steps: Int) {
    guard steps > 0 else { return }
    let reports = task.takeLayerReports()
    let before = progress.layerSteps
    if before > 0 && reports.map(\.name) == progress.layers.map(\.name) {
      let share = Double(before) / Double(before + steps)
      progress.layers = zip(progress.layers, reports).map { old, new in
        LayerReport(
          name: new.name, touchedRows: share * old.touchedRows + (1 - share) * new.touchedRows,
          keptMagnitude: share * old.keptMagnitude + (1 - share) * new.keptMagnitude)
      }
    } else {
      progress.layers = reports
    }
    progress.layerSteps = before + steps
  }

  // MARK: Checkpoints

  private var settings: [String: String] {
    guard let configuration else { return [:] }
    let texts = configuration.texts
    return Dictionary(
      uniqueKeysWithValues: configuration.fixedKeys.map { ($0, texts[$0] ?? "") })
  }

  private func resume() throws {
    guard processes.size > 1 else {
      if let (checkpoint, folder) = try runFolder?.loadCheckpoint() {
        try resume(from: checkpoint, in: folder)
      }
      return
    }
    let message = try processes.ofFirst { () throws -> [UInt8] in
      guard let (checkpoint, folder) = try runFolder?.loadCheckpoint() else { return [] }
      try resume(from: checkpoint, in: folder)
      return try checkpoint.message()
    }
    guard !message.isEmpty else { return }
    try processes.together {
      if processes.rank > 0 {
        try resume(
          from: Checkpoint(message: message),
          in: URL(fileURLWithPath: "process 0", isDirectory: true))
      }
    }
  }

  private func resume(from checkpoint: Checkpoint, in folder: URL) throws {
    let state = checkpoint.state
    guard state.task == task.name else {
      throw CheckpointError(.otherTask(expected: task.name, found: state.task), path: folder.path)
    }
    try state.check(settings: settings, path: folder.path)
    if let runFolder, state.history.best != nil, !runFolder.hasWholeModel {
      try rebuildModel(of: checkpoint, in: runFolder)
    }
    try restore(checkpoint, from: folder)
    // All of them where a signal came while the epoch was evaluated.
    guard state.position.step <= task.stepsPerEpoch else {
      throw CheckpointError(
        .corrupt(
          expected: "a step up to \(task.stepsPerEpoch), the number in an epoch",
          found: "\(state.position.step)"), path: folder.path)
    }
    position = state.position
    savedPosition = state.position
    progress = state.progress
    history = state.history
    best = history.best
  }

  private func restore(_ checkpoint: Checkpoint, from folder: URL) throws {
    do {
      try task.restore(tensors: checkpoint.tensors, counters: checkpoint.state.counters)
    } catch var error as CheckpointError {
      error.path = error.path ?? folder.path
      throw error
    }
  }

  /// Writes the model of the best epoch anew, where it is damaged or gone.
  ///
  /// - Throws: `CheckpointError` if that epoch's checkpoint is damaged too and the run is at its
  ///   end; a run that goes on may still find a better model.
  private func rebuildModel(of last: Checkpoint, in runFolder: RunFolder) throws {
    let best = last.state.history.best?.epoch
    do {
      var source = (checkpoint: last, folder: runFolder.lastCheckpointURL)
      if best != last.state.history.count || last.state.position.step > 0 {
        let folder = runFolder.bestCheckpointURL
        source = (try RunFolder.loadCheckpoint(from: folder), folder)
        guard source.checkpoint.state.history.count == best else {
          throw CheckpointError(
            .corrupt(
              expected: "the state after epoch \(best ?? 0), the best one",
              found: "that after epoch \(source.checkpoint.state.history.count)"),
            path: folder.path)
        }
      }
      try restore(source.checkpoint, from: source.folder)
      try runFolder.replaceModel { try task.writeModel(to: $0) }
      Notices.tell(
        "\(runFolder.modelURL.path): was damaged or missing, and is written anew from the "
          + "checkpoint after epoch \(best ?? 0)")
    } catch let error as CheckpointError {
      guard stopping.outcome(after: last.state.history) == nil else { throw error }
      Notices.tell(
        "\(runFolder.modelURL.path): damaged or missing, and cannot be written anew (\(error)); "
          + "there is none until an epoch is better than epoch \(best ?? 0)")
    }
  }

  private func saveCheckpoint(writesModel: Bool) throws {
    guard let runFolder else { return }
    let start = ContinuousClock.now
    let (tensors, counters) = task.checkpointTensors()
    for tensor in tensors where !tensor.isFinite {
      let isBetweenEpochs = position.step == 0
      throw TrainingError.nonFiniteTensor(
        name: tensor.name, epoch: position.epoch - (isBetweenEpochs ? 1 : 0),
        step: isBetweenEpochs ? task.stepsPerEpoch : position.step)
    }
    let state = CheckpointState(
      task: task.name, position: position, progress: progress, history: history,
      counters: counters, settings: settings)
    try runFolder.save(
      Checkpoint(tensors: tensors, state: state),
      writeModel: writesModel ? { try self.task.writeModel(to: $0) } : nil)
    savedPosition = position
    let seconds = start.duration(to: .now).inSeconds
    try emit(
      .checkpointSaved(runFolder.lastCheckpointURL, position: position, seconds: seconds))
  }

  // MARK: Events

  private var start: RunStart {
    RunStart(
      task: task.name, exampleUnit: task.exampleUnit, folder: runFolder?.url,
      configuration: configuration, description: description, epochs: stopping.epochs,
      stepsPerEpoch: task.stepsPerEpoch, position: position, history: history,
      cuts: progress.cuts ?? [])
  }

  private func emit(_ event: TrainingEvent) throws {
    for recorder in recorders { try recorder.record(event) }
  }

  private func emitProgress(seconds: Double) throws {
    if recorders.isEmpty { return }
    try emit(
      .progress(
        TrainingProgress(
          epoch: position.epoch, epochs: stopping.epochs, step: position.step,
          stepsPerEpoch: task.stepsPerEpoch,
          meanLoss: progress.lossSum / Double(max(progress.exampleCount, 1)),
          exampleCount: progress.exampleCount, seconds: seconds)))
  }
}

extension NamedTensor {
  /// Whether no value is infinite or NaN.
  var isFinite: Bool {
    var found: UInt32 = 0
    values.withUnsafeBufferPointer { values in
      for value in values {
        found |= (value.bitPattern & 0x7F80_0000) == 0x7F80_0000 ? 1 : 0
      }
    }
    return found == 0
  }
}

extension Duration {
  /// The duration as a number of seconds.
  package var inSeconds: Double {
    Double(components.seconds) + Double(components.attoseconds) * 1e-18
  }
}
