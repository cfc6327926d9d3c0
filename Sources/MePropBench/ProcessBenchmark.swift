// What an exchange between processes costs here, and training steps with it.

import MePropCore
import MePropNN
import MePropTraining

/// Measures the processes that this one was started with.
///
/// All processes do the same; the first one's figures are those that count.
public struct ProcessBenchmark {
  /// The exchange of messages of one size.
  public struct Exchange: Sendable {
    /// The bytes that a process sends to each other one.
    public var bytes: Int
    /// Seconds, the median.
    public var seconds: Double
  }

  /// Training steps of one network under one policy.
  public struct Steps: Sendable {
    /// For example `784-500-500-10`.
    public var network: String
    /// For example `unified 4 %`.
    public var policy: String
    /// Examples a step, of all processes together.
    public var batchSize: Int
    /// Weights and biases.
    public var parameterCount: Int
    /// Seconds a step of one process alone on the whole batch, with as many shards.
    public var secondsAlone: Double
    /// Seconds a step of all processes.
    public var seconds: Double
    /// Of these, exchanges, waiting for others included.
    public var exchangeSeconds: Double
    /// Bytes that a process sends a step.
    public var bytesSent: Int
    /// Bytes that a dense all-reduce makes a process send: 2 (R − 1) / R of the gradient.
    public var denseBytes: Int
  }

  private let processes: any Communicator
  private let threadCount: Int
  private let progress: (String) -> Void

  /// Creates a benchmark of at least two processes.
  ///
  /// - Parameters:
  ///   - processes: How they exchange memory.
  ///   - threadCount: Threads of each.
  ///   - progress: Told what is measured next.
  public init(
    _ processes: any Communicator, threadCount: Int, progress: @escaping (String) -> Void
  ) {
    self.processes = processes
    self.threadCount = threadCount
    self.progress = progress
  }

  // MARK: Messages

  /// All-to-all exchanges from 8 bytes to 16 MiB, the smallest first.
  public func exchanges() -> [Exchange] {
    [8, 1 << 10, 1 << 14, 1 << 18, 1 << 21, 1 << 24].map { bytes in
      progress("messages of \(bytes) bytes")
      let size = processes.size
      let counts = Array(repeating: bytes, count: size)
      let message = [UInt8](repeating: 1, count: bytes * size)
      var target = [UInt8](repeating: 0, count: bytes * size)
      let repeats = bytes > 1 << 20 ? 15 : 201
      let seconds = (0..<repeats).map { _ in
        processes.barrier()
        let start = Clock.now()
        message.withUnsafeBytes { message in
          target.withUnsafeMutableBytes {
            processes.allToAll(message, counts: counts, into: $0, targetCounts: counts)
          }
        }
        return Clock.now() - start
      }
      return Exchange(bytes: bytes, seconds: seconds.sorted()[repeats / 2])
    }
  }

  // MARK: Steps

  private static let cases: [(layers: [Int], batch: Int, repeats: Int)] = [
    ([784, 500, 500, 10], 64, 41), ([784, 500, 500, 10], 512, 21), ([784, 8192, 8192, 10], 64, 5),
  ]

  private static let policies: [(name: String, policy: SelectionPolicy)] = [
    ("dense", .dense), ("unified 4 %", .unified(k: .ratio(0.04))),
    ("batch-top-k 1 %", .batchTop(k: .ratio(0.01))),
  ]

  /// Steps of gradient descent on made-up images.
  ///
  /// - Throws: `NonFiniteError`, `ShardingError`.
  public func steps() throws -> [Steps] {
    try Self.cases.flatMap { sample in
      try Self.policies.map { name, policy in
        let network = sample.layers.map(String.init).joined(separator: "-")
        progress("\(network), batch \(sample.batch), \(name)")
        // The first process measures itself while the others wait.
        var alone = (seconds: 0.0, exchange: 0.0, bytes: 0)
        if processes.rank == 0 {
          alone = try time(sample.layers, sample.batch, sample.repeats, policy, SingleProcess())
        }
        processes.barrier()
        let all = try time(sample.layers, sample.batch, sample.repeats, policy, processes)
        let parameters = zip(sample.layers, sample.layers.dropFirst()).reduce(0) {
          $0 + ($1.0 + 1) * $1.1
        }
        return Steps(
          network: network, policy: name, batchSize: sample.batch, parameterCount: parameters,
          secondsAlone: alone.seconds, seconds: all.seconds, exchangeSeconds: all.exchange,
          bytesSent: all.bytes,
          denseBytes: 2 * (processes.size - 1) * 4 * parameters / processes.size)
      }
    }
  }

  /// The medians of steps.
  private func time(
    _ layers: [Int], _ batchSize: Int, _ repeats: Int, _ policy: SelectionPolicy,
    _ communicator: any Communicator
  ) throws -> (seconds: Double, exchange: Double, bytes: Int) {
    let trainer = Trainer(
      Stack.perceptron(layers, activation: .relu, initialization: .heNormal, seed: 1),
      loss: SoftmaxCrossEntropy(),
      optimizer: Optimizer(.gradientDescent(), learningRate: 1e-3, untouchedRows: .skip),
      selection: policy, context: ComputeContext(threadCount: threadCount))
    try trainer.shard(into: processes.size, communicator: communicator)
    var random = Philox(seed: 2)
    let rows = (0..<batchSize).map { _ in
      (0..<layers[0]).map { _ in max(0, 2 * random.nextUniform() - 1) }
    }
    let labels = (0..<batchSize).map { Int32($0 % 10) }
    var parts: [Range<Int>: TrainingBatch<Matrix, [Int32]>] = [:]
    var seconds: [Double] = []
    var exchanges: [Double] = []
    for step in -2..<repeats {
      trainer.times = PhaseSeconds()
      communicator.barrier()
      let start = Clock.now()
      try trainer.train(shardsOf: batchSize) { range in
        if let part = parts[range] { return part }
        let part = TrainingBatch(Matrix(Array(rows[range])), Array(labels[range]))
        parts[range] = part
        return part
      }
      guard step >= 0 else { continue }
      seconds.append(Clock.now() - start)
      exchanges.append(trainer.times.exchange)
    }
    return (
      seconds.sorted()[repeats / 2], exchanges.sorted()[repeats / 2], trainer.bytesSent
    )
  }
}

extension ProcessBenchmark.Exchange {
  /// The figures as an object.
  public var json: JSONValue {
    .object([
      .init("bytes", .integer(bytes)), .init("seconds", .exactNumber(seconds)),
      .init("bytesPerSecond", .number((Double(bytes) / seconds).rounded())),
    ])
  }
}

extension ProcessBenchmark.Steps {
  /// The figures as an object.
  public var json: JSONValue {
    .object([
      .init("network", .string(network)), .init("policy", .string(policy)),
      .init("batch", .integer(batchSize)), .init("parameters", .integer(parameterCount)),
      .init("secondsAlone", .exactNumber(secondsAlone)), .init("seconds", .exactNumber(seconds)),
      .init("exchangeSeconds", .exactNumber(exchangeSeconds)),
      .init("bytesSent", .integer(bytesSent)), .init("denseBytes", .integer(denseBytes)),
    ])
  }
}
