// meprop evaluate: what a model gets right on labeled data.

import ArgumentParser
import Foundation
import MePropReport
import MePropTasks

/// `meprop evaluate`.
struct EvaluateCommand: ParsableCommand, ModelCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: "evaluate", abstract: "Evaluate a model on labeled data.",
      usage: "meprop evaluate <model> [<options>]",
      discussion: TaskTexts.discussion("The model folder says of which task it is.") {
        $0.help.evaluation
      } examples: {
        $0.hasPrefix("meprop evaluate")
      })
  }

  static func keys(of task: any TaskDefinition.Type) -> [ConfigurationKey] { task.evaluationKeys }

  @Argument(help: "The folder of a run, or its model folder.", completion: .directory)
  var model: String?

  @Argument(
    help: ArgumentHelp("The data, as for --data.", valueName: "data"), completion: .file())
  var place: String?

  @Option(
    help: ArgumentHelp(
      "A data set of the catalogue, or a file or folder, as for training (default: what the model "
        + "was trained on).",
      valueName: "name|folder"), completion: .directory)
  var data: String?

  @Option(help: ArgumentHelp("Which part of it.", valueName: "test|dev"))
  var split: EvaluationSplit = .test

  @Flag(help: "Print one JSON object.")
  var json = false

  @Option(
    help: ArgumentHelp("Draw the figures into this file as well.", valueName: "file"),
    completion: .file(extensions: ["svg"]))
  var svg: String?

  @OptionGroup var options: UseOptions<EvaluateCommand>

  func run() throws {
    let model = try NextSteps.model(model, for: "meprop evaluate")
    let task = try TaskRegistry.current.task(ofModelAt: URL(fileURLWithPath: model))
    let report = try evaluate(model, of: task)
    if let svg {
      guard let chart = report.chart else {
        throw UsageError("--svg: \(task.name) has no drawing; leave it out")
      }
      try AtomicFile.write(chart.drawing(split), to: URL(fileURLWithPath: svg))
    }
    if json {
      return try StandardOutput.write("\(report.json(task: task.name, split: split))\n")
    }
    try StandardOutput.write(report.headline(split) + "\n")
    if let data = report.data { try StandardOutput.write("data \(data.printable)\n") }
    for table in report.tables { try StandardOutput.write("\n", table) }
  }

  private func evaluate<Task: TaskDefinition>(
    _ model: String, of task: Task.Type
  ) throws -> EvaluationReport {
    let use = try options.use(by: task, model: model)
    if let place, let data, place != data {
      throw UsageError("found data '\(place)' and --data '\(data)'; leave one out")
    }
    return try task.evaluate(
      task.readModel(at: URL(fileURLWithPath: model)), on: split, of: place ?? data, use)
  }
}

extension EvaluationSplit: ExpressibleByArgument {}

extension ReportChart {
  /// The text of a file of SVG that needs nothing else.
  fileprivate func drawing(_ split: EvaluationSplit) -> String {
    let chart = BarGroups(
      title: "\(split.rawValue): \(title)", summary: summary,
      groups: groups.map { group in
        .init(
          group.title, counts: group.counts,
          bars: group.bars.map { .init($0.name, value: $0.value, count: $0.count) })
      })
    return "\(chart.svg(id: "attachment", isStandalone: true))\n"
  }
}
