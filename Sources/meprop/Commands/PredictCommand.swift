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

  @Option(
    help: ArgumentHelp(
      "For digits, what products read (default: as it was trained).",
      valueName: "f32|bf16"))
  var precision: Precision?

  @Flag(help: "Print one JSON object.")
  var json = false

  @Option(
    help: ArgumentHelp(
      "For taggers, what comes in and out: conllu, text (a sentence a line) or jsonl.",
      valueName: "format"))
  var format: TaggerFormat = .conllu

  @Option(
    help: ArgumentHelp("For taggers, threads to compute with (default: all).", valueName: "n"))
  var threads: Int?

  func run() throws {
    if TaggerCommands.isTagger(model) {
      if precision != nil {
        throw UsageError(
          "--precision is for models of digits; '\(model)' is a tagger: leave it out")
      }
      if let threads, !(1...256).contains(threads) {
        throw UsageError("--threads: found \(threads), expected 1 to 256")
      }
      return try TaggerCommands.predict(model, file: file, format: format, threads: threads)
    }
    var model = try DigitsModel(at: URL(fileURLWithPath: model))
    model.precision = precision ?? model.precision
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
