import MePropCore
import MePropNN
import Testing
import _MePropTestSupport

/// Convolution, pooling and batch normalization beside their references, of which gradients are
/// checked by central differences.
@Suite struct ConvolutionTests {
  /// Sizes with every kind of tail: channels below, at and above a line, strides that leave pixels
  /// out, borders, kernels larger than the stride and smaller.
  static let shapes: [(ConvolutionShape, ImageExtent?)] = [
    (shape(5, 6, 1, 3, kernel: 3), nil),
    (shape(6, 6, 2, 5, kernel: 3, padding: 1), 2),
    (shape(7, 5, 3, 2, kernel: ImageExtent(2, 3), stride: ImageExtent(2, 1)), nil),
    (shape(6, 7, 2, 17, kernel: 3, stride: 2, padding: ImageExtent(1, 2)), nil),
    (shape(5, 5, 16, 4, kernel: 3, padding: 1), ImageExtent(2, 3)),
    (shape(4, 4, 18, 3, kernel: 1), 2),
    (shape(5, 5, 2, 3, kernel: 2, stride: 3), nil),
    (shape(8, 8, 1, 20, kernel: 5), 2),
  ]

  static func shape(
    _ height: Int, _ width: Int, _ channels: Int, _ outputs: Int, kernel: ImageExtent,
    stride: ImageExtent = 1, padding: ImageExtent = 0
  ) -> ConvolutionShape {
    ConvolutionShape(
      input: ImageShape(height: height, width: width, channels: channels),
      outputChannels: outputs, kernel: kernel, stride: stride, padding: padding)
  }

  static func layer(
    _ index: Int, activation: Activation = .identity, dropout: Float = 0,
    _ policy: SelectionPolicy? = nil
  ) -> Conv2D {
    let (shape, pooling) = shapes[index]
    return Conv2D(
      shape, pooling: pooling, activation: activation, dropout: dropout,
      initialization: .uniformFanIn, seed: UInt64(index + 1), selection: policy)
  }

  static func example(
    _ layer: Conv2D, rows: [Int] = [3, 1, 5], seed: UInt64 = 1
  ) -> LayerCase<Conv2D> {
    var example = LayerCase.onRows(
      "\(layer)", layer, inputSize: layer.shape.input.count, outputRows: rows, seed: seed
    ) { NaiveConv2D(layer) }
    example.terms = 256
    return example
  }

  /// The gradients of a reference against central differences.
  private func differences<L: Layer>(_ example: LayerCase<L>) {
    let network = example.reference()
    let trainer = NaiveTrainer(network, optimizer: LayerCase<L>.plain)
    withExtendedLifetime(trainer) {}
    let batch = example.batches[0]
    let p = DoubleMatrix(batch.projection)
    func loss(_ x: DoubleMatrix) -> Double {
      GradientCheck.projection(network.forward(x, NaiveStep(number: 3, seed: 5)), on: p)
    }
    let step = NaiveStep(number: 3, seed: 5)
    _ = network.forward(batch.naive, step)
    guard !step.isNearTie else {
      Issue.record("\(example.name): a sum is near a kink")
      return
    }
    let dx = network.backward(p, step)
    var x = batch.naive
    let expected = GradientCheck.centralDifferences(
      of: {
        x.elements = $0
        return loss(x)
      }, at: batch.naive.elements)
    expectClose(dx.elements, expected, atol: 1e-7, rtol: 1e-6, "\(example.name) input")
    for (index, parameter) in network.parameters.enumerated() {
      let start = parameter.value
      let expected = GradientCheck.centralDifferences(
        of: {
          parameter.value.elements = $0
          return loss(batch.naive)
        }, at: start.elements)
      parameter.value = start
      expectClose(
        parameter.gradient.elements, expected, atol: 1e-7, rtol: 1e-6,
        "\(example.name) parameter \(index)")
    }
  }

  private func check<L: Layer>(_ example: LayerCase<L>) throws {
    for (optimizer, comment) in [
      (LayerCase<L>.plain, "fused"), (LayerCase<L>.stored, "stored"),
    ] {
      for threads in [1, 2] {
        let count = try example.compareGradients(optimizer, threads: threads, comment)
        #expect(count >= example.batches.count - 1, "\(example.name)")
      }
    }
  }

