// meprop evaluate: what a model gets right on labeled data.

import ArgumentParser
import Foundation
import MePropTasks

/// `meprop evaluate`.
struct EvaluateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate", abstract: "Evaluate a model on labeled data.",
    discussion: """
      For digits: accuracy, mean loss, the confusion matrix (a row for each true class, a column for \
      each class found) and precision, recall and F1 of each class, in percent. For taggers: accuracy, \
      on known and unknown words too, figures of each tag and the most confused pairs. For parsers: \
      UAS, LAS, CLAS and MLAS, with and without punctuation, by relation, distance and length.

      EXAMPLES:
        meprop evaluate runs/fashion
        meprop evaluate runs/fashion/model --data fashion-mnist --split dev --json
        meprop evaluate runs/parser --svg parser.svg
      """)

  @Argument(help: "The folder of a run, or its model folder.", completion: .directory)
  var model: String

  @Option(
    help: ArgumentHelp(
      "A data set of the catalogue, a folder of idx files or that of a treebank (default: what the "
        + "model was trained on, else mnist).", valueName: "name|folder"), completion: .directory)
  var data: String?

  @Option(help: ArgumentHelp("Which part of it.", valueName: "test|dev"))
  var split: EvaluationSplit = .test

  @Flag(help: "Print one JSON object.")
  var json = false

  @Option(
    help: ArgumentHelp("For parsers, draw the figures into this file as well.", valueName: "file"),
    completion: .file(extensions: ["svg"]))
  var svg: String?

  @OptionGroup var use: UseOptions

  @OptionGroup var parserUse: ParserUseOptions

  func run() throws {
    if ParserCommands.isParser(model) {
      return try ParserCommands.evaluate(
        model, data: data, split: split, options: use, parserOptions: parserUse, svg: svg,
        json: json)
    }
    try parserUse.requireNone(for: model)
    if svg != nil {
      throw UsageError("--svg is for parsers, and '\(model)' is none; leave it out")
    }
    if TaggerCommands.isTagger(model) {
      return try TaggerCommands.evaluate(
        model, data: data, split: split, options: use, json: json)
    }
    var digits = try DigitsModel(at: URL(fileURLWithPath: model))
    digits.precision = try use.digitsPrecision() ?? digits.precision
    let evaluation = try digits.evaluate(
      on: split, of: data, progress: DownloadNotice.show)
    if json { return try StandardOutput.write("\(evaluation.json(split: split))\n") }
    try StandardOutput.write(
      "\(split.rawValue): accuracy \(fixed(evaluation.accuracy)) %, loss "
        + "\(fixed(evaluation.loss, 4)), \(evaluation.count) images\n\n")
    let classes = evaluation.confusion.indices.map(String.init)
    try StandardOutput.write(
      table: [["true \\ found"] + classes]
        + zip(classes, evaluation.confusion).map { [$0] + $1.map(String.init) })
    try StandardOutput.write("\n")
    try StandardOutput.write(
      table: [["class", "precision", "recall", "F1", "images"]]
        + zip(classes, evaluation.perClass).map { label, figures in
          [
            label, fixed(figures.precision), fixed(figures.recall), fixed(figures.f1),
            String(figures.count),
          ]
        })
  }
}

extension EvaluationSplit: ExpressibleByArgument {}
