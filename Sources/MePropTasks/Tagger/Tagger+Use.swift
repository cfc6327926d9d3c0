// Evaluating, predicting and checking data for taggers.

import Foundation
import MePropCore
import MePropData
import MePropNN
import MePropTraining

extension Tagger {
  private static let precision = ConfigurationKey(
    "precision", .choice(Precision.allCases.map(\.rawValue)),
    default: .string(Precision.int8.rawValue),
    "what the LSTM's products read; int8 is weights and states of eight bits")

  /// `precision`.
  public static let evaluationKeys = [precision]
  /// `precision` and `format`.
  public static let predictionKeys = [
    precision,
    ConfigurationKey(
      "format", .choice(TaggerFormat.allCases.map(\.rawValue)),
      default: .string(TaggerFormat.conllu.rawValue),
      "what comes in and out: text is a sentence a line, jsonl text in and an object a line out; "
        + "both take CoNLL-U as well"),
  ]

  /// Reads a model; see `TaggerModel`.
  public static func readModel(at url: URL) throws -> TaggerModel { try TaggerModel(at: url) }

  /// The model's.
  public static func network(of model: TaggerModel) -> (any Layer)? { model.network }

  /// Accuracy, on known and unknown words too, the figures of each tag and the most confused pairs.
  public static func evaluate(
    _ model: TaggerModel, on split: EvaluationSplit, of data: String?, _ use: ModelUse
  ) throws -> EvaluationReport {
    let treebank = try use.source.treebank(data ?? model.data, .tagging)
    let sentences = try TaggedSentence.read(
      treebank.required(split.rawValue), column: model.column)
    guard !sentences.lacksTags else {
      throw MissingGoldError(
        path: try treebank.required(split.rawValue).path, column: model.column.name)
    }
    let predictor = TaggerPredictor(
      model, precision: use.precision() ?? .int8, context: use.context)
    let start = ContinuousClock.now
    let found = predictor.tags(of: sentences.map(\.forms))
    let seconds = start.duration(to: .now).inSeconds
    let vocabularies = model.vocabularies
    var evaluation = TaggerEvaluation()
    for (sentence, tags) in zip(sentences, found) {
      for (word, tag) in tags.enumerated() {
        evaluation.add(
          gold: sentence.tags[word], found: tag,
          isKnown: vocabularies.isTrained(
            vocabularies.words[sentence.forms[word].lowercased()]))
      }
    }
    var report = evaluation.report(seconds: seconds)
    report.data = try treebank.required(split.rawValue).path
    return report
  }

  /// Tags sentences; see `TaggerPredictor.predict`.
  public static func predict(
    _ model: TaggerModel, _ input: InputFile, _ use: ModelUse, writesObjects: Bool,
    _ receive: ([UInt8]) throws -> Void
  ) throws {
    var format = TaggerFormat(rawValue: use.options.string("format")) ?? .conllu
    if writesObjects {
      guard format == .jsonl || use.options.origin(of: "format") == .defaultValue else {
        throw UsageError(
          "--format: found \(format.rawValue), but --json prints objects; leave one of them out")
      }
      format = .jsonl
    }
    let predictor = TaggerPredictor(
      model, precision: use.precision() ?? .int8, context: use.context)
    try PlainTextHint.adding {
      try predictor.predict(
        input, format: format, waitsForMore: input.storedSize != nil, receive)
    }
  }
}

extension Tagger: DataCheckingTask {
  /// What is looked for.
  public static let checkHelp = """
    tags seen once, columns without tags, thousands of distinct tags, sentences of dev and test \
    that \
    are in train as well, and damaged lines with their number
    """
  /// The treebank and the column.
  public static let checkKeys = ["data", "column"]

  /// Looks at all parts of a treebank; see `TaggerCheck`.
  public static func check(
    _ configuration: Configuration, _ source: DataSource
  ) throws -> CheckReport {
    let column = CoNLLUColumn.allCases.first { $0.name == configuration.string("column") } ?? .xpos
    return TaggerCheck(
      try source.treebank(configuration.string("data"), .tagging), column: column
    ).report
  }
}
