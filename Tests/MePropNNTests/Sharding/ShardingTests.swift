// The same bits for any number of ranks and threads, and what shards cannot do.

import Foundation
import MePropCore
import MePropNN
import Synchronization
import Testing

@Suite struct ShardingTests {
  private static let policies: [SelectionPolicy] = [
    .dense, .top(k: .count(3)), .top(k: .count(3), memory: 0.9), .unified(k: .count(4)),
    .unified(k: .count(4), memory: 0.9), .unified(k: .count(4), groupSize: 2),
    .batchTop(k: .count(2)), .batchTop(k: .ratio(0.1), memory: 0.5), .sampled(k: .count(2)),
    .sampled(k: .count(2), memory: 0.5), .random(k: .count(3)),
  ]

  @Test(arguments: ShardCase.all, policies)
  func ranksAndThreadsDoNotChangeBits(_ sample: ShardCase, _ policy: SelectionPolicy) throws {
    if case .unified = policy, sample.name == "pictures" { return }
    var run = ShardRun(policy: policy)
    let one = try #require(try sample.outcomes(run, ranks: 1).first)
    #expect(one.losses.allSatisfy { $0.isFinite })
    #expect(one.losses[5] < one.losses[0], "nothing was learned: \(one.losses)")
    for ranks in [2, 3, 4, 8] {
      // Each parameter travels for itself, or all at the end.
      run.overlapMinimum = ranks % 2 == 0 ? 1 : 1 << 18
      for outcome in try sample.outcomes(run, ranks: ranks) {
        #expect(outcome == one, "\(ranks) ranks")
      }
    }
    run.threads = 3
    run.overlapMinimum = 1
    for ranks in [1, 2] {
      for outcome in try sample.outcomes(run, ranks: ranks) {
        #expect(outcome == one, "\(ranks) ranks of 3 threads")
      }
    }
  }

  @Test func shardsTakeTurns() {
    let meeting = ShardMeeting(SingleProcess(), limit: 1)
    let order = Mutex<[Int]>([])
    meeting.begin(3)
    ThreadTeam(count: 3).run { shard in
      // The last one comes late.
      Thread.sleep(forTimeInterval: 0.02 * Double(shard))
      meeting.join()
      for stage in 0..<4 {
        order.withLock { $0.append(stage) }
        if stage < 3 { meeting.yield(stage: stage + 1) }
      }
      meeting.leave()
    }
    #expect(order.withLock { $0 } == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3])
  }

  @Test(arguments: [
    Optimizer(.gradientDescent(momentum: 0.9), learningRate: 0.05),
    Optimizer(.adaGrad(), learningRate: 0.05, untouchedRows: .skip),
    .adam(learningRate: 0.01, untouchedRows: .update),
  ])
  func optimizersSeeTheSameSums(_ optimizer: Optimizer) throws {
    for sample in [ShardCase.perceptron, .features] {
      for clips in [false, true] {
        var run = ShardRun(policy: .batchTop(k: .count(2)), shards: 5, optimizer: optimizer)
        run.averageDecay = 0.9
        run.optimizer.l2 = 0.01
        run.optimizer.clipNorm = clips ? 0.5 : nil
        let one = try sample.outcomes(run, ranks: 1)
        for ranks in [2, 3, 5] {
          #expect(try sample.outcomes(run, ranks: ranks).allSatisfy { $0 == one[0] })
        }
      }
    }
  }

  /// One shard is a batch that is not cut, but for dropout on no other rows and gradients that are
  /// stored; several shards differ from it by rounding.
  @Test(arguments: [
    SelectionPolicy.dense, .top(k: .count(3)), .unified(k: .count(4)), .batchTop(k: .count(2)),
    .sampled(k: .count(2)),
  ])
  func shardsAreTheWholeBatch(_ policy: SelectionPolicy) throws {
    var random = Philox(seed: 3)
    let model = Chain {
      Linear(20, 40, activation: .relu, using: &random)
      Linear(40, 5, using: &random)
    }
    func trainer() -> Trainer<Chain<Linear, Linear>, SoftmaxCrossEntropy> {
      Trainer(
        model, loss: SoftmaxCrossEntropy(),
        optimizer: Optimizer(.gradientDescent(), learningRate: 0.1), selection: policy,
        context: ComputeContext())
    }
    let rows: [[Float]] = (0..<16).map { row in
      (0..<20).map { column in Float((column * 7 + row * 3) % 11) / 11 }
    }
    let labels: [Int32] = (0..<16).map { Int32($0 % 5) }
    let whole = trainer()
    try whole.train(Matrix(rows), labels)
    for shards in [1, 4] {
      let cut = trainer()
      try cut.shard(into: shards)
      try cut.train(shardsOf: 16) {
        TrainingBatch(Matrix(Array(rows[$0])), Array(labels[$0]))
      }
      for (found, expected) in zip(cut.currentModel.parameters, whole.currentModel.parameters) {
        if case .sampled = policy, shards > 1 { continue }
        let differences: [Float] = zip(found.values, expected.values).map { abs($0 - $1) }
        let worst = differences.max() ?? 1
        #expect(found.values.count == expected.values.count && worst <= 1e-6, "\(found.name)")
      }
    }
  }

