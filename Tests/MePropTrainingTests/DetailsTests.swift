import Foundation
import MePropNN
import MePropTraining
import Testing

@Suite struct DetailsTests {
  @discardableResult
  private func train(
    _ url: URL, epochs: Int = 3, resuming: Bool = false, interruptAt: Int? = nil
  ) throws -> TrainingResult {
    let run = try RunFolder(at: url, resuming: resuming)
    let task = ToyTask()
    let flag = InterruptFlag()
    var steps = 0
    task.willTrain = { _, _ in
      steps += 1
      if steps == interruptAt { flag.request(SIGTERM) }
    }
    return try TrainingLoop(
      task: task, stopping: StoppingRule(epochs: epochs), run: run,
      recorders: [DetailsRecorder(run: run)], interrupt: flag
    ).run()
  }

  private func details(_ url: URL) throws -> [EpochDetails] {
    let text = try String(
      contentsOf: url.appendingPathComponent("details.jsonl"), encoding: .utf8)
    #expect(text.isEmpty || text.hasSuffix("\n"))
    return try text.split(separator: "\n").map {
      try JSONDecoder().decode(EpochDetails.self, from: Data($0.utf8))
    }
  }

  private func object(_ url: URL, _ name: String) throws -> [String: Any] {
    let data = try Data(contentsOf: url.appendingPathComponent(name))
    return try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
  }

  /// All of a record that does not depend on the clock.
  private func text(_ details: [EpochDetails]) -> String {
    details.map { row in
      let parts = row.parts.map {
        "\($0.endStep) \($0.lossSum.bitPattern) \($0.exampleCount) \($0.layers)"
      }
      return "\(row.epoch) \(row.stepsPerEpoch) \(parts) \(row.layers)"
    }.joined(separator: "\n")
  }

  @Test func partsAreShorterAtTheBeginning() {
    let counts = [1, 2, 3, 4, 9, 10, 500].map {
      EpochDetails.partCount(ofEpoch: $0, stepsPerEpoch: 1000)
    }
    #expect(counts == [16, 8, 4, 2, 2, 1, 1])
    #expect(EpochDetails.partCount(ofEpoch: 1, stepsPerEpoch: 5) == 5)
  }

  @Test func everyStepIsCountedOnce() throws {
    let folder = try TemporaryFolder()
    try train(folder("run"))
    let rows = try details(folder("run"))
    #expect(rows.map(\.epoch) == [1, 2, 3])
    #expect(rows[0].parts.map(\.endStep) == Array(1...7))
    #expect(rows[2].parts.map(\.endStep) == [1, 3, 5, 7])
    for row in rows {
      #expect(row.layers.map(\.name) == ["hidden.0"])
      #expect(row.parts.map(\.exampleCount).reduce(0, +) == 21)
      let counts = row.parts.reduce(into: [0, 0, 0] as [UInt32]) { sum, part in
        for (unit, count) in part.layers[0].keptCounts.values.enumerated() { sum[unit] += count }
      }
      // Steps 0 to 6 by their remainder of 3.
      let epoch = UInt32(row.epoch)
      #expect(counts == [3 * epoch, 2 * epoch, 2 * epoch])
      #expect(row.layers[0].costs.forward.multiplyAdds == 3 * 3 * (1 + 2 + 3 + 4 + 5 + 6 + 7))
      #expect(zip(row.parts, row.parts.dropFirst()).allSatisfy { $0.seconds <= $1.seconds })
    }
  }

  @Test func interruptionAtEveryStepChangesNoCount() throws {
    let folder = try TemporaryFolder()
    try train(folder("whole"))
    let whole = try text(details(folder("whole")))
    let confusion = try Data(contentsOf: folder("whole/confusion.json"))
    for step in 1...20 {
      let url = folder("cut-\(step)")
      try train(url, interruptAt: step)
      #expect(try object(url, "run.json")["outcome"] as? String == "interrupted")
      try train(url, resuming: true)
      #expect(try text(details(url)) == whole, "step \(step)")
      #expect(try Data(contentsOf: url.appendingPathComponent("confusion.json")) == confusion)
      #expect(try object(url, "run.json")["outcome"] as? String == "finished")
    }
    try train(folder("often"), interruptAt: 1)
    for _ in 0..<10 { try train(folder("often"), resuming: true, interruptAt: 2) }
    #expect(try text(details(folder("often"))) == whole)
  }