  @Test(arguments: shapes.indices)
  func convolutionsAgreeWithTheirDefinition(index: Int) throws {
    for activation in [Activation.identity, .relu, .tanh] {
      let example = Self.example(Self.layer(index, activation: activation))
      if activation != .relu { differences(example) }
      try check(example)
    }
    try check(Self.example(Self.layer(index, activation: .tanh, dropout: 0.3)))
  }

  @Test(arguments: shapes.indices)
  func keptEntriesAreTheDenseStepOfTheMaskedGradient(index: Int) throws {
    let size = Self.layer(index).outputSize
    let channels = Self.shapes[index].0.outputChannels
    let policies =
      [1, size / 10 + 1, size / 2].flatMap { k -> [SelectionPolicy] in
        [
          .top(k: .count(k)), .random(k: .count(k)), .top(k: .count(k), memory: 0.9),
          .top(k: .count(k), memory: 0.7, scope: .slot), .batchTop(k: .count(k)),
          .batchTop(k: .count(k), memory: 0.8), .sampled(k: .count(k)),
        ]
      } + (channels < 2 ? [] : [.unified(k: .count(1)), .unified(k: .count(channels - 1))])
      + [.unified(k: .count(max(1, channels / 2)), memory: 0.8)]
    var compared = 0
    for policy in policies {
      for optimizer in SelectionTests.optimizers {
        let layer = Self.layer(index, activation: .tanh, policy)
        compared += try Self.example(layer, rows: [3, 4, 2], seed: 7)
          .compareTraining(optimizer, threads: 1 + compared % 2, "\(policy)")
      }
    }
    #expect(compared >= policies.count * SelectionTests.optimizers.count * 2)
  }

  /// Trains with a policy and returns all bits that came out.
  private func bits(
    _ layer: Conv2D, _ policy: SelectionPolicy, threads: Int = 1, rows: [Int] = [3, 4]
  ) throws -> [UInt32] {
    let example = Self.example(layer, rows: rows)
    var model = layer
    model.selector.policy = policy
    let trainer = Trainer(
      model, loss: ProjectionLoss(), optimizer: .adam(),
      inputColumnCount: example.inputColumnCount, seed: 5,
      context: ComputeContext(threadCount: threads))
    var result: [UInt32] = []
    for batch in example.batches {
      try trainer.train(batch.input, batch.projection)
      result += trainer.inputGradient.values.elements.map(\.bitPattern)
    }
    return result + trainer.model.parameters.flatMap { $0.values.map(\.bitPattern) }
  }

