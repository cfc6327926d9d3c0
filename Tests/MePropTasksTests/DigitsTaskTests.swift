// Training: it learns, and neither interruptions nor threads change a bit.

import Foundation
import MePropCore
import MePropNN
import MePropTasks
import Testing

@Suite("Digits task")
struct DigitsTaskTests {
  private static let recipes = [
    [], ["select=dense"], ["select=random-k"], ["select=unified", "group=7", "dense-every=5"],
    ["optimizer=sgd", "momentum=0.9", "learning-rate=0.05", "clip-norm=1", "dropout=0.3"],
    ["untouched=update", "select-output=true", "k=3", "activation=tanh"],
    ["skip-easy=0.7", "easy-loss=0.6"], ["precision=int8", "hidden=40,33"],
  ]

  private func train(_ task: DigitsTask, epochs: Range<Int>) throws {
    for epoch in epochs {
      task.beginEpoch(epoch)
      for step in 0..<task.stepsPerEpoch { _ = try task.trainStep(step, ofEpoch: epoch) }
    }
  }

  @Test("Training improves accuracy", arguments: recipes)
  func improves(recipe: [String]) throws {
    let task = try SyntheticDigits.task(recipe)
    let before = try #require(try task.evaluate(.test))
    try train(task, epochs: 1..<13)
    let after = try #require(try task.evaluate(.test))
    #expect(before.primary < 60)
    #expect(after.primary > 85)
    #expect(after.metrics[1].value < before.metrics[1].value)
  }

  @Test("An epoch sees each image once, the last batch short")
  func epoch() throws {
    let task = try SyntheticDigits.task(["batch=32"])
    #expect(task.stepsPerEpoch == 8)
    task.beginEpoch(1)
    let counts = try (0..<8).map { try task.trainStep($0, ofEpoch: 1).exampleCount }
    #expect(counts == [32, 32, 32, 32, 32, 32, 32, 6])
    let reports = task.takeLayerReports()
    #expect(reports.map(\.name) == ["layers.0", "layers.1", "layers.2"])
    #expect(reports[0].touchedRows < 24 && reports[0].touchedRows >= 5)
    #expect(reports[0].keptMagnitude > 0.2 && reports[0].keptMagnitude < 1)
    #expect(reports[2].touchedRows == 4 && reports[2].keptMagnitude == 1)
  }

  @Test("Resumed equals uninterrupted, bit for bit", arguments: recipes)
  func resumes(recipe: [String]) throws {
    let whole = try SyntheticDigits.task(recipe)
    try train(whole, epochs: 1..<4)
    for stop in [0, 1, 7, 11] {
      let first = try SyntheticDigits.task(recipe)
      try train(first, epochs: 1..<2)
      first.beginEpoch(2)
      for step in 0..<stop { _ = try first.trainStep(step, ofEpoch: 2) }
      let (tensors, counters) = first.checkpointTensors()
      let second = try SyntheticDigits.task(recipe)
      try second.restore(tensors: tensors, counters: counters)
      second.beginEpoch(2)
      for step in stop..<second.stepsPerEpoch { _ = try second.trainStep(step, ofEpoch: 2) }
      try train(second, epochs: 3..<4)
      #expect(second.checkpointTensors().tensors == whole.checkpointTensors().tensors)
      #expect(try second.evaluate(.dev) == whole.evaluate(.dev))
    }
  }

  @Test("The number of threads does not change a bit")
  func threads() throws {
    // Wide enough that work is shared.
    let recipe = ["hidden=700,300", "batch=230", "k=40"]
    let states = try [1, 3].map { count in
      let task = try SyntheticDigits.task(recipe, threads: count)
      try train(task, epochs: 1..<4)
      return task.checkpointTensors().tensors
    }
    #expect(states[0] == states[1])
  }

  @Test("The seed changes the result")
  func seeds() throws {
    let weights = try [1, 2].map { seed in
      let task = try SyntheticDigits.task(["seed=\(seed)"])
      try train(task, epochs: 1..<2)
      return task.trainer.model
    }
    #expect(weights[0] != weights[1])
  }

  @Test("Checkpoints that do not fit are refused by name")
  func misfits() throws {
    let task = try SyntheticDigits.task()
    let before = task.trainer.model
    let (tensors, counters) = task.checkpointTensors()
    #expect(Set(tensors.map(\.name)).isSuperset(of: ["layers.0.weight", "layers.1.memory"]))
    let missing = message { try task.restore(tensors: Array(tensors[1...]), counters: counters) }
    #expect(missing.contains("expected a tensor 'layers.0.weight', found none"))
    let other = try SyntheticDigits.task(["hidden=24,17"]).checkpointTensors().tensors
    #expect(
      message { try task.restore(tensors: other, counters: counters) }
        .contains("expected shape [16, 24], found [17, 24]"))
    var changed = counters
    changed["data"] = 5
    #expect(
      message { try task.restore(tensors: tensors, counters: changed) }
        .contains("other training images"))
    changed = counters
    changed["step"] = -1
    #expect(message { try task.restore(tensors: tensors, counters: changed) }.contains("'step'"))
    changed["step"] = nil
    #expect(message { try task.restore(tensors: tensors, counters: changed) }.contains("'step'"))
    #expect(task.trainer.model == before)
  }

  @Test("A learning rate that is too high stops with layer and step, the checkpoint intact")
  func diverges() throws {
    let folder = try TemporaryFolder()
    try SyntheticDigits.write(SyntheticDigits.data(), to: folder.url)
    let run = folder("run")
    func train(_ assignments: [String], resumes: Bool = false) throws -> TrainingReport {
      try TrainingRequest(
        assignments: [
          "data=\(folder.url.path)", "classes=4", "hidden=24,16", "k=5", "dev-count=60",
          "epochs=2", "dropout=0",
        ] + assignments, runFolder: run, resumes: resumes
      ).train("digits", schema: DigitsConfiguration.schema) {
        try Digits.prepare($0, from: DataSource(DataLocator(environment: [:])))
      }
    }
    let text = message { _ = try train(["learning-rate=1e30"]) }
    #expect(text.contains("layers.") && text.contains("in step "), "\(text)")
    #expect(!text.contains("\n"))

    try FileManager.default.removeItem(at: run)
    let report = try train(["epochs=3"])
    #expect(report.summary.epochs.count == 3)
    #expect(try DigitsModel(at: run).details.layers == [30, 24, 16, 4])
    let tensors = try Data(
      contentsOf: run.appendingPathComponent("checkpoints/last/tensors.safetensors"))
    #expect(message { _ = try train(["learning-rate=1e30", "epochs=5"], resumes: true) } != "")
    #expect(
      try Data(contentsOf: run.appendingPathComponent("checkpoints/last/tensors.safetensors"))
        == tensors)
  }

  @Test("The choice of threads takes what is fastest, and few of equals")
  func threadChoice() {
    #expect(ThreadChoice.candidates(upTo: 1) == [1])
    #expect(ThreadChoice.candidates(upTo: 6) == [1, 2, 4, 6])
    #expect(ThreadChoice.candidates(upTo: 8) == [1, 2, 4, 8])
    let chosen = ThreadChoice.fastest(of: [1, 2, 4], seconds: 0.06) { threads in
      { Thread.sleep(forTimeInterval: threads == 2 ? 0.001 : 0.01) }
    }
    #expect(chosen == 2)
    #expect(ThreadChoice.fastest(of: [3]) { _ in { Issue.record("measured one candidate") } } == 3)
  }
}
