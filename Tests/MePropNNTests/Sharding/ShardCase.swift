// Models and batches that are trained in shards by several ranks.

import MePropCore
import MePropNN
import Synchronization
import Testing

/// A way to train one model for some steps, whatever its type.
struct ShardCase: Sendable, CustomTestStringConvertible {
  let name: String
  /// Trains and returns the state, or what went wrong; of ranks that are threads.
  let train: @Sendable (ShardRun, any Communicator) throws -> ShardOutcome

  var testDescription: String { name }
}

/// How to train.
struct ShardRun: Sendable {
  var policy = SelectionPolicy.dense
  var shards = 8
  var threads = 1
  var optimizer = Optimizer.adam(learningRate: 0.01, untouchedRows: .skip)
  var averageDecay: Float = 0
  /// How many numbers travel at least while layers below are computed.
  var overlapMinimum = 1 << 18
}

/// What training gave.
struct ShardOutcome: Sendable, Equatable {
  var state: [NamedTensor]
  var losses: [Double]
  /// Of the last step.
  var bytesSent = 0

  static func == (one: ShardOutcome, other: ShardOutcome) -> Bool {
    one.state == other.state && one.losses == other.losses
  }
}

extension ShardCase {
  /// The sizes of batches: short ones leave shards, and ranks, without examples.
  static let batchSizes = [13, 16, 3, 1, 16]

  /// Trains `model` on batches that `gather` makes of examples from one number to another.
  init<Model: Layer>(
    _ name: String, _ model: Model,
    gather: @escaping @Sendable (Range<Int>) -> TrainingBatch<Model.Input, [Int32]>
  ) {
    self.name = name
    train = { run, communicator in
      let trainer = Trainer(
        model, loss: SoftmaxCrossEntropy(), optimizer: run.optimizer, selection: run.policy,
        averageDecay: run.averageDecay, seed: 7,
        context: ComputeContext(threadCount: run.threads))
      try trainer.shard(
        into: run.shards, communicator: communicator, overlapMinimum: run.overlapMinimum)
      var losses: [Double] = []
      for round in 0..<2 {
        var first = 0
        for size in Self.batchSizes {
          let start = first
          let sum = try trainer.train(shardsOf: size, epoch: round + 1) {
            gather(start + $0.lowerBound..<start + $0.upperBound)
          }
          losses.append(sum.sum)
          first += size
        }
      }
      return ShardOutcome(state: trainer.state, losses: losses, bytesSent: trainer.bytesSent)
    }
  }

  /// What each rank of so many, on threads of this process, gets.
  func outcomes(_ run: ShardRun, ranks: Int) throws -> [ShardOutcome] {
    try results(run, ranks: ranks).map { try $0.get() }
  }

  /// What goes wrong in ranks.
  func errors(_ run: ShardRun, ranks: Int) -> [any Error] {
    results(run, ranks: ranks).compactMap {
      if case .failure(let error) = $0 { error } else { nil }
    }
  }

  private func results(_ run: ShardRun, ranks: Int) -> [Result<ShardOutcome, any Error>] {
    let communicators = LocalCommunicator.group(of: ranks)
    let results = Mutex<[Int: Result<ShardOutcome, any Error>]>([:])
    let train = train
    ThreadTeam(count: ranks).run { rank in
      let result = Result { try train(run, communicators[rank]) }
      results.withLock { $0[rank] = result }
    }
    let found = results.withLock { $0 }
    #expect(found.count == ranks)
    return (0..<ranks).compactMap { found[$0] }
  }

  // MARK: Cases

  private static func values(_ count: Int, _ seed: UInt64) -> [Float] {
    var random = Philox(seed: seed)
    return (0..<count).map { _ in 2 * random.nextUniform() - 1 }
  }

  private static func label(_ example: Int) -> Int32 { Int32((example * 7 + 3) % 5) }

  /// Images, sentences, features, tables and pictures, each with a network of its own.
  static let all: [ShardCase] = [perceptron, sentences, features, table, pictures]

  static let perceptron: ShardCase = {
    var random = Philox(seed: 3)
    let model = Chain {
      Linear(20, 40, activation: .relu, dropout: 0.1, using: &random)
      Linear(40, 24, activation: .tanh, using: &random)
      Linear(24, 5, using: &random)
    }
    return ShardCase("perceptron", model) { examples in
      TrainingBatch(
        Matrix(examples.map { values(20, UInt64($0 + 1)) }), examples.map(label))
    }
  }()

  static let sentences: ShardCase = {
    var random = Philox(seed: 4)
    let embedding = Embedding(40, 12, using: &random)
    let lstm = LSTM(12, 20, using: &random)
    var output = Linear(lstm.outputSize, 5, using: &random)
    output.skipsZeros = false
    let last = output
    let model = Chain {
      embedding
      lstm
      last
    }
    return ShardCase("sentences", model) { examples in
      let words = examples.map { example in
        (0..<(1 + example * 5 % 7)).map { (example * 11 + $0 * 3) % 40 }
      }
      let symbols = Symbols(words)
      return TrainingBatch(symbols, (0..<symbols.rowCount).map { Int32(symbols.values[$0] % 5) })
    }
  }()

  static let features: ShardCase = {
    var random = Philox(seed: 5)
    let sum = FeatureSum(
      symbolCount: 30, embeddingSize: 10, positionCount: 4, outputSize: 33, embeddingScale: 0.1,
      initialization: .heNormal, seed: 5)
    let output = Linear(33, 5, using: &random)
    let model = Chain {
      sum
      output
    }
    return ShardCase("features", model) { examples in
      TrainingBatch(
        Symbols(
          examples.flatMap { example in (0..<4).map { UInt32((example * 13 + $0 * 5) % 30) } },
          rowCount: examples.count, positionCount: 4), examples.map(label))
    }
  }()

  static let table: ShardCase = {
    var random = Philox(seed: 6)
    let first = SparseLinear(50, 24, entryCount: 3, activation: .relu, seed: 6)
    let output = Linear(24, 5, using: &random)
    let model = Chain {
      first
      output
    }
    return ShardCase("table", model) { examples in
      TrainingBatch(
        SparseRows(
          columnCount: 50,
          examples.map { example in
            (0..<3).map { (column: $0 * 16 + example * 7 % 16, value: Float($0 + 1)) }
          }), examples.map(label))
    }
  }()

  static let pictures: ShardCase = {
    var random = Philox(seed: 8)
    let shape = ConvolutionShape(
      input: ImageShape(height: 6, width: 6, channels: 2), outputChannels: 18, kernel: 3, stride: 1,
      padding: 1)
    let first = Conv2D(shape, pooling: 2, activation: .relu, seed: 8)
    let output = Linear(first.outputSize, 5, using: &random)
    let model = Chain {
      first
      output
    }
    return ShardCase("pictures", model) { examples in
      TrainingBatch(
        Matrix(examples.map { values(72, UInt64($0 + 1)) }), examples.map(label))
    }
  }()
}
