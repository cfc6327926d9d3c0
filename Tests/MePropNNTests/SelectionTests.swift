import MePropCore
import MePropNN
import Testing
import _MePropTestSupport

/// Selection in every layer that has a selector.
///
/// The sparse backward pass is not the gradient of the forward pass, so it is checked in two steps:
/// keeping all entries is the dense step, bit for bit; keeping fewer is the dense step of the
/// masked gradient, which references compute by the same lines for both, and which a dense layer
/// computes where it can be given that gradient.
@Suite struct SelectionTests {
  /// Policies that keep `k`.
  static func policies(k: Int) -> [SelectionPolicy] {
    let k = SelectionCount.count(k)
    return [
      .top(k: k), .unified(k: k), .unified(k: k, groupSize: 2), .random(k: k),
      .top(k: k, memory: 0.9), .top(k: k, memory: 0.7, scope: .slot),
      .unified(k: k, memory: 0.8), .unified(k: k, groupSize: 3, memory: 1),
      .batchTop(k: k), .batchTop(k: k, memory: 0.9), .sampled(k: k), .sampled(k: k, memory: 0.8),
    ]
  }

  static let optimizers: [Optimizer] = {
    var list = [
      Optimizer(.gradientDescent(), learningRate: 0.02),
      Optimizer(.gradientDescent(momentum: 0.9), learningRate: 0.02),
      Optimizer(.gradientDescent(momentum: 0.9), learningRate: 0.02, untouchedRows: .skip),
    ]
    var clipping = list[1]
    clipping.clipNorm = 0.5
    list.append(clipping)
    clipping.untouchedRows = .skip
    list.append(clipping)
    return list
  }()

  // MARK: k = n

  /// Trains with a policy and returns all bits that came out.
  private func bits<L: Layer>(
    _ example: LayerCase<L>, _ optimizer: Optimizer, _ policy: SelectionPolicy
  ) throws -> [UInt32] {
    let trainer = Trainer(
      example.layer, loss: ProjectionLoss(), optimizer: optimizer, selection: policy,
      inputColumnCount: example.inputColumnCount, seed: 5, context: ComputeContext())
    var result: [UInt32] = []
    for batch in example.batches {
      try trainer.train(batch.input, batch.projection)
      result += trainer.inputGradient.values.elements.map(\.bitPattern)
    }
    return result + trainer.model.parameters.flatMap { $0.values.map(\.bitPattern) }
  }

  private func checkKeepingAll<L: Layer>(_ example: LayerCase<L>, width: Int) throws {
    for optimizer in [Optimizer.adam(), LayerCase<L>.plain, LayerCase<L>.stored] {
      let dense = try bits(example, optimizer, .dense)
      for policy in Self.policies(k: width) + Self.policies(k: width + 7) {
        let all = try bits(example, optimizer, policy)
        #expect(all.elementsEqual(dense), "\(example.name): \(policy)")
      }
      // The comparison can fail.
      let fewer = try bits(example, optimizer, .top(k: .count(width / 2)))
      #expect(!fewer.elementsEqual(dense), "\(example.name)")
    }
  }

  /// A layer without a policy of its own, whose output is not that of the model.
  private func within<L: Layer>(_ layer: L) -> Chain<L, LayerNorm> {
    Chain {
      layer
      LayerCases.norm(layer.outputSize)
    }
  }

