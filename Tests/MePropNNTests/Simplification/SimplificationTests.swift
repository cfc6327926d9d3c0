import MePropCore
import MePropNN
import Testing
import _MePropTestSupport

/// Cutting units out of networks in training.
@Suite struct SimplificationTests {
  typealias Perceptron = Chain<
    Chain<Chain<Linear, Residual<Linear>>, DropoutLayer>, Linear
  >
  typealias Features = Chain<Chain<FeatureSum, Linear>, Linear>

  static func perceptron(dropout: Float = 0) -> Perceptron {
    var random = Philox(seed: 5)
    return Chain {
      Linear(7, 24, activation: .relu, using: &random)
      Residual { Linear(24, 24, activation: .tanh, using: &random) }
      DropoutLayer(24, rate: DropoutRate(dropout))
      Linear(24, 3, using: &random)
    }
  }

  static func features() -> Features {
    var random = Philox(seed: 6)
    return Chain {
      FeatureSum(
        symbolCount: 13, embeddingSize: 4, positionCount: 3, outputSize: 20, embeddingScale: 1,
        initialization: .heNormal, seed: 3)
      Linear(20, 18, activation: .relu, using: &random)
      Linear(18, 3, using: &random)
    }
  }

  static let policy = SimplificationPolicy(
    pruneRate: 0.02, cycleEpochs: 1, settleEpochs: 1, minimumWidth: 2)

  static func trainer<Model: Layer>(
    _ model: Model, _ selection: SelectionPolicy = .top(k: .count(4), memory: 0.5),
    _ policy: SimplificationPolicy? = Self.policy, averageDecay: Float = 0,
    optimizer: Optimizer = .adam(learningRate: 0.01, untouchedRows: .skip)
  ) -> Trainer<Model, SoftmaxCrossEntropy> {
    let trainer = Trainer(
      model, loss: SoftmaxCrossEntropy(), optimizer: optimizer, selection: selection,
      averageDecay: averageDecay, seed: 4, context: ComputeContext())
    if let policy { trainer.simplify(by: policy, epochs: 4) }
    return trainer
  }

  static func images(_ step: Int) -> (Matrix, [Int32]) {
    var random = Philox(seed: 8, stream: UInt64(step))
    let input = random.nextMatrix(12, 7)
    // A rule that can be learned.
    return (input, (0..<12).map { input[$0, 0] > 0 ? 1 : input[$0, 1] > 0 ? 2 : 0 })
  }

  static func symbols(_ step: Int) -> (Symbols, [Int32]) {
    var random = Philox(seed: 9, stream: UInt64(step))
    let values = (0..<30).map { _ in UInt32(random.nextInt(in: 0...12)) }
    return (
      Symbols(values, rowCount: 10, positionCount: 3), random.nextLabels(10, classCount: 3)
    )
  }

  /// The same network with the rows of units, and their biases, zero: their outputs are 0 then.
  ///
  /// - Parameters:
  ///   - model: The network.
  ///   - units: By path of the parameters: how many blocks of rows there are, which rows of each
  ///     are masked.
  /// - Returns: The masked network.
  /// - Throws: Nothing, for tensors of the network itself.
  static func masking<Model: Layer>(
    _ model: Model, _ units: [(prefix: String, blocks: Int, gone: [Int])]
  ) throws -> Model {
    var tensors = model.parameters
    for (prefix, blocks, gone) in units {
      for index in tensors.indices where tensors[index].name.hasPrefix(prefix + ".") {
        let name = tensors[index].name
        guard name.hasSuffix("eight") || name.hasSuffix("bias") else { continue }
        let rows = tensors[index].shape[0]
        let columns = tensors[index].values.count / rows
        // The positions of a feature sum share one bias.
        let count = blocks == 3 && name.hasSuffix("bias") ? 1 : blocks
        for block in 0..<count {
          for unit in gone {
            let start = (block * rows / count + unit) * columns
            for place in start..<(start + columns) { tensors[index].values[place] = 0 }
          }
        }
      }
    }
    var masked = model
    try masked.replaceParameters(with: tensors)
    return masked
  }

