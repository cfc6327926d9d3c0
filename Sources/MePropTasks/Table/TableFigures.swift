// What the report of a run shows of a model of a table.

import Foundation
import MePropCore
import MePropNN
import MePropTraining

extension TableTask: FigureTask {
  /// Calibration of classes, predicted against true numbers, the rows that are predicted worst, and
  /// how much the model depends on each column; on test rows, or else on development rows.
  public func figures(ofModelAt folder: URL) throws -> [RunFigure] {
    let shard = data.shards[0]
    let rows = data.sample ?? (data.testCount > 0 ? shard.test : shard.development)
    guard rows.count > 0 else { return [] }
    let model = try TableModel(at: folder)
    let name = data.testCount > 0 ? "test" : "development"
    return try TableFigures(model, context: trainer.context, name: name).make(rows)
  }
}

/// Makes figures.
struct TableFigures {
  private let model: TableModel
  private let context: ComputeContext
  private let name: String
  private let target: TableSchema.Target

  /// Rows whose columns are shuffled.
  private static let importanceRowLimit = 2000
  /// Columns that are shown.
  private static let columnLimit = 20
  /// Rows that are shown.
  private static let worstLimit = 10
  /// The bins of a calibration curve, and of each axis of a density.
  private static let (calibrationBins, densityBins) = (10, 32)

  init(_ model: TableModel, context: ComputeContext, name: String) {
    self.model = model
    self.context = context
    self.name = name
    target = model.schema.target
  }

  /// What is known of a row after prediction.
  private struct Scored {
    /// The place of the row.
    var row: Int
    /// How bad it is: minus the log of the probability of what is true, or the absolute error.
    var loss: Double
    var truth: String
    var prediction: String
  }

  func make(_ rows: TableRows) throws -> [RunFigure] {
    let evaluator = TableEvaluator(model.schema, context: context)
    var calibration = CalibrationBins(Self.calibrationBins)
    var pairs: [(truth: Float, found: Float)] = []
    var worst: [Scored] = []
    var row = 0
    // Of rows in several chunks those of the first are shown.
    let some = try rows.prefix(rows.chunkCounts[0])
    try evaluator.forEachBatch(model.network, some) { outputs, batch in
      if target.kind == .classes { context.softmax(&outputs) }
      for index in 0..<outputs.rowCount {
        add(outputs, batch.targets, index, row, &calibration, &pairs, &worst)
        row += 1
      }
      worst.sort { $0.loss > $1.loss }
      worst.removeLast(max(0, worst.count - Self.worstLimit))
    }
    var figures: [RunFigure] = []
    if target.kind == .number {
      figures.append(density(pairs))
    } else {
      figures.append(calibration.figure(name))
    }
    figures.append(try importance(some))
    figures.append(table(of: worst, some))
    return figures
  }

  private func add(
    _ outputs: Matrix, _ targets: TableTargets, _ index: Int, _ row: Int,
    _ calibration: inout CalibrationBins, _ pairs: inout [(truth: Float, found: Float)],
    _ worst: inout [Scored]
  ) {
    switch target.kind {
    case .number:
      let (truth, found) = (targets.values[index, 0], outputs[index, 0])
      pairs.append((truth, found))
      let scale = { (value: Float) in Double(value) * target.deviation + target.mean }
      worst.append(
        Scored(
          row: row, loss: Double(abs(truth - found)) * target.deviation,
          truth: short(scale(truth)), prediction: short(scale(found))))
    case .classes:
      let (truth, found) = (Int(targets.classes[index]), outputs.largestColumn(ofRow: index))
      for column in 0..<outputs.columnCount {
        calibration.add(Double(outputs[index, column]), isTrue: column == truth)
      }
      let p = Double(outputs[index, found])
      worst.append(
        Scored(
          row: row, loss: -log(max(Double(outputs[index, truth]), 1e-12)),
          truth: target.classes[truth],
          prediction: "\(target.classes[found]), \(fixed(100 * p, 1)) %"))
    case .labels:
      var loss = 0.0
      for label in 0..<outputs.columnCount {
        let p = 1 / (1 + exp(-Double(outputs[index, label])))
        let holds = targets.values[index, label] > 0.5
        calibration.add(p, isTrue: holds)
        loss -= log(max(holds ? p : 1 - p, 1e-12))
      }
      func names(_ holds: (Int) -> Bool) -> String {
        target.classes.indices.filter(holds).map { target.classes[$0] }.joined(separator: ", ")
      }
      worst.append(
        Scored(
          row: row, loss: loss, truth: names { targets.values[index, $0] > 0.5 },
          prediction: names { outputs[index, $0] > 0 }))
    }
  }

  // MARK: Figures

