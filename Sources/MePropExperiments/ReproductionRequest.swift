// From names of tables to results.

import Foundation
import MePropBench
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
  ///   - names: Some of ``names``, or `all`; none: all; `memory` is all tables on memory,
  ///     `memory-digits` one of them.
  ///   - tasks: The tasks whose rows are wanted; none: all. Tables 7 and 8, which train nothing,
  ///     count as `digits`.
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
    for task in tasks where TaskRegistry.current[task] == nil {
      throw ReproductionError.unknownTask(name: task, known: TaskRegistry.current.names)
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
              "--set \(task).\(override.key): rows of \(table.id) differ in it, and would no "
                + "longer be what "
                + "they are called; leave it out, or name other tables")
          }
        }
      }
    }
    let readsTreebanks = tasks.contains { TaskRegistry.current[$0]?.treebankUse != nil }
    if settings.treebank != nil, !readsTreebanks {
      throw UsageError("--ptb: no row that is asked for tags or parses")
    }
    for experiment in plan.experiments {
      let configuration = try settings.configuration(of: experiment, seed: 1)
      if settings.python != nil, experiment.dense == nil {
        _ = try TorchSteps.request(for: experiment, configuration)
      }
    }
  }

  /// Reads the data and asks the interpreter for torch, so that a start which fails leaves no
  /// folder behind.
  ///
  /// - Parameters:
  ///   - settings: Seeds, threads, subsets.
  ///   - data: Makes tasks of experiments, and keeps what it reads.
  /// - Throws: `ConfigurationError`, `UsageError`, `TorchError`, and what reading data throws.
  public func checkStart(_ settings: ReproductionSettings, _ data: ReproductionData) throws {
    let experiments = (settings.isQuick ? plan.quick : plan).experiments
    var first: [String: Configuration] = [:]
    for experiment in experiments where first[experiment.task] == nil {
      first[experiment.task] = try settings.configuration(of: experiment, seed: 1)
    }
    try data.checkTreebank(
      for: first.filter { data.usesTreebank($0.value) }.map(\.key).sorted())
    var checked: Set<String> = []
    for experiment in experiments {
      // What the plan itself sets goes together; what the user sets may not go with each of its
      // experiments.
      let isNew = checked.insert(experiment.task).inserted
      guard isNew || settings.overrides[experiment.task] != nil else { continue }
      var configuration = try settings.configuration(of: experiment, seed: 1)
      // Nothing is measured yet.
      try configuration.set("threads", to: "1", from: configuration.origin(of: "threads"))
      _ = try data.prepare(experiment, configuration)
    }
    if let python = settings.python { try Benchmark.checkTorch(python) }
  }

  /// Runs what is not finished and puts the results together, in memory and, after each run, in the
  /// folder.
  ///
  /// - Parameters:
  ///   - settings: Seeds, threads, subsets.
  ///   - folder: Where runs and results go.
  ///   - all: What else the folder may hold, of which results say what is finished.
  ///   - about: Lines on this program and its call.
  ///   - data: Makes tasks of experiments.
  /// - Returns: What is finished.
  /// - Throws: `ReproductionInterrupted`, and what preparing, training, measuring and writing
  ///   throw.
  public func run(
    _ settings: ReproductionSettings, in folder: ReproductionFolder,
    with all: ReproductionRequest? = nil, about: [String] = [], data: ReproductionData
  ) throws -> ReproductionResult {
    let clock = ContinuousClock()
    let start = clock.now
    let all = all ?? self
    let reproduction = Reproduction(
      settings.isQuick ? plan.quick : plan, widthTables: widthTables, settings: settings,
      folder: folder, data: data)
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
            seconds: (clock.now - start) / .seconds(1)))
      try folder.save("\(result.json)\n", as: "results.json")
      try folder.save(result.markdown, as: "results.md")
      try folder.save(
        result.page(of: folder, seeds: reproduction.seeds).html(), as: "index.html")
      return result
    }
    reproduction.onProgress = { _ = try result() }
    try reproduction.run()
    return try result()
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
      "machine: \(ComputeContext.availableThreads) processors, \(context.instructionSet.rawValue) "
        + "kernels, "
        + "step times with \(settings.timingThreads) "
        + (settings.timingThreads == 1 ? "thread" : "threads"),
      "data: " + Self.data(of: tasks, settings).joined(separator: "; "),
      "time: \(Int(seconds.rounded())) s for what was not finished before",
    ]
  }

  private static func data(
    of tasks: Set<String>, _ settings: ReproductionSettings
  ) -> [String] {
    let tasks = TaskRegistry.current.tasks.filter { tasks.contains($0.name) }
    var texts = tasks.filter { $0.treebankUse == nil }.map { task in
      settings.overrides[task.name]?.last { $0.key == "data" }?.value
        ?? task.schema["data"]?.defaultValue.text.uppercased() ?? task.name
    }
    let uses = tasks.compactMap { $0.treebankUse }
    guard !uses.isEmpty else { return texts.isEmpty ? ["random numbers"] : texts }
    if let treebank = settings.treebank {
      texts.append("\(treebank), the Wall Street Journal")
      texts += uses.map(\.note)
    } else {
      texts.append("UD English EWT, gold tokens")
      texts += uses.map(\.freeNote)
    }
    return texts + uses.compactMap(\.scoreNote)
  }
}
