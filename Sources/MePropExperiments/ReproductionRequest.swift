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
  ///   - names: Some of ``names``, or `all`; none: all; `memory` is all tables on memory, `memory-digits` one of them.
  ///   - tasks: The tasks whose rows are wanted; none: all. Tables 7 and 8, which train nothing, count as `digits`.
  /// - Throws: `ReproductionError`.
  public init(names: [String], tasks: [String] = []) throws {
    var wanted: Set<String> = []
    let memory = ExperimentPlan.all.tables.map(\.id).filter { $0.hasPrefix("memory-") }
    for name in names.isEmpty ? ["all"] : names {
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

  /// Refuses settings that this request cannot take, before anything is written.
  ///
  /// - Throws: `UsageError`, `ConfigurationError`.
  public func check(_ settings: ReproductionSettings) throws {
    let tasks = Set(plan.experiments.map(\.task))
    for (task, overrides) in settings.overrides.sorted(by: { $0.key < $1.key }) {
      guard tasks.contains(task) else {
        throw UsageError("--set \(task).…: no row that is asked for trains the \(task)")
      }
      for override in overrides {
        if ["seed", "threads"].contains(override.key) {
          throw UsageError(
            "--set \(task).\(override.key): take --\(override.key == "seed" ? "seeds" : "threads") "
              + "instead")
        }
        for table in plan.tables {
          let values = Set(
            table.rows.compactMap { plan.experiment($0.experiment) }.filter { $0.task == task }
              .map { $0.value(of: override.key) ?? "" })
          guard values.count <= 1 else {
            throw UsageError(
              "--set \(task).\(override.key): rows of \(table.id) differ in it, and would no longer be what "
                + "they are called; leave it out, or name other tables")
          }
        }
      }
    }
    if settings.treebank != nil, tasks.isSubset(of: ["digits"]) {
      throw UsageError("--ptb: no row that is asked for tags or parses")
    }
    if settings.python != nil, plan.experiments.isEmpty {
      throw UsageError("--torch: Tables 7 and 8 are not measured in PyTorch; leave it out")
    }
    for experiment in plan.experiments { _ = try settings.configuration(of: experiment, seed: 1) }
  }

  /// Runs what is not finished and puts the results together, in memory and, after each run, in the folder.
  ///
  /// - Parameters:
  ///   - settings: Seeds, threads, subsets.
  ///   - folder: Where runs and results go.
  ///   - all: What else the folder may hold, of which results say what is finished.
  ///   - about: Lines on this program and its call.
  ///   - locator: Finds data.
  ///   - downloads: Told of downloads.
  /// - Returns: What is finished.
  /// - Throws: `ReproductionInterrupted`, and what preparing, training, measuring and writing throw.
  public func run(
    _ settings: ReproductionSettings, in folder: ReproductionFolder,
    with all: ReproductionRequest? = nil, about: [String] = [], locator: DataLocator,
    downloads: @escaping @Sendable (DownloadProgress) -> Void = { _ in }
  ) throws -> ReproductionResult {
    let start = Date()
    let all = all ?? self
    let reproduction = Reproduction(
      settings.isQuick ? plan.quick : plan, settings: settings, folder: folder, locator: locator,
      downloads: downloads)
    let everything = settings.isQuick ? all.plan.quick : all.plan
    func result() throws -> ReproductionResult {
      let result = ReproductionResult(
        tables: try reproduction.tables(of: everything),
        widths: all.widthTables.flatMap { table in
          folder.widths(
            of: table, width: WidthResult.width(isQuick: settings.isQuick),
            threads: settings.timingThreads) ?? []
        },
        description: about
          + description(
            settings, tasks: Set(everything.experiments.map(\.task)),
            seconds: Date().timeIntervalSince(start)))
      try folder.save("\(result.json)\n", as: "results.json")
      try folder.save(result.markdown, as: "results.md")
      try folder.save(
        result.page(of: folder, seeds: reproduction.seeds).html(), as: "index.html")
      return result
    }
    reproduction.onProgress = { _ = try result() }
    try reproduction.run()
    try measureWidths(settings, in: folder, status: reproduction.status)
    return try result()
  }

  /// Measures Tables 7 and 8 where that was not done before.
  private func measureWidths(
    _ settings: ReproductionSettings, in folder: ReproductionFolder, status: StatusLine
  ) throws {
    let width = WidthResult.width(isQuick: settings.isQuick)
    for table in widthTables
    where folder.widths(of: table, width: width, threads: settings.timingThreads) == nil {
      status.write(
        "\(table): layers of \(width) units, this takes "
          + (settings.isQuick ? "less than a minute" : "some minutes"))
      let rows = try WidthResult.measure(
        table, isQuick: settings.isQuick, threads: settings.timingThreads,
        progress: { status.show("\(table): \($0)") })
      try folder.save(
        MeasuredWidths(width: width, threads: settings.timingThreads, rows: rows), of: table)
    }
    status.clear()
  }

  private func description(
    _ settings: ReproductionSettings, tasks: Set<String>, seconds: Double
  ) -> [String] {
    let context = ComputeContext(threadCount: 1)
    let overrides = settings.overrides.sorted { $0.key < $1.key }.flatMap { task, settings in
      settings.map { "\(task).\($0.key)=\($0.value)" }
    }
    return [
      "settings: \(settings.isQuick ? "quick, subsets of the data" : "full"), "
        + "\(settings.seedCount) \(settings.seedCount == 1 ? "seed" : "seeds"), "
        + "training with \(settings.threads.map(String.init) ?? "a measured number of") "
        + (settings.threads == 1 ? "thread" : "threads")
        + (overrides.isEmpty ? "" : ", " + overrides.joined(separator: " ")),
      "machine: \(ComputeContext.availableThreads) processors, \(context.instructionSet.rawValue) kernels, "
        + "step times with \(settings.timingThreads) "
        + (settings.timingThreads == 1 ? "thread" : "threads"),
      "data: " + Self.data(of: tasks, settings).joined(separator: "; "),
      "time: \(Int(seconds.rounded())) s for what was not finished before",
    ]
  }

  private static func data(
    of tasks: Set<String>, _ settings: ReproductionSettings
  ) -> [String] {
    var texts: [String] = []
    if tasks.contains("digits") {
      texts.append(settings.overrides["digits"]?.last { $0.key == "data" }?.value ?? "MNIST")
    }
    guard tasks.contains("tagger") || tasks.contains("parser") else {
      return texts.isEmpty ? ["random numbers"] : texts
    }
    if let treebank = settings.treebank {
      texts.append("\(treebank), the Wall Street Journal")
      if tasks.contains("tagger") { texts.append("tagging: sections 00-18, 19-21, 22-24") }
      if tasks.contains("parser") {
        texts.append(
          "parsing: sections 02-21, 22, 23, with gold tags and, from bracketed trees, the twelve "
            + "relations of Penn2Malt")
      }
    } else {
      texts.append("UD English EWT, gold tokens")
      if tasks.contains("tagger") { texts.append("tagging: XPOS tags") }
      if tasks.contains("parser") {
        texts.append("parsing: gold tags and universal relations")
      }
    }
    if tasks.contains("parser") { texts.append("UAS counts punctuation") }
    return texts
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
