// Reproductions of tiny tables on made-up images, from plan to results.

import Foundation
import MePropBench
import MePropData
import MePropExperiments
import MePropTasks
import MePropTraining
import Testing

@Suite struct ReproductionTests {
  private func reproduction(
    _ plan: ExperimentPlan, in url: URL, resuming: Bool = false,
    settings: ReproductionSettings? = nil
  ) throws -> Reproduction {
    let settings = settings ?? .tiny
    return Reproduction(
      plan, settings: settings, folder: try ReproductionFolder(at: url, resuming: resuming),
      data: ReproductionData(settings, locator: DataLocator(environment: [:])),
      status: StatusLine(descriptor: -1), handlesSignals: false)
  }

  @Test func fillsATable() throws {
    let images = try SyntheticImages()
    let url = images.url.appendingPathComponent("run")
    let reproduction = try reproduction(ExperimentPlan.tiny(images), in: url)
    try reproduction.run()
    let table = try #require(try reproduction.tables().first)
    #expect(table.rows.count == 2)
    for row in table.rows {
      #expect(row.test.values.count == 2 && row.dev.values.count == 2)
      #expect(row.curve.count == 2)
      #expect(row.test.mean > 40)
      #expect((row.products?.seconds ?? 0) > 0)
      #expect((row.products?.seconds ?? 9) <= (row.backward?.seconds ?? 0))
      #expect((row.backward?.seconds ?? 9) <= (row.whole?.seconds ?? 0))
    }
    let sparse = table.rows[1]
    #expect(table.rows[0].comparison == nil && table.rows[0].products?.timesDense == nil)
    #expect(sparse.comparison?.count == 2)
    #expect(sparse.comparison?.difference == sparse.test.mean - table.rows[0].test.mean)
    #expect(sparse.products?.paper == 5)
    #expect(sparse.touchedRows.count == 3 && sparse.touchedRows[0] <= 24)
    // Each run is an ordinary run folder.
    let run = url.appendingPathComponent("k4/seed-2")
    for name in ["config.yaml", "metrics.jsonl", "details.jsonl", "report.html", "model"] {
      #expect(FileManager.default.fileExists(atPath: run.appendingPathComponent(name).path))
    }
    let saved = try Configuration(
      schema: Digits.schema, files: [run.appendingPathComponent("config.yaml")])
    #expect(saved.int("seed") == 2 && saved.int("epochs") == 2)

    let result = ReproductionResult(
      tables: [table], widths: [], description: ["settings: quick"])
    #expect(result.markdown.contains("| k = 4 | 97.50 |"))
    // The paper's figures and ours share no cell.
    #expect(table.scores.head.contains("paper dev") && table.scores.head.contains("our dev"))
    #expect(table.times?.head.contains("paper products ×") == true)
    #expect(table.times?.head.contains("spread %") == true)
    #expect(!result.markdown.contains("["))
    #expect(result.markdown.contains("settings: quick"))
    let page = try result.page(of: reproduction.folder, seeds: reproduction.seeds).html()
    #expect(page.contains("97.50"))
    #expect(page.contains("href=\"k4/seed-2/report.html\""))
    #expect(!page.contains("seed-3"))
    for key in [
      "tables", "rows", "paper", "ours", "times", "comparison", "verdict", "timesDense",
      "timesTorch", "deviation", "devByEpoch", "touchedRows",
    ] { #expect(result.json.description.contains("\"\(key)\":"), "\(key)") }
  }

  /// An interpreter without torch is told before anything is trained or measured.
  @Test func aMissingTorchIsToldFirst() throws {
    let images = try SyntheticImages()
    let url = images.url.appendingPathComponent("run")
    var settings = ReproductionSettings.tiny
    settings.python = "/nonexistent/python"
    let reproduction = try reproduction(ExperimentPlan.tiny(images), in: url, settings: settings)
    #expect(throws: TorchError.self) { try reproduction.run() }
    let found = FileManager.default.subpaths(atPath: url.path) ?? []
    #expect(!found.contains { $0.hasSuffix(".jsonl") || $0.hasSuffix("times.json") }, "\(found)")
  }

  @Test func goesOnInTheMiddle() throws {
    let images = try SyntheticImages()
    let plan = ExperimentPlan.tiny(images)
    let whole = try reproduction(plan, in: images.url.appendingPathComponent("whole"))
    try whole.run()

    let url = images.url.appendingPathComponent("parts")
    let first = ExperimentPlan(
      tables: [], experiments: plan.experiments.filter { $0.id == "dense" })
    try reproduction(first, in: url).run()
    let finished = url.appendingPathComponent("dense/seed-1/metrics.jsonl")
    let before = try Data(contentsOf: finished)
    // A run that was interrupted within its first epoch.
    try interrupt(plan.experiments[1], in: url.appendingPathComponent("k4/seed-1"), like: whole)
    let second = try reproduction(plan, in: url, resuming: true)
    try second.run()
    #expect(try Data(contentsOf: finished) == before)
    let rows = try #require(try second.tables().first?.rows)
    let expected = try #require(try whole.tables().first?.rows)
    for (row, other) in zip(rows, expected) {
      #expect(row.test == other.test && row.dev == other.dev && row.curve == other.curve)
    }
  }

  private func interrupt(
    _ experiment: Experiment, in url: URL, like reproduction: Reproduction
  ) throws {
    let configuration = try reproduction.configuration(of: experiment, seed: 1)
    let prepared = try Digits.makePreparer(DataSource(DataLocator(environment: [:])))(
      configuration)
    let flag = InterruptFlag()
    let run = try RunFolder(at: url, resuming: false)
    let loop = TrainingLoop(
      task: Stopping(prepared.task, flag), stopping: prepared.stopping, run: run,
      configuration: prepared.configuration, interrupt: flag)
    #expect(try loop.run().outcome == .interrupted(signal: SIGINT))
  }

  /// Nothing that is finished is done again, or lost, because an option differs.
  @Test func otherSettingsAreRefused() throws {
    let images = try SyntheticImages()
    let plan = ExperimentPlan.tiny(images)
    let url = images.url.appendingPathComponent("run")
    try reproduction(plan, in: url).run()
    let metrics = url.appendingPathComponent("k4/seed-2/metrics.jsonl")
    let before = try Data(contentsOf: metrics)
    var settings = ReproductionSettings.tiny
    try settings.apply(override: "digits.epochs=3")
    let longer = try reproduction(plan, in: url, resuming: true, settings: settings)
    #expect(try longer.tables().first?.rows.allSatisfy { $0.test.values.isEmpty } == true)
    let error = #expect(throws: ReproductionError.self) { try longer.run() }
    #expect(error?.description.contains("epochs 2, now 3") == true)
    #expect(try Data(contentsOf: metrics) == before)
  }

  /// What was left out when going on is as it was at first; what differs is refused.
  @Test func optionsAreKept() throws {
    var before = ReproductionOptions()
    before.names = ["table1"]
    before.seedCount = 5
    before.overrides = ["digits.epochs=5"]
    let images = try SyntheticImages()
    let url = images.url.appendingPathComponent("run")
    do {
      let folder = try ReproductionFolder(at: url, resuming: false)
      #expect(folder.options == nil)
      try folder.save(before)
    }
    let kept = try #require(try ReproductionFolder(at: url, resuming: true).options)
    #expect(kept == before)
    var options = ReproductionOptions()
    try options.complete(with: kept, folder: "f")
    #expect(options == before)

    options = ReproductionOptions()
    options.names = ["table3"]
    try options.complete(with: kept, folder: "f")
    #expect(options.names == ["table3"] && options.overrides == before.overrides)
    #expect(options.merged(with: kept).names == ["table1", "table3"])

    for change: (inout ReproductionOptions) -> Void in [
      { $0.isQuick = true }, { $0.treebank = "/ptb" }, { $0.overrides = ["digits.epochs=6"] },
      { $0.seedCount = 4 },
    ] {
      var options = ReproductionOptions()
      change(&options)
      let error = #expect(throws: ReproductionError.self) {
        try options.complete(with: kept, folder: "runs/f")
      }
      #expect(error?.description.contains("runs/f") == true)
    }
  }