  @Test func rowsBeyondTheCheckpointAndTornOnesGo() throws {
    let folder = try TemporaryFolder()
    let url = folder("run")
    try train(url, interruptAt: 17)
    let file = url.appendingPathComponent("details.jsonl")
    let before = try Data(contentsOf: file)
    #expect(try details(url).map(\.epoch) == [1, 2])
    let late = "{\"epoch\":3,\"stepsPerEpoch\":7,\"parts\":[],\"layers\":[]}\n{\"epo"
    try (before + Data(late.utf8)).write(to: file)
    try train(url, resuming: true)
    #expect(try details(url).map(\.epoch) == [1, 2, 3])
    #expect(try Data(contentsOf: file).prefix(before.count) == before)
  }

  @Test func confusionIsThatOfTheBestEpoch() throws {
    let folder = try TemporaryFolder()
    let run = try RunFolder(at: folder("run"), resuming: false)
    let task = ToyTask()
    task.accuracies = [90, 95, 95, 80]
    _ = try TrainingLoop(
      task: task, stopping: StoppingRule(epochs: 4), run: run,
      recorders: [DetailsRecorder(run: run)], interrupt: InterruptFlag()
    ).run()
    let saved = try String(contentsOf: run.confusionURL, encoding: .utf8)
    #expect(
      saved == """
        {"epoch":2,"dev":{"labels":["near","far"],"cells":[[0,0,2]]},\
        "test":{"labels":["near","far"],"cells":[[0,1,2]]}}

        """)
  }

  @Test func failuresAreRecorded() throws {
    let folder = try TemporaryFolder()
    let run = try RunFolder(at: folder("run"), resuming: false)
    let task = ToyTask()
    task.loss = { epoch, step in epoch == 2 && step == 1 ? .nan : 1 }
    #expect(throws: TrainingError.self) {
      try TrainingLoop(
        task: task, stopping: StoppingRule(epochs: 3), run: run,
        recorders: [DetailsRecorder(run: run)], interrupt: InterruptFlag()
      ).run()
    }
    let summary = try object(folder("run"), "run.json")
    #expect(summary["outcome"] as? String == "failed")
    #expect((summary["error"] as? String)?.contains("epoch 2, step 2") == true)
  }

  @Test func countsKeepTheirBits() throws {
    let counts = UnitCounts([0, 1, 255, 256, 65_536, .max])
    let encoder = JSONEncoder()
    encoder.outputFormatting = .withoutEscapingSlashes
    let data = try encoder.encode(counts)
    #expect(String(decoding: data, as: UTF8.self) == "\"AAAAAAEAAAD/AAAAAAEAAAAAAQD/////\"")
    #expect(try JSONDecoder().decode(UnitCounts.self, from: data) == counts)
    #expect(throws: DecodingError.self) {
      try JSONDecoder().decode(UnitCounts.self, from: Data("\"AAAA\"".utf8))
    }
  }
}

@Suite struct ConfusionMatrixTests {
  @Test func countsAddUp() {
    var matrix = ConfusionMatrix(labels: ["a", "b", "c"])
    matrix.add(gold: 0, found: 1)
    matrix.add(gold: 0, found: 1, count: 2)
    matrix.add(gold: 2, found: 2, count: 5)
    matrix.add(gold: 1, found: 0, count: 3)
    matrix.add(gold: 1, found: 2, count: 0)
    #expect(matrix.total == 11)
    #expect(matrix.rows == [[0, 3, 0], [3, 0, 0], [0, 0, 5]])
    #expect(matrix.cells.map(\.count) == [3, 3, 5])
    #expect(
      matrix.mostConfused(1) == [.init(gold: 0, found: 1, count: 3)])
    #expect(matrix.mostConfused(9).count == 2)
  }
}
