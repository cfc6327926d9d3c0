// meprop demo: dense and sparse training side by side, in a minute.

import ArgumentParser
import Foundation
import MePropCommands
import MePropExperiments
import MePropTasks

/// `meprop demo`.
struct DemoCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo",
    abstract: "Train a network dense and sparse, and compare the time to an accuracy.",
    discussion: """
      Trains a classifier of small grey images twice, first with dense back propagation, then with \
      the default recipe, and shows how long each took to the accuracy that both reach. All else \
      is the same in both runs. Their folders, and a report that compares them, go to --run.

      EXAMPLE:
        meprop demo --epochs 3 --data mnist
      """)

  @Option(
    parsing: .unconditional, help: ArgumentHelp("Passes over the training images.", valueName: "n"))
  var epochs = "3"

  @Option(parsing: .unconditional, help: ArgumentHelp("Images a step.", valueName: "n"))
  var batch = "32"

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Widths of the hidden layers.", valueName: "n,n,…"))
  var hidden = "1000,1000"

  @Option(
    help: ArgumentHelp("A data set or a folder of idx files.", valueName: "name|folder"),
    completion: .directory)
  var data = "fashion-mnist"

  @Option(
    name: .customLong("run"),
    help: ArgumentHelp(
      "The folder for both runs (default: runs/demo-DATE-TIME).", valueName: "folder"),
    completion: .directory)
  var folder: String?

  func run() throws {
    let url =
      folder.map { URL(fileURLWithPath: $0, isDirectory: true) }
      ?? URL(fileURLWithPath: "runs", isDirectory: true)
      .appendingPathComponent(RunFolder.name("demo"), isDirectory: true)
    let demo = try DigitsDemo(
      assignments: ["data=\(data)", "epochs=\(epochs)", "batch=\(batch)", "hidden=\(hidden)"],
      in: url, source: .ofCommands, recorders: [ProgressRecorder(showsConfiguration: false)])
    try StandardOutput.write(
      "\nTraining until \(demo.target) % of the development images are right:\n")
    try StandardOutput.write(demo.bars().map { $0 + "\n" }.joined() + "\n")
    try StandardOutput.write(table: demo.table)
    try StandardOutput.write("\nreport: \(demo.report.path)\n")
  }
}
