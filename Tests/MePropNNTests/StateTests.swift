import MePropCore
import MePropNN
import Testing
import _MePropTestSupport

/// Trainers that stop and go on, states that do not fit, and models as values.
@Suite struct StateTests {
  typealias Model = Chain<Chain<Chain<Chain<Embedding, LSTM>, MeanPool>, Linear>, Linear>

  /// Symbols to classes, with all that has a state: tables, gates with padding, selectors.
  static func model(seed: UInt64 = 1, lstm policy: SelectionPolicy? = nil) -> Model {
    var random = Philox(seed: seed)
    var embedding = Embedding(13, 6, scale: 0.5, using: &random)
    embedding.dropout = DropoutRate(0.1)
    var lstm = LSTM(6, 5, dropout: DropoutRate(0.2), isVariational: true, seed: random.next())
    for index in lstm.directions.indices { lstm.directions[index].selector.policy = policy }
    return Chain {
      embedding
      lstm
      MeanPool(lstm.outputSize)
      Linear(lstm.outputSize, 21, activation: .tanh, dropout: 0.2, using: &random)
      Linear(21, 3, using: &random)
    }
  }

  /// Settings of a run.
  struct Run: CustomTestStringConvertible, Sendable {
    var name: String
    var optimizer: Optimizer
    var selection: SelectionPolicy
    var lstm: SelectionPolicy?
    var averageDecay: Float = 0
    var testDescription: String { name }

    func makeTrainer(seed: UInt64 = 1) -> Trainer<Model, SoftmaxCrossEntropy> {
      Trainer(
        StateTests.model(seed: seed, lstm: lstm), loss: SoftmaxCrossEntropy(),
        optimizer: optimizer, selection: selection, averageDecay: averageDecay, seed: 9,
        context: ComputeContext())
    }
  }

  static let runs: [Run] = {
    var clipping = Optimizer.adam(learningRate: 0.01)
    clipping.clipNorm = 0.1
    clipping.weightDecay = 0.1
    let k = SelectionCount.count(3)
    return [
      Run(
        name: "momentum", optimizer: Optimizer(.gradientDescent(momentum: 0.9), learningRate: 0.05),
        selection: .top(k: k, memory: 0.9)),
      Run(
        name: "adam, slots, mean", optimizer: .adam(learningRate: 0.01, untouchedRows: .skip),
        selection: .top(k: k, memory: 0.7, scope: .slot), averageDecay: 0.9),
      Run(
        name: "adam, clipping", optimizer: clipping, selection: .unified(k: k, memory: 0.8),
        lstm: .top(k: .count(2), memory: 0.5), averageDecay: 0.99),
      Run(
        name: "adagrad, random", optimizer: Optimizer(.adaGrad(), learningRate: 0.05),
        selection: .random(k: k), lstm: .random(k: .count(2))),
      Run(
        name: "adam, batch", optimizer: .adam(learningRate: 0.01, untouchedRows: .skip),
        selection: .batchTop(k: k, memory: 0.9), lstm: .batchTop(k: .count(2), memory: 0.5)),
      Run(
        name: "adam, sampled", optimizer: .adam(learningRate: 0.01),
        selection: .sampled(k: k, memory: 0.5), lstm: .sampled(k: .count(2))),
      Run(
        name: "plain", optimizer: Optimizer(.gradientDescent(), learningRate: 0.1),
        selection: .dense),
    ]
  }()

  /// The batch of a step: sentences of 1 to 6 words, and their classes.
  static func batch(_ step: Int) -> (Symbols, [Int32]) {
    var random = Philox(seed: 3, stream: UInt64(step))
    let count = random.nextInt(in: 1...7)
    let sentences = (0..<count).map { _ in
      (0..<random.nextInt(in: 1...6)).map { _ in random.nextInt(in: 0...12) }
    }
    return (Symbols(sentences), random.nextLabels(count, classCount: 3))
  }

  private func train<L: Layer>(
    _ trainer: Trainer<L, SoftmaxCrossEntropy>, _ steps: ClosedRange<Int>
  ) throws where L.Input == Symbols {
    for step in steps {
      let (input, labels) = Self.batch(step)
      try trainer.train(input, labels)
    }
  }

