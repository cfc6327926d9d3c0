// Data that leave a task nothing to choose, and data that look like others.

import Foundation
import MePropCore
import MePropData
import MePropTasks
import MePropTraining
import Testing

@Suite struct FaultTaskTests {
  private func tree(_ heads: [Int], form: String = "w") -> DependencyTree {
    let blanks = heads.map { _ in "X" }
    return DependencyTree(
      forms: heads.indices.map { "\(form)\($0)" }, upos: blanks, xpos: blanks, feats: blanks,
      heads: heads, relations: heads.map { $0 == 0 ? "root" : "dep" })
  }

  private func task(_ data: ParserData) throws -> ParserTask {
    var configuration = Configuration(schema: ParserConfiguration.schema)
    for text in ["hidden=8", "k=2", "embedding-size=8", "batch=4"] {
      try configuration.apply(assignment: text)
    }
    return try ParserTask(
      settings: ParserConfiguration.resolve(configuration).settings, data: data,
      context: ComputeContext(threadCount: 1))
  }

  /// Exploration finds no state with a choice in sentences of one word.
  @Test(.timeLimit(.minutes(1))) func oneWordSentencesTrainOnGoldTrees() throws {
    let one = tree([0])
    let task = try task(ParserData(training: [one, one, one], development: [one]))
    for epoch in 1...4 {
      try task.beginEpoch(epoch)
      for step in 0..<task.stepsPerEpoch {
        #expect(try task.trainStep(step, ofEpoch: epoch).exampleCount > 0)
      }
    }
    #expect(try task.evaluate(.dev)?.primary == 100)
  }

  @Test func explorationAndEvaluationHearASignal() throws {
    let trees = (0..<50).map { tree([2, 0, 2, 3], form: "w\($0 % 7)") }
    let task = try task(ParserData(training: trees, development: trees))
    let flag = InterruptFlag()
    flag.request(SIGTERM)
    try InterruptFlag.$ofRun.withValue(flag) {
      #expect(throws: WorkInterrupted.self) { try task.beginEpoch(2) }
      #expect(throws: WorkInterrupted.self) { _ = try task.evaluate(.dev) }
      flag.clear()
      try task.beginEpoch(2)
      #expect(try task.evaluate(.dev) != nil)
    }
  }

  @Test func fingerprintsDifferWhereDataDo() throws {
    let trees = (0..<5).map { tree([2, 0, 2], form: "w\($0)") }
    let others = (0..<5).map { tree([2, 0, 2], form: "v\($0)") }
    let first = try task(ParserData(training: trees, development: trees)).fingerprint
    #expect(try task(ParserData(training: trees, development: trees)).fingerprint == first)
    // The same numbers for other words, and another part that chooses the epoch.
    #expect(try task(ParserData(training: others, development: trees)).fingerprint != first)
    let short = ParserData(training: trees, development: Array(trees.dropLast()))
    #expect(try task(short).fingerprint != first)
  }
}
