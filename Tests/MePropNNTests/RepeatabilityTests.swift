import MePropCore
import MePropNN
import Testing
import _MePropTestSupport

/// Same seed and settings: same bits, whatever the number of threads.
@Suite struct RepeatabilityTests {
  struct Mode: Sendable, CustomTestStringConvertible {
    var name: String
    var policy: SelectionPolicy
    var untouched = Optimizer.UntouchedRows.update
    var clipNorm: Float?
    var method = Optimizer.Method.adam()
    var testDescription: String { name }
  }

  static let modes: [Mode] = [
    Mode(name: "dense", policy: .dense),
    Mode(name: "dense, clip", policy: .dense, clipNorm: 0.5),
    Mode(name: "top, update", policy: .top(k: .count(32), memory: 0.9)),
    Mode(
      name: "top, slots", policy: .top(k: .count(32), memory: 0.8, scope: .slot), untouched: .skip),
    Mode(name: "top, skip", policy: .top(k: .count(32), memory: 0.9), untouched: .skip),
    Mode(name: "top, update, clip", policy: .top(k: .count(32)), clipNorm: 0.5),
    Mode(
      name: "top, skip, clip", policy: .top(k: .count(32)), untouched: .skip,
      clipNorm: 0.5),
    Mode(
      name: "top, momentum", policy: .top(k: .count(32)), method: .gradientDescent(momentum: 0.9)),
    Mode(name: "top, adagrad", policy: .top(k: .count(32)), method: .adaGrad()),
    Mode(name: "unified, update", policy: .unified(k: .count(32))),
    Mode(name: "unified, skip", policy: .unified(k: .count(32), memory: 0.5), untouched: .skip),
    Mode(
      name: "unified, skip, clip", policy: .unified(k: .count(32)), untouched: .skip,
      clipNorm: 0.5),
    Mode(name: "unified groups, update", policy: .unified(k: .count(32), groupSize: 10)),
    Mode(
      name: "unified groups, skip", policy: .unified(k: .count(32), groupSize: 10), untouched: .skip
    ),
    Mode(name: "batch top, update", policy: .batchTop(k: .count(32), memory: 0.9)),
    Mode(name: "batch top, skip", policy: .batchTop(k: .count(32)), untouched: .skip),
    Mode(name: "sampled, update", policy: .sampled(k: .count(32), memory: 0.5)),
    Mode(
      name: "sampled, skip, clip", policy: .sampled(k: .count(32)), untouched: .skip,
      clipNorm: 0.5),
    Mode(name: "random, update", policy: .random(k: .count(32))),
    Mode(name: "random, skip", policy: .random(k: .count(32)), untouched: .skip),
  ]

  /// Twenty steps, wide enough for threads to take part, every fifth batch small.
  private func train(_ mode: Mode, threads: Int, seed: UInt64 = 4, dropout: Float = 0.1) throws
    -> Perceptron
  {
    var optimizer = Optimizer(mode.method, learningRate: 0.01, untouchedRows: mode.untouched)
    optimizer.clipNorm = mode.clipNorm
    let trainer = PerceptronTrainer(
      .perceptron([220, 150, 130, 10], dropout: dropout, seed: 2), optimizer: optimizer,
      selection: mode.policy, seed: seed, context: ComputeContext(threadCount: threads))
    let data = Batches([70, 70, 70, 70, 9], inputSize: 220, classCount: 10, seed: 3)
    for step in 0..<20 {
      let batch = data.batches[step % 5]
      try trainer.train(batch.input, batch.labels)
    }
    return trainer.network
  }

  @Test(arguments: modes)
  func threadsDoNotChangeTheBits(mode: Mode) throws {
    let reference = try train(mode, threads: 1)
    for threads in [2, 3] {
      let network = try train(mode, threads: threads)
      for (layer, expected) in zip(network.layers, reference.layers) {
        expectSameBits(layer.weight.value, expected.weight.value, "\(threads) threads")
        expectSameBits(layer.bias.value, expected.bias.value, "\(threads) threads")
      }
    }
  }

  @Test func seedsChangeDropoutAndRandomSelection() throws {
    let random = Mode(name: "random", policy: .random(k: .count(32)))
    let dense = Mode(name: "dense", policy: .dense)
    func numbers(_ mode: Mode, seed: UInt64, dropout: Float) throws -> [NamedTensor] {
      try train(mode, threads: 1, seed: seed, dropout: dropout).parameters
    }
    #expect(
      try numbers(random, seed: 4, dropout: 0) == numbers(random, seed: 4, dropout: 0))
    #expect(
      try numbers(random, seed: 4, dropout: 0) != numbers(random, seed: 5, dropout: 0))
    #expect(
      try numbers(dense, seed: 4, dropout: 0.1) != numbers(dense, seed: 5, dropout: 0.1))
    #expect(try numbers(dense, seed: 4, dropout: 0) == numbers(dense, seed: 5, dropout: 0))
  }
}
