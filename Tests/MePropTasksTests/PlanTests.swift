// Plans, and training with what they decide.

import Foundation
import MePropCore
import MePropData
import MePropTraining
import Testing

import MePropTasks

@Suite struct PlanTests {
  private static let settings = [
    "classes=4", "hidden=64,48", "batch=20", "epochs=3", "dev-count=60", "threads=1",
  ]

  private func folder() throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    try SyntheticDigits.write(SyntheticDigits.data(), to: folder.url)
    return folder
  }

  private func preparer(_ folder: TemporaryFolder) -> TaskPreparer {
    Digits.makePreparer(DataSource(DataLocator(environment: [:])))
  }

  private func configuration(
    _ folder: TemporaryFolder, _ more: [String] = [], flags: [(key: String, value: String?)] = []
  ) throws -> Configuration {
    try TrainingRequest(
      assignments: Self.settings + ["data=\(folder.url.path)"] + more, flags: flags
    ).configuration(for: DigitsConfiguration.schema)
  }

  @Test func comparesDenseWithSeveralK() throws {
    let folder = try folder()
    let plan = try Planner(task: "digits", seconds: 0.05).plan(
      configuration(folder), prepare: preparer(folder))
    #expect(plan.settings.map(\.policy) == ["dense"] + Array(repeating: "batch-top-k", count: 5))
    #expect(plan.settings.map(\.k) == [nil, "0.01", "0.02", "0.04", "0.08", "0.16"])
    #expect(plan.stepsPerEpoch == 12)
    #expect(plan.settings.allSatisfy { $0.step.seconds.total > 0 && $0.threads == 1 })
    #expect(plan.dense.step.seconds.products > 0)
    #expect(plan.boundOfFreeBackward >= plan.boundOfFreeProducts)
    #expect(plan.boundOfFreeProducts > 1)
    // 30 pixels, 64, 48, 4 outputs: weights and biases with two moments each.
    #expect(plan.dense.stateBytes == 3 * 4 * (31 * 64 + 65 * 48 + 49 * 4))
    #expect(plan.advice.share >= 0.04)
  }

  @Test func printsItsKeys() throws {
    let folder = try folder()
    let plan = try Planner(task: "digits", seconds: 0.02).plan(
      configuration(folder), prepare: preparer(folder))
    let text = plan.json.description
    for key in [
      "task", "stepsPerEpoch", "settings", "secondsPerEpoch", "speedup", "seconds", "products",
      "bounds", "freeProducts", "freeBackward", "memory", "residentBytes", "stateBytes",
      "threads", "advice", "reason",
    ] { #expect(text.contains("\"\(key)\":"), "\(key)") }
    #expect(plan.table.count == 7)
    #expect(Set(plan.table.map(\.count)).count == 1)
  }

  @Test func aKThatWasAskedForIsComparedWithDenseOnly() throws {
    let folder = try folder()
    let plan = try Planner(task: "digits", seconds: 0.02).plan(
      configuration(folder, flags: [("k", "3"), ("select", "unified")]),
      prepare: preparer(folder))
    #expect(plan.settings.map(\.policy) == ["dense", "unified"])
    #expect(plan.settings[1].k == "3")
  }

  /// Settings of digits for tasks that take their time from a test.
  private func timedConfiguration(_ assignments: [String]) throws -> Configuration {
    try TrainingRequest(assignments: ["threads=1"] + assignments)
      .configuration(for: DigitsConfiguration.schema)
  }

  private func prepared(
    _ task: TimedTask, _ configuration: Configuration, epochs: Int = 1
  ) -> PreparedTask {
    PreparedTask(
      task: task, configuration: configuration, stopping: StoppingRule(epochs: epochs),
      threadCount: 1, description: [])
  }

  @Test func eachKIsMeasuredAsItIsAfterTheStart() throws {
    let folder = try folder()
    let prepare = preparer(folder)
    var measured: [Configuration] = []
    let plan = try Planner(task: "digits", seconds: 0.02).plan(
      configuration(folder, ["k-epochs=3,5", "dense-start=2000", "dense-every=10"])
    ) {
      measured.append($0)
      return try prepare($0)
    }
    #expect(measured.allSatisfy { $0.value("k-epochs") == ConfigurationValue.none })
    #expect(measured.allSatisfy { $0.int("dense-start") == 0 })
    // One dense task goes first, for memory; then come all candidates.
    let sparse = measured.dropFirst(2)
    #expect(sparse.map { $0.value("k").text } == plan.settings.compactMap(\.k))
    #expect(sparse.count == 5)
    #expect(sparse.allSatisfy { $0.int("dense-every") == 10 })
  }

  @Test func aPresetDoesNotTakeThePlaceOfTheK() throws {
    var measured: [String] = []
    let configuration = try TrainingRequest(assignments: ["preset=paper", "threads=1"])
      .configuration(for: ParserConfiguration.schema)
    let plan = try Planner(task: "parser", seconds: 0.01).plan(configuration) {
      let resolved = try ParserConfiguration.resolve($0).configuration
      measured.append(resolved.value("k").text)
      return prepared(TimedTask(), resolved)
    }
    #expect(Array(measured.dropFirst(2)) == plan.settings.compactMap(\.k))
    #expect(plan.settings.count == 6)
  }

  @Test func autoKeepsADenseStart() throws {
    let (decided, plan) = try Planner(task: "digits", seconds: 0.01).decide(
      timedConfiguration(["select=auto", "dense-start=5"])
    ) { configuration in
      let isDense = configuration.string("select") == "dense"
      return prepared(TimedTask(stepSeconds: isDense ? 0.02 : 0), configuration)
    }
    #expect(plan.advice.policy == "batch-top-k")
    #expect(decided.string("select") == "batch-top-k")
    #expect(decided.value("k").text == plan.advice.k)
    #expect(decided.int("dense-start") == 5)
  }

  @Test(
    arguments: [
      (["select=auto", "k-epochs=5,4"], "leave one of them out"),
      (["select=random-k"], "random-k is a control"),
    ])
  func refusesWhatItCannotAdvise(assignments: [String], text: String) throws {
    let configuration = try timedConfiguration(assignments)
    let found = message {
      _ = try Planner(task: "digits", seconds: 0.01).plan(configuration) {
        prepared(TimedTask(), $0)
      }
    }
    #expect(found.contains(text), "\(found)")
  }

  @Test(arguments: [(1, 1), (2, 2), (3, 2), (6, 4)])
  func startsAnEpochAsInTheMiddleOfTheRun(epochs: Int, middle: Int) throws {
    var begun: [Int] = []
    let plan = try Planner(task: "digits", seconds: 0.01).plan(timedConfiguration([])) {
      let task = TimedTask { epoch in
        begun.append(epoch)
        if epoch > 1 { Thread.sleep(forTimeInterval: 0.05) }
      }
      return prepared(task, $0, epochs: epochs)
    }
    #expect(begun.last == middle)
    #expect(begun.dropLast().allSatisfy { $0 == 1 })
    guard middle > 1 else { return }
    for setting in plan.settings {
      #expect(plan.secondsPerEpoch(setting) >= 0.04)
      #expect(setting.step.seconds.data * Double(plan.stepsPerEpoch) >= 0.04)
    }
  }

  @Test func theTableShowsTheSpread() throws {
    var seconds = PhaseSeconds()
    seconds.total = 1
    let plan = Plan(
      task: "digits", stepsPerEpoch: 10,
      settings: [
        Plan.Setting(
          policy: "dense", k: nil, share: 1, threads: 1,
          step: StepTiming(seconds: seconds, spread: 0.068, stepCount: 1), stateBytes: 4)
      ], smallestAdvisedShare: 0.1, residentBytes: 0, planSeconds: 0)
    let column = try #require(plan.table[0].firstIndex(of: "spread"))
    #expect(plan.table[1][column] == "7 %")
  }

  @Test func advisesDenseUnlessSomethingIsFaster() {
    func setting(_ policy: String, _ k: String?, _ share: Double, _ seconds: Double) -> Plan.Setting
    {
      var phases = PhaseSeconds()
      phases.total = seconds
      phases.products = seconds / 2
      phases.backward = seconds / 2
      phases.optimizer = seconds / 4
      return Plan.Setting(
        policy: policy, k: k, share: share, threads: 1,
        step: StepTiming(seconds: phases, spread: 0, stepCount: 1), stateBytes: 4)
    }
    func advice(_ settings: [Plan.Setting]) -> Plan.Setting {
      Plan(
        task: "digits", stepsPerEpoch: 10, settings: settings, smallestAdvisedShare: 0.1,
        residentBytes: 0, planSeconds: 0
      ).advice
    }
    let dense = setting("dense", nil, 1, 8)
    #expect(
      advice([dense, setting("top-k", "0.02", 0.02, 1), setting("top-k", "0.1", 0.1, 4)]).k == "0.1"
    )
    #expect(
      advice([dense, setting("top-k", "0.02", 0.02, 1), setting("top-k", "0.1", 0.1, 7.9)]) == dense
    )
    #expect(advice([dense, setting("top-k", "0.02", 0.02, 1)]).k == "0.02")
    let plan = Plan(
      task: "digits", stepsPerEpoch: 10, settings: [dense], smallestAdvisedShare: 0.1,
      residentBytes: 0, planSeconds: 0)
    #expect(plan.boundOfFreeProducts == 2)
    #expect(plan.boundOfFreeBackward == 4)
    #expect(plan.advice == dense)
    #expect(plan.reason.hasPrefix("stay dense"))
  }

  @Test func autoIsDecidedOnceAndRepeats() throws {
    let folder = try folder()
    func train(_ request: TrainingRequest) throws -> TrainingReport {
      try request.train("digits", schema: DigitsConfiguration.schema, prepare: preparer(folder))
    }
    let first = folder("first")
    let assignments = Self.settings + ["data=\(folder.url.path)", "patience=50"]
    let one = try train(
      TrainingRequest(
        assignments: assignments, flags: [("select", "auto")], runFolder: first))
    let saved = first.appendingPathComponent("config.yaml")
    let decided = try Configuration(schema: DigitsConfiguration.schema, files: [saved])
    #expect(["dense", "batch-top-k"].contains(decided.string("select")))

    let two = try train(TrainingRequest(configurationFile: saved, runFolder: folder("second")))
    #expect(two.summary.epochs.map(\.trainLoss) == one.summary.epochs.map(\.trainLoss))
    #expect(two.summary.epochs.map(\.dev) == one.summary.epochs.map(\.dev))

    // Going on, even when asked for auto again, keeps what was decided.
    let more = try train(
      TrainingRequest(
        flags: [("select", "auto"), ("epochs", "4")], runFolder: first, resumes: true))
    #expect(more.summary.epochs.count == 4)
    let after = try Configuration(schema: DigitsConfiguration.schema, files: [saved])
    #expect(after.value("select") == decided.value("select"))
    #expect(after.value("k") == decided.value("k"))
  }

  @Test func autoIsNotATaskSetting() throws {
    let folder = try folder()
    let text = message { _ = try preparer(folder)(configuration(folder, ["select=auto"])) }
    #expect(text.contains("auto is decided by"), "\(text)")
  }
}
