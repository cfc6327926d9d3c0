import Foundation
import MePropNN
import MePropTraining
import Testing

@Suite struct TrainingLoopTests {
  /// Trains with a fresh task until `interruptAt` steps have been done in this process.
  private func train(
    in url: URL, resuming: Bool, epochs: Int = 3, interruptAt: Int? = nil
  ) throws -> (task: ToyTask, result: TrainingResult) {
    let run = try RunFolder(at: url, resuming: resuming)
    let task = ToyTask()
    let flag = InterruptFlag()
    var steps = 0
    task.willTrain = { _, _ in
      steps += 1
      if steps == interruptAt { flag.request(SIGTERM) }
    }
    let loop = TrainingLoop(
      task: task, stopping: StoppingRule(epochs: epochs), run: run, interrupt: flag)
    return (task, try loop.run())
  }

  /// The history without times, which no two runs share; means of layers are rounded sums.
  private func comparable(_ history: [EpochRecord]) -> [EpochRecord] {
    history.map { record in
      var record = record
      record.seconds.total = 0
      record.seconds.data = 0
      for index in record.layers.indices {
        let rows = record.layers[index].touchedRows
        record.layers[index].touchedRows = (rows * 1e9).rounded() / 1e9
      }
      return record
    }
  }

  @Test func interruptionAtEveryStepChangesNoBit() throws {
    let folder = try TemporaryFolder()
    let whole = try train(in: folder("whole"), resuming: false)
    #expect(whole.result.outcome == .finished)
    #expect(whole.result.history.count == 3)
    let expectedModel = try Data(contentsOf: folder("whole/model/model.txt"))
    for step in 1...20 {
      let url = folder("cut-\(step)")
      let cut = try train(in: url, resuming: false, interruptAt: step)
      #expect(cut.result.outcome == .interrupted(signal: SIGTERM))
      #expect(cut.result.position == TrainingPosition(epoch: step / 7 + 1, step: step % 7))
      let rest = try train(in: url, resuming: true)
      #expect(rest.result.outcome == .finished)
      #expect(
        rest.task.weights.map(\.bitPattern) == whole.task.weights.map(\.bitPattern), "step \(step)")
      #expect(comparable(rest.result.history) == comparable(whole.result.history), "step \(step)")
      #expect(try Data(contentsOf: url.appendingPathComponent("model/model.txt")) == expectedModel)
      let (a, b) = (
        try RunFolder.loadCheckpoint(from: url.appendingPathComponent("checkpoints/last")),
        try RunFolder.loadCheckpoint(from: folder("whole/checkpoints/last"))
      )
      #expect(a.tensors == b.tensors)
      #expect(a.state.counters == b.state.counters)
    }
  }

  /// Evaluation may take longer than anybody waits after Ctrl-C.
  @Test(arguments: [1, 2, 3, 4, 5, 6])
  func interruptionWithinAnEvaluationLosesNoStep(evaluation: Int) throws {
    let folder = try TemporaryFolder()
    let whole = try train(in: folder("whole"), resuming: false)
    let flag = InterruptFlag()
    let task = ToyTask()
    var count = 0
    task.willEvaluate = { _ in
      count += 1
      if count == evaluation { flag.request(SIGTERM) }
      try InterruptFlag.checkRun()
    }
    let result: TrainingResult
    do {
      let run = try RunFolder(at: folder("cut"), resuming: false)
      result = try TrainingLoop(
        task: task, stopping: StoppingRule(epochs: 3), run: run, interrupt: flag
      ).run()
    }
    #expect(result.outcome == .interrupted(signal: SIGTERM))
    #expect(result.position == TrainingPosition(epoch: (evaluation + 1) / 2, step: 7))
    let rest = try train(in: folder("cut"), resuming: true)
    #expect(rest.task.weights.map(\.bitPattern) == whole.task.weights.map(\.bitPattern))
    #expect(comparable(rest.result.history) == comparable(whole.result.history))
  }

  /// A step without effect, or the end of the run.
  @Test(arguments: [NonFiniteError.Quantity.output, .gradient])
  func stepsThatAreNotFiniteAreLeftOutOnRequest(quantity: NonFiniteError.Quantity) throws {
    func result(
      _ bad: ClosedRange<Int>, skips: Bool, stepsPerEpoch: Int = 7
    ) -> (epochs: Int, error: String, told: Int) {
      let task = ToyTask()
      task.stepsPerEpoch = stepsPerEpoch
      var count = 0
      task.willTrain = { _, step in
        count += 1
        if bad.contains(count) {
          throw NonFiniteError(layer: "hidden.0", step: count, quantity: quantity)
        }
      }
      let told = NoticeLog()
      var epochs = 0
      let error = message {
        try told.during {
          epochs = try TrainingLoop(
            task: task, stopping: StoppingRule(epochs: 40), interrupt: InterruptFlag(),
            skipsNonFiniteSteps: skips
          ).run().history.count
        }
      }
      return (epochs, error, told.lines.count)
    }
    #expect(result(3...4, skips: false).error.contains("hidden.0: the"))
    let skipped = result(3...4, skips: true)
    let isKept = quantity == .output
    #expect(skipped.epochs == (isKept ? 40 : 0) && skipped.told == (isKept ? 2 : 0))
    #expect(skipped.error.isEmpty == isKept)
    // Weights that are broken are broken for good: the rest of an epoch, all of the next.
    for (stepsPerEpoch, told) in [(7, 5 + 7), (300, 100)] {
      let broken = result(3...1000, skips: true, stepsPerEpoch: stepsPerEpoch)
      #expect(broken.epochs == 0 && broken.told == (isKept ? told : 0))
      #expect(broken.error.contains("hidden.0: the"))
    }
  }

  @Test func aModelThatIsLostComesBackFromTheBestEpoch() throws {
    let folder = try TemporaryFolder()
    let whole = try train(in: folder("run"), resuming: false)
    let model = folder("run/model/model.txt")
    let expected = try Data(contentsOf: model)
    let best = try #require(whole.result.best)
    func resume(epochs: Int = 3) throws -> (told: [String], error: String) {
      let told = NoticeLog()
      let error = message {
        try told.during { _ = try train(in: folder("run"), resuming: true, epochs: epochs) }
      }
      return (told.lines, error)
    }
    let losses: [() throws -> Void] = [
      { try FileManager.default.removeItem(at: folder("run/model")) },
      { try FileManager.default.removeItem(at: model) },
      { try FileManager.default.removeItem(at: folder("run/model/SHA256SUMS")) },
      { try (expected + Data([10])).write(to: model) },
    ]
    for lose in losses {
      try lose()
      let outcome = try resume()
      #expect(outcome.error.isEmpty && outcome.told.count == 1, "\(outcome)")
      #expect(outcome.told.first?.contains("after epoch \(best.epoch)") == true)
      #expect(try Data(contentsOf: model) == expected)
    }
    #expect(try resume().told.isEmpty)
    // Where the checkpoint of that epoch is lost too, nobody is told that there is a model.
    try FileManager.default.removeItem(at: folder("run/model"))
    try FileManager.default.removeItem(at: folder("run/checkpoints/best"))
    let outcome = try resume()
    if best.epoch == 3 {
      #expect(outcome.error.isEmpty)
    } else {
      #expect(outcome.error.contains("checkpoints/best"), "\(outcome)")
    }
  }

  @Test func resumptionsAddUp() throws {
    let folder = try TemporaryFolder()
    let whole = try train(in: folder("whole"), resuming: false)
    var result = try train(in: folder("cut"), resuming: false, interruptAt: 1)
    var count = 0
    while result.result.outcome != .finished, count < 50 {
      result = try train(in: folder("cut"), resuming: true, interruptAt: 2)
      count += 1
    }
    #expect(count == 10)
    #expect(result.task.weights == whole.task.weights)
    #expect(comparable(result.result.history) == comparable(whole.result.history))
  }

  @Test func finishedRunsGoOnOnlyWithMoreEpochs() throws {
    let folder = try TemporaryFolder()
    let whole = try train(in: folder("a"), resuming: false, epochs: 4)
    _ = try train(in: folder("b"), resuming: false, epochs: 2)
    let again = try train(in: folder("b"), resuming: true, epochs: 2)
    #expect(again.result.outcome == .finished)
    #expect(again.result.history.count == 2)
    let more = try train(in: folder("b"), resuming: true, epochs: 4)
    #expect(more.result.history.count == 4)
    #expect(more.task.weights == whole.task.weights)
  }

  @Test func bestEpochIsTheFirstOfEquals() throws {
    let folder = try TemporaryFolder()
    let run = try RunFolder(at: folder("run"), resuming: false)
    let task = ToyTask()
    task.accuracies = [90, 95, 95, 80]
    let log = EventLog()
    let loop = TrainingLoop(
      task: task, stopping: StoppingRule(epochs: 4), run: run, recorders: [log],
      interrupt: InterruptFlag())
    let result = try loop.run()
    #expect(result.best?.epoch == 2)
    let best = try RunFolder.loadCheckpoint(from: run.bestCheckpointURL)
    #expect(best.state.history.count == 2)
    #expect(best.state.position == TrainingPosition(epoch: 3))
    let flags = log.events.compactMap { event -> Bool? in
      if case .epochEnded(_, let isBest) = event { isBest } else { nil }
    }
    #expect(flags == [true, true, false, false])
    #expect(log.names.first == "runStarted" && log.names.last == "finished")
    #expect(log.names.filter { $0 == "checkpointSaved" }.count == 4)
  }

  @Test(
    arguments: [
      (nil, nil, 6, TrainingOutcome.finished), (2, nil, 4, .stoppedEarly),
      (1, nil, 3, .stoppedEarly),
      (4, nil, 6, .finished), (nil, 94.0, 2, .reachedTarget), (1, 99.0, 3, .stoppedEarly),
    ] as [(Int?, Double?, Int, TrainingOutcome)])
  func stops(patience: Int?, target: Double?, epochs: Int, outcome: TrainingOutcome) throws {
    let task = ToyTask()
    task.accuracies = [90, 95, 95, 80, 95, 95]
    let rule = StoppingRule(epochs: 6, patience: patience, target: target)
    let result = try TrainingLoop(task: task, stopping: rule, interrupt: InterruptFlag()).run()
    #expect(result.history.count == epochs)
    #expect(result.outcome == outcome)
  }

  @Test func withoutDevDataTheLastEpochIsBest() throws {
    let task = ToyTask()
    task.hasData = false
    let loop = TrainingLoop(
      task: task, stopping: StoppingRule(epochs: 3, patience: 1), interrupt: InterruptFlag())
    let result = try loop.run()
    #expect(result.best?.epoch == 3)
    #expect(result.history.allSatisfy { $0.dev == nil && $0.test == nil })
  }

  @Test(arguments: [Double.nan, .infinity, -.infinity])
  func badLossLeavesTheCheckpointIntact(loss: Double) throws {
    let folder = try TemporaryFolder()
    let run = try RunFolder(at: folder("run"), resuming: false)
    let task = ToyTask()
    task.loss = { epoch, step in epoch == 2 && step == 4 ? loss : 1 }
    let log = EventLog()
    let loop = TrainingLoop(
      task: task, stopping: StoppingRule(epochs: 3), run: run, recorders: [log],
      interrupt: InterruptFlag())
    let text = message { _ = try loop.run() }
    #expect(text.hasPrefix("epoch 2, step 5: expected a finite loss, found"), "\(text)")
    #expect(!text.contains("\n"))
    #expect(log.names.last == "failed")
    let last = try RunFolder.loadCheckpoint(from: run.lastCheckpointURL)
    #expect(last.state.position == TrainingPosition(epoch: 2))
  }

  @Test func badTensorsAndFiguresAreNotSaved() throws {
    let folder = try TemporaryFolder()
    let run = try RunFolder(at: folder("run"), resuming: false)
    let task = ToyTask()
    task.accuracies = [90, .nan]
    let loop = TrainingLoop(
      task: task, stopping: StoppingRule(epochs: 3), run: run, interrupt: InterruptFlag())
    let text = message { _ = try loop.run() }
    #expect(
      text.hasPrefix("epoch 2, evaluation on dev data: expected a finite accuracy, found nan"))
    #expect(try RunFolder.loadCheckpoint(from: run.lastCheckpointURL).state.history.count == 1)

    let exploding = ExplodingTask()
    let other = try RunFolder(at: folder("other"), resuming: false)
    let second = message {
      _ = try TrainingLoop(
        task: exploding, stopping: StoppingRule(epochs: 3), run: other, interrupt: InterruptFlag()
      ).run()
    }
    #expect(second.hasPrefix("epoch 2, after step 1: expected finite numbers in tensor 'w'"))
    #expect(try RunFolder.loadCheckpoint(from: other.lastCheckpointURL).state.history.count == 1)
  }

  @Test func progressIsThrottled() throws {
    for (interval, isExpected) in [(Duration.zero, true), (.seconds(3600), false)] {
      let log = EventLog()
      let loop = TrainingLoop(
        task: ToyTask(), stopping: StoppingRule(epochs: 1), recorders: [log],
        interrupt: InterruptFlag(), progressInterval: interval)
      _ = try loop.run()
      #expect(log.names.filter { $0 == "progress" }.count == (isExpected ? 7 : 0))
    }
  }

  @Test func phasesAddUp() throws {
    let loop = TrainingLoop(
      task: ToyTask(), stopping: StoppingRule(epochs: 2), interrupt: InterruptFlag())
    let record = try loop.run().history[1]
    #expect(record.seconds.forward == 7 * 0.25)
    #expect(record.seconds.backward == 7 * 0.5)
    #expect(record.seconds.total > 0 && record.seconds.total < 1)
    #expect(record.exampleCount == 21)
    #expect(record.layers == [LayerReport(name: "hidden.0", touchedRows: 3, keptMagnitude: 0.5)])
  }
}

/// Its weights become infinite in the second epoch, its loss does not.
private final class ExplodingTask: TrainingTask {
  let name = "exploding"
  let exampleUnit = "points"
  let stepsPerEpoch = 1
  private var weights: [Float] = [1]

  func beginEpoch(_ epoch: Int) {}
  func trainStep(_ step: Int, ofEpoch epoch: Int) -> StepReport {
    if epoch == 2 { weights[0] = .infinity }
    return StepReport(lossSum: 1, exampleCount: 1, seconds: PhaseSeconds())
  }
  func takeLayerReports() -> [LayerReport] { [] }
  func evaluate(_ split: EvaluationSplit) -> Evaluation? { nil }
  func checkpointTensors() -> (tensors: [NamedTensor], counters: [String: Int]) {
    ([NamedTensor(name: "w", shape: [1], values: weights)], [:])
  }
  func restore(tensors: [NamedTensor], counters: [String: Int]) {}
  func writeModel(to folder: URL) {}
}
