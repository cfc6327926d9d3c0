// A bidirectional LSTM layer of the paper's tagger: forward, back propagation and its products,
// whole steps.

import MePropCore
import MePropNN

/// What is timed of a step.
private enum LSTMPart: String, CaseIterable {
  /// Those of weights and inputs, with plain SGD applied to gradient rows as they are computed.
  case products = "products of back propagation"
  /// All of it, selection included, with plain SGD.
  case backward = "back propagation"
  /// Forward, backward and Adam on the rows that are touched.
  case step = "step"
  /// The same with a forward pass of eight bits.
  case byteStep = "step, int8 forward pass"
}

extension Benchmark {
  private static let lstmInputs = 190
  private static let lstmHidden = 500
  private static let lstmPrecisions = [Precision.int8, .f32]

  /// Dense and with 10 entries a gate, 2 % of its units, for one sentence and for 16.
  ///
  /// Gradients are random, so that entries are spread over more rows than in training.
  package func runLSTM() throws {
    for batchSize in [1, 16] {
      progress("lstm: \(Self.lstmInputs) to 2 x \(Self.lstmHidden), batch \(batchSize)")
      let batches = SentenceLikeBatches(
        count: 8, batchSize: batchSize, inputSize: Self.lstmInputs, hiddenSize: Self.lstmHidden)
      let policies = [SelectionPolicy.dense, .top(k: .count(10))]
      let sgd = policies.map {
        makeTrainer(Optimizer(.gradientDescent(), learningRate: 1e-6), $0)
      }
      let adam = Self.lstmPrecisions.map { precision in
        policies.map { makeTrainer(.adam(untouchedRows: .skip), $0, precision) }
      }
      for trainer in sgd { try check(trainer, batches) }
      var times = LSTMPart.allCases.map { _ in policies.map { _ in [Double]() } }
      let start = Timing.now()
      var turn = 0
      while turn < 9 || (turn < 1_000 && Timing.now() - start < 3 * settings.secondsPerRow * 1e6) {
        for mode in policies.indices {
          try checkInterruption()
          let found = try runTurn(
            turn, batches, sgd[mode], adam.map { $0[mode] })
          if turn >= 2 { for part in found.indices { times[part][mode].append(found[part]) } }
        }
        turn += 1
      }
      for (part, times) in zip(LSTMPart.allCases, times) {
        let dense = Timing(times[0])
        for (timing, policy) in zip(times.map(Timing.init), policies) {
          let isDense = policy == .dense
          report(
            BenchmarkRow(
              group: "lstm", name: "\(isDense ? "dense" : "top-k"), \(part.rawValue)",
              batchSize: batchSize, inputSize: Self.lstmInputs, outputSize: Self.lstmHidden,
              k: isDense ? Self.lstmHidden : 10, threads: settings.threads,
              microseconds: timing.microseconds, spread: timing.spread,
              denseMicroseconds: dense.microseconds))
        }
      }
    }
  }

  private func makeTrainer(
    _ optimizer: Optimizer, _ policy: SelectionPolicy, _ precision: Precision = .f32
  ) -> LSTMTrainer {
    var optimizer = optimizer
    optimizer.untouchedRows = .skip
    return LSTMTrainer(
      LSTM(Self.lstmInputs, Self.lstmHidden, precision: precision, seed: 1),
      loss: GivenGradient(), optimizer: optimizer, selection: policy,
      inputColumnCount: Self.lstmInputs, context: context)
  }

  /// Microseconds of each part for one batch.
  private func runTurn(
    _ turn: Int, _ batches: SentenceLikeBatches, _ sgd: LSTMTrainer, _ adam: [LSTMTrainer]
  ) throws -> [Double] {
    let (input, gradient, packing) = batches.batch(turn)
    sgd.times = PhaseSeconds()
    try sgd.train(input, gradient, packing: packing)
    var steps: [Precision: Double] = [:]
    for (precision, trainer) in zip(Self.lstmPrecisions, adam) {
      let stepStart = Timing.now()
      try trainer.train(input, gradient, packing: packing)
      steps[precision] = Timing.now() - stepStart
    }
    return LSTMPart.allCases.map { part in
      switch part {
      case .products: sgd.times.products * 1e6
      case .backward: sgd.times.backward * 1e6
      case .step: steps[.f32] ?? 0
      case .byteStep: steps[.int8] ?? 0
      }
    }
  }

  /// Compares the gradient of the inputs with sums in double precision, at every 7th place.
  private func check(_ trainer: LSTMTrainer, _ batches: SentenceLikeBatches) throws {
    let (input, gradient, packing) = batches.batch(0)
    let before = trainer.currentModel
    try trainer.train(input, gradient, packing: packing)
    var worst = WorstDifference()
    for position in stride(from: 0, to: packing.positionCount, by: 7) {
      for column in stride(from: 0, to: input.columnCount, by: 7) {
        var sum = 0.0
        for (workspace, direction) in zip(trainer.scratch.workspaces, before.directions) {
          let entries: [(output: Int, value: Float)] =
            workspace.k > 0
            ? workspace.support.entries(ofExample: position)
            : (0..<workspace.gates.columnCount).map { ($0, workspace.gates[position, $0]) }
          for entry in entries {
            sum +=
              Double(entry.value) * Double(direction.inputWeight.value[entry.output, column])
          }
        }
        worst.add(
          abs(sum - Double(trainer.inputGradient.values[position, column])) / (1 + abs(sum)))
      }
    }
    guard worst.isBelow(1e-4) else {
      throw WrongResultError(operation: "lstm products", difference: worst.value, allowed: 1e-4)
    }
  }
}

/// Trains the layer alone, on gradients that are given.
private typealias LSTMTrainer = Trainer<LSTM, GivenGradient>

/// Batches of sentences of similar length, from 4 to 40 words, with random inputs and gradients.
private struct SentenceLikeBatches {
  private let inputs: [Matrix]
  private let gradients: [Matrix]
  private let packings: [PackedSequence]

  init(count: Int, batchSize: Int, inputSize: Int, hiddenSize: Int) {
    var random = Philox(seed: 5)
    /// Numbers in the first `used` of each `width` columns: padding has no gradient.
    func matrix(_ rows: Int, _ columns: Int, used: Int, of width: Int) -> Matrix {
      var matrix = Matrix(rowCount: rows, columnCount: columns)
      for row in 0..<rows {
        matrix.withMutableRow(row) { values in
          for column in values.indices where column % width < used {
            values[column] = random.nextNormal()
          }
        }
      }
      return matrix
    }
    let padded = LSTM.paddedSize(hiddenSize)
    packings = (0..<count).map { index in
      // 4, 9, … 39 words, and up to two more.
      PackedSequence(
        lengths: (0..<batchSize).map { _ in 4 + 5 * index + Int(random.next(below: 3)) })
    }
    inputs = packings.map {
      matrix($0.positionCount, inputSize, used: inputSize, of: inputSize)
    }
    gradients = packings.map {
      matrix($0.positionCount, 2 * padded, used: hiddenSize, of: padded)
    }
  }

  func batch(_ turn: Int) -> (input: Matrix, gradient: Matrix, packing: PackedSequence) {
    let index = turn % packings.count
    return (inputs[index], gradients[index], packings[index])
  }
}
