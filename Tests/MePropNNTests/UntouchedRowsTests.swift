import MePropCore
import MePropNN
import Testing
import _MePropTestSupport

/// What happens to weight rows outside the support: nothing under `skip`, a step with a zero
/// gradient under `update`.
@Suite struct UntouchedRowsTests {
  static let policies: [SelectionPolicy] = [
    .top(k: .count(2)), .unified(k: .count(2)), .unified(k: .count(2), groupSize: 1),
    .random(k: .count(2)),
  ]

  private func makeTrainer(_ optimizer: Optimizer, _ policy: SelectionPolicy) -> PerceptronTrainer {
    PerceptronTrainer(
      .perceptron([6, 20, 30, 4], activation: .tanh, seed: 9), optimizer: optimizer,
      selection: policy)
  }

  /// The rows of a layer's weights that differ.
  private func changedRows(_ before: Perceptron, _ after: Perceptron, layer: Int) -> [Int] {
    let (a, b) = (before.layers[layer].weight.value, after.layers[layer].weight.value)
    return (0..<a.rowCount).filter { row in
      !a.withRow(row) { a in b.withRow(row) { a.elementsEqual($0) } }
    }
  }

  static let optimizers: [Optimizer] = {
    var optimizers = [
      Optimizer(.gradientDescent(), learningRate: 0.1),
      Optimizer(.gradientDescent(momentum: 0.9), learningRate: 0.1),
      Optimizer(.adaGrad(), learningRate: 0.1), .adam(learningRate: 0.01),
    ]
    for index in optimizers.indices { optimizers[index].untouchedRows = .skip }
    var decaying = Optimizer.adam(learningRate: 0.01, untouchedRows: .skip)
    decaying.weightDecay = 0.5
    var clipping = Optimizer.adam(learningRate: 0.01, untouchedRows: .skip)
    clipping.clipNorm = 0.1
    return optimizers + [decaying, clipping]
  }()

  @Test(arguments: optimizers, policies)
  func skippedRowsStayAndTheOthersMove(optimizer: Optimizer, policy: SelectionPolicy) throws {
    let trainer = makeTrainer(optimizer, policy)
    let data = Batches([3, 3, 3, 1, 3], inputSize: 6, classCount: 4, seed: 10)
    for (index, batch) in data.batches.enumerated() {
      let before = trainer.network
      _ = trainer.takeStatistics()
      try trainer.train(batch.input, batch.labels)
      let statistics = trainer.takeStatistics().map(\.statistics)
      for layer in 0..<3 {
        let changed = changedRows(before, trainer.network, layer: layer)
        #expect(statistics[layer].steps == 1)
        #expect(Double(changed.count) == statistics[layer].meanTouchedRows)
        if layer < 2 {
          #expect(!changed.isEmpty && changed.count <= 2 * batch.labels.count)
          // The bias is dense.
          let biases = zip(
            before.layers[layer].bias.value.elements,
            trainer.network.layers[layer].bias.value.elements)
          #expect(biases.allSatisfy { $0 != $1 }, "step \(index + 1)")
        } else {
          #expect(changed == [0, 1, 2, 3])
        }
      }
    }
  }

  @Test(arguments: [Optimizer.Method.adam(), .gradientDescent(momentum: 0.9)])
  func updatedRowsGoOnMoving(method: Optimizer.Method) throws {
    let policy = SelectionPolicy.top(k: .count(2))
    let trainer = makeTrainer(Optimizer(method, learningRate: 0.01), policy)
    let data = Batches([1, 1, 1, 1], inputSize: 6, classCount: 4, seed: 10)
    var everMoved = Set<Int>()
    var goesOn = false
    for batch in data.batches {
      let before = trainer.network
      _ = trainer.takeStatistics()
      try trainer.train(batch.input, batch.labels)
      let changed = Set(changedRows(before, trainer.network, layer: 1))
      // Moments of rows that were touched once never return to zero.
      #expect(changed.isSuperset(of: everMoved))
      goesOn =
        goesOn || Double(changed.count) > trainer.takeStatistics()[1].statistics.meanTouchedRows
      everMoved.formUnion(changed)
    }
    #expect(goesOn)
  }

  @Test(arguments: [Optimizer.Method.gradientDescent(), .adaGrad()], policies)
  func skipIsExactWhereAZeroGradientDoesNothing(
    method: Optimizer.Method, policy: SelectionPolicy
  ) throws {
    for clipNorm in [nil, 0.05] as [Float?] {
      var networks: [[NamedTensor]] = []
      for rows in Optimizer.UntouchedRows.allCases {
        var optimizer = Optimizer(method, learningRate: 0.1, untouchedRows: rows)
        optimizer.clipNorm = clipNorm
        let trainer = makeTrainer(optimizer, policy)
        for batch in Batches([3, 3, 2], inputSize: 6, classCount: 4, seed: 10).batches {
          try trainer.train(batch.input, batch.labels)
        }
        networks.append(trainer.network.parameters)
      }
      #expect(networks[0] == networks[1])
    }
  }

  @Test func skipIsAnotherAlgorithmForAdam() throws {
    var networks: [[NamedTensor]] = []
    for rows in Optimizer.UntouchedRows.allCases {
      let trainer = makeTrainer(.adam(untouchedRows: rows), .top(k: .count(2)))
      for batch in Batches([3, 3, 2], inputSize: 6, classCount: 4, seed: 10).batches {
        try trainer.train(batch.input, batch.labels)
      }
      networks.append(trainer.network.parameters)
    }
    #expect(networks[0] != networks[1])
  }

  @Test func statisticsTellWhatWasKept() throws {
    let trainer = makeTrainer(.adam(), .top(k: .count(5)))
    let batch = Batches([4], inputSize: 6, classCount: 4, seed: 10).batches[0]
    var naive = NaiveTraining(
      trainer.network, rate: 0, policies: [.top(k: .count(5)), .top(k: .count(5)), .dense])
    _ = try naive.train(batch.input, labels: batch.labels)
    try trainer.train(batch.input, batch.labels)
    let statistics = trainer.takeStatistics().map(\.statistics)
    for layer in 0..<2 {
      let gradient = naive.gradients[layer]
      let kept = gradient.kept.elements.reduce(0) { $0 + abs($1) }
      let whole = gradient.full.elements.reduce(0) { $0 + abs($1) }
      expectClose([statistics[layer].meanKeptMagnitude], [kept / whole], atol: 1e-5, rtol: 0)
      #expect(statistics[layer].meanKeptMagnitude < 1)
    }
    #expect(statistics[2].meanKeptMagnitude == 1 && statistics[2].meanTouchedRows == 4)
    #expect(
      trainer.takeStatistics().allSatisfy {
        $0.statistics.steps == 0 && $0.statistics.meanTouchedRows == 0
      })
    // The first step after they were taken is measured, whatever its number.
    try trainer.train(batch.input, batch.labels)
    #expect(trainer.takeStatistics()[0].statistics.meanKeptMagnitude < 1)
  }
}
