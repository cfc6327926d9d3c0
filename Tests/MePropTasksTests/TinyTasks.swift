// The three tasks on made-up data, as small as they can be.

import MePropCore
import MePropTasks
import MePropTraining

/// Makes tasks that take a moment to train.
enum TinyTasks {
  static func digits(_ assignments: [String] = [], threads: Int = 1) throws -> DigitsTask {
    try SyntheticDigits.task(assignments, threads: threads)
  }

  static func tagger(_ assignments: [String] = [], threads: Int = 1) throws -> TaggerTask {
    let small = ["hidden=24", "word-size=8", "feature-size=5", "epochs=4", "learning-rate=0.01"]
    let configuration = try TrainingRequest(assignments: small + assignments)
      .configuration(for: TaggerConfiguration.schema)
    return TaggerTask(
      settings: try TaggerConfiguration.resolve(configuration).settings,
      data: SyntheticTreebank.data, context: ComputeContext(threadCount: threads))
  }

  static func parser(_ assignments: [String] = [], threads: Int = 1) throws -> ParserTask {
    let small =
      ["hidden=40", "embedding-size=12", "batch=50", "epochs=5", "learning-rate=0.01"]
      + (assignments.contains("select=dense") ? [] : ["k=8"])
    let configuration = try TrainingRequest(assignments: small + assignments)
      .configuration(for: ParserConfiguration.schema)
    return try ParserTask(
      settings: try ParserConfiguration.resolve(configuration).settings,
      data: SyntheticTrees.data, context: ComputeContext(threadCount: threads))
  }
}

extension TrainingTask {
  /// Trains for whole epochs.
  func train(epochs: ClosedRange<Int>) throws {
    for epoch in epochs {
      try beginEpoch(epoch)
      try train(steps: 0..<stepsPerEpoch, ofEpoch: epoch)
    }
  }

  /// Does some steps of an epoch that has begun.
  func train(steps: Range<Int>, ofEpoch epoch: Int) throws {
    for step in steps { _ = try trainStep(step, ofEpoch: epoch) }
  }
}
