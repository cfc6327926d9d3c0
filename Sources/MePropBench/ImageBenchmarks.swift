// Back propagation through a convolution, and whole steps of a network that has two of them.

import MePropCore
import MePropNN

extension Benchmark {
  /// The second convolution of ``TorchImages``' network: 64 channels of 5 × 5 on 12 × 12 × 32.
  private static let secondConvolution = ConvolutionShape(
    input: ImageShape(height: 12, width: 12, channels: 32), outputChannels: 64, kernel: 5)
  private static let imageBatch = 64

  /// Dense, and with shares of a convolution's outputs.
  private static let imagePolicies: [(name: String, share: Double, policy: SelectionPolicy)] = [
    ("dense", 1, .dense),
    ("sampled 5 %", 0.05, .sampled(k: .ratio(0.05))),
    ("top-k 5 %", 0.05, .top(k: .ratio(0.05))),
    ("top-k 1 %", 0.01, .top(k: .ratio(0.01))),
  ]

  package func runImages() throws {
    try checkConvolution()
    progress("images: back propagation of 64 channels of 5x5, batch \(Self.imageBatch)")
    try runConvolution()
    progress("images: steps of two convolutions and two dense layers, batch \(Self.imageBatch)")
    try runImageSteps()
  }

  private func row(
    _ name: String, _ share: Double, inputs: Int, _ timing: Timing, dense: Timing,
    torch: [TorchTimes] = []
  ) -> BenchmarkRow {
    let outputs = Self.secondConvolution.output.count
    return BenchmarkRow(
      group: BenchmarkGroup.images.rawValue, name: name, batchSize: Self.imageBatch,
      inputSize: inputs, outputSize: outputs, k: Int((share * Double(outputs)).rounded()),
      threads: settings.threads, microseconds: timing.microseconds, spread: timing.spread,
      denseMicroseconds: dense.microseconds, torchMicroseconds: torch.first?.microseconds,
      torchBestMicroseconds: torch.map(\.best).min(),
      perSecond: Double(Self.imageBatch) * 1e6 / timing.microseconds)
  }

  private func makeConvolution(
    pooling: ImageExtent?, activation: Activation, _ policy: SelectionPolicy
  ) -> Trainer<Conv2D, GivenGradient> {
    Trainer(
      // Its own policy: a trainer leaves the last layer dense.
      Conv2D(
        Self.secondConvolution, pooling: pooling, activation: activation, seed: 1,
        selection: policy),
      loss: GivenGradient(),
      optimizer: Optimizer(.gradientDescent(), learningRate: 1e-6, untouchedRows: .skip),
      inputColumnCount: Self.secondConvolution.input.count, context: context)
  }

  private func randomMatrix(_ rows: Int, _ columns: Int, from random: inout Philox) -> Matrix {
    var matrix = Matrix(rowCount: rows, columnCount: columns)
    for row in 0..<rows {
      matrix.withMutableRow(row) { values in
        for column in values.indices { values[column] = random.nextNormal() }
      }
    }
    return matrix
  }

  /// Selection, both products and plain SGD, max pooling and ReLU behind the convolution; gradients
  /// are random.
  private func runConvolution() throws {
    var random = Philox(seed: 7)
    let trainers = Self.imagePolicies.map {
      makeConvolution(pooling: 2, activation: .relu, $0.policy)
    }
    let batches = (0..<4).map { _ in
      (
        input: randomMatrix(Self.imageBatch, Self.secondConvolution.input.count, from: &random),
        gradient: randomMatrix(Self.imageBatch, trainers[0].model.outputSize, from: &random)
      )
    }
    var times = trainers.map { _ in [Double]() }
    let start = Timing.now()
    let seconds = settings.secondsPerRow * Double(trainers.count)
    var turn = 0
    while turn < 9 || (turn < 1_000 && Timing.now() - start < seconds * 1e6) {
      let batch = batches[turn % batches.count]
      for (index, trainer) in trainers.enumerated() {
        try checkInterruption()
        trainer.times = PhaseSeconds()
        try trainer.train(batch.input, batch.gradient)
        if turn >= 2 { times[index].append(trainer.times.backward * 1e6) }
      }
      turn += 1
    }
    let timings = times.map { Timing($0) }
    for (kind, timing) in zip(Self.imagePolicies, timings) {
      report(
        row(
          "convolution, back propagation, \(kind.name)", kind.share,
          inputs: Self.secondConvolution.input.count, timing, dense: timings[0]))
    }
  }

