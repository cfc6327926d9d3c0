// The declared tables: complete, consistent, and settings that tasks take.

import MePropData
import MePropExperiments
import MePropTasks
import MePropTraining
import Testing

@Suite struct ExperimentPlanTests {
  private let plan = ExperimentPlan.all

  @Test func hasThePapersTables() throws {
    let ids = plan.tables.map(\.id)
    for id in ["table1", "table2", "table3", "table4", "table5", "table6", "figure4"] {
      #expect(ids.contains(id))
    }
    for task in ["digits", "tagger", "parser"] { #expect(ids.contains("memory-\(task)")) }
    #expect(Set(ids).count == ids.count)
    func table(_ id: String) throws -> ExperimentTable {
      try #require(plan.tables.first { $0.id == id })
    }
    #expect(try table("table1").rows.compactMap(\.paper.test).count == 12)
    #expect(try table("table2").rows.compactMap(\.paper.backward).count == 6)
    #expect(try table("table5").rows.count == 8)
    #expect(try table("figure4").rows.compactMap(\.paper.test).count == 17)
  }

  /// Sun et al., section 4.1: AdaGrad at 0.01 for tagging and parsing, at 0.1 on MNIST; Adam at
  /// 0.001.
  @Test func learningRatesAreThePapers() {
    let rates = ["digits": "0.1", "tagger": "0.01", "parser": "0.01"]
    var seen = Set<String>()
    for experiment in plan.experiments
    where experiment.value(of: "optimizer") == "adagrad" {
      #expect(experiment.value(of: "learning-rate") == rates[experiment.task])
      seen.insert(experiment.task)
    }
    #expect(seen.count == 3)
    #expect(
      plan.experiments.first { $0.id == "digits-dense" }?.value(of: "learning-rate") == "0.001")
  }

  @Test func experimentsAreKnownAndNamedOnce() {
    let ids = plan.experiments.map(\.id)
    #expect(Set(ids).count == ids.count)
    for row in plan.tables.flatMap(\.rows) {
      #expect(plan.experiment(row.experiment) != nil, "\(row.experiment)")
      if let against = row.against { #expect(plan.experiment(against) != nil, "\(against)") }
    }
    for experiment in plan.experiments {
      #expect((experiment.value(of: "select") == "dense") == (experiment.dense == nil))
      guard let id = experiment.dense, let dense = plan.experiment(id) else { continue }
      // Nothing but selection and what becomes of untouched rows differs.
      let free = ["select", "k", "memory", "memory-scope", "untouched"]
      func rest(_ experiment: Experiment) -> [String] {
        experiment.settings.filter { !free.contains($0.key) }.map { "\($0.key)=\($0.value)" }
          .sorted()
      }
      #expect(rest(experiment) == rest(dense), "\(experiment.id)")
    }
  }

  @Test(arguments: [false, true])
  func tasksTakeTheSettings(isQuick: Bool) throws {
    var settings = ReproductionSettings()
    settings.isQuick = isQuick
    for experiment in plan.experiments {
      let task = try #require(TaskRegistry.standard[experiment.task])
      let all = experiment.settings + (isQuick ? experiment.quick : [])
      let configuration = try TrainingRequest(
        assignments: all.map { "\($0.key)=\($0.value)" }
      ).configuration(for: task.schema)
      func resolve<Task: TaskDefinition>(_ task: Task.Type) throws {
        _ = try task.resolve(configuration, for: nil)
      }
      try resolve(task)
    }
  }

  @Test func quickIsASubset() {
    let quick = plan.quick
    #expect(quick.experiments.count < plan.experiments.count)
    #expect(quick.tables.map(\.id) == plan.tables.map(\.id))
    for table in quick.tables {
      #expect(!table.rows.isEmpty)
      for row in table.rows { #expect(quick.experiment(row.experiment) != nil) }
    }
    // Every sparse experiment has its dense counterpart.
    for dense in quick.experiments.compactMap(\.dense) { #expect(quick.experiment(dense) != nil) }
    // Memory and its control are there.
    #expect(quick.experiments.contains { $0.value(of: "memory-scope") == "slot" })
  }

  @Test func namesAreLookedUp() throws {
    #expect(try ReproductionRequest(names: ["all"]).plan.tables.map(\.id) == plan.tables.map(\.id))
    let some = try ReproductionRequest(names: ["table3", "table7"])
    #expect(some.plan.tables.map(\.id) == ["table3"])
    #expect(some.widthTables == ["table7"])
    // The dense experiments that times are compared with are there too.
    #expect(some.plan.experiments.contains { $0.id == "digits-dense" })
    #expect(try ReproductionRequest(names: ["memory"]).plan.tables.count == 3)
    #expect(try ReproductionRequest(names: ["memory-digits"]).plan.tables.count == 1)
    #expect(throws: ReproductionError.self) { try ReproductionRequest(names: ["table9"]) }
  }

  @Test func rowsOfOneTaskAreTaken() throws {
    let digits = try ReproductionRequest(names: ["table1", "table5", "table7"], tasks: ["digits"])
    #expect(digits.plan.tables.map(\.id) == ["table1", "table5"])
    #expect(digits.plan.tables[0].rows.count == 7)
    #expect(digits.plan.experiments.allSatisfy { $0.task == "digits" })
    #expect(digits.widthTables == ["table7"])
    let others = try ReproductionRequest(
      names: ["table1", "table5", "table7"], tasks: ["tagger", "parser"])
    #expect(others.plan.tables.map(\.id) == ["table1"])
    #expect(others.plan.tables[0].rows.count == 16)
    #expect(others.widthTables.isEmpty)
    #expect(throws: ReproductionError.nothingLeft(names: ["table5"], tasks: ["parser"])) {
      try ReproductionRequest(names: ["table5"], tasks: ["parser"])
    }
    #expect(
      throws: ReproductionError.unknownTask(name: "digit", known: TaskRegistry.standard.names)
    ) {
      try ReproductionRequest(names: ["table1"], tasks: ["digit"])
    }
  }

  @Test func overridesAreChecked() throws {
    var settings = ReproductionSettings()
    try settings.apply(override: "digits.epochs=5")
    #expect(settings.overrides["digits"] == [ExperimentSetting("epochs", "5")])
    for text in ["epochs=5", "digits.epochs", "digit.epochs=5", "digits.epoch=5"] {
      #expect(throws: UsageError.self) { try settings.apply(override: text) }
    }
  }
}
