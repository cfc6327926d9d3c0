// meprop inspect: the layers of a network, before training or after it.

import ArgumentParser
import Foundation
import MePropTasks

/// `meprop inspect`.
struct InspectCommand: ParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: "inspect",
      abstract: "Show the layers of a model, or of what a configuration would train.",
      discussion: """
        Prints layers, shapes, parameters and multiply-adds of the forward products for an example \
        (a word of a tagger, a transition of a parser). A configuration is checked as for \
        training, with its data.

        EXAMPLES:
          meprop inspect runs/fashion
          meprop config images > images.yaml; meprop inspect images.yaml --json
        """)
  }

  @Argument(
    help: "The folder of a run, its model folder, or a configuration file.", completion: .file())
  var source: String

  @Option(
    help: ArgumentHelp(
      "Of which task the configuration is (default: the one that has its keys).",
      valueName: "name"))
  var task: String?

  @Flag(help: "Print one JSON object.")
  var json = false

  func run() throws {
    let inspection = try inspect(URL(fileURLWithPath: source))
    if json { return try StandardOutput.write("\(inspection.json)\n") }
    try StandardOutput.write("", inspection.table)
    try StandardOutput.write(inspection.summary + "\n")
  }

  private func inspect(_ url: URL) throws -> NetworkInspection {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder) else {
      throw UsageError(
        "\(source): no such file, expected the folder of a model or a configuration file")
    }
    let registry = TaskRegistry.current
    guard isFolder.boolValue else {
      return try inspect(registry.task(ofConfiguration: url, named: task), url)
    }
    if task != nil { throw UsageError("--task: a model says of which task it is; leave it out") }
    return try registry.task(ofModelAt: url).inspect(modelAt: url)
  }

  private func inspect(
    _ task: any TaskDefinition.Type, _ file: URL
  ) throws -> NetworkInspection {
    try task.inspect(Configuration(schema: task.schema, files: [file]), from: .ofCommands)
  }
}
