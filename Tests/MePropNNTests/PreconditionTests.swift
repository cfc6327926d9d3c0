import MePropCore
import MePropNN
import Testing
import _MePropTestSupport

/// A wrong call stops the program, and says (in debug builds) what was found and expected.
@Suite struct PreconditionTests {
  enum Misuse: String, CaseIterable, Codable, Sendable {
    case biasShape, inputSize, labelCount, emptyBatch, layersThatDoNotFit, noLayers, sizeOfZero
    case shapeOfParameter, kOfZero, ratioAboveOne, memoryAboveOne, dropoutOfOne, stepOfZero,
      negativeStart, epsilonOfZero

    /// What the message must contain.
    var text: String {
      switch self {
      case .biasShape: "Linear: weight is [2, 3], bias is [1, 3], expected [1, 2]"
      case .inputSize: "Linear(3 → 4, relu): input is [2, 5], expected [*, 3]"
      case .labelCount: "SoftmaxCrossEntropy: 1 targets and 0 weights for an output of [2, 2]"
      case .emptyBatch: "Trainer.train: Linear(3 → 4, relu) → Linear(4 → 2) gives no rows"
      case .layersThatDoNotFit: "Linear(3 → 2): input is [2, 2], expected [*, 3]"
      case .noLayers: "Stack: found no layers, expected at least 1"
      case .sizeOfZero: "perceptron: sizes are [3, 0, 2], expected two or more of at least 1 each"
      case .shapeOfParameter: "Parameter.replace: found [1, 2], expected [2, 3]"
      case .kOfZero: "layers.0: k is"
      case .ratioAboveOne: "layers.0: k is"
      case .memoryAboveOne: "layers.0: memory is 1.5, expected 0 ... 1"
      case .dropoutOfOne: "dropout is 1.0, expected 0 or more and below 1"
      case .stepOfZero: "Optimizer: step is 0, expected 1 or more"
      case .negativeStart: "SelectionSchedule: dense start -1 and every 0, expected 0 or more"
      case .epsilonOfZero: "Optimizer: epsilon is 0.0, expected above 0"
      }
    }

    func perform() throws {
      let network = Perceptron.perceptron([3, 4, 2], seed: 1)
      let trainer = PerceptronTrainer(network)
      let m23 = Matrix(rowCount: 2, columnCount: 3)
      let bias = Parameter(Matrix(rowCount: 1, columnCount: 2), decays: false)
      let linear = Linear(weight: Parameter(m23), bias: bias)
      switch self {
      case .biasShape:
        _ = Linear(
          weight: Parameter(m23), bias: Parameter(Matrix(rowCount: 1, columnCount: 3)))
      case .inputSize: try trainer.train(Matrix(rowCount: 2, columnCount: 5), [0, 1])
      case .labelCount: try trainer.train(m23, [0])
      case .emptyBatch: try trainer.train(Matrix(rowCount: 0, columnCount: 3), [])
      case .layersThatDoNotFit:
        try PerceptronTrainer(Stack([linear, linear])).train(m23, [0, 1])
      case .noLayers: _ = Stack<Linear>([])
      case .sizeOfZero: _ = Perceptron.perceptron([3, 0, 2], seed: 1)
      case .shapeOfParameter:
        var parameter = linear.weight
        parameter.replace(with: bias.value)
      case .kOfZero: _ = PerceptronTrainer(network, selection: .top(k: .count(0)))
      case .ratioAboveOne:
        _ = PerceptronTrainer(network, selection: .random(k: .ratio(1.5)))
      case .memoryAboveOne:
        _ = PerceptronTrainer(network, selection: .top(k: .count(1), memory: 1.5))
      case .dropoutOfOne: _ = Perceptron.perceptron([3, 4, 2], dropout: 1, seed: 1)
      case .stepOfZero: _ = Optimizer.adam().rule(step: 0, isBias: false)
      case .negativeStart: _ = SelectionSchedule(denseStart: -1)
      case .epsilonOfZero:
        let optimizer = Optimizer(.adam(epsilon: 0), learningRate: 0.1)
        _ = optimizer.rule(step: 1, isBias: false)
      }
    }
  }

  @Test(arguments: Misuse.allCases)
  func misuseStopsTheProgram(misuse: Misuse) async throws {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { [misuse] in
      try misuse.perform()
    }
    // Optimized builds leave the text out.
    #if DEBUG
      let output = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
      #expect(output.contains(misuse.text), "\(output.prefix(400))")
    #endif
  }
}

@Suite struct InPlaceTests {
  @Test(arguments: [
    SelectionPolicy.dense, .top(k: .count(2), memory: 0.5), .unified(k: .count(2)),
  ])
  func trainingKeepsTheWeightsWhereTheyAre(policy: SelectionPolicy) throws {
    for clipNorm in [nil, 1] as [Float?] {
      var optimizer = Optimizer.adam(untouchedRows: .skip)
      optimizer.clipNorm = clipNorm
      let trainer = PerceptronTrainer(
        .perceptron([5, 8, 6, 3], seed: 1), optimizer: optimizer, selection: policy)
      let batch = Batches([4], inputSize: 5, classCount: 3, seed: 2).batches[0]
      // The first step may copy: the network came from outside.
      try trainer.train(batch.input, batch.labels)
      let before = (0..<3).map { trainer.network.layers[$0].weight.value.unsafeFloats }
      for _ in 0..<3 { try trainer.train(batch.input, batch.labels) }
      let after = (0..<3).map { trainer.network.layers[$0].weight.value.unsafeFloats }
      #expect(before == after)
    }
  }

  @Test func aCopyOfTheNetworkDoesNotChange() throws {
    let trainer = PerceptronTrainer(.perceptron([5, 8, 3], seed: 1))
    let batch = Batches([4], inputSize: 5, classCount: 3, seed: 2).batches[0]
    let first = trainer.model.inner
    try trainer.train(batch.input, batch.labels)
    #expect(first.parameters == Perceptron.perceptron([5, 8, 3], seed: 1).parameters)
    #expect(trainer.model.inner.parameters != first.parameters)
  }
}