  /// All bits that a trainer's future depends on, and those of its model.
  private func bits<L: Layer>(_ trainer: Trainer<L, SoftmaxCrossEntropy>) -> [String: [UInt32]] {
    var result: [String: [UInt32]] = ["steps": [UInt32(trainer.stepCount)]]
    for tensor in trainer.state { result[tensor.name] = tensor.values.map(\.bitPattern) }
    for tensor in trainer.model.parameters {
      result["model " + tensor.name] = tensor.values.map(\.bitPattern)
    }
    return result
  }

  private func differences(
    _ left: [String: [UInt32]], _ right: [String: [UInt32]]
  ) -> [String] {
    Set(left.keys).union(right.keys).filter { left[$0] != right[$0] }.sorted()
  }

  // MARK: Going on

  @Test(arguments: runs, [1, 5, 9])
  func aTrainerGoesOnWithTheSameBits(run: Run, stop: Int) throws {
    let whole = run.makeTrainer()
    try train(whole, 1...13)
    let first = run.makeTrainer()
    try train(first, 1...stop)
    let saved = first.state
    // Into a trainer that just started from elsewhere, and into one in use.
    let used = run.makeTrainer(seed: 3)
    try train(used, 20...24)
    for (name, second) in [("new", run.makeTrainer(seed: 2)), ("used", used)] {
      try second.restore(saved.shuffled(), stepCount: stop)
      #expect(differences(bits(second), bits(first)).isEmpty, "\(name), right away")
      try train(second, (stop + 1)...13)
      #expect(differences(bits(second), bits(whole)).isEmpty, "\(name), in the end")
    }
    // Saving changed nothing, and steps matter.
    #expect(!differences(bits(first), bits(whole)).isEmpty)
    try train(first, (stop + 1)...13)
    #expect(differences(bits(first), bits(whole)).isEmpty)
  }

