import MePropCore
import MePropNN
import Testing
import _MePropTestSupport

/// A feature layer's step against the same step of an ordinary layer on embeddings side by side.
@Suite struct FeatureLayerTests {
  private static let features: [UInt32] = [0, 1, 2, 0, 4, 2, 0, 1, 5, 3, 1, 2]
  private static let batchSize = 4

  private static func layer(_ seed: UInt64 = 3) -> FeatureLayer {
    FeatureLayer(
      symbolCount: 6, size: 4, positionCount: 3, outputSize: 9, embeddingScale: 1,
      initialization: .uniformFanIn, seed: seed, firstStream: 0)
  }

  private static func inputs(_ layer: FeatureLayer) -> DoubleMatrix {
    var x = DoubleMatrix(rowCount: batchSize, columnCount: 12)
    for example in 0..<batchSize {
      for position in 0..<3 {
        for column in 0..<4 {
          x[example, position * 4 + column] = Double(
            layer.embeddings[Int(features[example * 3 + position]), column])
        }
      }
    }
    return x
  }

  @Test func theLinearLayerIsTheSameAndBack() {
    let layer = Self.layer()
    let again = FeatureLayer(
      embeddings: layer.embeddings, linear: layer.linear, positionCount: 3)
    #expect(again == layer)
    #expect(layer.linear.inputSize == 12 && layer.linear.outputSize == 9)
  }

