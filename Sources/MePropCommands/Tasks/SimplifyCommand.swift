// meprop simplify: cuts units out of a finished model, or puts them back.

import ArgumentParser
import Foundation
import MePropTasks

/// `meprop simplify`.
struct SimplifyCommand: ParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: "simplify", abstract: "Make a finished model smaller and faster.",
      usage: "meprop simplify <model> --target <width>|--tolerance <points>|--undo [<options>]",
      discussion: """
        Counts on the training data which units the gradient keeps, cuts those kept least and \
        trains what is left, with the settings of the run. --target ends at a width of each hidden \
        layer; --tolerance cuts a quarter of the units at a time, as long as the development \
        figure stays within so many points of the model's. Models of digits, taggers and parsers \
        can be cut. The model stays as it is: the smaller one is in the folder of --run. To cut \
        while a model is trained for the first time, use --simplify or --target-width of 'meprop \
        train'.

        EXAMPLES:
          meprop simplify runs/fashion --target 64 --run runs/small
          meprop simplify runs/fashion --tolerance 0.1
          meprop simplify runs/small --undo
        """)
  }

  @Argument(help: "The folder of a run, or its model folder.", completion: .directory)
  var model: String

  @Option(help: ArgumentHelp("Units of each hidden layer at the end.", valueName: "width"))
  var target: Int?

  @Option(
    help: ArgumentHelp(
      "Points that the first development figure may lose.", valueName: "points"))
  var tolerance: Double?

  @Flag(help: "Put back the units that were cut, each number as it was when its unit was cut.")
  var undo = false

  @Option(
    help: ArgumentHelp(
      "Data to count and to train on (default: what the model was trained on).",
      valueName: "name|folder"), completion: .directory)
  var data: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Epochs of each stage; half of them have cuts.", valueName: "n"))
  var epochs = 4

  @Option(
    name: .customLong("run"),
    help: ArgumentHelp(
      "Where the smaller model goes (default: runs/simplified-TASK-DATE-TIME).",
      valueName: "folder"), completion: .directory)
  var output: String?

  @Flag(help: "Print one JSON object.")
  var json = false

  func validate() throws {
    let aims = [target != nil, tolerance != nil, undo].count { $0 }
    guard aims == 1 else {
      throw ValidationError(
        "expected one of --target, --tolerance and --undo, found \(aims == 0 ? "none" : "several")")
    }
    if let target, target < 1 {
      throw ValidationError("--target: found \(target), expected 1 or more")
    }
    if let tolerance, !(tolerance >= 0 && tolerance <= 100) {
      throw ValidationError("--tolerance: found \(tolerance), expected 0 to 100")
    }
    if !(2...1_000_000).contains(epochs) {
      throw ValidationError("--epochs: found \(epochs), expected 2 to 1000000")
    }
    if let output, output.isEmpty {
      throw ValidationError("--run: expected a folder, found nothing")
    }
    if undo, data != nil || output != nil {
      throw ValidationError("--undo changes the model in its place; leave out --data and --run")
    }
  }

  func run() throws {
    let url = URL(fileURLWithPath: model)
    let task = try TaskRegistry.current.task(ofModelAt: url)
    if undo {
      try task.undoSimplification(at: url)
      if json {
        return try StandardOutput.write(
          "\(JSONValue.object([.init("task", .string(task.name)), .init("undone", .bool(true))]))\n"
        )
      }
      return try StandardOutput.write("all units are back; the smaller model is in 'simplified'\n")
    }
    let aim: SimplificationRequest.Aim =
      if let target { .width(target) } else { .tolerance(tolerance ?? 0) }
    let report = try task.simplify(
      SimplificationRequest(
        model: url, aim: aim, data: data, epochs: epochs,
        run: output.map { URL(fileURLWithPath: $0, isDirectory: true) }), from: .ofCommands)
    if json {
      try StandardOutput.write("\(report.json)\n")
    } else {
      for layer in report.layers {
        try StandardOutput.write("\(layer.name): \(layer.originalWidth) → \(layer.width) units\n")
      }
      try StandardOutput.write(
        String(format: "dev %.2f → %.2f\n", report.before, report.after)
          + "model: \(report.run.appendingPathComponent("model").path.printable)\n")
    }
    if let signal = report.signal { throw Interrupted(signal: signal) }
  }
}
