// One line of a benchmark: what was measured, beside what, and how near to the machine's limit.

import MePropCore
import MePropTraining

/// One measured operation; times are medians in microseconds.
public struct BenchmarkRow: Sendable, Equatable {
  /// The group's name, for example `steps`.
  public var group: String
  /// What was measured.
  public var name: String
  /// Examples in a batch.
  public var batchSize: Int
  /// Inputs of the layer or network.
  public var inputSize: Int
  /// Outputs of the layer, or width of the hidden layers.
  public var outputSize: Int
  /// Entries kept of an output gradient; the layer's width where it is dense.
  public var k: Int
  /// Threads, the same for all columns.
  public var threads: Int
  /// What forward products read; `f32` where there is none.
  public var precision = Precision.f32
  /// What examples are made of, where that matters to the time.
  public var data: String?
  /// The operation's time.
  public var microseconds: Double
  /// The distance between its quartiles, as a share of the median.
  public var spread: Double
  /// The same operation done densely by the same package, measured in turn with it.
  public var denseMicroseconds: Double?
  /// The same operation in PyTorch, dense, as it comes.
  public var torchMicroseconds: Double?
  /// The same in PyTorch at its best: the fastest of f32, f32 with MKL's vendor check satisfied,
  /// and bf16.
  public var torchBestMicroseconds: Double?
  /// The least time that counted operations and bytes allow at the measured peaks, as a share of
  /// the time taken.
  ///
  /// More than 1 means that the limit was counted or measured wrongly, or that data were in a
  /// cache.
  public var limitShare: Double?

  /// Transitions or words in a second; `nil` for rows that are not about them.
  public var perSecond: Double?

  /// Creates a row from what is there; columns left out are empty.
  package init(
    group: String, name: String, batchSize: Int, inputSize: Int, outputSize: Int, k: Int,
    threads: Int, precision: Precision = .f32, data: String? = nil, microseconds: Double,
    spread: Double, denseMicroseconds: Double? = nil, torchMicroseconds: Double? = nil,
    torchBestMicroseconds: Double? = nil, limitShare: Double? = nil, perSecond: Double? = nil
  ) {
    self.group = group
    self.name = name
    self.batchSize = batchSize
    self.inputSize = inputSize
    self.outputSize = outputSize
    self.k = k
    self.threads = threads
    self.precision = precision
    self.data = data
    self.microseconds = microseconds
    self.spread = spread
    self.denseMicroseconds = denseMicroseconds
    self.torchMicroseconds = torchMicroseconds
    self.torchBestMicroseconds = torchBestMicroseconds
    self.limitShare = limitShare
    self.perSecond = perSecond
  }

  /// How many times faster than the dense operation.
  public var ratioDense: Double? { denseMicroseconds.map { $0 / microseconds } }
  /// How many times faster than PyTorch as it comes.
  public var ratioTorch: Double? { torchMicroseconds.map { $0 / microseconds } }
  /// How many times faster than PyTorch at its best.
  public var ratioTorchBest: Double? { torchBestMicroseconds.map { $0 / microseconds } }

  /// The row as `meprop bench --json` prints it.
  public var json: JSONValue {
    func number(_ value: Double?) -> JSONValue { value.map { .number($0) } ?? .null }
    return .object([
      .init("group", .string(group)), .init("name", .string(name)),
      .init("batch", .integer(batchSize)),
      .init("inputs", .integer(inputSize)), .init("outputs", .integer(outputSize)),
      .init("k", .integer(k)),
      .init("threads", .integer(threads)), .init("precision", .string(precision.rawValue)),
      .init("microseconds", .number(microseconds)), .init("spread", .number(spread)),
      .init("denseMicroseconds", number(denseMicroseconds)),
      .init("torchMicroseconds", number(torchMicroseconds)),
      .init("torchBestMicroseconds", number(torchBestMicroseconds)),
      .init("ratioDense", number(ratioDense)), .init("ratioTorch", number(ratioTorch)),
      .init("ratioTorchBest", number(ratioTorchBest)),
      .init("limitShare", number(limitShare)), .init("perSecond", number(perSecond)),
      .init("data", data.map { .string($0) } ?? .null),
    ])
  }
}
