// The parser's parts of meprop train, evaluate, predict and config.

import ArgumentParser
import Foundation
import MePropTasks

/// `meprop train parser`.
struct TrainParserCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "parser",
    abstract: "Train a dependency parser on a treebank.",
    discussion: """
      The treebank is a folder with *-train.conllu, *-dev.conllu and *-test.conllu (each may also end \
      in .gz), or the name of such a folder in MEPROP_DATA or the cache. Every option but --run, \
      --resume, --config, --set and --json is a key of the configuration. Scores are UAS and LAS over \
      all words; the epoch of the best LAS on dev is kept.

      EXAMPLES:
        meprop train parser --data ud-english-ewt
        meprop train parser --data UD_Czech-PDT --system swap --run runs/czech
        meprop train parser --preset paper --select dense
        meprop train parser --select top-k --k 20 --batch 100 --epochs 10 --json
      """)

  @OptionGroup var options: TrainOptions
  @OptionGroup(title: "Settings") var settings: ParserFlags

  func run() throws {
    try options.print(ParserTask.train(options.request(flags: settings.values)))
  }
}

/// `meprop config parser`.
struct ConfigParserCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "parser", abstract: "Print the configuration of 'meprop train parser'.",
    discussion: """
      EXAMPLE:
        meprop config parser > parser.yaml
        meprop train parser --config parser.yaml --set epochs=3
      """)

  func run() throws {
    try StandardOutput.write(
      Configuration(schema: ParserConfiguration.schema)
        .yaml(title: "Default configuration of 'meprop train parser'."))
  }
}

/// What `meprop evaluate` and `meprop predict` do with a model of a parser.
enum ParserCommands {
  /// Whether a model folder holds a parser.
  static func isParser(_ model: String) -> Bool {
    ModelFiles.taskName(at: URL(fileURLWithPath: model)) == ParserTask.taskName
  }

  /// Prints attachment scores and the speed of parsing.
  static func evaluate(
    _ path: String, data: String?, split: EvaluationSplit, options: UseOptions,
    parserOptions: ParserUseOptions, svg: String?, json: Bool
  ) throws {
    var model = try ParserModel(at: URL(fileURLWithPath: path))
    model.precision = try options.parserPrecision() ?? model.precision
    let result = try model.evaluate(
      on: split, of: data, beamWidth: parserOptions.beamWidth,
      tagger: parserOptions.parserTagger(threadCount: options.threadCount),
      threadCount: options.threadCount)
    let evaluation = result.evaluation
    if let svg {
      try AtomicFile.write(
        evaluation.drawing(name: split.rawValue), to: URL(fileURLWithPath: svg))
    }
    if json {
      let speed = JSONValue.object([
        .init("wordsPerSecond", .number(result.wordsPerSecond.rounded()))
      ])
      let object = JSONValue.object(
        [.init("split", .string(split.rawValue))] + evaluation.jsonMembers
          + [.init("predict", speed)])
      return try StandardOutput.write("\(object)\n")
    }
    try StandardOutput.write(
      "\(split.rawValue): UAS \(fixed(evaluation.all.uas)) %, LAS \(fixed(evaluation.all.las)) % of "
        + "\(evaluation.all.count) words, \(fixed(result.wordsPerSecond, 0)) words/s\n")
    for table in evaluation.tables {
      try StandardOutput.write("\n\(table.title)\n")
      try StandardOutput.write(table: table.rows)
    }
  }

  /// Parses a file or standard input.
  static func predict(
    _ path: String, file: String, format: TaggerFormat, options: UseOptions,
    parserOptions: ParserUseOptions
  ) throws {
    var model = try ParserModel(at: URL(fileURLWithPath: path))
    model.precision = try options.parserPrecision() ?? model.precision
    let tagger = try parserOptions.parserTagger(threadCount: options.threadCount)
    if format == .jsonl { throw UsageError("--format: parsers take conllu or text, found jsonl") }
    let columns = model.vocabularies.choice.tagColumns
    if format == .text, columns != .none, columns != tagger?.columns {
      guard let tagger else {
        throw UsageError("--format text needs a tagger; name its model with --tagger")
      }
      throw ParserTaggerError.missingColumn(
        parser: columns.rawValue, tagger: tagger.columns.rawValue)
    }
    let input =
      file == "-"
      ? try InputFile(handle: .standardInput, name: "standard input")
      : try InputFile(path: file)
    let predictor = ParserPredictor(
      model, beamWidth: parserOptions.beamWidth, tagger: tagger, threadCount: options.threadCount)
    try predictor.predict(
      input, isText: format == .text, flushesEachSentence: input.storedSize == nil
    ) {
      try StandardOutput.write(bytes: $0)
    }
  }
}
