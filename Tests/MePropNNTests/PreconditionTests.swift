import MePropCore
import MePropNN
import Testing
import _MePropTestSupport

/// A wrong call stops the program, and says (in debug builds) what was found and expected.
@Suite struct PreconditionTests {
  enum Misuse: String, CaseIterable, Codable, Sendable {
    case biasShape, inputSize, labelCount, emptyBatch, layersThatDoNotFit, noLayers, sizeOfZero
    case policyCount, kOfZero, ratioAboveOne, memoryAboveOne, dropoutOfOne, stepOfZero,
      negativeStart, epsilonOfZero

    /// What the message must contain.
    var text: String {
      switch self {
      case .biasShape: "Linear: weight is 2 x 3, bias is 1 x 3, expected 1 x 2"
      case .inputSize: "Linear(3 → 4): input is [2, 5], expected [*, 3]"
      case .labelCount: "MLPTrainer.train: 1 labels for an input of 2 rows"
      case .emptyBatch: "MLPTrainer.train: 0 labels for an input of 0 rows"
      case .layersThatDoNotFit: "MLP: a layer of 2 outputs before one of 3 inputs"
      case .noLayers: "MLP: found no layers, expected at least 1"
      case .sizeOfZero: "MLP: sizes are [3, 0, 2], expected at least 1 each"
      case .policyCount: "MLPTrainer: 1 selection policies for 2 layers"
      case .kOfZero: "MLPTrainer: k is"
      case .ratioAboveOne: "MLPTrainer: k is"
      case .memoryAboveOne: "MLPTrainer: memory is 1.5, expected 0 ... 1"
      case .dropoutOfOne: "MLPTrainer: dropout is 1.0, expected 0 or more and below 1"
      case .stepOfZero: "Optimizer: step is 0, expected 1 or more"
      case .negativeStart: "SelectionSchedule: dense start -1 and every 0, expected 0 or more"
      case .epsilonOfZero: "Optimizer: epsilon is 0.0, expected above 0"
      }
    }

    func perform() throws {
      let context = ComputeContext()
      let network = MLP(inputSize: 3, hiddenSizes: [4], outputSize: 2, seed: 1)
      let trainer = MLPTrainer(network, context: context)
      let m23 = Matrix(rowCount: 2, columnCount: 3)
      let linear = Linear(inputSize: 3, outputSize: 2)
      switch self {
      case .biasShape: _ = Linear(weight: m23, bias: Matrix(rowCount: 1, columnCount: 3))
      case .inputSize: try trainer.train(Matrix(rowCount: 2, columnCount: 5), labels: [0, 1])
      case .labelCount: try trainer.train(m23, labels: [0])
      case .emptyBatch: try trainer.train(Matrix(rowCount: 0, columnCount: 3), labels: [])
      case .layersThatDoNotFit: _ = MLP(layers: [linear, linear], activation: .relu)
      case .noLayers: _ = MLP(layers: [], activation: .relu)
      case .sizeOfZero: _ = MLP(inputSize: 3, hiddenSizes: [0], outputSize: 2, seed: 1)
      case .policyCount:
        _ = MLPTrainer(network, optimizer: .adam(), selectionByLayer: [.dense], context: context)
      case .kOfZero: _ = MLPTrainer(network, selection: .top(k: .count(0)), context: context)
      case .ratioAboveOne:
        _ = MLPTrainer(network, selection: .random(k: .ratio(1.5)), context: context)
      case .memoryAboveOne:
        _ = MLPTrainer(network, selection: .top(k: .count(1), memory: 1.5), context: context)
      case .dropoutOfOne: _ = MLPTrainer(network, dropout: 1, context: context)
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
      let trainer = MLPTrainer(
        MLP(inputSize: 5, hiddenSizes: [8, 6], outputSize: 3, seed: 1), optimizer: optimizer,
        selection: policy, context: ComputeContext())
      let batch = Batches([4], inputSize: 5, classCount: 3, seed: 2).batches[0]
      // The first step may copy: the network came from outside.
      try trainer.train(batch.input, labels: batch.labels)
      let before = (0..<3).map { trainer.network.layers[$0].weight.unsafeFloats }
      for _ in 0..<3 { try trainer.train(batch.input, labels: batch.labels) }
      let after = (0..<3).map { trainer.network.layers[$0].weight.unsafeFloats }
      #expect(before == after)
    }
  }

  @Test func aCopyOfTheNetworkDoesNotChange() throws {
    let trainer = MLPTrainer(
      MLP(inputSize: 5, hiddenSizes: [8], outputSize: 3, seed: 1), context: ComputeContext())
    let batch = Batches([4], inputSize: 5, classCount: 3, seed: 2).batches[0]
    let first = trainer.network
    try trainer.train(batch.input, labels: batch.labels)
    #expect(first == MLP(inputSize: 5, hiddenSizes: [8], outputSize: 3, seed: 1))
    #expect(trainer.network != first)
  }
}
