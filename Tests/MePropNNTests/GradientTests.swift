import MePropCore
import MePropNN
import Testing
import _MePropTestSupport

/// Gradients of every layer and combinator: references against central differences, and layers
/// against their references.
///
/// Central differences need double precision, so they check the references, of which gradients are
/// right to ten digits then; layers, which compute in single precision, are held to the references
/// within what sums in that precision can lose. All losses are projections `Σ p ⊙ y` on random
/// p.
@Suite struct GradientTests {
  /// Checks the gradients at the input and of all parameters of a reference.
  private func differences<L: Layer>(_ example: LayerCase<L>, alsoInput: Bool = true) {
    let network = example.reference()
    let trainer = NaiveTrainer(network, optimizer: LayerCase<L>.plain)
    withExtendedLifetime(trainer) {}
    for batch in example.batches {
      let p = DoubleMatrix(batch.projection)
      func makeStep() -> NaiveStep { NaiveStep(number: 3, seed: 5, packing: batch.packing) }
      func loss(_ x: DoubleMatrix) -> Double {
        GradientCheck.projection(network.forward(x, makeStep()), on: p)
      }
      let step = makeStep()
      _ = network.forward(batch.naive, step)
      #expect(!step.isNearTie, "\(example.name): a sum is near a kink")
      let dx = network.backward(p, step)
      if alsoInput {
        let expected = GradientCheck.centralDifferences(
          of: { point in
            var x = batch.naive
            x.elements = point
            return loss(x)
          }, at: batch.naive.elements)
        expectClose(dx.elements, expected, atol: 1e-7, rtol: 1e-6, "\(example.name) input")
      }
      for (index, parameter) in network.parameters.enumerated() {
        let start = parameter.value
        let expected = GradientCheck.centralDifferences(
          of: { point in
            parameter.value.elements = point
            return loss(batch.naive)
          }, at: start.elements)
        parameter.value = start
        expectClose(
          parameter.gradient.elements, expected, atol: 1e-7, rtol: 1e-6,
          "\(example.name) parameter \(index)")
      }
    }
  }

  /// Both halves of the check: the reference, and the layer, fused and stored, on one thread and on
  /// two.
  private func check<L: Layer>(
    _ example: LayerCase<L>, alsoInput: Bool = true,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    differences(example, alsoInput: alsoInput)
    for (optimizer, comment) in [
      (LayerCase<L>.plain, "fused"), (LayerCase<L>.stored, "stored"),
    ] {
      for threads in [1, 2] {
        let count = try example.compareGradients(
          optimizer, threads: threads, comment, sourceLocation: sourceLocation)
        #expect(count == example.batches.count, sourceLocation: sourceLocation)
      }
    }
  }

  @Test(arguments: Activation.allCases, [Float(0), 0.3])
  func linear(activation: Activation, dropout: Float) throws {
    let sizes = [(5, 3), (3, 19), (1, 1)]
    for (index, (inputSize, outputSize)) in sizes.enumerated() {
      let layer = LayerCases.linear(
        inputSize, outputSize, activation: activation, dropout: dropout, seed: UInt64(index))
      try check(
        .onRows("\(layer)", layer, inputSize: inputSize, seed: UInt64(index)) {
          NaiveLinear(layer)
        })
      // The other forward product.
      var plain = layer
      plain.skipsZeros = false
      try LayerCase.onRows("\(layer) without zeros", plain, inputSize: inputSize) {
        NaiveLinear(layer)
      }.compareGradients()
    }
  }

  @Test(arguments: [1, 2, 7, 33])
  func layerNorm(size: Int) throws {
    let layer = LayerCases.norm(size)
    try check(.onRows("\(layer)", layer, inputSize: size) { NaiveLayerNorm(layer) })
  }

  @Test func layerNormOfRowsThatAreFarFromZeroOrEqual() throws {
    let layer = LayerCases.norm(6, epsilon: 1e-5)
    var example = LayerCase.onRows("far", layer, inputSize: 6, outputRows: [3]) {
      NaiveLayerNorm(layer)
    }
    for column in 0..<6 {
      example.batches[0].input[0, column] += 100
      example.batches[0].input[1, column] = 2.5
    }
    example.batches[0].naive = DoubleMatrix(example.batches[0].input)
    try example.compareGradients()
  }

  @Test func dropout() throws {
    let layer = DropoutLayer(9, rate: DropoutRate(0.4))
    try check(.onRows("dropout", layer, inputSize: 9) { NaiveDropoutLayer(0.4) })
  }

  @Test func dropoutOfSentences() throws {
    let layer = DropoutLayer(9, rate: DropoutRate(0.4), isVariational: true)
    try check(
      LayerCases.words("dropout", layer, inputSize: 9) { _ in
        NaiveDropoutLayer(0.4, isVariational: true)
      })
  }

  @Test func meanPool() throws {
    try check(
      LayerCases.words("mean", MeanPool(5), inputSize: 5, rowsAreSentences: true) { _ in
        NaiveMeanPool()
      })
  }

  @Test(arguments: [Float(0), 0.3], [false, true])
  func embedding(dropout: Float, isVariational: Bool) throws {
    try check(
      LayerCases.embedding(
        dropout: dropout, isVariational: isVariational,
        lengths: isVariational ? LayerCases.lengths : nil), alsoInput: false)
  }

