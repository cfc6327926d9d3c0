// A task small enough to be run hundreds of times: a noisy quadratic with momentum.

import Foundation
import MePropData
import MePropNN
import MePropTraining
import Synchronization

/// Minimizes the squared distance of a vector to a fixed one, from noisy gradients.
///
/// As the contract asks, noise is a function of seed, epoch and step.
final class ToyTask: TrainingTask {
  let name = "toy"
  let exampleUnit = "points"
  var stepsPerEpoch = 7
  var size = 5
  /// Called before each step, with the epoch and the step.
  var willTrain: ((Int, Int) throws -> Void)?
  /// The dev accuracies of the epochs, instead of what the weights give.
  var accuracies: [Double]?
  var hasData = true
  var loss: ((Int, Int) -> Double)?
  /// Called before each evaluation, with the epoch.
  var willEvaluate: ((Int) throws -> Void)?

  private(set) var weights: [Float]
  private var velocities: [Float]
  private var stepsDone = 0
  private var order: [Int] = []
  private var currentEpoch = 0
  private var layerSteps = 0
  private var layerRows = 0
  private var tally = LayerTally(name: "hidden.0", outputSize: 3, countsUnits: true)

  init(size: Int = 5) {
    self.size = size
    weights = (0..<size).map { Float($0) }
    velocities = Array(repeating: 0, count: size)
  }

  static func noise(_ seed: Int, _ epoch: Int, _ step: Int, _ index: Int) -> Float {
    var state = UInt64(truncatingIfNeeded: ((seed * 1009 + epoch) * 1009 + step) * 1009 + index)
    state = (state &+ 0x9E37_79B9_7F4A_7C15) &* 0xBF58_476D_1CE4_E5B9
    state = (state ^ (state >> 27)) &* 0x94D0_49BB_1331_11EB
    return Float((state ^ (state >> 31)) >> 40) / Float(1 << 24) - 0.5
  }

  func beginEpoch(_ epoch: Int) {
    currentEpoch = epoch
    order = (0..<stepsPerEpoch).sorted {
      Self.noise(1, epoch, $0, 0) < Self.noise(1, epoch, $1, 0)
    }
  }

  func trainStep(_ step: Int, ofEpoch epoch: Int) throws -> StepReport {
    precondition(epoch == currentEpoch, "ToyTask: beginEpoch was not called")
    try willTrain?(epoch, step)
    var lossSum = 0.0
    for index in 0..<size {
      let distance = weights[index] - Float(order[step])
      let gradient = distance + Self.noise(2, epoch, step, index)
      velocities[index] = 0.9 * velocities[index] + gradient
      weights[index] -= 0.01 * velocities[index]
      lossSum += Double(distance * distance) * 0.1
    }
    stepsDone += 1
    layerSteps += 1
    layerRows += step
    tally.exampleCount += 3
    tally.keptCounts[step % 3] += UInt32(epoch)
    tally.costs.addDense(
      ProductShape(
        batchSize: 3, outputSize: 3, inputSize: step + 1, momentCount: 1, hasInputGradient: false))
    var seconds = PhaseSeconds()
    seconds.forward = 0.25
    seconds.backward = 0.5
    return StepReport(
      lossSum: loss?(epoch, step) ?? lossSum, exampleCount: 3, seconds: seconds)
  }

  func takeLayerReports() -> [LayerReport] {
    defer { (layerSteps, layerRows) = (0, 0) }
    let rows = Double(layerRows) / Double(layerSteps)
    return [LayerReport(name: "hidden.0", touchedRows: rows, keptMagnitude: 0.5)]
  }

  func takeTallies() -> [LayerTally] { [tally.take()] }

  func confusion(_ split: EvaluationSplit) -> ConfusionMatrix? {
    guard hasData else { return nil }
    var matrix = ConfusionMatrix(labels: ["near", "far"])
    matrix.add(gold: 0, found: split == .dev ? 0 : 1, count: currentEpoch)
    return matrix
  }

  func evaluate(_ split: EvaluationSplit) throws -> Evaluation? {
    try willEvaluate?(currentEpoch)
    guard hasData else { return nil }
    let distance = weights.reduce(0.0) { $0 + Double($1 * $1) }
    let accuracy = accuracies?[currentEpoch - 1] ?? 100 / (1 + distance)
    return Evaluation([.init("accuracy", accuracy), .init("loss", distance)])
  }

  func checkpointTensors() -> (tensors: [NamedTensor], counters: [String: Int]) {
    let tensors = [
      NamedTensor(name: "velocities", shape: [size], values: velocities),
      NamedTensor(name: "weights", shape: [size, 1], values: weights),
    ]
    return (tensors, ["steps": stepsDone])
  }

  func restore(tensors: [NamedTensor], counters: [String: Int]) throws {
    func values(_ name: String, _ shape: [Int]) throws -> [Float] {
      guard let tensor = tensors.first(where: { $0.name == name }) else {
        throw CheckpointError(.missingTensor(name))
      }
      guard tensor.shape == shape else {
        throw CheckpointError(.shapeMismatch(name: name, expected: shape, found: tensor.shape))
      }
      return tensor.values
    }
    weights = try values("weights", [size, 1])
    velocities = try values("velocities", [size])
    guard let steps = counters["steps"] else { throw CheckpointError(.missingCounter("steps")) }
    stepsDone = steps
  }

  func writeModel(to folder: URL) throws {
    let text = weights.map { String($0.bitPattern) }.joined(separator: "\n")
    try Data(text.utf8).write(to: folder.appendingPathComponent("model.txt"))
  }
}

/// A folder of its own for each test, removed with the object.
final class TemporaryFolder {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory
      .appendingPathComponent("meprop-test-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  func callAsFunction(_ name: String) -> URL { url.appendingPathComponent(name) }
}

/// What was told to the user.
final class NoticeLog: Sendable {
  private let told = Mutex<[String]>([])

  var lines: [String] { told.withLock { $0 } }

  /// Takes the notices of what `body` does.
  func during<Result>(_ body: () throws -> Result) rethrows -> Result {
    try Notices.received(by: { line in self.told.withLock { $0.append(line) } }) {
      try body()
    }
  }
}

/// Keeps all events.
final class EventLog: Recorder {
  var events: [TrainingEvent] = []

  func record(_ event: TrainingEvent) { events.append(event) }

  var names: [String] {
    events.map { String(describing: $0).prefix { $0 != "(" }.description }
  }
}

/// Returns what `body` throws as text, or an empty text.
func message(_ body: () throws -> Void) -> String {
  do {
    try body()
    return ""
  } catch {
    return String(describing: error)
  }
}
