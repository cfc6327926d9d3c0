// The table task: rows of a CSV file in, classes, labels or a number out.

import Foundation
import MePropCore
import MePropData
import MePropNN
import MePropTraining

/// Predicting a column of a table from the others with a multilayer perceptron.
public enum Table: TaskDefinition {
  /// `table`.
  public static let name = "table"

  /// What commands say of it.
  public static let help = TaskHelp(
    abstract: "Train a model that predicts a column of a table (CSV) from the others.",
    training: """
      The table is a CSV file, or a folder with train.csv and perhaps dev.csv and test.csv (each \
      may also end in .gz). Delimiter, header, decimal point and the types of columns are told \
      from the file; 'meprop check table' shows them. Numbers, categories and dates are encoded, \
      and what that takes is saved with the model.
      """,
    examples: [
      "flats.csv --target rent", "data/adult --target income --run runs/adult",
      "churn.csv --target churned --balanced --ignore customer_id",
      "sales.csv.gz --target price --weight quantity --hidden 512,512 --epochs 40",
      "films.csv --target genres --kind labels",
      "--data data/adult --target income --select dense --json", "--run runs/adult --resume",
    ],
    evaluation:
      "accuracy, balanced accuracy, log loss, AUC and F1 with the confusion matrix and the figures "
      + "of each class, or R2, RMSE and MAE; FILE is a table with the target, by default the test "
      + "file of the folder that the model was trained on",
    prediction:
      "reads a table with the columns of training in any order, from a file or from standard "
      + "input, in constant memory, and writes CSV: the columns of --keep, the prediction and its "
      + "probability. A missing column is an error; others are passed over. An object of --json, "
      + "or a line of --format jsonl, is {\"prediction\", \"probability\"} after the kept columns",
    uses: [
      "meprop evaluate runs/adult data/adult/test.csv.gz --json",
      "meprop predict runs/adult new.csv --keep id > predicted.csv",
      "meprop importance runs/adult data/adult/test.csv.gz",
      "zcat rows.csv.gz | meprop predict runs/adult --format jsonl",
    ])

  /// The keys of `TableConfiguration`.
  public static var schema: ConfigurationSchema { TableConfiguration.schema }

  /// Decides and checks settings; see `TableConfiguration.resolve(_:for:)`.
  public static func resolve(
    _ configuration: Configuration, for examples: TableData?
  ) throws -> (settings: TableSettings, configuration: Configuration) {
    try TableConfiguration.resolve(configuration, for: examples)
  }

  /// Where the rows are, and how they are read.
  public static let dataKeys = TableConfiguration.readingKeys

  /// Reads, learns and divides a table.
  public static func load(_ settings: TableSettings, from source: DataSource) throws -> TableData {
    try TableData(settings, from: source)
  }

  /// Some thousand rows.
  public static func shorten(_ settings: inout TableSettings, _ examples: inout TableData) {
    examples = examples.prefix(64 * settings.steps.batchSize)
  }

  /// Makes the task at the start of a run.
  public static func makeTask(
    _ settings: TableSettings, _ examples: TableData, _ context: ComputeContext
  ) throws -> TableTask {
    try TableTask(settings: settings, data: examples, context: context)
  }

  /// Lines on rows, columns, target and network.
  public static func describe(_ task: TableTask, _ examples: TableData) -> [String] {
    let (settings, schema) = (task.settings, examples.schema)
    let counts = Dictionary(grouping: schema.inputs, by: \.kind).mapValues(\.count)
    let kinds = [(ColumnKind.number, "numbers"), (.category, "categories"), (.date, "dates")]
      .compactMap { kind, name in counts[kind].map { "\($0) \(name)" } }
    let chunks = examples.shards[0].training.chunkCounts.count
    let dialect = schema.dialect
    let features = TableFeatures(schema)
    let sizes = [features.inputSize] + settings.hiddenSizes + [schema.target.outputSize]
    let parameters = zip(sizes, sizes.dropFirst()).reduce(0) { $0 + ($1.0 + 1) * $1.1 }
    return [
      "data \(settings.data): \(examples.trainingCount) training, "
        + "\(examples.developmentCount) development, \(examples.testCount) test rows"
        + (examples.division.map { ", in \($0.counts.count) shares" } ?? "")
        + (chunks > 1
          ? ", in \(chunks) chunks \(examples.division == nil ? "" : "each ")on disk" : ""),
      "columns \(schema.inputs.count) (\(kinds.joined(separator: ", "))), "
        + "\(dialect.delimiterName) between fields, "
        + (dialect.hasHeader ? "a header" : "no header")
        + (dialect.hasDecimalComma ? ", decimal commas" : ""),
      "target \(schema.target.summary)",
      "network \(sizes.map(String.init).joined(separator: "-")), \(settings.activation.rawValue)"
        + ", \(parameters) parameters",
    ] + examples.notes.map { "note: \($0)" }
  }
}

extension TableSchema.Target {
  /// What is predicted, in a few words.
  var summary: String {
    let names = columns.map { "'\($0)'" }.joined(separator: ", ")
    switch kind {
    case .number:
      return "\(names): a number, mean \(short(mean)), deviation \(short(deviation))"
    case .classes, .labels:
      let shown = classes.prefix(8).joined(separator: ", ")
      return "\(names): \(classes.count) \(kind == .classes ? "classes" : "labels") (\(shown)"
        + (classes.count > 8 ? ", …)" : ")")
    }
  }
}
