// The keys of the table task, and which of their values do not go together.

import MePropCore
import MePropData
import MePropNN
import MePropTraining

/// The configuration of the table task.
public enum TableConfiguration {
  /// All keys, in the order in which they are rendered.
  public static let schema = ConfigurationSchema(
    dataKeys + columnKeys + shared.runKeys + networkKeys + shared.selectionKeys + shared.stepKeys)

  /// Small tables take more passes: of 3,000 made-up rows 12 epochs learn 96.6 %, 60 epochs 97.4;
  /// of 600 rows 77.4 and 84.8.
  private static let epochs = AutomaticEpochs(
    fewest: 12, most: 200, enough: 25_000, words: ("rows", "small tables"))

  private static let shared = SharedSettings(
    examples: "rows", batchUnit: ("rows", ""), batchSize: 128,
    metric: "dev accuracy or R²", epochs: .automatic(epochs), stopKey: SharedSettings.otherStopKey,
    rate: .automatic(AutomaticRate(adam: 0.004, batch: 128)), average: 0.998,
    automaticWeightDecay: "\(classDecay) for classes and labels, \(numberDecay) for a number",
    cutsUnits: false)

  /// Weight decay where nobody sets it: what keeps weights of knots and categories small decides
  /// how well a table is predicted, and noise in classes asks for more of it.
  private static let (classDecay, numberDecay) = (1.0, 0.4)

  private static let dataKeys: [ConfigurationKey] = [
    .init(
      "data", .string, default: .string(""), valueName: "file|folder",
      "table: a CSV file (plain or gzip), or a folder with train.csv, and perhaps dev.csv and "
        + "test.csv"),
    .init(
      "target", .string, default: .string(""), valueName: "column",
      "column to be predicted; several with commas between are labels"),
    .init(
      "kind", .auto(.choice(TargetKind.allCases.map(\.rawValue))), default: .auto,
      "what the target is; auto is number for numbers with more than \(TableSchema.classLimit) "
        + "values, labels for several columns, else classes"),
    .init(
      "label-separator", .string, default: .string("|"), valueName: "text",
      "what stands between the labels of a field, with --kind labels and one column"),
    .init(
      "dev-share", .double(NumberBounds(lower: 0, upper: 0.5)), default: .double(0.1),
      valueName: "share",
      "share of the training rows that choose the best epoch, of each class alike, where there is "
        + "no dev file; in steps of 0.05"),
    .init(
      "split-seed", .int(0...Int.max), default: .int(1), "seed of which rows these are"),
    .init(
      "train-limit", .optional(.int(1...Int.max)), default: .none,
      "read the first so many training rows only"),
    .init(
      "chunk-rows", .auto(.int(1...Int.max)), default: .auto,
      "rows that are held in memory at once, the others on disk, by all processes together; auto "
        + "is as many as take a quarter of the memory"),
  ]

  private static let columnKeys: [ConfigurationKey] = [
    .init(
      "weight", .string, default: .string(""), valueName: "column",
      "column with a weight for each row, 0 or more"),
    .init(
      "balanced", .bool, default: .bool(false),
      "whether all classes weigh alike, however many rows they have"),
    .init(
      "ignore", .string, default: .string(""), valueName: "columns",
      "columns to leave out, with commas between"),
    .init(
      "categories", .string, default: .string(""), valueName: "columns",
      "columns of numbers to read as categories, with commas between"),
    .init(
      "delimiter", .auto(.choice(["comma", "semicolon", "tab", "bar"])), default: .auto,
      "what stands between fields; auto tells it from the file"),
    .init(
      "header", .auto(.bool), default: .auto, "whether the first row names the columns"),
    .init(
      "decimal", .auto(.choice(["point", "comma"])), default: .auto,
      "what stands before the fraction of a number"),
    .init(
      "knots", .int(2...1024), default: .int(32),
      "places at which a piecewise linear function of a column of numbers may bend, at most"),
    .init(
      "rare", .int(1...1_000_000), default: .int(2),
      "categories seen fewer times are one, the unknown category"),
  ]

  private static let networkKeys: [ConfigurationKey] = [
    .init(
      "hidden", .intList(1...1_000_000), default: .intList([256, 256]),
      "widths of the hidden layers"),
    .init(
      "residual", .bool, default: .bool(false),
      "whether a hidden layer's input is added to its output where widths are equal"),
    .init(
      "activation", .choice(["relu", "tanh", "sigmoid"]), default: .string("relu"),
      "what follows each hidden layer"),
    .init(
      "dropout", .double(.share), default: .double(0.1), valueName: "p",
      "share of the outputs of hidden layers that are dropped in training"),
  ]

  /// The keys that say how files are written.
  static let dialectKeys = ["delimiter", "header", "decimal"]
  /// The keys that say what rows are read, and how.
  static let readingKeys =
    [
      "data", "target", "kind", "label-separator", "dev-share", "split-seed", "train-limit",
      "chunk-rows", "weight", "ignore", "categories", "knots", "rare", "seed", "shards", "batch",
    ] + dialectKeys

  /// What is known of how files are written.
  static func hints(_ configuration: Configuration) -> TableHints {
    let delimiters = ["comma": ",", "semicolon": ";", "tab": "\t", "bar": "|"]
    let target = configuration.string("target")
    return TableHints(
      delimiter: configuration.optionalString("delimiter").flatMap { delimiters[$0]?.utf8.first },
      hasHeader: configuration.value("header") == .auto ? nil : configuration.bool("header"),
      hasDecimalComma: configuration.optionalString("decimal").map { $0 == "comma" },
      names: target.isEmpty
        ? [] : [target] + target.split(separator: ",").map(String.init))
  }

  /// Decides what is left open and checks that all settings go together.
  ///
  /// - Parameters:
  ///   - configuration: Of `schema`.
  ///   - data: The table, where it has been read already.
  /// - Returns: The settings, and the configuration that gives just these again.
  /// - Throws: `ConfigurationError` naming the place of the setting to change.
  public static func resolve(
    _ configuration: Configuration, for data: TableData? = nil
  ) throws -> (settings: TableSettings, configuration: Configuration) {
    var resolved = configuration
    try shared.resolve(
      &resolved, asked: configuration, exampleCount: data?.trainingCount,
      data: "a CSV file, or a folder with train.csv")
    guard !resolved.string("target").isEmpty else {
      throw resolved.conflict(
        "target",
        "expected the name of the column to be predicted; name it with --target, and see "
          + "'meprop check table' for the columns")
    }
    if resolved.value("weight-decay") == .auto {
      // Before the table is read the kind may be open; the decay is decided once more then.
      let kind = data?.schema.target.kind ?? .classes
      try resolved.set(
        "weight-decay", to: "\(kind == .number ? numberDecay : classDecay)",
        from: resolved.origin(of: "weight-decay"))
    }
    let settings = TableSettings(resolved: resolved)
    if settings.isBalanced, settings.kind == .number || data?.schema.target.kind == .number {
      throw resolved.conflict("balanced", "a number has no classes; leave it out")
    }
    if let data {
      let inputs = TableFeatures(data.schema).inputSize
      try resolved.checkWeightCount(
        ofLayers: [inputs] + settings.hiddenSizes + [data.schema.target.outputSize])
    }
    try resolved.checkKeptCount(
      upTo: settings.hiddenSizes.max() ?? 0,
      "every layer's width (\(settings.hiddenSizes.map(String.init).joined(separator: ", ")))")
    return (settings, resolved)
  }
}
