import MePropBench
import MePropCore
import MePropNN
import Testing

@Suite struct StepCheckTests {
  private let context = ComputeContext(threadCount: 1)

  private func batches(_ batchSize: Int) -> [(input: Matrix, labels: [Int32])] {
    var random = Philox(seed: 5)
    return (0..<3).map { _ in
      let input = randomMatrix(batchSize, 30, &random)
      return (input, (0..<batchSize).map { _ in Int32(random.next(below: 5)) })
    }
  }

  private func trainer(
    _ policy: SelectionPolicy, _ precision: Precision, _ untouched: Optimizer.UntouchedRows = .skip
  ) -> PerceptronTrainer {
    PerceptronTrainer(
      Stack.perceptron([30, 40, 36, 5], precision: precision, seed: 1).named("layers"),
      loss: SoftmaxCrossEntropy(), optimizer: .adam(untouchedRows: untouched), selection: policy,
      context: context)
  }

  static let policies: [SelectionPolicy] = [
    .dense, .top(k: .count(4)), .top(k: .count(4), memory: 0.9), .unified(k: .count(4)),
    .batchTop(k: .count(4)), .batchTop(k: .count(4), memory: 0.9),
  ]

  @Test(arguments: policies, Precision.allCases)
  func stepsAgreeWithPlainOnes(policy: SelectionPolicy, precision: Precision) throws {
    for untouched in Optimizer.UntouchedRows.allCases {
      for batchSize in [10, 40] {
        let trainer = trainer(policy, precision, untouched)
        for (input, labels) in batches(batchSize) {
          try StepCheck.check(
            trainer, "\(policy), \(batchSize)", input: input, labels: labels, context: context)
        }
      }
    }
  }

  static let mixedUp: [(SelectionPolicy, SelectionPolicy)] = [
    (.dense, .top(k: .count(4))), (.top(k: .count(4)), .top(k: .count(5))),
    (.top(k: .count(4)), .unified(k: .count(4))), (.unified(k: .count(4)), .unified(k: .count(3))),
    (.top(k: .count(4)), .batchTop(k: .count(4))), (.batchTop(k: .count(4)), .top(k: .count(4))),
  ]

  /// A trainer that selects otherwise than it should is found out.
  @Test(arguments: mixedUp)
  func anotherSelectionIsRefused(made: SelectionPolicy, wanted: SelectionPolicy) throws {
    let trainer = trainer(made, .f32)
    let (input, labels) = batches(40)[0]
    #expect(throws: WrongResultError.self) {
      try StepCheck.check(
        trainer, "another selection", input: input, labels: labels,
        selection: [wanted, wanted, .dense], context: context)
    }
  }

  /// So is one that forgets its memory, once there is one.
  @Test func aLostMemoryIsRefused() throws {
    let trainer = trainer(.top(k: .count(4), memory: 0.9), .f32)
    let all = batches(40)
    try StepCheck.check(
      trainer, "first", input: all[0].input, labels: all[0].labels, context: context)
    #expect(throws: WrongResultError.self) {
      try StepCheck.check(
        trainer, "second", input: all[1].input, labels: all[1].labels,
        selection: [.top(k: .count(4)), .top(k: .count(4)), .dense], context: context)
    }
  }
}
