// Table 8: the backward pass of a network with two wide hidden layers, updates left out.

import MePropCore
import MePropNN

/// A trainer that takes the k of each step from its epoch, so that one network serves all of them
/// in turn.
private struct WideNetwork {
  let network: Stack<Linear>
  let input: Matrix
  let labels: [Int32]
  /// The k by epoch: the table's, then the width, which is dense.
  let counts: [Int]

  init(width: Int, counts: [Int]) {
    var random = Philox(seed: 8)
    input = randomMatrix(Benchmark.table8Batch, 784, &random)
    labels = (0..<Benchmark.table8Batch).map { _ in Int32(random.next(below: 10)) }
    network = Stack.perceptron([784, width, width, 10])
    self.counts = counts + [width]
  }

  /// A trainer by plain gradient descent that stores gradients before it applies them: the backward
  /// pass is all that `PhaseSeconds.backward` then has.
  func trainer(learningRate: Float, context: ComputeContext) -> PerceptronTrainer {
    var optimizer = Optimizer(
      .gradientDescent(), learningRate: learningRate, untouchedRows: .skip)
    optimizer.clipNorm = .greatestFiniteMagnitude
    return PerceptronTrainer(
      network.named("layers"), loss: SoftmaxCrossEntropy(), optimizer: optimizer,
      selection: policy(network.layers[0].outputSize),
      schedule: SelectionSchedule(kByEpoch: counts.map { SelectionCount.count($0) }),
      context: context)
  }

  func policy(_ k: Int) -> SelectionPolicy { .unified(k: .count(k)) }
}

extension Benchmark {
  /// Measures one width; the gradients of each k are checked before.
  func runTable8(width: Int, _ torch: TorchBaseline?) throws {
    progress(
      "widths: backward pass of 784-\(width)-\(width)-10, batch \(Self.table8Batch), about "
        + Self.duration(forecastSeconds(ofTable8: width)))
    let wide = WideNetwork(width: width, counts: Self.counts(below: width))
    try check(wide)
    let question = TorchQuestion(text: "network \(Self.table8Batch) \(width)")
    let (times, answers) = try measure(wide, torch, question)
    let timings = times.map { Timing($0) }
    let torchTimes = answers.isEmpty ? nil : TorchTimes(answers)
    for (k, timing) in zip(wide.counts.dropLast(), timings) {
      report(
        BenchmarkRow(
          group: BenchmarkGroup.widths.rawValue, name: "table 8: backward pass, unified",
          batchSize: Self.table8Batch, inputSize: 784, outputSize: width, k: k,
          threads: settings.threads, microseconds: timing.microseconds, spread: timing.spread,
          denseMicroseconds: timings.last?.microseconds,
          torchMicroseconds: torchTimes?.microseconds, torchBestMicroseconds: torchTimes?.best))
    }
  }

  /// Microseconds of backward passes by k, dense last, and PyTorch's by variant, which take turns
  /// in four rounds.
  private func measure(
    _ wide: WideNetwork, _ torch: TorchBaseline?, _ question: TorchQuestion
  ) throws -> (own: [[Double]], torch: [[Double]]) {
    let rounds = 4
    // Weights stay as they are.
    let trainer = wide.trainer(learningRate: 1e-30, context: context)
    var own = wide.counts.map { _ in [Double]() }
    var answers: [[Double]] = []
    func runTurn(isCounted: Bool) throws {
      for index in wide.counts.indices {
        // The first of three steps with the same k finds workspaces of another size.
        for step in 0..<3 {
          try checkInterruption()
          trainer.times = PhaseSeconds()
          try trainer.train(wide.input, wide.labels, epoch: index + 1)
          if isCounted, step > 0 { own[index].append(trainer.times.backward * 1e6) }
        }
      }
    }
    try runTurn(isCounted: false)
    let share = settings.secondsPerRow * 1e6 * Double(wide.counts.count) / Double(rounds)
    for _ in 0..<rounds {
      let start = Timing.now()
      var turns = 0
      repeat {
        try runTurn(isCounted: true)
        turns += 1
      } while turns < 25 && Timing.now() - start < share
      guard let torch else { continue }
      try checkInterruption()
      let times = try ask(torch, question, seconds: settings.secondsPerRow / Double(rounds))
      answers = answers.isEmpty ? times : zip(answers, times).map { $0 + $1 }
    }
    return (own, answers)
  }

  /// Compares the step of each k with a plain one: a descent at rate 1 tells the gradient.
  private func check(_ wide: WideNetwork) throws {
    let reference = ReferenceStep(wide.network.layers, input: wide.input, labels: wide.labels)
    let trainer = wide.trainer(learningRate: 1, context: context)
    let start = trainer.state
    for (index, k) in wide.counts.enumerated() {
      try checkInterruption()
      try trainer.restore(start, stepCount: 0)
      try trainer.train(wide.input, wide.labels, epoch: index + 1)
      let policy = wide.policy(k)
      let expected = reference.gradients(
        [policy, policy, .dense], memories: [], sampledRows: 40)
      for (layer, gradient) in expected.enumerated() {
        let before = wide.network.layers[layer].weight.value
        let after = trainer.layers[layer].weight.value
        let isSparse = layer < 2 && k < before.rowCount
        // Rows that are not kept must be as they were.
        let others = isSparse ? ResultCheck.places(before.rowCount) : []
        try ResultCheck.require(
          Self.difference(before, after, gradient.rows, others.filter { gradient.rows[$0] == nil }),
          below: 1e-2 + gradient.doubt.squareRoot(),
          "backward pass, width \(wide.counts[wide.counts.count - 1]), unified, k = \(k), "
            + "layers.\(layer)")
      }
    }
  }

  /// How far the change of some rows is from the gradient that was taken from them, 0 in `others`.
  private static func difference(
    _ before: Matrix, _ after: Matrix, _ gradient: [Int: [Double]], _ others: [Int]
  ) -> Double {
    var difference = RelativeDifference()
    func add(_ row: Int, _ expected: [Double]?) {
      before.withRow(row) { old in
        after.withRow(row) { new in
          for column in old.indices {
            difference.add(Double(old[column]) - Double(new[column]), expected?[column] ?? 0)
          }
        }
      }
    }
    for (row, expected) in gradient { add(row, expected) }
    for row in others { add(row, nil) }
    return difference.value
  }
}