  static func complement(_ gone: [Int], _ width: Int) -> [Int] {
    (0..<width).filter { !gone.contains($0) }
  }

  static func output<Model: Layer>(_ model: Model, _ input: Model.Input) -> Matrix {
    Predictor(model, context: ComputeContext()).withOutput(of: input) { $0 }
  }

  // MARK: What is computed

  @Test func perceptronWithoutUnitsComputesWhatTheMaskedOneDoes() throws {
    let trainer = Self.trainer(Self.perceptron())
    for step in 0..<20 { try train(trainer, Self.images(step)) }
    let gone = [0, 3, 4, 9, 23]
    // Input and output of the residual block are one group, named after the first layer.
    let masked = try Self.masking(trainer.model, [("0", 1, gone), ("1", 1, gone)])
    trainer.cut(toUnitsOfLayers: ["0": Self.complement(gone, 24)])
    #expect(trainer.layerWidths == [.init(name: "0", originalWidth: 24, width: 19)])
    #expect(trainer.model.description.contains("Linear(7 → 19, relu)"))
    let input = Self.images(99).0
    expectClose(
      Self.output(trainer.model, input), Self.output(masked, input), atol: 1e-5, rtol: 1e-5)
    for step in 20..<40 { try train(trainer, Self.images(step)) }
  }

  @Test func featuresWithoutUnitsComputeWhatTheMaskedOnesDo() throws {
    let trainer = Self.trainer(Self.features(), averageDecay: 0.9)
    for step in 0..<20 { try train(trainer, Self.symbols(step)) }
    let (first, second) = ([1, 2, 19], [0, 17])
    let masked = try Self.masking(trainer.model, [("0", 3, first), ("1", 1, second)])
    trainer.cut(
      toUnitsOfLayers: ["0": Self.complement(first, 20), "1": Self.complement(second, 18)])
    let input = Self.symbols(99).0
    expectClose(
      Self.output(trainer.model, input), Self.output(masked, input), atol: 1e-5, rtol: 1e-5)
    for step in 20..<40 { try train(trainer, Self.symbols(step)) }
  }

  @Test func sentencesWithoutUnitsComputeWhatTheMaskedOnesDo() throws {
    let trainer = Self.trainer(StateTests.model(lstm: .top(k: .count(2), memory: 0.5)))
    for step in 0..<20 { try train(trainer, StateTests.batch(step)) }
    let (ahead, back, dense) = ([1, 4], [0, 2], [3, 20])
    let masked = try Self.masking(
      trainer.model, [("1.forward", 4, ahead), ("1.backward", 4, back), ("3", 1, dense)])
    trainer.cut(
      toUnitsOfLayers: [
        "1.forward": Self.complement(ahead, 5), "1.backward": Self.complement(back, 5),
        "3": Self.complement(dense, 21),
      ])
    #expect(trainer.layerWidths.map(\.width) == [3, 3, 19])
    let input = StateTests.batch(99).0
    expectClose(
      Self.output(trainer.model, input), Self.output(masked, input), atol: 1e-5, rtol: 1e-5)
    for step in 20..<40 { try train(trainer, StateTests.batch(step)) }
  }

