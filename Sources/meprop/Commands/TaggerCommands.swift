// The tagger's parts of meprop train, evaluate, predict, config and check.

import ArgumentParser
import Foundation
import MePropTasks

/// `meprop train tagger`.
struct TrainTaggerCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tagger",
    abstract: "Train a part-of-speech tagger on a treebank.",
    discussion: """
      The treebank is a folder with *-train.conllu, *-dev.conllu and *-test.conllu (each may also end \
      in .gz), or the name of such a folder in MEPROP_DATA or the cache. Every option but --run, \
      --resume, --config, --set and --json is a key of the configuration.

      EXAMPLES:
        meprop train tagger --data ud-english-ewt
        meprop train tagger --data UD_German-GSD --column upos --run runs/german
        meprop train tagger --preset paper --select top-k --k 10
        meprop train tagger --select dense --batch 16 --epochs 5 --json
      """)

  @OptionGroup var options: TrainOptions
  @OptionGroup(title: "Settings") var settings: TaggerFlags

  func run() throws {
    try options.print(
      TaggerTask.train(options.request(flags: settings.values), progress: DownloadNotice.show))
  }
}

/// `meprop config tagger`.
struct ConfigTaggerCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tagger", abstract: "Print the configuration of 'meprop train tagger'.",
    discussion: """
      EXAMPLE:
        meprop config tagger > tagger.yaml
        meprop train tagger --config tagger.yaml --set epochs=3
      """)

  func run() throws {
    try StandardOutput.write(
      Configuration(schema: TaggerConfiguration.schema)
        .yaml(title: "Default configuration of 'meprop train tagger'."))
  }
}

/// `meprop check`.
struct CheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check", abstract: "Look for what would hurt in data, before training.",
    subcommands: [CheckTaggerCommand.self, CheckParserCommand.self])
}

/// `meprop check tagger`.
struct CheckTaggerCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tagger", abstract: "Check a treebank before a tagger is trained on it.",
    discussion: """
      Reports tags seen once, columns without tags, thousands of distinct tags, sentences of dev and \
      test that are in train as well, and damaged lines with their number. The exit code is 1 if the \
      treebank cannot be used.

      EXAMPLE:
        meprop check tagger --data ud-english-ewt --column xpos
      """)

  @Option(
    help: ArgumentHelp("The treebank.", valueName: "name|folder"), completion: .directory)
  var data = "ud-english-ewt"

  @Option(help: ArgumentHelp("The column to learn: upos, xpos or feats.", valueName: "name"))
  var column = "xpos"

  @Flag(help: "Print one JSON object.")
  var json = false

  func run() throws {
    guard let column = CoNLLUColumn.allCases.first(where: { $0.name == column }),
      [.upos, .xpos, .feats].contains(column)
    else {
      throw UsageError("--column: found '\(column)', expected upos, xpos or feats")
    }
    let check = TaggerCheck(
      try Treebank(
        folder: DataLocator.ofProcess.treebankFolder(data, progress: DownloadNotice.show),
        sections: .tagging), column: column)
    if json {
      try StandardOutput.write("\(check.json)\n")
    } else {
      try StandardOutput.write(
        table: [["part", "sentences", "words", "longest"]]
          + check.parts.map { [$0.name, "\($0.sentences)", "\($0.words)", "\($0.longest)"] })
      try StandardOutput.write("\(check.tagCount) distinct tags\n")
      for line in check.warnings { try StandardOutput.write("warning: \(line)\n") }
      for line in check.errors { try StandardOutput.write("error: \(line)\n") }
    }
    if !check.errors.isEmpty { throw ExitCode.failure }
  }
}

/// What `meprop evaluate` and `meprop predict` do with a model of a tagger.
enum TaggerCommands {
  /// Whether a model folder holds a tagger.
  static func isTagger(_ model: String) -> Bool {
    ModelFiles.taskName(at: URL(fileURLWithPath: model)) == TaggerTask.taskName
  }

  /// Prints accuracy, the figures of each tag and the most confused pairs.
  static func evaluate(
    _ model: String, data: String?, split: EvaluationSplit, options: UseOptions, json: Bool
  ) throws {
    let (evaluation, rate) = try TaggerModel(at: URL(fileURLWithPath: model)).evaluate(
      on: split, of: data, precision: options.taggerPrecision(), threadCount: options.threadCount,
      progress: DownloadNotice.show)
    if json {
      return try StandardOutput.write(
        "\(evaluation.json(split: split, wordsPerSecond: rate))\n")
    }
    let unknown =
      evaluation.unknownCount > 0
      ? "unknown \(fixed(evaluation.unknownAccuracy)) % of \(evaluation.unknownCount)"
      : "none is unknown"
    try StandardOutput.write(
      "\(split.rawValue): accuracy \(fixed(evaluation.accuracy)) % of \(evaluation.count) words "
        + "(known \(fixed(evaluation.knownAccuracy)) %, \(unknown)), "
        + "\(fixed(rate, 0)) words/s\n\n")
    try StandardOutput.write(
      table: [["tag", "precision", "recall", "F1", "words"]]
        + evaluation.perTag.map {
          [$0.tag, fixed($0.precision), fixed($0.recall), fixed($0.f1), String($0.count)]
        })
    try StandardOutput.write("\n")
    try StandardOutput.write(
      table: [["true", "found", "words"]]
        + evaluation.mostConfused(20).map { [$0.gold, $0.found, String($0.count)] })
  }

  /// Tags a file or standard input.
  static func predict(
    _ model: String, file: String, format: TaggerFormat, options: UseOptions
  ) throws {
    let model = try TaggerModel(at: URL(fileURLWithPath: model))
    let input =
      file == "-"
      ? try InputFile(handle: .standardInput, name: "standard input")
      : try InputFile(path: file)
    try model.predict(
      input, format: format, waitsForMore: input.storedSize != nil,
      precision: options.taggerPrecision(),
      threadCount: options.threadCount
    ) { try StandardOutput.write(bytes: $0) }
  }
}

extension TaggerFormat: ExpressibleByArgument {}
