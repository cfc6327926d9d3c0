// From names of tables to results.

import Foundation
import MePropCore
import MePropData
import MePropTasks
import MePropTraining

/// What a user wants to be reproduced.
public struct ReproductionRequest: Sendable {
  /// The tables that are trained for.
  public var plan: ExperimentPlan
  /// `table7`, `table8`: those that are measured only.
  public var widthTables: [String]

  /// All names that may be asked for.
  public static let names =
    (1...8).map { "table\($0)" } + ["figure4", "memory"]

  /// Looks names up.
  ///
  /// - Parameters:
  ///   - names: Some of ``names``, or `all`; `memory` is all tables on memory, `memory-digits` one of them.
  ///   - tasks: The tasks whose rows are wanted; none: all. Tables 7 and 8, which train nothing, count as `digits`.
  /// - Throws: `ReproductionError`.
  public init(names: [String], tasks: [String] = []) throws {
    var wanted: Set<String> = []
    let memory = ExperimentPlan.all.tables.map(\.id).filter { $0.hasPrefix("memory-") }
    for name in names {
      guard name == "all" || (Self.names + memory).contains(name) else {
        throw ReproductionError.unknownTable(name: name, known: Self.names + memory)
      }
      wanted.formUnion(name == "all" ? Self.names : [name])
    }
    if wanted.contains("memory") { wanted.formUnion(memory) }
    for task in tasks where TaskDefinition.named(task) == nil {
      throw ReproductionError.unknownTask(name: task, known: TaskDefinition.all.map(\.name))
    }
    plan = ExperimentPlan.all.restricted(to: wanted)
    if !tasks.isEmpty { plan = plan.restricted(toTasks: Set(tasks)) }
    widthTables = ["table7", "table8"].filter {
      wanted.contains($0) && (tasks.isEmpty || tasks.contains("digits"))
    }
    guard !plan.experiments.isEmpty || !widthTables.isEmpty else {
      throw ReproductionError.nothingLeft(names: names, tasks: tasks)
    }
  }

  /// Runs what is not finished and puts the results together, in memory and in the folder.
  ///
  /// - Throws: `ReproductionInterrupted`, and what preparing, training, measuring and writing throw.
  public func run(
    _ settings: ReproductionSettings, in folder: ReproductionFolder, locator: DataLocator,
    downloads: @escaping @Sendable (DownloadProgress) -> Void = { _ in }
  ) throws -> ReproductionResult {
    let start = Date()
    let reproduction = Reproduction(
      settings.isQuick ? plan.quick : plan, settings: settings, folder: folder, locator: locator,
      downloads: downloads)
    try reproduction.run()
    var widths: [WidthResult] = []
    for table in widthTables {
      widths += try WidthResult.measure(
        table, isQuick: settings.isQuick, threads: settings.timingThreads,
        progress: { reproduction.status.show("\(table): \($0)") })
    }
    reproduction.status.clear()
    let result = ReproductionResult(
      tables: try reproduction.tables(), widths: widths,
      description: description(settings, seconds: Date().timeIntervalSince(start)))
    try folder.save("\(result.json)\n", as: "results.json")
    try folder.save(result.markdown, as: "results.md")
    try folder.save(
      result.page(of: folder, seeds: reproduction.seeds).html(), as: "index.html")
    return result
  }

  private func description(_ settings: ReproductionSettings, seconds: Double) -> [String] {
    let context = ComputeContext(threadCount: 1)
    let overrides = settings.overrides.sorted { $0.key < $1.key }.flatMap { task, settings in
      settings.map { "\(task).\($0.key)=\($0.value)" }
    }
    return [
      "settings: \(settings.isQuick ? "quick, subsets of the data" : "full"), "
        + "\(settings.seedCount) \(settings.seedCount == 1 ? "seed" : "seeds")"
        + (overrides.isEmpty ? "" : ", " + overrides.joined(separator: " ")),
      "machine: \(ComputeContext.availableThreads) processors, \(context.instructionSet.rawValue) kernels, "
        + "step times with \(settings.timingThreads) "
        + (settings.timingThreads == 1 ? "thread" : "threads"),
      "data: MNIST; "
        + (settings.treebank.map {
          "\($0): sections 00-18, 19-21, 22-24 of the Wall Street Journal for tagging, 02-21, 22, 23 for parsing, "
            + "with gold tags and, from bracketed trees, the twelve relations of Penn2Malt"
        }
          ?? "UD English EWT with XPOS tags and gold tokens; parsing with gold tags and universal relations")
        + "; UAS counts punctuation",
      "time: \(Int(seconds.rounded())) s for what was not finished before",
    ]
  }
}

extension ReproductionSettings {
  /// Adds an override, `TASK.KEY=VALUE`.
  ///
  /// - Throws: `UsageError`.
  public mutating func apply(override text: String) throws {
    let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    let name = parts[0].split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, name.count == 2 else {
      throw UsageError(
        "--set: found '\(text)', expected TASK.KEY=VALUE, for example digits.epochs=5")
    }
    guard let definition = TaskDefinition.named(String(name[0])) else {
      throw UsageError(
        "--set: found task '\(name[0])', expected one of "
          + TaskDefinition.all.map(\.name).joined(separator: ", "))
    }
    guard definition.schema[String(name[1])] != nil else {
      let suggestion = definition.schema.suggestion(for: String(name[1]))
      throw UsageError(
        "--set: \(definition.name) has no key '\(name[1])'"
          + (suggestion.map { "; did you mean '\($0)'?" } ?? ""))
    }
    overrides[definition.name, default: []].append(
      ExperimentSetting(String(name[1]), String(parts[1])))
  }
}
