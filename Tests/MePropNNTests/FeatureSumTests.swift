import MePropCore
import MePropNN
import Testing
import _MePropTestSupport

/// A step of sums over features against the same step of an ordinary layer on embeddings side by
/// side.
@Suite struct FeatureSumTests {
  private static let features: [UInt32] = [0, 1, 2, 0, 4, 2, 0, 1, 5, 3, 1, 2]
  private static let batchSize = 4

  private static func layer(
    _ activation: FeatureSum.Activation = .relu, dropout: Float = 0
  ) -> FeatureSum {
    var layer = FeatureSum(
      symbolCount: 6, embeddingSize: 4, positionCount: 3, outputSize: 9, embeddingScale: 1,
      initialization: .uniformFanIn, seed: 3)
    layer.activation = activation
    layer.dropout = DropoutRate(dropout)
    return layer
  }

  private static let symbols = Symbols(features, rowCount: batchSize, positionCount: 3)

  private static func trainer(
    _ layer: FeatureSum, optimizer: Optimizer, selection: SelectionPolicy = .dense,
    context: ComputeContext = ComputeContext()
  ) -> Trainer<Named<FeatureSum>, GivenGradient> {
    Trainer(
      layer.named("features"), loss: GivenGradient(), optimizer: optimizer, selection: selection,
      context: context)
  }

  /// W of the linear layer on embeddings side by side, shape `[outputSize, positionCount · size]`.
  private static func linearWeight(_ layer: FeatureSum) -> DoubleMatrix {
    var weight = DoubleMatrix(rowCount: 9, columnCount: 12)
    for position in 0..<3 {
      for output in 0..<9 {
        for column in 0..<4 {
          weight[output, position * 4 + column] = Double(
            layer.weight.value[position * 9 + output, column])
        }
      }
    }
    return weight
  }

  private static func inputs(_ layer: FeatureSum) -> DoubleMatrix {
    var x = DoubleMatrix(rowCount: batchSize, columnCount: 12)
    for example in 0..<batchSize {
      for position in 0..<3 {
        for column in 0..<4 {
          x[example, position * 4 + column] = Double(
            layer.embeddings.value[Int(features[example * 3 + position]), column])
        }
      }
    }
    return x
  }

  @Test func weightsStartAsThoseOfTheLinearLayer() {
    let linear = Initialization.uniformFanIn.makeLinear(
      inputSize: 12, outputSize: 9, seed: 3, layer: 1)
    let layer = Self.layer()
    #expect(Self.linearWeight(layer) == DoubleMatrix(linear.weight.value))
    #expect(layer.bias == linear.bias)
    #expect(layer.positionCount == 3 && layer.outputSize == 9 && layer.symbolCount == 6)
    #expect(layer.weight.decays && !layer.bias.decays && !layer.embeddings.decays)
  }

