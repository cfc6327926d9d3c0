// What can be measured, and how.

import Foundation
import MePropCore

/// A group of measurements.
public enum BenchmarkGroup: String, Sendable, CaseIterable {
  /// Selection, both sparse products, updates and the forward product of one layer.
  case kernels
  /// Whole training steps of the paper's digit network.
  case steps
  /// Steps of the LSTM layer of the paper's tagger.
  case lstm
  /// Steps of the parser, and greedy parsing.
  case parser
  /// Back propagation through a convolution, and steps of a network with two.
  case images
  /// The paper's Tables 7 and 8: unified selection in very wide layers.
  case widths

  /// Whether PyTorch is measured too, where it is asked for.
  public var hasTorch: Bool { self != .lstm }
  /// Whether rows depend on ``BenchmarkSettings/precisions``; the others read f32.
  public var hasPrecisions: Bool { self == .kernels || self == .steps || self == .parser }
}

/// Settings of a benchmark.
public struct BenchmarkSettings: Sendable {
  /// Threads for all columns.
  public var threads: Int
  /// A Python interpreter that has PyTorch, for the columns that compare with it; `nil`: none.
  public var python: String?
  /// What our products read, one or more.
  ///
  /// Kernels and steps have rows for each, parsing for the first.
  public var precisions: [Precision]
  /// The folder of the treebank of the parser's rows; `nil` for sentences that are made up.
  public var treebank: URL?
  /// Seconds for each row, roughly.
  public var secondsPerRow = 0.6

  /// Creates settings.
  ///
  /// - Parameters:
  ///   - threads: At least 1.
  ///   - python: An interpreter that has PyTorch, if it is to be measured too.
  ///   - precision: What products read; `nil`: f32, and bf16 too where the processor multiplies
  ///     such numbers.
  public init(threads: Int, python: String? = nil, precision: Precision? = nil) {
    self.threads = threads
    precisions =
      precision.map { [$0] } ?? (InstructionSet.preferred.multipliesBF16 ? [.f32, .bf16] : [.f32])
    self.python = python
  }
}