  /// The loss is Σ c ⊙ output for fixed random c; a step of gradient descent at rate 1 shows the gradient.
  @Test(arguments: FeatureActivation.allCases)
  func aStepFollowsTheGradientOfTheLoss(activation: FeatureActivation) throws {
    let layer = Self.layer()
    var random = Philox(seed: 4)
    let weights = random.nextMatrix(Self.batchSize, 9)
    func loss(_ layer: FeatureLayer) -> Double {
      let y = NaiveReference.multiply(
        Self.inputs(layer), byTransposeOf: DoubleMatrix(layer.linear.weight))
      var sum = 0.0
      for example in 0..<Self.batchSize {
        for output in 0..<9 {
          let value = y[example, output] + Double(layer.bias[0, output])
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
    let trainer = FeatureLayerTrainer(
      layer, activation: activation,
      optimizer: Optimizer(.gradientDescent(), learningRate: 1), selection: .dense,
      context: ComputeContext())
    trainer.forward(Self.features, batchSize: Self.batchSize, dropout: .none)
    trainer.outputGradient = weights
    var times = PhaseTimes()
    try trainer.backward(
      policy: .dense, step: 1, seed: 1, stream: 1, rateFactor: 1, times: &times)
    let step: Float = 1e-2
    func check(_ path: WritableKeyPath<FeatureLayer, Matrix>, _ name: String) {
      for row in 0..<layer[keyPath: path].rowCount {
        for column in 0..<layer[keyPath: path].columnCount {
          var up = layer
          var down = layer
          up[keyPath: path][row, column] += step
          down[keyPath: path][row, column] -= step
          let width = Double(up[keyPath: path][row, column] - down[keyPath: path][row, column])
          let expected = (loss(up) - loss(down)) / width
          let found = Double(
            layer[keyPath: path][row, column] - trainer.layer[keyPath: path][row, column])
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
    var layers: [FeatureLayer] = []
    for policy in [SelectionPolicy.dense, .top(k: .count(9)), .unified(k: .count(9))] {
      let trainer = FeatureLayerTrainer(
        Self.layer(), activation: .relu, optimizer: .adam(), selection: policy,
        context: ComputeContext())
      var random = Philox(seed: 5)
      for step in 1...3 {
        trainer.forward(
          Self.features, batchSize: Self.batchSize,
          dropout: Dropout(rate: 0.2, seed: 1, stream: UInt64(step)))
        trainer.outputGradient = random.nextMatrix(Self.batchSize, 9)
        var times = PhaseTimes()
        try trainer.backward(
          policy: policy, step: step, seed: 1, stream: 1, rateFactor: 1, times: &times)
      }
      layers.append(trainer.layer)
    }
    #expect(layers[0] == layers[1] && layers[0] == layers[2])
    #expect(layers[0] != Self.layer())
  }

  @Test func theStateGoesOnWithTheSameBits() throws {
    func trainer() -> FeatureLayerTrainer {
      FeatureLayerTrainer(
        Self.layer(), activation: .cube, optimizer: .adam(),
        selection: .top(k: .count(3), memory: 0.9), context: ComputeContext())
    }
    func step(_ trainer: FeatureLayerTrainer, _ number: Int) throws {
      var random = Philox(seed: UInt64(number))
      trainer.forward(Self.features, batchSize: Self.batchSize, dropout: .none)
      trainer.outputGradient = random.nextMatrix(Self.batchSize, 9)
      var times = PhaseTimes()
      try trainer.backward(
        policy: trainer.selection, step: number, seed: 1, stream: 1, rateFactor: 1, times: &times)
    }
    let whole = trainer()
    for number in 1...6 { try step(whole, number) }
    let before = trainer()
    for number in 1...3 { try step(before, number) }
    let saved = Dictionary(
      uniqueKeysWithValues: before.state(named: "f").map { ($0.name, $0.matrix) })
    #expect(saved["f.memory"] != nil)
    let after = trainer()
    after.restore(saved, named: "f")
    for number in 4...6 { try step(after, number) }
    #expect(after.layer == whole.layer)
  }

  @Test(arguments: [SelectionPolicy.top(k: .count(2)), .top(k: .count(3)), .dense])
  func unitsAndCostsAreCounted(selection: SelectionPolicy) throws {
    let (batch, positions, symbols, m, n) = (Self.batchSize, 3, 6, 4, 9)
    let trainer = FeatureLayerTrainer(
      Self.layer(), activation: .tanh, optimizer: .adam(untouchedRows: .skip),
      selection: selection, context: ComputeContext(threadCount: 2))
    var random = Philox(seed: 5)
    trainer.forward(Self.features, batchSize: batch, dropout: .none)
    trainer.outputGradient = random.nextMatrix(batch, n)
    var times = PhaseTimes()
    try trainer.backward(
      policy: selection, step: 1, seed: 1, stream: 1, rateFactor: 1, times: &times)
    let kept = selection.k?.resolved(outputSize: n) ?? n
    var uses: [Int] = []
    for position in 0..<positions {
      for symbol in 0..<symbols {
        let count = (0..<batch).count { Self.features[$0 * positions + position] == symbol }
        if count > 0 { uses.append(count) }
      }
    }
    let rows = Int(trainer.takeStatistics().meanTouchedRows)
    // Three entries of nine are a quarter or more: they are taken as nine.
    let taken = kept == 2 ? 2 : n
    // Three uses of two kept entries cost more than the nine outputs of one sum.
    let summed = uses.filter { $0 * taken * 2 >= n }
    let single = uses.reduce(0, +) - summed.reduce(0, +)
    let tally = trainer.takeTally()
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
    #expect(trainer.takeTally().costs == LayerCosts())
  }
}

/// Running means of parameters.
@Suite struct ParameterAverageTests {
  @Test func theMeanFollowsTheParameters() {
    let start = Matrix([[0, 0, 0]])
    let average = ParameterAverage([start], decay: 0.9, context: ComputeContext())
    #expect(!average.hasValues && !average.isDue(step: 7) && average.isDue(step: 8))
    let target = Matrix([[1, -2, 4]])
    var expected = 0.0
    for step in stride(from: 8, through: 80, by: 8) {
      average.update([target], step: step)
      var power = 1.0
      for _ in 0..<8 { power *= min(0.9, 1 - 10 / Double(9 + step)) }
      expected = power * expected + (1 - power)
    }
    #expect(average.hasValues)
    expectClose(
      average.values[0], Matrix([[Float(expected), Float(-2 * expected), Float(4 * expected)]]),
      atol: 1e-5, rtol: 1e-5)
    #expect(expected > 0.9)
  }
}