  @Test func theStateHasWhatItSays() throws {
    let trainer = Self.runs[1].makeTrainer()
    try train(trainer, 1...3)
    let names = Set(trainer.state.map(\.name))
    for parameter in trainer.model.parameters {
      for suffix in ["", ".first", ".second", ".average"] {
        #expect(names.contains(parameter.name + suffix), "\(parameter.name)\(suffix)")
      }
    }
    for layer in ["1.forward", "1.backward", "3"] { #expect(names.contains("\(layer).memory")) }
    // The output layer is dense.
    #expect(!names.contains("4.memory"))
    #expect(names.count == 4 * trainer.model.parameters.count + 3)
  }

  // MARK: Refusals

  /// States that do not fit, and what is said of them.
  private func damaged(_ state: [NamedTensor]) -> [(ModelStateError, [NamedTensor])] {
    var result: [(ModelStateError, [NamedTensor])] = []
    for (index, tensor) in state.enumerated() {
      var missing = state
      missing.remove(at: index)
      result.append((.missing(name: tensor.name), missing))
      // Memories by slot may have any number of rows.
      let found = tensor.shape.dropLast() + [tensor.shape[tensor.shape.count - 1] + 1]
      var other = state
      other[index] = NamedTensor(
        name: tensor.name, shape: Array(found),
        values: Array(repeating: 1, count: found.reduce(1, *)))
      result.append(
        (
          .shapeMismatch(name: tensor.name, expected: tensor.shape, found: Array(found)),
          other
        ))
    }
    let more = NamedTensor(name: "5.weight", shape: [1], values: [1])
    result.append((.unexpected(name: "5.weight"), state + [more]))
    return result
  }

  @Test(arguments: runs)
  func aStateThatDoesNotFitChangesNothing(run: Run) throws {
    let whole = run.makeTrainer()
    try train(whole, 1...12)
    let trainer = run.makeTrainer()
    try train(trainer, 1...9)
    let before = bits(trainer)
    // The state of another trainer, so that what is taken over would show.
    let other = run.makeTrainer(seed: 2)
    try train(other, 1...9)
    for (error, state) in damaged(other.state) {
      #expect(throws: error) { try trainer.restore(state, stepCount: 3) }
    }
    #expect(differences(bits(trainer), before).isEmpty)
    try train(trainer, 10...12)
    #expect(differences(bits(trainer), bits(whole)).isEmpty)
  }

  @Test func parametersThatDoNotFitChangeNothing() throws {
    var model = Self.model()
    let before = model.parameters
    let other = Self.model(seed: 2).parameters
    for (error, tensors) in damaged(other) {
      #expect(throws: error) { try model.replaceParameters(with: tensors) }
      #expect(model.parameters == before)
    }
    try model.replaceParameters(with: other.reversed())
    #expect(model.parameters == other && other != before)
    // The numbers are the only thing that is taken: predictions are those of the other model.
    let (input, _) = Self.batch(1)
    let context = ComputeContext()
    Predictor(model, context: context).withOutput(of: input) { mine in
      Predictor(Self.model(seed: 2), context: context).withOutput(of: input) { theirs in
        expectSameBits(mine, theirs)
      }
    }
  }

  // MARK: Values

  @Test(arguments: runs)
  func trainersOfOneModelDoNotDisturbEachOther(run: Run) throws {
    let model = Self.model(lstm: run.lstm)
    let before = model.parameters
    func makeTrainer(_ optimizer: Optimizer) -> Trainer<Model, SoftmaxCrossEntropy> {
      Trainer(
        model, loss: SoftmaxCrossEntropy(), optimizer: optimizer, selection: run.selection,
        seed: 9, context: ComputeContext())
    }
    let another = Optimizer(.gradientDescent(), learningRate: 0.3, untouchedRows: .skip)
    let alone = [makeTrainer(run.optimizer), makeTrainer(another)]
    for trainer in alone { try train(trainer, 1...6) }
    // Step by step in turn, while predictors of copies are at work.
    let together = [makeTrainer(run.optimizer), makeTrainer(another)]
    let (input, _) = Self.batch(50)
    let predictor = Predictor(model, context: ComputeContext())
    var expected = Matrix(rowCount: 0, columnCount: 0)
    predictor.withOutput(of: input) { expected = $0 }
    for step in 1...6 {
      for trainer in together {
        try train(trainer, step...step)
        predictor.withOutput(of: input) { expectSameBits($0, expected) }
      }
    }
    for (left, right) in zip(alone, together) {
      #expect(differences(bits(left), bits(right)).isEmpty)
    }
    #expect(!differences(bits(alone[0]), bits(alone[1])).isEmpty)
    #expect(model.parameters == before)
  }

  @Test func aCopyOfATrainersModelStays() throws {
    let trainer = Self.runs[0].makeTrainer()
    try train(trainer, 1...3)
    let copy = trainer.model
    let before = copy.parameters
    try train(trainer, 4...6)
    #expect(copy.parameters == before && trainer.model.parameters != before)
    // A trainer of the copy starts from there.
    let next = Trainer(
      copy, loss: SoftmaxCrossEntropy(), optimizer: .adam(), context: ComputeContext())
    #expect(next.model.parameters == before)
    try train(next, 7...8)
    #expect(copy.parameters == before)
  }
}

/// Copies of weights in other forms (transposed, packed, rounded) follow their changes: what a
/// trainer computes in a step is what a predictor without any copies computes of its model.
@Suite struct DerivedCopyTests {
  /// Settings of a run.
  struct Run: CustomTestStringConvertible, Sendable {
    var selection: SelectionPolicy
    var rows: Optimizer.UntouchedRows
    var clipNorm: Float?
    var testDescription: String { "\(selection), \(rows), \(clipNorm.map { "\($0)" } ?? "-")" }

    var optimizer: Optimizer {
      var optimizer = Optimizer(
        .gradientDescent(momentum: 0.5), learningRate: 0.05, untouchedRows: rows)
      optimizer.clipNorm = clipNorm
      return optimizer
    }
  }

  static let runs: [Run] = [
    SelectionPolicy.dense, .top(k: .count(4)), .unified(k: .count(3)),
    .top(k: .count(30), memory: 0.5),
  ].flatMap { policy in
    Optimizer.UntouchedRows.allCases.flatMap { rows in
      [nil, 0.5].map { Run(selection: policy, rows: rows, clipNorm: $0) }
    }
  }

