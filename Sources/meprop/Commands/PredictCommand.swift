// meprop predict: labels of images, tags of words, trees of sentences.

import ArgumentParser
import Foundation
import MePropTasks

/// `meprop predict`.
struct PredictCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "predict", abstract: "Predict the labels of images, the tags of words, or trees.",
    discussion: """
      Reads an idx file of images (plain or gzip), or text with one image a line: as many numbers \
      from 0 (background) to 255 as the model has inputs (784 for images of 28 x 28), row by row, \
      separated by commas or spaces; a header line is skipped. Prints the label and its probability \
      for each image, in the order of the input, or with --json one object \
      {"predictions": [{"label", "probability"}]}.

      With a model of a tagger or parser it reads CoNLL-U (plain or gzip) and writes it byte for byte, except for \
      what is predicted; --format says what else. From a pipe, sentences are tagged as soon as they \
      have arrived.

      EXAMPLES:
        meprop predict runs/fashion t10k-images-idx3-ubyte.gz
        meprop predict runs/fashion/model --json < pixels.csv
        meprop predict runs/tagger text.conllu.gz > tagged.conllu
        echo "The dog barks ." | meprop predict runs/tagger --format text
        meprop predict runs/parser tagged.conllu > parsed.conllu
        echo "The dog barks ." | meprop predict runs/parser --format text --tagger runs/tagger
      """)

  @Argument(help: "The folder of a run, or its model folder.", completion: .directory)
  var model: String

  @Argument(help: "The images, or the sentences; - is standard input.", completion: .file())
  var file = "-"

  @Flag(help: "Print one JSON object.")
  var json = false

  @Option(
    help: ArgumentHelp(
      "For taggers, what comes in and out: conllu (default), text (a sentence a line) or jsonl (text in, an object a line out); the last two take CoNLL-U as well; for parsers, what comes in: conllu or text.",
      valueName: "format"))
  var format: TaggerFormat?

  @OptionGroup var use: UseOptions

  @OptionGroup var parserUse: ParserUseOptions

  func run() throws {
    if ParserCommands.isParser(model) {
      if json { throw UsageError("--json is for digits; a parser prints CoNLL-U: leave it out") }
      return try ParserCommands.predict(
        model, file: file, format: format ?? .conllu, options: use, parserOptions: parserUse)
    }
    try parserUse.requireNone(for: model)
    if TaggerCommands.isTagger(model) {
      if json {
        throw UsageError("--json is for digits; for a tagger say --format jsonl, an object a line")
      }
      return try TaggerCommands.predict(
        model, file: file, format: format ?? .conllu, options: use)
    }
    if let format {
      throw UsageError(
        "--format: found \(format.rawValue), but only taggers and parsers take it; leave it out")
    }
    var model = try DigitsModel(at: URL(fileURLWithPath: model))
    model.precision = try use.digitsPrecision() ?? model.precision
    let input =
      file == "-"
      ? try InputFile(handle: .standardInput, name: "standard input")
      : try InputFile(path: file)
    var entries: [JSONValue] = []
    try model.predict(input) { predictions in
      if json {
        entries += predictions.map(\.json)
      } else {
        let lines = predictions.map { "\($0.label) \(fixed(Double($0.probability), 4))\n" }
        try StandardOutput.write(lines.joined())
      }
    }
    if json {
      try StandardOutput.write("\(JSONValue.object([.init("predictions", .array(entries))]))\n")
    }
  }
}
