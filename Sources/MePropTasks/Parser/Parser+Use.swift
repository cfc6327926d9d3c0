// Evaluating, predicting and checking data for parsers.

import Foundation
import MePropCore
import MePropData
import MePropNN
import MePropTraining

extension Parser {
  private static let precision = ConfigurationKey.precision(
    Precision.allCases.map(\.rawValue), "what products read; auto is what it was trained with")
  private static let beam = ConfigurationKey(
    "beam", .int(1...1000), default: .int(1),
    "hypotheses kept a sentence; 1 takes the best transition at every step")
  private static let tagger = ConfigurationKey(
    "tagger", .optional(.string), default: .none, valueName: "folder",
    "the model of a tagger whose tags are read instead of the input's")

  /// `precision`, `beam` and `tagger`.
  public static let evaluationKeys = [precision, beam, tagger]
  /// The same, and `format`.
  public static let predictionKeys = [
    precision, beam, tagger,
    ConfigurationKey(
      "format", .choice(["conllu", "text"]), default: .string("conllu"),
      "what comes in: text is a sentence a line, and needs --tagger unless the parser reads no tags"
    ),
  ]

  /// Reads a model; see `ParserModel`.
  public static func readModel(at url: URL) throws -> ParserModel { try ParserModel(at: url) }

  /// The model's.
  public static func network(of model: ParserModel) -> (any Layer)? { model.network }

  /// The model with the precision asked for, and the tagger, if there is one.
  private static func parts(
    _ model: ParserModel, _ use: ModelUse
  ) throws -> (model: ParserModel, tagger: ParserTagger?) {
    var model = model
    model.precision = use.precision() ?? model.precision
    let tagger = try use.options.optionalString("tagger").map {
      try ParserTagger(at: URL(fileURLWithPath: $0), threadCount: use.threadCount)
    }
    return (model, tagger)
  }

  /// UAS, LAS, CLAS and MLAS, with and without punctuation, by relation, distance and length.
  public static func evaluate(
    _ model: ParserModel, on split: EvaluationSplit, of data: String?, _ use: ModelUse
  ) throws -> EvaluationReport {
    let (model, tagger) = try parts(model, use)
    let treebank = try use.source.treebank(data ?? model.data, .parsing)
    let gold = try ParserData.read(treebank.required(split.rawValue))
    let words = tagger?.tagging(gold) ?? gold
    var tags = MissingTags(model.vocabularies.choice.tagColumns)
    for tree in words { tags.add(tree) }
    tags.tell(of: try treebank.required(split.rawValue).path)
    let encoded = EncodedTrees(words, model.vocabularies, keepsSubtypes: true)
    let engine = ParserEngine(
      model.network, vocabularies: model.vocabularies, system: model.system,
      precision: model.precision, context: use.context)
    let start = ContinuousClock.now
    let parsed = engine.parse(
      encoded, beamWidth: use.options.int("beam"), threadCount: use.threadCount)
    let seconds = start.duration(to: .now).inSeconds
    let relations = model.vocabularies.relations.items
    let found = words.enumerated().map { sentence, tree in
      let nodes = encoded.starts[sentence] + 1..<encoded.starts[sentence + 1]
      return tree.replacing(
        heads: nodes.map { Int(parsed.heads[$0]) },
        relations: nodes.map { relations[Int(parsed.labels[$0])] })
    }
    var report = TreeEvaluation(gold: gold, found: found).report(seconds: seconds)
    report.data = try treebank.required(split.rawValue).path
    return report
  }

  /// Parses sentences; see `ParserPredictor.predict`.
  public static func predict(
    _ model: ParserModel, _ input: InputFile, _ use: ModelUse, writesObjects: Bool,
    _ receive: ([UInt8]) throws -> Void
  ) throws {
    let (model, tagger) = try parts(model, use)
    let isText = use.options.string("format") == "text"
    let columns = model.vocabularies.choice.tagColumns
    if isText, columns != .none, columns != tagger?.columns {
      guard let tagger else {
        throw UsageError("--format text needs a tagger; name its model with --tagger")
      }
      throw ParserTaggerError.missingColumn(
        parser: columns.rawValue, tagger: tagger.columns.rawValue)
    }
    let predictor = ParserPredictor(
      model, beamWidth: use.options.int("beam"), tagger: tagger, threadCount: use.threadCount)
    try PlainTextHint.adding {
      try predictor.predict(
        input, isText: isText, flushesEachSentence: input.storedSize == nil,
        writesObjects: writesObjects, receive)
    }
  }
}

extension Parser: DataCheckingTask {
  /// What is looked for.
  public static let checkHelp = """
    arcs that cross, sentences with several roots, cycles, heads beyond the sentence, \
    relations seen once or only in dev or test, columns without tags, sentences of dev and test \
    that \
    are in train as well, and damaged lines with their number
    """
  /// The treebank.
  public static let checkKeys = ["data"]

  /// Looks at all parts of a treebank; see `ParserCheck`.
  public static func check(
    _ configuration: Configuration, _ source: DataSource
  ) throws -> CheckReport {
    ParserCheck(try source.treebank(configuration.string("data"), .parsing)).report
  }
}
