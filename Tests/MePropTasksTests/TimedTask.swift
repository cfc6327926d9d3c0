// A task that learns nothing and takes as long as a test says.

import Foundation
import MePropTraining

final class TimedTask: TrainingTask {
  let name = "timed"
  let exampleUnit = "examples"
  let stepsPerEpoch = 4
  private let stepSeconds: Double
  private let willBegin: (Int) -> Void

  /// Creates a task.
  ///
  /// - Parameters:
  ///   - stepSeconds: What a step takes.
  ///   - willBegin: Called where an epoch starts, with its number; what it takes, the start takes.
  init(stepSeconds: Double = 0, willBegin: @escaping (Int) -> Void = { _ in }) {
    self.stepSeconds = stepSeconds
    self.willBegin = willBegin
  }

  func beginEpoch(_ epoch: Int) { willBegin(epoch) }

  func trainStep(_ step: Int, ofEpoch epoch: Int) -> StepReport {
    if stepSeconds > 0 { Thread.sleep(forTimeInterval: stepSeconds) }
    return StepReport(lossSum: 0, exampleCount: 1, seconds: PhaseSeconds())
  }

  func takeLayerReports() -> [LayerReport] { [] }

  func evaluate(_ split: EvaluationSplit) -> Evaluation? { nil }

  func checkpointTensors() -> (tensors: [NamedTensor], counters: [String: Int]) { ([], [:]) }

  func restore(tensors: [NamedTensor], counters: [String: Int]) {}

  func writeModel(to folder: URL) {}
}