  /// Results are means over all seeds that are finished: fewer would narrow them.
  @Test func seedsAreNoFewerThanBefore() throws {
    var options = ReproductionOptions()
    options.seedCount = 4
    var before = ReproductionOptions()
    before.seedCount = 5
    let error = #expect(throws: ReproductionError.self) {
      try options.complete(with: before, folder: "runs/f")
    }
    #expect(error?.description.hasPrefix("--seeds: found 4, expected 5 or more") == true)
    before.seedCount = nil
    try options.complete(with: before, folder: "runs/f")
    #expect(options.seedCount == 4)
    // What was left out counts as what it stands for: 3, or 2 of subsets.
    options.seedCount = 2
    #expect(throws: ReproductionError.self) { try options.complete(with: before, folder: "f") }
    before.isQuick = true
    try options.complete(with: before, folder: "f")
    #expect(options.seedCount == 2)
  }

  @Test(arguments: [
    ("table1", "digits", "digits.seed=7"), ("table1", "digits", "digits.threads=2"),
    ("table1", "digits", "parser.epochs=3"), ("table1", "digits", "digits.k=30"),
    ("table5", "digits", "digits.hidden=100,100"), ("table1", "digits", "digits.epochs=abc"),
  ])
  func settingsThatCannotBeTakenAreRefused(name: String, task: String, text: String) throws {
    let request = try ReproductionRequest(names: [name], tasks: [task])
    var settings = ReproductionSettings()
    try settings.apply(override: text)
    #expect(throws: (any Error).self) { try request.check(settings) }
    settings.overrides = [:]
    try settings.apply(override: "\(task).epochs=3")
    try request.check(settings)
  }

  /// Rows that were finished before are in the results beside those that are asked for now.
  @Test func resultsHoldWhatIsFinished() throws {
    let images = try SyntheticImages()
    var whole = ExperimentPlan.tiny(images)
    var other = whole.tables[0]
    other.id = "other"
    whole.tables.append(other)
    let url = images.url.appendingPathComponent("run")
    let part = ExperimentPlan(
      tables: [whole.tables[0]], experiments: whole.experiments.filter { $0.id == "dense" })
    var first = part
    first.tables[0].rows.removeLast()
    do { try reproduction(first, in: url).run() }
    let none = ExperimentPlan(tables: [], experiments: [])
    let found = try reproduction(none, in: url, resuming: true).tables(of: whole)
    #expect(found.map(\.table.id) == ["tiny", "other"])
    #expect(found.allSatisfy { $0.rows.map(\.row.experiment) == ["dense"] })
  }

  @Test func aFolderIsNotOverwritten() throws {
    let images = try SyntheticImages()
    let url = images.url.appendingPathComponent("run")
    try reproduction(ExperimentPlan(tables: [], experiments: []), in: url).run()
    #expect(throws: RunFolderError.self) { try ReproductionFolder(at: url, resuming: false) }
    #expect(throws: RunFolderError.self) {
      try ReproductionFolder(at: images.url, resuming: false)
    }
    #expect(throws: RunFolderError.self) {
      try ReproductionFolder(at: images.url.appendingPathComponent("none"), resuming: true)
    }
  }
}

/// A task that asks for a stop after its third step.
private final class Stopping: TrainingTask {
  private let task: any TrainingTask
  private let flag: InterruptFlag

  init(_ task: any TrainingTask, _ flag: InterruptFlag) {
    self.task = task
    self.flag = flag
  }

  var name: String { task.name }
  var exampleUnit: String { task.exampleUnit }
  var stepsPerEpoch: Int { task.stepsPerEpoch }
  func beginEpoch(_ epoch: Int) throws { try task.beginEpoch(epoch) }
  func trainStep(_ step: Int, ofEpoch epoch: Int) throws -> StepReport {
    if step == 2 { flag.request(SIGINT) }
    return try task.trainStep(step, ofEpoch: epoch)
  }
  func takeLayerReports() -> [LayerReport] { task.takeLayerReports() }
  func evaluate(_ split: EvaluationSplit) throws -> Evaluation? { try task.evaluate(split) }
  func checkpointTensors() -> (tensors: [NamedTensor], counters: [String: Int]) {
    task.checkpointTensors()
  }
  func restore(tensors: [NamedTensor], counters: [String: Int]) throws {
    try task.restore(tensors: tensors, counters: counters)
  }
  func writeModel(to folder: URL) throws { try task.writeModel(to: folder) }
}