  /// The loss is Σ c ⊙ output for fixed random c; a step of gradient descent at rate 1 shows the
  /// gradient.
  @Test(arguments: FeatureSum.Activation.allCases)
  func aStepFollowsTheGradientOfTheLoss(activation: FeatureSum.Activation) throws {
    let layer = Self.layer(activation)
    var random = Philox(seed: 4)
    let weights = random.nextMatrix(Self.batchSize, 9)
    func loss(_ layer: FeatureSum) -> Double {
      let y = NaiveReference.multiply(
        Self.inputs(layer), byTransposeOf: Self.linearWeight(layer))
      var sum = 0.0
      for example in 0..<Self.batchSize {
        for output in 0..<9 {
          let value = y[example, output] + Double(layer.bias.value[0, output])
          let activated =
            switch activation {
            case .relu: max(value, 0)
            case .cube: value * value * value
            case .tanh: naiveTanh(value)
            }
          sum += Double(weights[example, output]) * activated
        }
      }
      return sum
    }
    let trainer = Self.trainer(layer, optimizer: Optimizer(.gradientDescent(), learningRate: 1))
    try trainer.train(Self.symbols, weights)
    let trained = trainer.model.inner
    let step: Float = 1e-2
    func check(_ path: WritableKeyPath<FeatureSum, Parameter>, _ name: String) {
      for row in 0..<layer[keyPath: path].rowCount {
        for column in 0..<layer[keyPath: path].columnCount {
          var up = layer
          var down = layer
          let number = layer[keyPath: path].value[row, column]
          up[keyPath: path].set(row, column, to: number + step)
          down[keyPath: path].set(row, column, to: number - step)
          let width = Double((number + step) - (number - step))
          let expected = (loss(up) - loss(down)) / width
          let found = Double(
            number - trained[keyPath: path].value[row, column])
          #expect(
            abs(found - expected) <= 2e-3 * max(1, abs(expected)),
            "\(name)[\(row), \(column)]: \(found), expected \(expected)")
        }
      }
    }
    check(\.weight, "weight")
    check(\.bias, "bias")
    check(\.embeddings, "embeddings")
  }

  private func naiveTanh(_ value: Double) -> Double {
    // e²ˣ by its series is exact enough for |x| < 3.
    var term = 1.0
    var power = 1.0
    for index in 1..<60 {
      term *= 2 * value / Double(index)
      power += term
    }
    return (power - 1) / (power + 1)
  }

  @Test func keepingAllIsDense() throws {
    var found: [[NamedTensor]] = []
    for policy in [SelectionPolicy.dense, .top(k: .count(9)), .unified(k: .count(9))] {
      let trainer = Self.trainer(
        Self.layer(dropout: 0.2), optimizer: .adam(), selection: policy)
      var random = Philox(seed: 5)
      for _ in 1...3 { try trainer.train(Self.symbols, random.nextMatrix(Self.batchSize, 9)) }
      found.append(trainer.model.inner.parameters)
    }
    #expect(found[0] == found[1] && found[0] == found[2])
    #expect(found[0] != Self.layer().parameters)
  }

  /// Clipping by a norm that is never reached stores gradients instead of applying them at once.
  @Test(
    arguments: [
      SelectionPolicy.dense, .top(k: .count(3), memory: 0.5), .top(k: .count(1)),
      .unified(k: .count(3)), .batchTop(k: .count(3), memory: 0.5), .sampled(k: .count(3)),
    ], Optimizer.UntouchedRows.allCases)
  func storedGradientsAreThoseThatAreApplied(
    policy: SelectionPolicy, untouched: Optimizer.UntouchedRows
  ) throws {
    var found: [[NamedTensor]] = []
    for clipNorm in [nil, 1e9] as [Float?] {
      var optimizer = Optimizer.adam(learningRate: 0.01, untouchedRows: untouched)
      optimizer.clipNorm = clipNorm
      let trainer = Self.trainer(Self.layer(.tanh), optimizer: optimizer, selection: policy)
      var random = Philox(seed: 5)
      for _ in 1...4 { try trainer.train(Self.symbols, random.nextMatrix(Self.batchSize, 9)) }
      found.append(trainer.model.inner.parameters)
    }
    #expect(found[0] == found[1])
  }

  @Test func theStateGoesOnWithTheSameBits() throws {
    func trainer() -> Trainer<Named<FeatureSum>, GivenGradient> {
      Self.trainer(
        Self.layer(.cube), optimizer: .adam(), selection: .top(k: .count(3), memory: 0.9))
    }
    func step(_ trainer: Trainer<Named<FeatureSum>, GivenGradient>, _ number: Int) throws {
      var random = Philox(seed: UInt64(number))
      try trainer.train(Self.symbols, random.nextMatrix(Self.batchSize, 9))
    }
    let whole = trainer()
    for number in 1...6 { try step(whole, number) }
    let before = trainer()
    for number in 1...3 { try step(before, number) }
    let saved = before.state
    #expect(
      saved.map(\.name) == [
        "features.embeddings", "features.embeddings.first", "features.embeddings.second",
        "features.weight", "features.weight.first", "features.weight.second", "features.bias",
        "features.bias.first", "features.bias.second", "features.memory",
      ])
    let after = trainer()
    try after.restore(saved, stepCount: 3)
    for number in 4...6 { try step(after, number) }
    #expect(after.model.inner == whole.model.inner)
    #expect(after.state == whole.state)
  }

  @Test(arguments: [SelectionPolicy.top(k: .count(2)), .top(k: .count(3)), .dense])
  func unitsAndCostsAreCounted(selection: SelectionPolicy) throws {
    let (batch, positions, symbols, m, n) = (Self.batchSize, 3, 6, 4, 9)
    let trainer = Self.trainer(
      Self.layer(.tanh), optimizer: .adam(untouchedRows: .skip), selection: selection,
      context: ComputeContext(threadCount: 2))
    var random = Philox(seed: 5)
    try trainer.train(Self.symbols, random.nextMatrix(batch, n))
    let kept = selection.k?.resolved(outputSize: n) ?? n
    var uses: [Int] = []
    for position in 0..<positions {
      for symbol in 0..<symbols {
        let count = (0..<batch).count { Self.features[$0 * positions + position] == symbol }
        if count > 0 { uses.append(count) }
      }
    }
    let rows = Int(trainer.takeStatistics()[0].statistics.meanTouchedRows)
    // Three entries of nine are a quarter or more: they are taken as nine.
    let taken = kept == 2 ? 2 : n
    // Three uses of two kept entries cost more than the nine outputs of one sum.
    let summed = uses.filter { $0 * taken * 2 >= n }
    let single = uses.reduce(0, +) - summed.reduce(0, +)
    let tally = trainer.takeTallies()[0]
    #expect(tally.name == "features" && tally.outputSize == n)
    #expect(tally.exampleCount == (selection == .dense ? 0 : batch))
    #expect(tally.keptCounts.reduce(0, +) == (selection == .dense ? 0 : UInt32(batch * kept)))
    let costs = tally.costs
    #expect(costs.forward.multiplyAdds == n * (uses.count * m + batch * positions))
    #expect(costs.forward.denseMultiplyAdds == batch * n * positions * m)
    let products = (summed.count * rows + single * taken) * m
    #expect(costs.weightGradient.multiplyAdds == products + summed.reduce(0, +) * taken)
    #expect(costs.inputGradient.multiplyAdds == products + uses.count * m)
    #expect(
      costs.inputGradient.denseMultiplyAdds == batch * positions * m * (n + 1))
    let used = Set(Self.features).count
    #expect(costs.optimizer.multiplyAdds == 5 * (rows * positions + used) * m)
    #expect(costs.optimizer.denseMultiplyAdds == 5 * (n * positions + symbols) * m)
    #expect(costs.optimizer.bytes == 4 * 6 * (rows * positions + used) * m)
    #expect(
      costs.weightGradient.denseBytes == 4 * (n * (batch + positions * m) + batch * positions * m))
    #expect(trainer.takeTallies()[0].costs == LayerCosts())
  }
}
