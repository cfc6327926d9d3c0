// meprop predict: labels for images that have none.

import ArgumentParser
import Foundation
import MePropTasks

/// `meprop predict`.
struct PredictCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "predict", abstract: "Predict the labels of images.",
    discussion: """
      Reads an idx file of images (plain or gzip), or text with one image a line: as many numbers \
      from 0 (background) to 255 as the model has inputs (784 for images of 28 x 28), row by row, \
      separated by commas or spaces; a header line is skipped. Prints the label and its probability \
      for each image, in the order of the input, or with --json one object \
      {"predictions": [{"label", "probability"}]}.

      EXAMPLES:
        meprop predict runs/fashion t10k-images-idx3-ubyte.gz
        meprop predict runs/fashion/model --json < pixels.csv
      """)

  @Argument(help: "The folder of a run, or its model folder.", completion: .directory)
  var model: String

  @Argument(help: "The images; - is standard input.", completion: .file())
  var file = "-"

  @Flag(help: "Print one JSON object.")
  var json = false

  @Option(
    help: ArgumentHelp(
      "For taggers, what comes in and out: conllu, text (a sentence a line) or jsonl.",
      valueName: "format"))
  var format: TaggerFormat = .conllu

  @OptionGroup var use: UseOptions

  func run() throws {
    if TaggerCommands.isTagger(model) {
      return try TaggerCommands.predict(model, file: file, format: format, options: use)
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