  private func density(_ pairs: [(truth: Float, found: Float)]) -> RunFigure {
    let values = pairs.flatMap { [$0.truth, $0.found] }.sorted()
    // Without the outermost half percent, which would leave no room for the others.
    let (low, high) = (values[values.count / 200], values[values.count - 1 - values.count / 200])
    let width = max(high - low, 1e-6)
    var rows = Array(
      repeating: [Int](repeating: 0, count: Self.densityBins), count: Self.densityBins)
    func bin(_ value: Float) -> Int {
      min(max(Int((value - low) / width * Float(Self.densityBins)), 0), Self.densityBins - 1)
    }
    for pair in pairs { rows[bin(pair.found)][bin(pair.truth)] += 1 }
    func scale(_ value: Float) -> Double { Double(value) * target.deviation + target.mean }
    let range = scale(low)...scale(low + width)
    return RunFigure(
      title: "Predicted and true '\(target.columns[0])', \(name) rows",
      summary: "Shades count rows; those on the diagonal are predicted rightly, above it too much "
        + "is predicted. The outermost half percent is held at the edges.",
      content: .density(
        xTitle: "true", yTitle: "predicted", xRange: range, yRange: range, rows: rows))
  }

  private func importance(_ rows: TableRows) throws -> RunFigure {
    let some = try rows.prefix(Self.importanceRowLimit)
    let report = try TableImportance(model.schema, context: context)
      .measure(model.network, on: some, repeats: 1)
    let shown = report.parts.prefix(Self.columnLimit)
    return RunFigure(
      title: "What columns add",
      summary: "How much the \(target.kind == .number ? "root mean square error" : "log loss") "
        + "grows when the values of a column are shuffled among \(some.count) \(name) rows"
        + (shown.count < report.parts.count
          ? "; the first \(shown.count) of \(report.parts.count) columns" : "")
        + ". 'meprop importance' measures it on all rows.",
      content: .bars(
        unit: report.loss.name, shown.map { RunFigure.Bar($0.name, max(0, $0.rise)) }))
  }

  /// The rows that are predicted worst, as their cells say them.
  private func table(of worst: [Scored], _ rows: TableRows) -> RunFigure {
    let features = TableFeatures(model.schema)
    let columns = model.schema.inputs.prefix(8)
    let heads = ["true", "predicted", target.kind == .number ? "error" : "loss"]
    let body = worst.map { scored in
      [scored.truth, scored.prediction, short(scored.loss)]
        + columns.indices.map { text(of: $0, row: scored.row, rows, features) }
    }
    return RunFigure(
      title: "Rows that are predicted worst",
      summary: "Of the \(name) rows, with "
        + (columns.count < model.schema.inputs.count
          ? "their first \(columns.count) columns." : "their columns."),
      content: .table([heads + columns.map(\.name)] + body))
  }

  private func text(
    of column: Int, row: Int, _ rows: TableRows, _ features: TableFeatures
  ) -> String {
    guard let index = features.features.firstIndex(where: { $0.column == column }) else {
      return ""
    }
    let cell = rows.withCells { $0[row * rows.width + index] }
    if features.features[index].knots != nil {
      let number = Float(bitPattern: cell)
      if number.isNaN { return "-" }
      guard model.schema.inputs[column].kind == .date else { return short(Double(number)) }
      let date = Date(timeIntervalSince1970: Double(number) * 86_400)
      return String(date.ISO8601Format().prefix(10))
    }
    if cell == TableFeatures.missing { return "-" }
    if cell == TableFeatures.unknown { return "(rare)" }
    return model.schema.inputs[column].values?[Int(cell - TableFeatures.firstValue)] ?? ""
  }
}

/// Probabilities in bins, with how often what they are of is true.
private struct CalibrationBins {
  private var bins: [(count: Int, sum: Double, trueCount: Int)]

  init(_ count: Int) { bins = Array(repeating: (0, 0, 0), count: count) }

  mutating func add(_ probability: Double, isTrue: Bool) {
    let bin = min(Int(probability * Double(bins.count)), bins.count - 1)
    bins[max(0, bin)].count += 1
    bins[max(0, bin)].sum += probability
    if isTrue { bins[max(0, bin)].trueCount += 1 }
  }

  func figure(_ name: String) -> RunFigure {
    let used = bins.filter { $0.count > 0 }
    let count = bins.reduce(0) { $0 + $1.count }
    let error = used.reduce(0) {
      $0 + abs(Double($1.trueCount) - $1.sum) / Double(max(count, 1))
    }
    return RunFigure(
      title: "Calibration, \(name) rows",
      summary: "How often what is predicted with a probability is true. On the diagonal "
        + "probabilities can be believed; their mean distance from it is "
        + "\(fixed(100 * error)) points.",
      content: .curves(
        xTitle: "predicted, %", yTitle: "true, %",
        [
          .init("ideal", [.init(0, 0), .init(100, 100)]),
          .init(
            "model",
            used.map {
              .init(
                100 * $0.sum / Double($0.count), 100 * Double($0.trueCount) / Double($0.count))
            }),
        ]))
  }
}
