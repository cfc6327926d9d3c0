// The paper's Tables 7 and 8 on this processor: unified selection in layers up to 8,192 wide.

import MePropCore
import MePropNN

extension Benchmark {
  /// The widths and the numbers of kept entries of the tables.
  private static let widths = [512, 1_024, 2_048, 4_096, 8_192]
  private static let kept = [8, 16, 32, 64, 128, 256, 512]

  func runWidths() throws {
    for width in Self.widths { try runTable7(width: width) }
    for width in Self.widths { try runTable8(width: width) }
  }

  /// Both products of one square layer at batch 1,024.
  package func runTable7(width: Int) throws {
    let batchSize = 1_024
    progress("widths: products of a \(width) x \(width) layer, batch \(batchSize)")
    let context = context
    var random = Philox(seed: 7)
    let x = randomMatrix(batchSize, width, &random)
    let d = randomMatrix(batchSize, width, &random)
    let w = randomMatrix(width, width, &random)
    var dx = Matrix(rowCount: batchSize, columnCount: width)
    var gradient = WeightGradient(outputSize: width, inputSize: width)
    let support = GradientSupport()
    let unified = UnifiedProducts()
    let counts = Self.kept.filter { $0 < width }
    var failure: (any Error)?
    var operations: [(Int) -> Void] = counts.map { k in
      { _ in
        do {
          try support.selectUnified(k, of: d, context: context)
        } catch { failure = error }
        unified.gather(support)
        unified.inputGradient(of: support, weights: w, into: &dx, context: context)
        unified.weightGradient(of: support, input: x, into: &gradient, context: context)
      }
    }
    operations[0](0)
    try checkUnified(support, x: x, w: w, dx: dx, gradient: gradient)
    operations.append { _ in
      context.multiply(d, by: w, into: &dx)
      context.weightGradient(ofDense: d, input: x, into: &gradient)
    }
    let timings = Timing.alternating(operations, seconds: settings.secondsPerRow * 4)
    if let failure { throw failure }
    for (k, timing) in zip(counts, timings) {
      let least = limits.leastMicroseconds(
        multiplyAdds: 2 * batchSize * k * width,
        bytes: 4 * (2 * batchSize * width + batchSize * width + 3 * k * width))
      report(
        BenchmarkRow(
          group: "widths", name: "table 7: backward products, unified", batchSize: batchSize,
          inputSize: width,
          outputSize: width, k: k, threads: settings.threads, microseconds: timing.microseconds,
          spread: timing.spread, denseMicroseconds: timings.last?.microseconds,
          limitShare: min(1, least / timing.microseconds)))
    }
  }

  private func checkUnified(
    _ support: GradientSupport, x: Matrix, w: Matrix, dx: Matrix, gradient: WeightGradient
  ) throws {
    var worst = WorstDifference()
    for example in stride(from: 0, to: x.rowCount, by: 101) {
      let kept = support.entries(ofExample: example)
      for column in stride(from: 0, to: w.columnCount, by: 37) {
        let sum = kept.reduce(0.0) { $0 + Double($1.value) * Double(w[$1.output, column]) }
        worst.add(abs(sum - Double(dx[example, column])) / (1 + abs(sum)))
      }
    }
    let entries = (0..<x.rowCount).map { support.entries(ofExample: $0)[0] }
    for column in stride(from: 0, to: x.columnCount, by: 37) {
      let sum = entries.enumerated().reduce(0.0) {
        $0 + Double($1.element.value) * Double(x[$1.offset, column])
      }
      worst.add(abs(sum - Double(gradient.values[entries[0].output, column])) / (1 + abs(sum)))
    }
    guard worst.isBelow(1e-2) else {
      throw WrongResultError(operation: "unified products", difference: worst.value, allowed: 1e-2)
    }
  }

  /// The backward pass of a 784-h-h-10 network at batch 50, updates left out.
  package func runTable8(width: Int) throws {
    let batchSize = 50
    progress("widths: backward pass of 784-\(width)-\(width)-10, batch \(batchSize)")
    var random = Philox(seed: 8)
    let input = randomMatrix(batchSize, 784, &random)
    let labels = (0..<batchSize).map { _ in Int32(random.next(below: 10)) }
    let network = MLP(inputSize: 784, hiddenSizes: [width, width], outputSize: 10, seed: 1)
    let counts = Self.kept.filter { $0 < width }
    let policies = counts.map { SelectionPolicy.unified(k: .count($0)) } + [.dense]
    // Plain gradient descent at rate 0 on stored gradients: the backward pass is all that `backward` measures.
    var optimizer = Optimizer(.gradientDescent(), learningRate: 1e-30, untouchedRows: .skip)
    optimizer.clipNorm = .greatestFiniteMagnitude
    var medians: [Timing] = []
    for policy in policies {
      let trainer = MLPTrainer(network, optimizer: optimizer, selection: policy, context: context)
      var times: [Double] = []
      let start = Timing.now()
      while times.count < 7
        || (times.count < 200 && Timing.now() - start < settings.secondsPerRow * 1e6)
      {
        trainer.times = PhaseTimes()
        try trainer.train(input, labels: labels)
        times.append(trainer.times.backward * 1e6)
      }
      medians.append(Timing(Array(times.dropFirst(2))))
    }
    for (k, timing) in zip(counts, medians) {
      report(
        BenchmarkRow(
          group: "widths", name: "table 8: backward pass, unified", batchSize: batchSize,
          inputSize: 784,
          outputSize: width, k: k, threads: settings.threads, microseconds: timing.microseconds,
          spread: timing.spread, denseMicroseconds: medians.last?.microseconds))
    }
  }
}
