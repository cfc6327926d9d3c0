// meprop demo: dense and sparse training side by side, in a minute.

import ArgumentParser
import MePropExperiments
import MePropTasks

/// `meprop demo`.
struct DemoCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo",
    abstract: "Train a small network dense and sparse, and compare time and accuracy.",
    discussion: """
      Trains on Fashion-MNIST, without writing files: first with dense back propagation, then with \
      the default recipe at the same batch size.

      EXAMPLE:
        meprop demo --epochs 3 --data mnist
      """)

  @Option(
    parsing: .unconditional, help: ArgumentHelp("Passes over the training images.", valueName: "n"))
  var epochs = "6"

  @Option(parsing: .unconditional, help: ArgumentHelp("Images a step.", valueName: "n"))
  var batch = "32"

  @Option(
    help: ArgumentHelp("A data set or a folder of idx files.", valueName: "name|folder"),
    completion: .directory)
  var data = "fashion-mnist"

  func run() throws {
    let demo = try DigitsDemo(
      assignments: ["data=\(data)", "epochs=\(epochs)", "batch=\(batch)"], source: .ofCommands,
      recorders: [ProgressRecorder(showsConfiguration: false)])
    for line in demo.description { try StandardOutput.write(line + "\n") }
    try StandardOutput.write("\n")
    try StandardOutput.write(table: demo.table)
  }
}
