// Tables 7 and 8 of the paper: unified selection in layers of 8,192 units.

import MePropBench
import MePropTraining

/// What was measured for Table 7 or 8, as the folder of a reproduction keeps it.
struct MeasuredWidths: Sendable, Codable {
  /// The width of the layers.
  var width: Int
  /// The number of threads.
  var threads: Int
  /// The rows.
  var rows: [WidthResult]
}

/// A row of Table 7 or 8.
public struct WidthResult: Sendable, Codable, Equatable {
  /// `table7` or `table8`.
  public var table: String
  /// The width of the layers.
  public var width: Int
  /// Entries kept; `nil` where dense.
  public var k: Int?
  /// Microseconds of ours: one batch.
  public var microseconds: Double
  /// Half the range of the middle half of the turns, as a share of the median; `nil` for dense,
  /// which all others have turns with.
  public var spread: Double?
  /// How many times faster than our dense products.
  public var timesDense: Double
  /// Microseconds of the same in PyTorch, dense, at its best; `nil` where it was not asked for.
  public var torchMicroseconds: Double?
  /// How many times faster than dense in the paper, on a GPU.
  public var paper: Double?
  /// How many times faster than PyTorch.
  public var timesTorch: Double? {
    microseconds > 0 ? torchMicroseconds.map { $0 / microseconds } : nil
  }

  /// The paper's milliseconds by k; 0 is dense.
  static let table7 = [
    0: 308.0, 8: 8.37, 16: 9.16, 32: 11.2, 64: 14.38, 128: 21.28, 256: 38.57, 512: 69.95,
  ]
  /// The paper's milliseconds of all of back propagation on MNIST.
  static let table8 = [
    0: 17_696.2, 8: 1_501.5, 16: 1_542.8, 32: 1_656.9, 64: 1_828.3, 128: 2_200, 256: 3_149.6,
    512: 4_874.1,
  ]

  /// The width of layers: subsets take less.
  static func width(isQuick: Bool) -> Int { isQuick ? 2_048 : 8_192 }
}

/// Measures Tables 7 and 8.
final class WidthBenchmark {
  private final class Rows { var all: [BenchmarkRow] = [] }

  private let width: Int
  private let rows: Rows
  private let benchmark: Benchmark

  /// Measures this machine's peaks.
  ///
  /// - Parameters:
  ///   - width: The width of the layers.
  ///   - settings: Threads, subsets, and an interpreter to measure PyTorch with.
  ///   - interrupt: Ends what is being measured.
  ///   - progress: Told what is being done.
  init(
    width: Int, settings: ReproductionSettings, interrupt: InterruptFlag,
    progress: @escaping (String) -> Void
  ) {
    self.width = width
    let rows = Rows()
    self.rows = rows
    var options = BenchmarkSettings(threads: settings.timingThreads, python: settings.python)
    if settings.isQuick { options.secondsPerRow = 0.2 }
    benchmark = Benchmark(
      options, isInterrupted: { interrupt.signal != nil }, progress: progress,
      report: { rows.all.append($0) })
  }

  /// The seconds that a table takes, about.
  func forecastSeconds(of table: String) -> Double {
    table == "table7"
      ? benchmark.forecastSeconds(ofTable7: width) : benchmark.forecastSeconds(ofTable8: width)
  }

  /// Measures `table7` or `table8`.
  ///
  /// - Returns: Dense, then k from few to many.
  /// - Throws: `BenchmarkInterrupted`, `WrongResultError`, `TorchError`, and what training throws.
  func measure(_ table: String) throws -> [WidthResult] {
    rows.all = []
    if table == "table7" {
      try benchmark.runTable7(width: width)
    } else {
      try benchmark.runTable8(width: width)
    }
    let paper = table == "table7" ? WidthResult.table7 : WidthResult.table8
    func result(_ row: BenchmarkRow, k: Int?, microseconds: Double, dense: Double) -> WidthResult {
      let own = paper[k ?? 0].flatMap { value in paper[0].map { $0 / value } }
      return WidthResult(
        table: table, width: width, k: k, microseconds: microseconds,
        spread: k == nil ? nil : row.spread, timesDense: dense / microseconds,
        torchMicroseconds: row.torchBestMicroseconds ?? row.torchMicroseconds, paper: own)
    }
    var results: [WidthResult] = []
    for row in rows.all {
      guard let dense = row.denseMicroseconds, dense > 0, row.microseconds > 0 else { continue }
      if results.isEmpty {
        results.append(result(row, k: nil, microseconds: dense, dense: dense))
      }
      results.append(result(row, k: row.k, microseconds: row.microseconds, dense: dense))
    }
    return results
  }
}