  @Test func keepingAllIsDense() throws {
    for (inputSize, outputSize) in [(5, 7), (9, 21)] {
      let layer = LayerCases.linear(inputSize, outputSize, activation: .tanh, dropout: 0.2)
      try checkKeepingAll(
        .onRows("linear", within(layer), inputSize: inputSize) { NaiveLinear(layer) },
        width: outputSize)
      let gate = LayerCases.gate(inputSize, outputSize)
      try checkKeepingAll(
        .onRows("gate", within(gate), inputSize: inputSize) { NaiveGate(gate) },
        width: 2 * outputSize)
    }
    try checkKeepingAll(LayerCases.features(.tanh, outputSize: 11), width: 11)
    let sparse = LayerCases.sparse(.tanh, dropout: 0.2, outputSize: 11)
    try checkKeepingAll(
      LayerCase(
        name: "sparse", layer: within(sparse.layer), reference: sparse.reference,
        batches: sparse.batches.map {
          .init(input: $0.input, naive: $0.naive, packing: nil, projection: $0.projection)
        }), width: 11)
    try checkKeepingAll(LayerCases.lstm(3, 6, isBidirectional: true), width: 6)
  }

  // MARK: k < n

  /// Batches of several sizes, so that rows and memories of slots differ from step to step.
  static let rows = [4, 9, 1, 6]

  @Test(arguments: policies(k: 4), [(5, 9), (7, 23), (3, 40)])
  func linearKeepsTheMaskedGradient(policy: SelectionPolicy, sizes: (Int, Int)) throws {
    var (compared, all) = (0, 0)
    for activation in Activation.allCases {
      for seed in 1...3 as ClosedRange<UInt64> {
        let layer = LayerCases.linear(
          sizes.0, sizes.1, activation: activation, dropout: 0.2, policy, seed: seed)
        let example = LayerCase.onRows(
          "\(layer) \(policy)", layer, inputSize: sizes.0, outputRows: Self.rows, seed: seed
        ) { NaiveLinear(layer) }
        let count = try check(example, threads: 1 + Int(seed % 2))
        compared += count.0
        all += count.1
      }
    }
    #expect(Double(compared) > 0.8 * Double(all), "\(compared) of \(all) without near ties")
  }

  /// k of a half and nearly all, where other products take over.
  @Test(arguments: [12, 20, 22])
  func linearKeepsMuch(k: Int) throws {
    for policy in Self.policies(k: k) {
      let layer = LayerCases.linear(7, 23, activation: .tanh, policy)
      let example = LayerCase.onRows(
        "\(layer) \(policy)", layer, inputSize: 7, outputRows: Self.rows
      ) { NaiveLinear(layer) }
      _ = try check(example)
    }
  }

  @Test(arguments: policies(k: 5))
  func aLayerOfSomebodyElseKeepsTheMaskedGradient(policy: SelectionPolicy) throws {
    var (compared, all) = (0, 0)
    for seed in 1...4 as ClosedRange<UInt64> {
      let layer = LayerCases.gate(6, 13, policy, seed: seed)
      let count = try check(
        LayerCase.onRows(
          "\(layer) \(policy)", layer, inputSize: 6, outputRows: Self.rows, seed: seed
        ) { NaiveGate(layer) })
      compared += count.0
      all += count.1
    }
    #expect(Double(compared) > 0.8 * Double(all), "\(compared) of \(all) without near ties")
  }

  @Test(arguments: policies(k: 3), FeatureSum.Activation.allCases)
  func featureSumKeepsTheMaskedGradient(
    policy: SelectionPolicy, activation: FeatureSum.Activation
  ) throws {
    var (compared, all) = (0, 0)
    for seed in 1...4 as ClosedRange<UInt64> {
      let count = try check(
        LayerCases.features(activation, dropout: 0.2, policy, outputSize: 20, seed: seed))
      compared += count.0
      all += count.1
    }
    // Sampling compares every entry with a number, so that more of them are near ties.
    let share = policy.isOverBatch ? 0.7 : 0.8
    #expect(Double(compared) > share * Double(all), "\(compared) of \(all) without near ties")
  }

  @Test(arguments: policies(k: 3), Activation.allCases)
  func sparseLinearKeepsTheMaskedGradient(
    policy: SelectionPolicy, activation: Activation
  ) throws {
    var (compared, all) = (0, 0)
    for seed in 1...4 as ClosedRange<UInt64> {
      let count = try check(
        LayerCases.sparse(activation, dropout: 0.2, policy, outputSize: 20, seed: seed))
      compared += count.0
      all += count.1
    }
    #expect(Double(compared) > 0.8 * Double(all), "\(compared) of \(all) without near ties")
  }