  @Test(arguments: FeatureSum.Activation.allCases, [Float(0), 0.3])
  func featureSum(activation: FeatureSum.Activation, dropout: Float) throws {
    try check(LayerCases.features(activation, dropout: dropout), alsoInput: false)
  }

  @Test(arguments: Activation.allCases, [Float(0), 0.3])
  func sparseLinear(activation: Activation, dropout: Float) throws {
    try check(LayerCases.sparse(activation, dropout: dropout), alsoInput: false)
    try check(LayerCases.sparse(activation, dropout: dropout, outputSize: 37), alsoInput: false)
  }

  @Test(arguments: [false, true], [false, true])
  func lstm(isBidirectional: Bool, drops: Bool) throws {
    try check(
      LayerCases.lstm(
        3, 5, isBidirectional: isBidirectional, dropout: drops ? 0.3 : 0, isVariational: drops))
  }

  @Test func lstmOfMoreUnitsThanALine() throws {
    let example = LayerCases.lstm(4, 19, isBidirectional: true)
    try example.compareGradients()
    try example.compareGradients(LayerCase<LayerCases.Sequence>.stored, threads: 2)
    // Units of padding do not learn.
    let optimizer = Optimizer(.gradientDescent(), learningRate: 0.1)
    #expect(try example.compareTraining(optimizer) == example.batches.count)
  }

  @Test func gatedUnit() throws {
    let layer = LayerCases.gate(5, 7)
    try check(.onRows("gate", layer, inputSize: 5) { NaiveGate(layer) })
  }
}

extension GradientTests {
  private func linear(_ inputs: Int, _ outputs: Int, _ activation: Activation, _ seed: UInt64)
    -> Linear
  {
    LayerCases.linear(inputs, outputs, activation: activation, seed: seed)
  }

  @Test func chain() throws {
    let layers = [
      linear(4, 6, .tanh, 1), linear(6, 18, .sigmoid, 2), linear(18, 3, .identity, 3),
    ]
    let norm = LayerCases.norm(6)
    let model = Chain {
      layers[0]
      norm
      layers[1]
      layers[2]
    }
    try check(
      .onRows("chain", model, inputSize: 4) {
        NaiveChain([
          NaiveLinear(layers[0]), NaiveLayerNorm(norm), NaiveLinear(layers[1]),
          NaiveLinear(layers[2]),
        ])
      })
  }

  @Test(arguments: [1, 2, 3, 4])
  func stack(depth: Int) throws {
    let layers = (0..<depth).map { linear(5, 5, .tanh, UInt64($0)) }
    try check(
      .onRows("stack", Stack(layers), inputSize: 5) { NaiveChain(layers.map { NaiveLinear($0) }) })
  }

  @Test func residual() throws {
    let (first, second) = (linear(5, 9, .tanh, 1), linear(9, 5, .identity, 2))
    let model = Residual {
      first
      second
    }
    try check(
      .onRows("residual", model, inputSize: 5) {
        NaiveResidual(NaiveChain([NaiveLinear(first), NaiveLinear(second)]))
      })
  }

  @Test func parallel() throws {
    let (first, second, third) = (
      linear(5, 3, .tanh, 1), linear(5, 2, .identity, 2), linear(5, 4, .sigmoid, 3)
    )
    try check(
      .onRows("heads", Parallel(first, Parallel(second, third)), inputSize: 5) {
        NaiveParallel(
          NaiveLinear(first), NaiveParallel(NaiveLinear(second), NaiveLinear(third)))
      })
  }

  @Test func parallelInAChain() throws {
    let (base, first, second) = (
      linear(5, 6, .tanh, 4), linear(6, 3, .tanh, 1), linear(6, 2, .identity, 2)
    )
    let model = Chain {
      base
      Residual { linear(6, 6, .tanh, 5) }
      Parallel(first, second)
    }
    try check(
      .onRows("heads", model, inputSize: 5) {
        NaiveChain([
          NaiveLinear(base), NaiveResidual(NaiveLinear(linear(6, 6, .tanh, 5))),
          NaiveParallel(NaiveLinear(first), NaiveLinear(second)),
        ])
      })
  }

  @Test func named() throws {
    let layer = linear(5, 3, .tanh, 1)
    let model = layer.named("output")
    #expect(model.parameters.map(\.name) == ["output.weight", "output.bias"])
    try check(.onRows("named", model, inputSize: 5) { NaiveLinear(layer) })
  }

  @Test func sentencesToClasses() throws {
    var random = Philox(seed: 3)
    let embedding = Embedding(
      tables: [.init("words", random.nextMatrix(7, 4))], positions: [0])
    let lstm = LSTM(4, 5, seed: 2)
    let output = linear(lstm.outputSize, 3, .identity, 3)
    let model = Chain {
      embedding
      lstm
      MeanPool(lstm.outputSize)
      output
    }
    var example = LayerCases.symbols(
      "sentences", model, symbolCounts: [7], rows: [10, 10], lengths: LayerCases.lengths
    ) {
      NaiveChain([
        NaiveEmbedding(embedding), NaiveLSTMLayer(lstm), NaiveMeanPool(), NaiveLinear(output),
      ])
    }
    for index in example.batches.indices {
      example.batches[index].projection = random.nextMatrix(4, 3)
    }
    try check(example, alsoInput: false)
  }
}
