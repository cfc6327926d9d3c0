// A task that can be interrupted while nothing but its steps is wanted.

import Foundation
import MePropNN
import MePropTraining

/// A task that throws ``ReproductionInterrupted`` once a flag is set, so that what only does steps
/// ends as soon as a training loop does.
final class WatchedTask: TrainingTask {
  private let task: any TrainingTask
  private let interrupt: InterruptFlag
  private let stepLimit: Int

  /// Watches a flag for a task.
  ///
  /// - Parameters:
  ///   - task: Does all that is asked for.
  ///   - interrupt: Looked at before each step, epoch and evaluation.
  ///   - stepLimit: An epoch has at most so many steps, at least 1.
  init(_ task: any TrainingTask, _ interrupt: InterruptFlag, stepLimit: Int = .max) {
    self.task = task
    self.interrupt = interrupt
    self.stepLimit = stepLimit
  }

  private func check() throws {
    if let signal = interrupt.signal { throw ReproductionInterrupted(signal: signal) }
  }

  var name: String { task.name }
  var exampleUnit: String { task.exampleUnit }
  var stepsPerEpoch: Int { min(task.stepsPerEpoch, stepLimit) }

  func beginEpoch(_ epoch: Int) throws {
    try check()
    try task.beginEpoch(epoch)
  }

  func trainStep(_ step: Int, ofEpoch epoch: Int) throws -> StepReport {
    try check()
    return try task.trainStep(step, ofEpoch: epoch)
  }

  func evaluate(_ split: EvaluationSplit) throws -> Evaluation? {
    try check()
    return try task.evaluate(split)
  }

  func takeLayerReports() -> [LayerReport] { task.takeLayerReports() }
  func takeTallies() -> [LayerTally] { task.takeTallies() }
  func confusion(_ split: EvaluationSplit) -> ConfusionMatrix? { task.confusion(split) }
  func checkpointTensors() -> (tensors: [NamedTensor], counters: [String: Int]) {
    task.checkpointTensors()
  }
  func restore(tensors: [NamedTensor], counters: [String: Int]) throws {
    try task.restore(tensors: tensors, counters: counters)
  }
  func writeModel(to folder: URL) throws { try task.writeModel(to: folder) }
}
