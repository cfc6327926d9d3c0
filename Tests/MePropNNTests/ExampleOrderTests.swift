// Which examples an epoch has, and what they weigh.

import MePropCore
import MePropNN
import Testing

@Suite("Order of examples")
struct ExampleOrderTests {
  /// Examples below `easyCount` have a loss of 0.01, others of 1.
  private func order(
    _ count: Int, easyCount: Int, seed: UInt64 = 1, share: Double = 0.7
  ) -> ExampleOrder {
    var order = ExampleOrder(
      exampleCount: count, seed: seed, pruning: ExamplePruning(share: share, loss: 0.1))
    order.begin(1)
    let losses = order.examples.map { $0 < easyCount ? Float(0.01) : 1 }
    order.record(losses[...], from: 0)
    return order
  }

  @Test("Each epoch has all examples in another order, the same for the same seed")
  func shuffles() {
    var (first, second) = (
      ExampleOrder(exampleCount: 50, seed: 3), ExampleOrder(exampleCount: 50, seed: 3)
    )
    first.begin(1)
    let epoch1 = first.examples
    #expect(epoch1.sorted() == Array(0..<50) && epoch1 != epoch1.sorted())
    first.begin(2)
    second.begin(2)
    #expect(first.examples == second.examples && first.examples != epoch1)
    #expect(first.weights(of: 0..<50).isEmpty && !first.hasWeights && first.state.tensors.isEmpty)
  }

  @Test("Easy examples are left out as often as asked, and weigh as much on average")
  func isUnbiased() {
    var (kept, weight) = (0, Double(0))
    for seed in 1...200 as ClosedRange<UInt64> {
      var order = order(100, easyCount: 60, seed: seed)
      #expect(order.examples.count == 100 && order.weights(of: 0..<100).isEmpty)
      order.begin(2)
      let weights = order.weights(of: order.examples.indices)
      for (example, weight) in zip(order.examples, weights) where example >= 60 {
        #expect(weight == 1)
      }
      let easy = zip(order.examples, weights).filter { $0.0 < 60 }
      #expect(order.examples.count == 40 + easy.count)
      kept += easy.count
      weight += easy.reduce(0) { $0 + Double($1.1) }
    }
    // 12,000 draws: three deviations are 0.0126.
    #expect(abs(Double(kept) / 12_000 - 0.3) < 0.0126)
    #expect(abs(weight / 12_000 - 1) < 0.042)
  }

  @Test("Examples that were left out keep their last loss, others come and go")
  func losses() {
    var order = order(100, easyCount: 60)
    order.begin(2)
    let second = Set(order.examples)
    // What was easy is hard now, where it was trained on.
    order.record(order.examples.map { $0 < 60 ? 1 : 0.01 }[...], from: 0)
    order.begin(3)
    let third = Set(order.examples)
    for example in second where example < 60 { #expect(third.contains(example)) }
    #expect(third.count < 60 && third != second)
  }

  @Test("An epoch has an example, however easy all are")
  func neverEmpty() {
    for seed in 1...20 as ClosedRange<UInt64> {
      var order = order(3, easyCount: 3, seed: seed, share: 0.95)
      order.begin(2)
      #expect(!order.examples.isEmpty)
    }
  }

  @Test("A state that was saved within an epoch or after one goes on alike")
  func resumes() throws {
    var whole = order(80, easyCount: 50)
    var resumed = ExampleOrder(exampleCount: 80, seed: 1, pruning: whole.pruning)
    try resumed.restore(whole.state.tensors, epoch: whole.state.epoch)
    whole.begin(2)
    resumed.begin(2)
    #expect(resumed.examples == whole.examples)
    for order in [whole, resumed] { #expect(order.examples.count < 80) }
    whole.record(Array(repeating: 0, count: 20)[...], from: 0)
    resumed = ExampleOrder(exampleCount: 80, seed: 1, pruning: whole.pruning)
    try resumed.restore(whole.state.tensors, epoch: whole.state.epoch)
    for epoch in [2, 3] {
      whole.begin(epoch)
      resumed.begin(epoch)
      #expect(resumed.examples == whole.examples)
      let places = whole.examples.indices
      #expect(resumed.weights(of: places) == whole.weights(of: places))
    }
  }

  @Test("A state of other examples is refused by name")
  func misfits() {
    var order = order(80, easyCount: 50)
    let state = order.state
    #expect(throws: ModelStateError.missing(name: "examples.losses")) {
      try order.restore([], epoch: 1)
    }
    var other = ExampleOrder(exampleCount: 81, seed: 1, pruning: order.pruning)
    #expect(
      throws: ModelStateError.shapeMismatch(name: "examples.losses", expected: [81], found: [80])
    ) { try other.restore(state.tensors, epoch: 1) }
  }

  @Test("A trainer tells the losses of rows, whole or in shards")
  func rowLosses() throws {
    let inputs = Matrix((0..<10).map { [Float($0) / 10, 1] })
    let targets = Matrix((0..<10).map { [Float($0 * $0)] })
    func trainer() -> Trainer<Linear, SquaredError> {
      var random = Philox(seed: 1)
      return Trainer(Linear(2, 1, using: &random), loss: SquaredError(), context: ComputeContext())
    }
    let whole = trainer()
    let sum = try whole.train(inputs, targets, weights: (0..<10).map { Float($0) })
    let losses = Array(whole.rowLosses)
    #expect(losses.count == 10)
    let weighted = losses.enumerated().reduce(0) { $0 + Double($1.offset) * Double($1.element) }
    #expect(abs(weighted - sum.sum) < 1e-4 * sum.sum)
    let cut = trainer()
    cut.keepsRowLosses = true
    try cut.shard(into: 4)
    try cut.train(shardsOf: 10) { part in
      var (x, y) = (
        Matrix(rowCount: part.count, columnCount: 2), Matrix(rowCount: part.count, columnCount: 1)
      )
      for (row, example) in part.enumerated() {
        x.copyRow(row, from: inputs, row: example)
        y.copyRow(row, from: targets, row: example)
      }
      return TrainingBatch(x, y)
    }
    #expect(cut.rowLosses.elementsEqual(losses))
  }
}
