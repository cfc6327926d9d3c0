// meprop predict: what a model makes of data without labels.

import ArgumentParser
import Foundation
import MePropTasks

/// `meprop predict`.
struct PredictCommand: ParsableCommand, ModelCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: "predict",
      abstract: "Predict the labels of images, the tags of words, trees, or a column of a table.",
      usage: "meprop predict <model> [<file>] [<options>]",
      discussion: TaskTexts.discussion(
        "The model folder says of which task it is; with --json one object "
          + "{\"predictions\": […]} is printed."
      ) {
        $0.help.prediction
      } examples: {
        $0.contains("meprop predict")
      })
  }

  static func keys(of task: any TaskDefinition.Type) -> [ConfigurationKey] { task.predictionKeys }

  @Argument(help: "The folder of a run, or its model folder.", completion: .directory)
  var model: String?

  @Argument(help: "The images, sentences or rows; - is standard input.", completion: .file())
  var file = "-"

  @Flag(help: "Print one JSON object.")
  var json = false

  @OptionGroup var options: UseOptions<PredictCommand>

  func run() throws {
    let model = try NextSteps.model(model, for: "meprop predict", " FILE")
    try predict(model, of: TaskRegistry.current.task(ofModelAt: URL(fileURLWithPath: model)))
  }

  private func predict<Task: TaskDefinition>(_ model: String, of task: Task.Type) throws {
    let use = try options.use(by: task, model: model)
    let parameters = try task.readModel(at: URL(fileURLWithPath: model))
    let input =
      file == "-"
      ? try InputFile(handle: .standardInput, name: "standard input") : try InputFile(path: file)
    var byteCount = 0
    if json {
      var lines: [UInt8] = []
      try task.predict(parameters, input, use, writesObjects: true) { lines += $0 }
      byteCount = lines.count
      let objects = lines.split(separator: UInt8(ascii: "\n"))
        .joined(separator: [UInt8(ascii: ",")])
      try StandardOutput.write(
        bytes: Array("{\"predictions\":[".utf8) + objects + Array("]}\n".utf8))
    } else {
      try task.predict(parameters, input, use, writesObjects: false) {
        byteCount += $0.count
        try StandardOutput.write(bytes: $0)
      }
    }
    if byteCount == 0 { Notices.tell("\(input.path): holds nothing to predict") }
  }
}