  /// Forward, loss, backward and Adam.
  private func runImageSteps() throws {
    let batches = DigitLikeBatches(count: 16, batchSize: Self.imageBatch)
    let trainers = Self.imagePolicies.map { kind in
      var random = Philox(seed: 3)
      let first = Conv2D(
        ImageShape(height: 28, width: 28, channels: 1), channels: 32, kernel: 5, pooling: 2,
        activation: .relu, using: &random)
      let second = Conv2D(
        first.output, channels: 64, kernel: 5, pooling: 2, activation: .relu, using: &random)
      let third = Linear(second.outputSize, 256, activation: .relu, using: &random)
      let output = Linear(256, 10, using: &random)
      return Trainer(
        Chain {
          first
          second
          third
          output
        }, loss: SoftmaxCrossEntropy(), optimizer: .adam(untouchedRows: .skip),
        selection: kind.policy, context: context)
    }
    let steps = trainers.map { trainer in
      { (turn: Int) in
        _ = try trainer.train(batches.inputs[turn % 16], batches.labels[turn % 16])
      }
    }
    let torch = try settings.python.map {
      try TorchBaseline(
        python: $0, threads: settings.threads, program: TorchImages.program,
        isInterrupted: isInterrupted)
    }
    let questions = TorchImages.formats.map { TorchQuestion(text: "\($0) \(Self.imageBatch)") }
    let (timings, answers) = try alternate(
      steps, seconds: 2 * settings.secondsPerRow * Double(steps.count), torch: torch,
      asking: questions)
    for (kind, timing) in zip(Self.imagePolicies, timings) {
      report(
        row(
          "whole step, \(kind.name)", kind.share, inputs: 784, timing, dense: timings[0],
          torch: questions.compactMap { answers[$0] }))
    }
  }

  /// Compares the gradient of the inputs with sums in double precision, at some places.
  private func checkConvolution() throws {
    let shape = Self.secondConvolution
    let trainer = makeConvolution(pooling: nil, activation: .identity, .dense)
    let weight = trainer.currentModel.weight.value
    var random = Philox(seed: 8)
    let input = randomMatrix(2, shape.input.count, from: &random)
    let gradient = randomMatrix(2, shape.output.count, from: &random)
    try trainer.train(input, gradient)
    var worst = WorstDifference()
    for place in stride(from: 0, to: shape.input.count, by: 61) {
      let channel = place % shape.input.channels
      let column = place / shape.input.channels % shape.input.width
      let row = place / shape.input.channels / shape.input.width
      var sum = 0.0
      for u in 0..<5 {
        for v in 0..<5 {
          guard (0..<shape.output.height).contains(row - u),
            (0..<shape.output.width).contains(column - v)
          else { continue }
          let pixel = (row - u) * shape.output.width + column - v
          for output in 0..<shape.outputChannels {
            sum +=
              Double(gradient[1, pixel * shape.outputChannels + output])
              * Double(weight[output, (u * 5 + v) * shape.input.channels + channel])
          }
        }
      }
      worst.add(abs(sum - Double(trainer.inputGradient.values[1, place])) / (1 + abs(sum)))
    }
    guard worst.isBelow(1e-4) else {
      throw WrongResultError(
        operation: "gradient of a convolution", difference: worst.value, allowed: 1e-4)
    }
  }
}
