// Evaluating and predicting with a model of a table.

import Foundation
import MePropCore
import MePropData
import MePropNN
import MePropTraining

extension Table {
  /// None.
  public static var evaluationKeys: [ConfigurationKey] { [] }

  /// `format`, `keep`, `probabilities`.
  public static let predictionKeys: [ConfigurationKey] = [
    .init(
      "format", .choice(["csv", "jsonl"]), default: .string("csv"),
      "how rows are written: fields between commas, or an object a line"),
    .init(
      "keep", .string, default: .string(""), valueName: "columns",
      "columns of the input to write before a prediction, with commas between, or all"),
    .init(
      "probabilities", .bool, default: .bool(false),
      "whether the probabilities of all classes are written"),
  ]

  /// Reads a model; see `TableModel`.
  public static func readModel(at url: URL) throws -> TableModel { try TableModel(at: url) }

  /// The model's.
  public static func network(of model: TableModel) -> (any Layer)? { model.network }

  /// Figures of classes, labels or numbers; all rows of a file, or a part of a folder.
  public static func evaluate(
    _ model: TableModel, on split: EvaluationSplit, of data: String?, _ use: ModelUse
  ) throws -> EvaluationReport {
    let (rows, path) = try model.rows(split, of: data, use)
    guard rows.count > 0 else { throw TableError.noRows(path: path) }
    let start = ContinuousClock.now
    let evaluation = try TableEvaluator(model.schema, context: use.context)
      .evaluate(model.network, on: rows)
    return evaluation.report(seconds: start.duration(to: .now).inSeconds, data: path)
  }

  /// A prediction for each row.
  public static func predict(
    _ model: TableModel, _ input: InputFile, _ use: ModelUse, writesObjects: Bool,
    _ receive: ([UInt8]) throws -> Void
  ) throws {
    let keep = use.options.string("keep")
    var format = PredictionFormat()
    format.isJSON = writesObjects || use.options.string("format") == "jsonl"
    format.keep =
      keep == "all"
      ? .all
      : .columns(
        keep.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) })
    format.hasAllProbabilities = use.options.bool("probabilities")
    if format.hasAllProbabilities, model.schema.target.kind == .number {
      throw UsageError("--probabilities: the model predicts a number; leave it out")
    }
    try TablePredictor(model, format: format, context: use.context)
      .predict(input, receive)
  }
}

extension TableModel {
  /// The rows of a file, or of a part of a folder or of what the model was trained on; and where
  /// they are from.
  ///
  /// - Throws: `UsageError` where there is no such part, and what reading throws.
  func rows(
    _ split: EvaluationSplit, of data: String?, _ use: ModelUse
  ) throws -> (rows: TableRows, path: String) {
    let status = LoadStatus()
    defer { status.clear() }
    let parts = try TableParts(data ?? details.data, use.source)
    let file: String?
    switch (parts.isFolder, split) {
    case (true, .test): file = parts.test
    case (true, .dev): file = parts.dev
    case (false, _): file = data == nil ? nil : parts.train
    }
    let encoding = TableEncoding(schema, hints: TableHints(), status: status)
    let size = TableSettings.chunkSize(width: encoding.width)
    var notes: [String] = []
    let result: (TableRows, String)
    if let file {
      if file == (try? TableParts(details.data, use.source))?.train {
        notes.append("\(file): the model was trained on these rows, so it knows them already")
      }
      result = (try encoding.read(file, chunkSize: size, notes: &notes), file)
    } else if split == .dev, data == nil {
      result = (
        try heldOutRows(of: parts.train, chunkSize: size, notes: &notes, status: status),
        "\(parts.train), held out"
      )
    } else {
      throw UsageError(
        "\(parts.isFolder ? details.data : parts.train): expected a "
          + "\(split.rawValue).csv in a folder, found none; name a file with the target"
          + (split == .test ? ", or use --split dev" : ""))
    }
    notes.forEach(Notices.tell)
    return result
  }
}