  @Test func unifiedSelectionSendsItsRowsOnly() throws {
    var random = Philox(seed: 9)
    let (inputs, width, kept) = (512, 512, 20)
    let model = Chain {
      Linear(inputs, width, activation: .relu, using: &random)
      Linear(width, width, activation: .relu, using: &random)
      Linear(width, 4, using: &random)
    }
    let sample = ShardCase("wide", model) { examples in
      TrainingBatch(
        Matrix(examples.map { example in (0..<inputs).map { Float(($0 + example) % 9) } }),
        examples.map { Int32($0 % 4) })
    }
    for ranks in [2, 4] {
      func bytes(_ policy: SelectionPolicy) throws -> Int {
        var run = ShardRun(policy: policy, shards: ranks)
        run.optimizer = Optimizer(.gradientDescent(), learningRate: 1e-4, untouchedRows: .skip)
        return try sample.outcomes(run, ranks: ranks).map(\.bytesSent).max() ?? 0
      }
      let dense = try bytes(.dense)
      let share = Double(try bytes(.unified(k: .count(kept)))) / Double(dense)
      // Two (R − 1) / R of the gradient, as for any all-reduce.
      let weights = 4 * (inputs * width + width * width + 4 * width + 2 * width + 4)
      #expect(Double(dense) < 1.01 * Double(2 * (ranks - 1) * weights / ranks))
      #expect(share <= 1.3 * Double(kept) / Double(width), "\(ranks) ranks: \(share)")
    }
  }

  @Test func aFailureIsTheSameEverywhere() throws {
    let first = Linear(
      weight: Parameter(Matrix([[100], [-100]])), bias: Parameter(Matrix([[0, 0]])),
      activation: .tanh)
    let huge: Float = 3e38
    let second = Linear(
      weight: Parameter(Matrix([[huge, huge], [-huge, huge]])), bias: Parameter(Matrix([[0, 0]])))
    for policy in [SelectionPolicy.unified(k: .count(1)), .top(k: .count(1))] {
      let sample = ShardCase(
        "broken",
        Chain {
          first
          second
        }
      ) { examples in
        // The fourth example alone breaks.
        TrainingBatch(
          Matrix(examples.map { [$0 == 3 ? 1 : 0] }), examples.map { Int32($0 % 2) })
      }
      let run = ShardRun(policy: policy, shards: 6)
      let found = sample.errors(run, ranks: 3).compactMap { $0 as? NonFiniteError }
      #expect(found.count == 3 && found.allSatisfy { $0 == found[0] && $0.step == 1 }, "\(found)")
    }
  }

  /// While gradients of the layer above travel.
  @Test func aFailureOfOneShardInBackPropagationEndsAll() throws {
    let huge: Float = 3e38
    let model = Chain {
      Linear(
        weight: Parameter(Matrix([[100], [100]])), bias: Parameter(Matrix([[0, 0]])),
        activation: .tanh)
      Linear(
        weight: Parameter(Matrix([[huge, -huge], [-huge, huge]])),
        bias: Parameter(Matrix([[10, 0]])))
    }
    for policy in [SelectionPolicy.unified(k: .count(1)), .top(k: .count(1))] {
      let sample = ShardCase("broken below", model) { examples in
        // The fourth batch is one example: outputs are 1, and their gradient 2 huge (1 - 1).
        TrainingBatch(
          Matrix(examples.map { [$0 == 32 ? 1 : 0] }), examples.map { $0 == 32 ? 1 : 0 })
      }
      let run = ShardRun(
        policy: policy, shards: 6,
        optimizer: Optimizer(.gradientDescent(), learningRate: 1e-42), overlapMinimum: 1)
      let expected = NonFiniteError(layer: "0", step: 4, quantity: .gradient)
      let found = sample.errors(run, ranks: 3).compactMap { $0 as? NonFiniteError }
      #expect(found == [expected, expected, expected], "\(found)")
    }
  }

  @Test func whatIsNotExactIsRefused() {
    var random = Philox(seed: 1)
    let linear = Linear(4, 20, using: &random)
    func trainer<Model: Layer>(
      _ model: Model, _ policy: SelectionPolicy = .dense
    ) -> Trainer<Model, SoftmaxCrossEntropy> {
      Trainer(model, loss: SoftmaxCrossEntropy(), selection: policy, context: ComputeContext())
    }
    #expect(throws: ShardingError.shardCount(0)) { try trainer(linear).shard(into: 0) }
    #expect(throws: ShardingError.tooManyRanks(ranks: 3, shards: 2)) {
      try trainer(linear).shard(into: 2, communicator: LocalCommunicator.group(of: 3)[0])
    }
    let two = Chain {
      linear
      Linear(20, 2, using: &random)
    }
    #expect(throws: ShardingError.layer(path: "0", "a memory for each place in the batch")) {
      try trainer(two, .top(k: .count(2), memory: 0.5, scope: .slot)).shard(into: 2)
    }
    let shape = ConvolutionShape(
      input: ImageShape(height: 4, width: 4, channels: 1), outputChannels: 8, kernel: 3, stride: 1,
      padding: 1)
    let pictures = Chain {
      Conv2D(shape, activation: .relu, seed: 1)
      BatchNorm(shape.output)
      Linear(shape.output.count, 2, using: &random)
    }
    #expect(throws: ShardingError.layer(path: "1", "batch normalization")) {
      try trainer(pictures).shard(into: 2)
    }
    #expect(throws: ShardingError.layer(path: "0", "unified selection of channels")) {
      try trainer(pictures, .unified(k: .count(2))).shard(into: 2)
    }
    let cutting = trainer(two)
    cutting.simplify(by: SimplificationPolicy(pruneRate: 0.1), epochs: 4)
    #expect(throws: ShardingError.setting("simplification")) { try cutting.shard(into: 2) }
  }
}
