// A fourth task, to see that one folder and one line are enough: points of a plane, told apart by a
// line.

import Foundation
import MePropData
import MePropTasks
import MePropTraining

/// Telling points of two kinds apart; its data are a folder with train.txt, dev.txt and test.txt of
/// lines `x y kind`.
enum Points: DataCheckingTask {
  static let name = "points"
  static let help = TaskHelp(
    abstract: "Train a line between points.", training: "Data are lines of text.",
    examples: ["--data points"], evaluation: "the accuracy", prediction: "reads lines of text",
    uses: ["meprop evaluate runs/points", "meprop predict runs/points points.txt"])

  static let schema = ConfigurationSchema(
    [
      ConfigurationKey(
        "data", .string, default: .string("points"), valueName: "folder", "folder of the points"),
      ConfigurationKey(
        "hidden", .intList(1...100), default: .intList([2]), "how many numbers a point has"),
    ] + shared.runKeys + shared.selectionKeys + shared.stepKeys)

  private static let shared = SharedSettings(
    examples: "points", batchUnit: ("points", ""), batchSize: 10, metric: "dev accuracy",
    epochs: .constant(3), rate: .constant(0.5))

  static func resolve(
    _ configuration: Configuration, for examples: PointParts?
  ) throws -> (settings: PointSettings, configuration: Configuration) {
    var resolved = configuration
    try shared.resolve(&resolved, asked: configuration, data: "a folder of points")
    let settings = PointSettings(
      data: resolved.string("data"), batchSize: resolved.int("batch"),
      rate: Float(resolved.double("learning-rate")))
    return (settings, resolved)
  }

  static let dataKeys = ["data"]

  static func load(_ settings: PointSettings, from source: DataSource) throws -> PointParts {
    try PointParts(folder: URL(fileURLWithPath: settings.data))
  }

  static func makeTask(
    _ settings: PointSettings, _ examples: PointParts, _ context: ComputeContext
  ) -> PointsTask {
    PointsTask(settings: settings, parts: examples)
  }

  static func describe(_ task: PointsTask, _ examples: PointParts) -> [String] {
    ["data \(task.settings.data): \(examples.train.count) points"]
  }

  // MARK: Use

  static let evaluationKeys = [
    ConfigurationKey("shift", .double(.any), default: .double(0), "added to the score of a point")
  ]
  static let predictionKeys = evaluationKeys

  static func readModel(at url: URL) throws -> PointModel {
    let folder = RunFolder.modelFolder(at: url)
    return try JSONDecoder().decode(
      PointModel.self, from: Data(contentsOf: folder.appendingPathComponent("model.json")))
  }

  static func evaluate(
    _ model: PointModel, on split: EvaluationSplit, of data: String?, _ use: ModelUse
  ) throws -> EvaluationReport {
    let parts = try PointParts(folder: URL(fileURLWithPath: data ?? model.data))
    let points = split == .dev ? parts.dev : parts.test
    let accuracy = model.shifted(use).accuracy(points)
    return EvaluationReport(
      summary: "accuracy \(accuracy) %", count: points.count, unit: "points", seconds: 1,
      tables: [ReportTable("Weights", rows: [["x", "y"], model.weights.map { "\($0)" }])],
      members: [.init("accuracy", .number(accuracy))])
  }

  static func predict(
    _ model: PointModel, _ input: InputFile, _ use: ModelUse, writesObjects: Bool,
    _ receive: ([UInt8]) throws -> Void
  ) throws {
    let lines = LineReader(input)
    let model = model.shifted(use)
    while let line = try lines.withNextLine({ String(decoding: $0, as: UTF8.self) }) {
      let kind = model.kind(of: try Point(line, path: lines.path).place)
      try receive(Array((writesObjects ? "{\"kind\":\(kind)}\n" : "\(kind)\n").utf8))
    }
  }

  // MARK: Check

  static let checkHelp = "parts without points"
  static let checkKeys = ["data"]

  static func check(_ configuration: Configuration, _ source: DataSource) throws -> CheckReport {
    let parts = try PointParts(folder: URL(fileURLWithPath: configuration.string("data")))
    let counts = [("train", parts.train.count), ("dev", parts.dev.count)]
    let errors = counts.filter { $0.1 == 0 }.map { "\($0.0): no points" }
    return CheckReport(
      table: ReportTable(rows: [["part", "points"]] + counts.map { [$0.0, "\($0.1)"] }),
      summary: "2 numbers a point", warnings: [], errors: errors,
      json: .object([.init("errors", .array(errors.map { .string($0) }))]))
  }
}
