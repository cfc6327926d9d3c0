import MePropCore
import MePropNN
import Testing
import _MePropTestSupport

/// Memories of one number a unit, and of one a unit and place in the batch.
@Suite struct MemoryScopeTests {
  private func makeTrainer(_ policy: SelectionPolicy) -> PerceptronTrainer {
    PerceptronTrainer(
      .perceptron([9, 30, 20, 5], seed: 2),
      optimizer: .adam(learningRate: 0.01, untouchedRows: .skip), selection: policy)
  }

  private func train(_ trainer: PerceptronTrainer, _ data: Batches, steps: Range<Int>) throws {
    for step in steps {
      let batch = data.batches[step % data.batches.count]
      try trainer.train(batch.input, batch.labels)
    }
  }

  @Test func withOneExampleABatchTheyAreTheSame() throws {
    let data = Batches([1, 1, 1, 1], inputSize: 9, classCount: 5, seed: 3)
    let unit = makeTrainer(.top(k: .count(4), memory: 0.9))
    let slot = makeTrainer(.top(k: .count(4), memory: 0.9, scope: .slot))
    try train(unit, data, steps: 0..<12)
    try train(slot, data, steps: 0..<12)
    #expect(unit.network.parameters == slot.network.parameters)
  }

  @Test func withMoreTheyDiffer() throws {
    let data = Batches([4, 4], inputSize: 9, classCount: 5, seed: 3)
    let unit = makeTrainer(.top(k: .count(4), memory: 0.9))
    let slot = makeTrainer(.top(k: .count(4), memory: 0.9, scope: .slot))
    try train(unit, data, steps: 0..<6)
    try train(slot, data, steps: 0..<6)
    #expect(unit.network.parameters != slot.network.parameters)
  }

  @Test func whatIsLeftOutOfEachExampleIsKept() throws {
    var random = Philox(seed: 8)
    let d = random.nextMatrix(5, 23)
    let support = GradientSupport()
    try support.selectTop(
      4, of: d, norms: (0..<5).map { row in d.withRow(row) { $0.reduce(0) { $0 + abs($1) } } },
      context: ComputeContext())
    var memory = random.nextMatrix(7, 23)
    let before = memory
    support.storeRemainders(in: &memory, of: d)
    let exact = DoubleMatrix(d)
    let kept = NaiveReference.masked(exact, keeping: NaiveReference.topIndices(of: exact, count: 4))
    for row in 0..<7 {
      for column in 0..<23 {
        let expected =
          row < 5 ? Float(exact[row, column] - kept[row, column]) : before[row, column]
        #expect(memory[row, column] == expected)
      }
    }
  }

  @Test func aTrainerGoesOnFromItsState() throws {
    // The last batch of an epoch is short; the memory has as many rows as the largest so far.
    let data = Batches([4, 4, 4, 3], inputSize: 9, classCount: 5, seed: 3)
    let policy = SelectionPolicy.top(k: .count(4), memory: 0.8, scope: .slot)
    let whole = makeTrainer(policy)
    try train(whole, data, steps: 0..<11)
    let first = makeTrainer(policy)
    try train(first, data, steps: 0..<6)
    let second = makeTrainer(policy)
    try second.restore(first.state, stepCount: first.stepCount)
    try train(second, data, steps: 6..<11)
    #expect(second.network.parameters == whole.network.parameters)
    #expect(first.state.contains { $0.name == "layers.0.memory" && $0.shape == [4, 30] })
  }
}
