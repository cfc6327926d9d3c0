// How much a model depends on each column: its figures where the column is shuffled.

import Foundation
import MePropCore
import MePropNN
import MePropTraining

extension Table: ImportanceTask {
  /// What is measured.
  public static let importanceHelp =
    "how much accuracy, or R2, a model loses and how much its loss, or RMSE, grows when the values "
    + "of one column are shuffled among the rows, all parts of a date together"

  /// Shuffles one column after the other.
  public static func importance(
    _ model: TableModel, on split: EvaluationSplit, of data: String?, repeats: Int, _ use: ModelUse
  ) throws -> ImportanceReport {
    let (rows, path) = try model.rows(split, of: data, use)
    let status = LoadStatus()
    defer { status.clear() }
    var report = try TableImportance(model.schema, context: use.context).measure(
      model.network, on: rows, repeats: repeats
    ) { status.show("shuffling '\($0)'") }
    report.note = path
    return report
  }
}

/// Measures permutation importance.
struct TableImportance {
  private let schema: TableSchema
  private let features: TableFeatures
  private let evaluator: TableEvaluator

  /// Of more rows the first so many count.
  static let rowLimit = 50_000

  init(_ schema: TableSchema, context: ComputeContext) {
    self.schema = schema
    features = TableFeatures(schema)
    evaluator = TableEvaluator(schema, context: context)
  }

  /// Measures all columns.
  ///
  /// - Parameters:
  ///   - network: The network.
  ///   - rows: The rows; only those of the first chunk count.
  ///   - repeats: How often each column is shuffled.
  ///   - progress: Told the column that is shuffled.
  /// - Returns: The report, the most important column first.
  /// - Throws: What reading rows throws.
  func measure(
    _ network: TableNetwork, on rows: TableRows, repeats: Int, progress: (String) -> Void = { _ in }
  ) throws -> ImportanceReport {
    let some = try rows.prefix(Self.rowLimit)
    let whole = try evaluator.evaluate(network, on: some)
    let shuffled = try some.prefix(some.count)
    var random = Philox(seed: 1, stream: RandomPurpose.task.stream(1 << 22))
    var parts: [ImportanceReport.Part] = []
    for (column, input) in schema.inputs.enumerated() {
      progress(input.name)
      let cells = features.features.indices.filter { features.features[$0].column == column }
      var drops: [Double] = []
      var rise = 0.0
      for _ in 0..<repeats {
        var order = (0..<some.count).map(UInt32.init)
        random.shuffle(&order)
        shuffled.replace(cells, by: some, order: order)
        let evaluation = try evaluator.evaluate(network, on: shuffled)
        drops.append(metric(whole).value - metric(evaluation).value)
        rise += (loss(evaluation).value - loss(whole).value) / Double(repeats)
      }
      shuffled.replace(cells, by: some, order: (0..<some.count).map(UInt32.init))
      let mean = drops.reduce(0, +) / Double(repeats)
      let squares = drops.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
      parts.append(
        .init(
          name: input.name, drop: mean, deviation: (squares / Double(repeats)).squareRoot(),
          rise: rise))
    }
    return ImportanceReport(
      metric: metric(whole), loss: loss(whole), note: "", count: some.count,
      parts: parts.sorted { $0.rise > $1.rise })
  }

  private func metric(_ evaluation: TableEvaluation) -> Evaluation.Metric {
    schema.target.kind == .number
      ? .init("r2", evaluation.r2) : .init("accuracy", evaluation.accuracy)
  }

  private func loss(_ evaluation: TableEvaluation) -> Evaluation.Metric {
    schema.target.kind == .number
      ? .init("rmse", evaluation.rmse) : .init("logLoss", evaluation.logLoss)
  }
}