  @Test func gatesLoseTheirPaddingWhereFewAreLeft() throws {
    var random = Philox(seed: 2)
    let deep = Chain {
      Embedding(13, 6, using: &random)
      Stack([
        LSTM(6, 20, seed: 3),
        LSTM(40, 18, inputPadding: .init(size: 20, paddedSize: 32), seed: 4),
      ])
      MeanPool(64)
      Linear(64, 3, using: &random)
    }
    let trainer = Self.trainer(deep)
    for step in 0..<10 { try train(trainer, StateTests.batch(step)) }
    let gone = [0, 5, 6, 7, 19]
    let masked = try Self.masking(
      trainer.model, [("1.0.forward", 4, gone), ("1.0.backward", 4, gone)])
    let kept = Self.complement(gone, 20)
    trainer.cut(toUnitsOfLayers: ["1.0.forward": kept, "1.0.backward": kept])
    let input = StateTests.batch(99).0
    expectClose(
      Self.output(trainer.model, input), Self.output(masked, input), atol: 1e-5, rtol: 1e-5)
    #expect(
      trainer.currentModel.description.contains("LSTM(6 → 2 × 15) → LSTM(30 → 2 × 18)"))
    for step in 10..<20 { try train(trainer, StateTests.batch(step)) }
  }

  // MARK: What is left

  @Test func whatStaysKeepsItsBits() throws {
    let trainer = Self.trainer(Self.features(), averageDecay: 0.9)
    for step in 0..<20 { try train(trainer, Self.symbols(step)) }
    let before = Dictionary(uniqueKeysWithValues: trainer.state.map { ($0.name, $0) })
    let (first, second) = ([1, 2, 19], [0, 17])
    trainer.cut(
      toUnitsOfLayers: ["0": Self.complement(first, 20), "1": Self.complement(second, 18)])
    let after = Dictionary(uniqueKeysWithValues: trainer.state.map { ($0.name, $0) })
    for suffix in ["", ".first", ".second", ".average"] {
      let old = try #require(before["1.weight" + suffix])
      let new = try #require(after["1.weight" + suffix])
      #expect(new.shape == [16, 17])
      var expected: [Float] = []
      for row in Self.complement(second, 18) {
        for column in Self.complement(first, 20) { expected.append(old.values[row * 20 + column]) }
      }
      #expect(new.values == expected)
      let sums = try #require(before["0.weight" + suffix])
      var rows: [Float] = []
      for position in 0..<3 {
        for unit in Self.complement(first, 20) {
          rows += sums.values[((position * 20 + unit) * 4)..<((position * 20 + unit + 1) * 4)]
        }
      }
      #expect(after["0.weight" + suffix]?.values == rows)
    }
    let memory = try #require(before["1.memory"])
    #expect(after["1.memory"]?.values == Self.complement(second, 18).map { memory.values[$0] })
  }

  @Test func uncutModelHasEachNumberAsItWasLast() throws {
    let trainer = Self.trainer(Self.features())
    for step in 0..<20 { try train(trainer, Self.symbols(step)) }
    let before = trainer.model.parameters
    let gone = [1, 2, 19]
    trainer.cut(toUnitsOfLayers: ["0": Self.complement(gone, 20)])
    #expect(trainer.uncutModel.parameters == before)
    for step in 20..<40 { try train(trainer, Self.symbols(step)) }
    let after = trainer.model.parameters
    let uncut = trainer.uncutModel.parameters
    #expect(uncut.map(\.shape) == before.map(\.shape))
    let (old, new, whole) = (before[3], after[3], uncut[3])
    #expect(whole.name == "1.weight")
    for row in 0..<18 {
      for unit in 0..<20 {
        let place = Self.complement(gone, 20).firstIndex(of: unit)
        #expect(
          whole.values[row * 20 + unit]
            == (place.map { new.values[row * 17 + $0] } ?? old.values[row * 20 + unit]))
      }
    }
  }

  // MARK: Policy

  @Test func cutsOnlyInCyclesAndNotAtTheEnd() {
    let policy = SimplificationPolicy(pruneRate: 0.1, cycleEpochs: 2, settleEpochs: 3)
    let cutting = (1...12).filter { policy.isCutting(epoch: $0, of: 12) }
    #expect(cutting == [1, 2, 6, 7])
    let steps = (1...100).filter { policy.isCut(afterStep: $0, of: 100) }
    #expect(steps == [13, 25, 38, 50, 63, 75, 88, 100])
    #expect((1...3).filter { policy.isCut(afterStep: $0, of: 3) } == [1, 2, 3])
    #expect(policy.cutsLeft(fromStep: 13, of: 100, epoch: 1, of: 12) == 32)
    #expect(policy.cutsLeft(fromStep: 100, of: 100, epoch: 7, of: 12) == 1)
  }

  @Test func targetIsReachedInEqualProportionsAndNotPassed() {
    let policy = SimplificationPolicy(pruneRate: 0, minimumWidth: 1, targetWidth: 64)
    var widths = [500]
    for left in (1...16).reversed() {
      let shares = Array(repeating: 0.5, count: widths[widths.count - 1])
      widths.append(shares.count - policy.cutCount(shares, cutsLeft: left))
    }
    #expect(widths.last == 64)
    #expect(zip(widths, widths.dropFirst()).allSatisfy { $0 > $1 })
    #expect(abs(widths[8] - 179) <= 2)
    #expect(policy.cutCount(Array(repeating: 0, count: 64), cutsLeft: 1) == 0)
  }

  @Test func seldomKeptUnitsGoButNotBelowTheMinimum() {
    let policy = SimplificationPolicy(pruneRate: 0.1, minimumWidth: 3)
    #expect(policy.cutCount([0.05, 0.1, 0.2, 0, 0.3], cutsLeft: 1) == 2)
    #expect(policy.cutCount([0, 0, 0, 0.2], cutsLeft: 1) == 1)
    #expect(policy.cutCount([0, 0], cutsLeft: 1) == 0)
  }

  // MARK: Defects of the authors' code

  /// Behind ReLU fewer than k gradients are other than zero; their heap fills up with the first
  /// units, which then look active.
  @Test func zerosAreNoHits() throws {
    var model = Self.perceptron().first.first.first
    // Units 0 to 11 never say anything.
    for unit in 0..<12 { model.bias.setValue(-1000, at: unit) }
    var random = Philox(seed: 3)
    let trainer = Self.trainer(
      Chain {
        model
        Linear(24, 3, using: &random)
      }, .top(k: .count(20)))
    for step in 0..<10 { try train(trainer, Self.images(step)) }
    let cuts = trainer.cutUnits(afterStep: 8, of: 8)
    #expect(cuts.map(\.units) == [Array(0..<12)])
    #expect(cuts.first?.counts == Array(repeating: 0, count: 12))
    #expect(cuts.first?.exampleCount == 120)
  }

  /// They clear what the optimizer remembers in the last epoch of a cycle, eight times, but not the
  /// count of steps that Adam's corrections follow: the next step is three times as large.
  @Test func nothingJumpsAtACut() throws {
    let plain = Self.trainer(Self.perceptron(), .top(k: .ratio(1)), nil)
    let cut = Self.trainer(Self.perceptron(), .top(k: .ratio(1)))
    for step in 0..<50 {
      try train(plain, Self.images(step))
      try train(cut, Self.images(step))
    }
    #expect(plain.model.parameters == cut.model.parameters)
    cut.cut(toUnitsOfLayers: ["0": Array(0..<23)])
    let before = cut.model.parameters
    let same = plain.model.parameters
    try train(plain, Self.images(50))
    try train(cut, Self.images(50))
    #expect(cut.stepCount == 51)
    let moved = change(before, cut.model.parameters)
    #expect(moved < 2 * change(same, plain.model.parameters))
    #expect(moved <= 0.011)
  }

  private func change(_ old: [NamedTensor], _ new: [NamedTensor]) -> Float {
    zip(old, new).map { zip($0.values, $1.values).map { abs($0 - $1) }.max() ?? 0 }.max() ?? 0
  }

  /// Where k stays as the width falls, all units are kept from some width on, and none is cut.
  @Test func countFallsWithTheWidth() throws {
    let trainer = Self.trainer(Self.perceptron(), .top(k: .count(12)))
    trainer.cut(toUnitsOfLayers: ["0": Array(0..<8)])
    for step in 0..<4 { try train(trainer, Self.images(step)) }
    let tallies = trainer.takeTallies()
    #expect(tallies[0].outputSize == 8)
    // 4 of 8 in each of 48 examples at most.
    #expect(tallies[1].keptCounts.reduce(0, +) <= 4 * 48)
    #expect(tallies[1].keptCounts.reduce(0, +) > 3 * 48)
  }

  /// They go on counting in epochs without cuts, so that the first cut of a cycle judges those.
  @Test func settlingIsNotCounted() throws {
    let trainer = Self.trainer(Self.perceptron())
    for step in 0..<10 { try train(trainer, Self.images(step), epoch: 2) }
    #expect(trainer.cutUnits(afterStep: 8, of: 8).isEmpty)
    for step in 0..<3 { try train(trainer, Self.images(step), epoch: 3) }
    #expect(trainer.state.first { $0.name == "0.counted" }?.values[1] == 36)
  }

  // MARK: State

  static let selections: [SelectionPolicy] = [
    .top(k: .count(3), memory: 0.9), .sampled(k: .count(2), memory: 0.5),
    .batchTop(k: .ratio(0.1), memory: 0.5), .top(k: .count(3), memory: 0.7, scope: .slot),
    .unified(k: .count(4)), .random(k: .count(4)),
  ]

  @Test(arguments: selections)
  func stateGoesOnWithTheSameBits(selection: SelectionPolicy) throws {
    let policy = SimplificationPolicy(pruneRate: 0.05, minimumWidth: 2, targetWidth: 3)
    func make() -> Trainer<StateTests.Model, SoftmaxCrossEntropy> {
      Self.trainer(
        StateTests.model(lstm: selection.memoryScope == .slot ? .top(k: .count(2)) : nil),
        selection, policy, averageDecay: 0.9)
    }
    let whole = make()
    var cuts: [UnitCut] = []
    func go(_ trainer: Trainer<StateTests.Model, SoftmaxCrossEntropy>, _ steps: Range<Int>) throws
      -> [UnitCut]
    {
      var cuts: [UnitCut] = []
      for step in steps {
        try train(trainer, StateTests.batch(step), epoch: step / 16 + 1)
        cuts += trainer.cutUnits(afterStep: step % 16 + 1, of: 16)
      }
      return cuts
    }
    for step in [0..<7, 7..<20, 20..<40, 40..<64] {
      let stopped = make()
      try stopped.restore(whole.state, stepCount: whole.stepCount)
      #expect(stopped.layerWidths == whole.layerWidths)
      let now = try go(whole, step)
      #expect(try go(stopped, step) == now)
      #expect(stopped.state == whole.state)
      cuts += now
    }
    #expect(!cuts.isEmpty)
    #expect(whole.layerWidths.map(\.width) == [3, 3, 3])
    // Back to a state with more units, and on again to the same end.
    let again = make()
    let start = again.state
    try again.restore(whole.state, stepCount: whole.stepCount)
    try again.restore(start, stepCount: 0)
    #expect(try go(again, 0..<64) == cuts)
    #expect(again.state == whole.state)
  }

  @Test func stateWithOtherUnitsIsRefused() throws {
    let trainer = Self.trainer(Self.features(), averageDecay: 0.9)
    for step in 0..<4 { try train(trainer, Self.symbols(step)) }
    let before = trainer.state
    trainer.cut(toUnitsOfLayers: ["0": [3, 4, 5]])
    let cut = trainer.state
    let other = Self.trainer(Self.features(), averageDecay: 0.9)
    try other.restore(before, stepCount: 4)
    for broken in [[5, 4, 3], [3, 4, 20], [Float.nan, 4, 5]] as [[Float]] {
      var state = cut
      let place = try #require(state.firstIndex { $0.name == "0.units" })
      state[place].values = broken
      #expect(throws: ModelStateError.wrongUnits(name: "0.units", width: 20)) {
        try other.restore(state, stepCount: 4)
      }
      #expect(other.state == before)
    }
    var state = cut
    let place = try #require(state.firstIndex { $0.name == "0.units" })
    state[place] = NamedTensor(name: "0.units", shape: [2], values: [3, 4])
    #expect(throws: ModelStateError.self) { try other.restore(state, stepCount: 4) }
    #expect(other.state == before)
    try other.restore(cut, stepCount: 4)
    #expect(other.state == cut)
  }

  private func train<Model: Layer>(
    _ trainer: Trainer<Model, SoftmaxCrossEntropy>, _ batch: (Model.Input, [Int32]), epoch: Int = 1
  ) throws {
    try trainer.train(batch.0, batch.1, epoch: epoch)
  }
}

extension Parameter {
  /// Sets a number of a parameter of one row.
  fileprivate mutating func setValue(_ number: Float, at column: Int) {
    var matrix = value
    matrix[0, column] = number
    replace(with: matrix)
  }
}