  @Test(arguments: shapes.indices)
  func keepingAllIsDense(index: Int) throws {
    let layer = Self.layer(index, activation: .relu)
    let dense = try bits(layer, .dense)
    let all: [SelectionPolicy] = [
      .top(k: .ratio(1)), .top(k: .count(layer.shape.output.count)), .random(k: .ratio(1)),
      .unified(k: .ratio(1)), .unified(k: .count(layer.shape.outputChannels)),
      .top(k: .ratio(1), memory: 0.9), .unified(k: .count(1000), memory: 0.9),
    ]
    for policy in all { #expect(try bits(layer, policy) == dense, "\(policy)") }
    #expect(try bits(layer, .top(k: .count(1))) != dense)
  }

  @Test func bitsDoNotDependOnThreads() throws {
    // Large enough for threads to share the work.
    let layer = Conv2D(
      Self.shape(20, 20, 16, 24, kernel: 5, padding: 2), pooling: 2, activation: .relu, seed: 3)
    for policy in [
      SelectionPolicy.dense, .top(k: .ratio(0.02)), .top(k: .ratio(0.2)), .unified(k: .count(5)),
      .top(k: .ratio(0.02), memory: 0.9),
    ] {
      let one = try bits(layer, policy, rows: [20, 20])
      for threads in [2, 3] {
        #expect(try bits(layer, policy, threads: threads, rows: [20, 20]) == one, "\(policy)")
      }
    }
  }

  /// k as a share is one of the outputs before pooling, so that pooling within the layer and after
  /// it keep the same entries.
  @Test func poolingWithinAConvolutionIsPoolingAfterIt() throws {
    let shape = Self.shape(10, 10, 3, 8, kernel: 3)
    let fused = Conv2D(shape, pooling: 2, activation: .relu, seed: 4)
    let plain = Conv2D(shape, activation: .relu, seed: 4)
    let pool = Pool2D(.max, shape.output, window: 2)
    var random = Philox(seed: 8)
    let x = random.nextMatrix(6, shape.input.count)
    let p = random.nextMatrix(6, pool.outputSize)
    for policy in [SelectionPolicy.dense, .top(k: .ratio(0.05)), .unified(k: .ratio(0.5))] {
      var (one, two) = (fused, plain)
      one.selector.policy = policy
      two.selector.policy = policy
      let plain = Optimizer(.gradientDescent(), learningRate: 0.01)
      let first = Trainer(
        one, loss: ProjectionLoss(), optimizer: plain, inputColumnCount: shape.input.count,
        context: ComputeContext())
      let second = Trainer(
        Chain {
          two
          pool
        }, loss: ProjectionLoss(), optimizer: plain, inputColumnCount: shape.input.count,
        context: ComputeContext())
      for _ in 0..<3 {
        try first.train(x, p)
        try second.train(x, p)
      }
      // Sums are the same but for their order.
      expectClose(
        first.inputGradient.values, DoubleMatrix(second.inputGradient.values), atol: 1e-5, rtol: 0,
        "\(policy) dx")
      for (a, b) in zip(first.model.parameters, second.model.parameters) {
        expectClose(a.values, b.values.map(Double.init), atol: 1e-5, rtol: 0, "\(policy) \(b.name)")
      }
    }
  }

  /// What is in memory around an image plays no part.
  @Test func everyInstructionSetAgrees() throws {
    for index in Self.shapes.indices {
      for set in InstructionSet.available {
        let layer = Self.layer(index, activation: .relu)
        let reference = NaiveConv2D(layer)
        var random = Philox(seed: 12)
        let x = random.nextMatrix(4, layer.shape.input.count)
        let step = NaiveStep()
        let expected = reference.forward(DoubleMatrix(x), step)
        let context = ComputeContext(instructionSet: set)
        Predictor(layer, context: context).withOutput(of: x) { y in
          expectClose(
            y, expected, atol: 256 * 0x1p-24, rtol: 0, "\(layer) \(set.rawValue)")
        }
        for policy in [SelectionPolicy.dense, .top(k: .ratio(0.1)), .unified(k: .ratio(0.5))] {
          var model = layer
          model.selector.policy = policy
          let loss = ProjectionLoss()
          let trainer = Trainer(
            model, loss: loss, optimizer: LayerCase<Conv2D>.plain,
            inputColumnCount: x.columnCount, context: context)
          let other = Trainer(
            model, loss: loss, optimizer: LayerCase<Conv2D>.plain,
            inputColumnCount: x.columnCount,
            context: ComputeContext(instructionSet: .portable))
          let p = random.nextMatrix(4, layer.outputSize)
          try trainer.train(x, p)
          try other.train(x, p)
          expectClose(
            trainer.inputGradient.values, DoubleMatrix(other.inputGradient.values),
            atol: 256 * 0x1p-22, rtol: 0, "\(layer) \(set.rawValue) \(policy) dx")
          for (a, b) in zip(trainer.model.parameters, other.model.parameters) {
            expectClose(
              a.values, b.values.map(Double.init), atol: 256 * 0x1p-21, rtol: 0,
              "\(layer) \(set.rawValue) \(policy) \(a.name)")
          }
        }
      }
    }
  }

  // MARK: Pooling and normalization

  static let pools: [(ImageShape, ImageExtent, ImageExtent?)] = [
    (ImageShape(height: 4, width: 6, channels: 3), 2, nil),
    (ImageShape(height: 7, width: 5, channels: 17), 3, 2),
    (ImageShape(height: 5, width: 5, channels: 2), ImageExtent(2, 3), 1),
    (ImageShape(height: 3, width: 4, channels: 5), ImageExtent(3, 4), nil),
  ]

  @Test(arguments: pools.indices, Pooling.Kind.allCases)
  func pooling(index: Int, kind: Pooling.Kind) throws {
    let (input, window, stride) = Self.pools[index]
    let layer = Pool2D(kind, input, window: window, stride: stride)
    let example = LayerCase.onRows("\(layer)", layer, inputSize: input.count) {
      NaivePool2D(kind, layer.shape)
    }
    differences(example)
    try check(example)
  }

  @Test func theFirstOfEqualsTakesTheGradient() throws {
    let layer = Pool2D(.max, ImageShape(height: 2, width: 2, channels: 1), window: 2)
    let trainer = Trainer(
      layer, loss: ProjectionLoss(), optimizer: .adam(), inputColumnCount: 4,
      context: ComputeContext())
    try trainer.train(
      Matrix(rowCount: 2, columnCount: 4, elements: [1, 3, 3, 2, 5, 5, 5, 5]),
      Matrix(rowCount: 2, columnCount: 1, elements: [7, 9]))
    #expect(trainer.inputGradient.values.elements == [0, 7, 0, 0, 9, 0, 0, 0])
  }

  @Test func globalAverage() {
    let layer = Pool2D.globalAverage(ImageShape(height: 2, width: 3, channels: 2))
    #expect(layer.output == ImageShape(height: 1, width: 1, channels: 2))
    let means = layer.outputs(of: [[1, 10, 2, 20, 3, 30, 4, 40, 5, 50, 6, 60] as [Float]])
    #expect(means == [[3.5, 35]])
  }

  private func norm(_ shape: ImageShape) -> BatchNorm {
    var random = Philox(seed: 6)
    var layer = BatchNorm(shape, epsilon: 1e-2)
    layer.gain.replace(with: random.nextMatrix(1, shape.channels))
    layer.bias.replace(with: random.nextMatrix(1, shape.channels))
    return layer
  }

  @Test(arguments: [1, 3, 17])
  func batchNorm(channels: Int) throws {
    let layer = norm(ImageShape(height: 3, width: 4, channels: channels))
    var example = LayerCase.onRows(
      "\(layer)", layer, inputSize: layer.outputSize, outputRows: [20]
    ) { NaiveBatchNorm(layer) }
    example.terms = 256
    let (trainer, naive) = (
      Trainer(
        layer, loss: ProjectionLoss(), optimizer: LayerCase<BatchNorm>.plain,
        inputColumnCount: layer.outputSize, context: ComputeContext(threadCount: 2)),
      NaiveTrainer(example.reference(), optimizer: LayerCase<BatchNorm>.plain)
    )
    differences(
      LayerCase.onRows("\(layer)", layer, inputSize: layer.outputSize, outputRows: [3]) {
        NaiveBatchNorm(layer)
      })
    let batch = example.batches[0]
    try trainer.train(batch.input, batch.projection)
    naive.train(batch.naive) { _ in DoubleMatrix(batch.projection) }
    expectClose(
      trainer.inputGradient.values, naive.inputGradient, atol: 1e-4, rtol: 0, "input gradient")
    let parameters = trainer.model.parameters
    #expect(parameters.map(\.name) == ["gain", "bias", "mean", "variance"])
    for index in 0..<2 {
      expectClose(
        parameters[index].values, naive.network.parameters[index].value.elements, atol: 1e-3,
        rtol: 1e-5, parameters[index].name)
    }
  }

  /// Running means follow those of the batches, nothing else moves them, and they are what is used
  /// outside of training.
  @Test func runningStatisticsOfBatchNorm() throws {
    let shape = ImageShape(height: 1, width: 2, channels: 1)
    var layer = BatchNorm(shape, epsilon: 1e-5, momentum: 0.5)
    var optimizer = Optimizer(.gradientDescent(), learningRate: 0)
    optimizer.weightDecay = 0.5
    let trainer = Trainer(
      layer, loss: ProjectionLoss(), optimizer: optimizer, context: ComputeContext())
    // Mean 2, variance 1.
    let x = Matrix(rowCount: 2, columnCount: 2, elements: [1, 3, 1, 3])
    try trainer.train(x, x)
    try trainer.train(x, x)
    layer = trainer.model
    #expect(layer.mean.value.elements == [1.5])
    #expect(layer.variance.value.elements == [1])
    let y = layer.outputs(of: [[2.5, 1.5] as [Float]], context: ComputeContext())
    #expect(abs(y[0][0] - 1) < 1e-4 && abs(y[0][1]) < 1e-4)
  }

  @Test func descriptions() {
    #expect(
      "\(Self.layer(1, activation: .relu))"
        == "Conv2D(6x6x2 → 3x3x5, 3x3, padding 1x1, max pooling 2x2, relu)")
    #expect("\(Self.layer(2))" == "Conv2D(7x5x3 → 3x3x2, 2x3, stride 2x1)")
    let input = ImageShape(height: 8, width: 8, channels: 4)
    #expect("\(Pool2D(.max, input, window: 2))" == "Pool2D(8x8x4 → 4x4x4, max 2x2)")
    #expect(
      "\(Pool2D(.average, input, window: 3, stride: 2))"
        == "Pool2D(8x8x4 → 3x3x4, average 3x3, stride 2x2)")
    #expect("\(BatchNorm(input))" == "BatchNorm(8x8x4)")
  }
}
