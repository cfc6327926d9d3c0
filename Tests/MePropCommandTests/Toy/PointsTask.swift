// What the toy task trains: logistic regression, in a few lines.

import Foundation
import MePropTasks
import MePropTraining

/// The settings of the toy task.
struct PointSettings {
  var data: String
  var batchSize: Int
  var rate: Float
}

/// A point and its kind, 0 or 1.
struct Point {
  var place: [Float]
  var kind: Int

  init(_ line: String, path: String) throws {
    let numbers = line.split(separator: " ").compactMap { Float($0) }
    guard numbers.count >= 2 else {
      throw UsageError("\(path): expected 'x y kind', found '\(line)'")
    }
    place = Array(numbers[..<2])
    kind = numbers.count > 2 ? Int(numbers[2]) : 0
  }
}

/// The points of a folder.
struct PointParts {
  var train: [Point]
  var dev: [Point]
  var test: [Point]

  init(folder: URL) throws {
    func read(_ name: String) throws -> [Point] {
      let file = folder.appendingPathComponent(name)
      guard let text = try? String(contentsOf: file, encoding: .utf8) else {
        throw UsageError("\(file.path): cannot be read")
      }
      return try text.split(separator: "\n").map { try Point(String($0), path: file.path) }
    }
    (train, dev, test) = (try read("train.txt"), try read("dev.txt"), try read("test.txt"))
  }
}

/// A line, as it stands in model.json.
struct PointModel: Codable {
  var format = SavedModel.format
  var version = SavedModel.version
  var task = Points.name
  var network = "line"
  var data: String
  var weights: [Float] = [0, 0]
  var bias: Float = 0

  func score(_ place: [Float]) -> Float {
    weights[0] * place[0] + weights[1] * place[1] + bias
  }

  func kind(of place: [Float]) -> Int { score(place) > 0 ? 1 : 0 }

  func accuracy(_ points: [Point]) -> Double {
    100 * Double(points.count { kind(of: $0.place) == $0.kind }) / Double(max(points.count, 1))
  }

  func shifted(_ use: ModelUse) -> PointModel {
    var result = self
    result.bias += Float(use.options.double("shift"))
    return result
  }
}

/// The toy task for the training loop.
final class PointsTask: TrainingTask {
  let name = Points.name
  let exampleUnit = "points"
  let settings: PointSettings
  private let parts: PointParts
  private var model: PointModel

  init(settings: PointSettings, parts: PointParts) {
    self.settings = settings
    self.parts = parts
    model = PointModel(data: settings.data)
  }

  var stepsPerEpoch: Int { (parts.train.count + settings.batchSize - 1) / settings.batchSize }

  func beginEpoch(_ epoch: Int) {}

  func trainStep(_ step: Int, ofEpoch epoch: Int) -> StepReport {
    let start = step * settings.batchSize
    let batch = parts.train[start..<min(start + settings.batchSize, parts.train.count)]
    var loss = 0.0
    for point in batch {
      let probability = 1 / (1 + exp(-model.score(point.place)))
      loss -= Double(log(max(point.kind == 1 ? probability : 1 - probability, 1e-9)))
      let error = settings.rate * (Float(point.kind) - probability) / Float(batch.count)
      for index in 0..<2 { model.weights[index] += error * point.place[index] }
      model.bias += error
    }
    return StepReport(lossSum: loss, exampleCount: batch.count, seconds: PhaseSeconds())
  }

  func takeLayerReports() -> [LayerReport] { [] }

  func evaluate(_ split: EvaluationSplit) -> Evaluation? {
    Evaluation([.init("accuracy", model.accuracy(split == .dev ? parts.dev : parts.test))])
  }

  func checkpointTensors() -> (tensors: [NamedTensor], counters: [String: Int]) {
    ([NamedTensor(name: "line", shape: [3], values: model.weights + [model.bias])], [:])
  }

  func restore(tensors: [NamedTensor], counters: [String: Int]) throws {
    guard let line = tensors.first(where: { $0.name == "line" }), line.values.count == 3 else {
      throw CheckpointError(.missingTensor("line"))
    }
    model.weights = Array(line.values[..<2])
    model.bias = line.values[2]
  }

  func writeModel(to folder: URL) throws {
    try JSONEncoder().encode(model).write(to: folder.appendingPathComponent("model.json"))
  }
}