  @Test(arguments: policies(k: 3), [false, true])
  func lstmKeepsTheMaskedGradientOfEachGate(
    policy: SelectionPolicy, isBidirectional: Bool
  ) throws {
    var (compared, all) = (0, 0)
    for (hidden, seed) in [(7, 1), (11, 2), (18, 3), (7, 4)] as [(Int, UInt64)] {
      let count = try check(
        LayerCases.lstm(
          4, hidden, isBidirectional: isBidirectional, dropout: seed == 4 ? 0.3 : 0,
          isVariational: seed == 4, policy, batchCount: 4, seed: seed),
        threads: 1 + Int(seed % 2))
      compared += count.0
      all += count.1
    }
    // Each step selects from up to 80 gates.
    #expect(Double(compared) > 0.5 * Double(all), "\(compared) of \(all) without near ties")
  }

  /// Compares gradients of single steps and steps of training.
  ///
  /// - Returns: How many steps were compared, of how many.
  private func check<L: Layer>(_ example: LayerCase<L>, threads: Int = 1) throws -> (Int, Int) {
    var (compared, all) = (0, 0)
    for optimizer in [LayerCase<L>.plain, LayerCase<L>.stored] {
      compared += try example.compareGradients(optimizer, threads: threads)
      all += example.batches.count
    }
    for (index, optimizer) in Self.optimizers.enumerated() {
      compared += try example.compareTraining(optimizer, threads: threads, "optimizer \(index)")
      all += example.batches.count
    }
    return (compared, all)
  }

  // MARK: Layers against themselves

  /// A dense layer that is given s in place of d computes what the sparse one does, but for the
  /// bias, which takes d; memories are those of the formula, over several steps.
  @Test(arguments: policies(k: 4))
  func sparseIsDenseOfTheMaskedGradient(policy: SelectionPolicy) throws {
    let layer = LayerCases.linear(6, 20, policy)
    let selector = NaiveSelector(20, policy)
    let sparse = Trainer(
      layer, loss: ProjectionLoss(), optimizer: LayerCase<Linear>.plain, inputColumnCount: 6,
      seed: 5, context: ComputeContext())
    var random = Philox(seed: 6)
    var remembered = false
    for number in 1...4 {
      let x = random.nextMatrix(Self.rows[number - 1], 6)
      let dy = random.nextMatrix(x.rowCount, 20)
      var d = DoubleMatrix(dy)
      let step = NaiveStep(number: number, seed: 5)
      let (s, _) = selector.select(&d, step)
      if step.isNearTie { break }
      remembered = remembered || d != DoubleMatrix(dy)
      var same = sparse.model
      same.selector = Selector(outputSize: 20, policy: .dense)
      let dense = Trainer(
        same, loss: ProjectionLoss(), optimizer: LayerCase<Linear>.plain, inputColumnCount: 6,
        context: ComputeContext())
      try sparse.train(x, dy)
      try dense.train(x, s.single)
      let atol = 64 * 0x1p-24 * 8.0
      expectClose(
        sparse.inputGradient.values, dense.inputGradient.values, atol: atol, rtol: 0,
        "\(policy) step \(number)")
      expectClose(
        sparse.model.weight.value, dense.model.weight.value, atol: atol, rtol: 0,
        "\(policy) step \(number)")
      let bias = DoubleMatrix(same.bias.value).plus(
        DoubleMatrix(row: d.columnSums().map { -$0 }))
      expectClose(
        sparse.model.bias.value.elements, bias.elements, atol: atol, rtol: 0,
        "\(policy) step \(number)")
    }
    #expect(remembered == (policy.memory > 0))
  }
}
