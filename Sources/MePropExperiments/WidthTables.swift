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
  /// Half the range of the middle half of the turns, as a share of the median; `nil` for dense, which all others have
  /// turns with.
  public var spread: Double?
  /// How many times faster than our dense products.
  public var timesDense: Double
  /// How many times faster than dense in the paper, on a GPU.
  public var paper: Double?

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

  /// Measures a table.
  ///
  /// - Parameters:
  ///   - table: `table7` or `table8`.
  ///   - isQuick: Whether layers of 2,048 units are enough.
  ///   - threads: Threads to compute with.
  ///   - progress: Told what is being done.
  /// - Returns: Dense, then k from few to many.
  /// - Throws: `WrongResultError`, and what training throws.
  static func measure(
    _ table: String, isQuick: Bool, threads: Int, progress: @escaping (String) -> Void
  ) throws -> [WidthResult] {
    var rows: [BenchmarkRow] = []
    var settings = BenchmarkSettings(threads: threads)
    if isQuick { settings.secondsPerRow = 0.2 }
    let benchmark = Benchmark(settings, progress: progress, report: { rows.append($0) })
    let width = width(isQuick: isQuick)
    if table == "table7" {
      try benchmark.runTable7(width: width)
    } else {
      try benchmark.runTable8(width: width)
    }
    let paper = table == "table7" ? table7 : table8
    var results: [WidthResult] = []
    if let dense = rows.first?.denseMicroseconds {
      results.append(
        WidthResult(
          table: table, width: width, k: nil, microseconds: dense, spread: nil, timesDense: 1,
          paper: 1))
    }
    for row in rows {
      guard let dense = row.denseMicroseconds, row.microseconds > 0 else { continue }
      let own = paper[row.k].flatMap { value in paper[0].map { $0 / value } }
      results.append(
        WidthResult(
          table: table, width: width, k: row.k, microseconds: row.microseconds,
          spread: row.spread, timesDense: dense / row.microseconds, paper: own))
    }
    return results
  }
}