  /// Batches of all sizes, dense and with many zeros: other forward products take other copies.
  private func inputs(_ size: Int) -> [Matrix] {
    var random = Philox(seed: 8)
    let shapes: [(Int, Float)] = [
      (1, 0), (10, 0.9), (70, 0), (3, 0.5), (1, 0.95), (1, 0), (70, 0.9), (10, 0), (33, 0.8),
      (2, 0), (10, 0.9), (128, 0), (5, 0.3), (10, 0.9),
    ]
    return shapes.map { rows, zeros in
      var x = random.nextMatrix(rows, size)
      for row in 0..<rows {
        for column in 0..<size where random.nextUniform() < zeros { x[row, column] = 0 }
      }
      return x
    }
  }

  /// Trains on all inputs, restoring in between, and compares each forward pass; outputs may be
  /// `tolerance` apart where prediction adds up in another order, which is far less than a step
  /// changes.
  private func check<L: Layer>(
    _ model: L, _ inputs: [L.Input], rows: (L.Input) -> Int, _ run: Run, tolerance: Double? = nil
  ) throws {
    let loss = ProjectionLoss()
    let context = ComputeContext()
    let trainer = Trainer(
      model, loss: loss, optimizer: run.optimizer, selection: run.selection, seed: 2,
      context: context)
    let first = Predictor(model, context: context)
    var before: [Matrix] = []
    for input in inputs { first.withOutput(of: input) { before.append($0) } }
    let start = trainer.state
    var random = Philox(seed: 9)
    for (index, input) in inputs.enumerated() {
      // All numbers at once become others.
      if index == inputs.count / 2 { try trainer.restore(start, stepCount: 3) }
      let projection = random.nextMatrix(rows(input), model.outputSize, scale: 0.1)
      let fresh = Predictor(trainer.model, context: context)
      try trainer.train(input, projection)
      fresh.withOutput(of: input) {
        let comment = "\(run), batch \(index)"
        if let tolerance {
          expectClose(loss.box.output, $0, atol: tolerance, rtol: tolerance, comment)
        } else {
          expectSameBits(loss.box.output, $0, comment)
        }
      }
      // Its model is as it was before the step; so is that of the first predictor.
      first.withOutput(of: input) {
        expectSameBits($0, before[index], "\(run), batch \(index), first predictor")
      }
    }
    #expect(trainer.model.parameters != model.parameters)
  }

  @Test(arguments: runs, Precision.allCases)
  func linear(run: Run, precision: Precision) throws {
    var random = Philox(seed: 1)
    var layers = [
      Linear(70, 50, activation: .relu, using: &random), Linear(50, 50, using: &random),
      Linear(50, 7, using: &random),
    ]
    for index in layers.indices { layers[index].precision = precision }
    let model = Chain {
      Stack(Array(layers[..<2]))
      layers[2]
    }
    try check(
      model, inputs(70), rows: \.rowCount, run, tolerance: precision == .bf16 ? nil : 1e-5)
  }

  @Test(arguments: runs, Precision.allCases)
  func lstm(run: Run, precision: Precision) throws {
    var random = Philox(seed: 1)
    var lstm = LSTM(20, 18, seed: 4)
    lstm.precision = precision
    let model = Chain {
      Embedding(30, 20, scale: 0.5, using: &random)
      lstm
    }
    let batches = (0..<8).map { _ in
      Symbols(
        (0..<random.nextInt(in: 1...5)).map { _ in
          (0..<random.nextInt(in: 1...5)).map { _ in random.nextInt(in: 0...29) }
        })
    }
    try check(model, batches, rows: \.rowCount, run)
  }

  @Test(arguments: runs)
  func features(run: Run) throws {
    let model = FeatureSum(
      symbolCount: 20, embeddingSize: 8, positionCount: 4, outputSize: 40, embeddingScale: 0.5,
      initialization: .heNormal, seed: 3)
    var random = Philox(seed: 1)
    let batches = (0..<8).map { _ in
      let rows = random.nextInt(in: 1...9)
      return Symbols(
        (0..<(4 * rows)).map { _ in UInt32(random.nextInt(in: 0...19)) }, rowCount: rows,
        positionCount: 4)
    }
    try check(model, batches, rows: \.rowCount, run)
  }
}
