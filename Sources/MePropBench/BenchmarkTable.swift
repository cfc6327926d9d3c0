// Benchmark rows as a table for people.

import Foundation

/// Rows of text columns, headings first.
public enum BenchmarkTable {
  /// The table of `rows`; columns that no row fills are left out.
  public static func lines(_ rows: [BenchmarkRow]) -> [[String]] {
    func text(_ value: Double?, _ places: Int, _ unit: String = "") -> String {
      value.map { String(format: "%.\(places)f\(unit)", $0) } ?? ""
    }
    let hasPrecisions = rows.contains { $0.precision != .f32 }
    let columns: [(String, (BenchmarkRow) -> String)] = [
      ("", { $0.name }),
      ("batch", { String($0.batchSize) }),
      ("in", { String($0.inputSize) }),
      ("out", { String($0.outputSize) }),
      ("k", { String($0.k) }),
      ("reads", { hasPrecisions ? $0.precision.rawValue : "" }),
      ("µs", { text($0.microseconds, 1) }),
      ("spread", { text($0.spread * 100, 0, " %%") }),
      ("dense µs", { text($0.denseMicroseconds, 1) }),
      ("× dense", { text($0.ratioDense, 2) }),
      ("torch µs", { text($0.torchMicroseconds, 1) }),
      ("× torch", { text($0.ratioTorch, 2) }),
      ("× torch at its best", { text($0.ratioTorchBest, 2) }),
      ("per second", { text($0.perSecond, 0) }),
      ("of the limit", { text($0.limitShare.map { $0 * 100 }, 0, " %%") }),
      ("data", { $0.data ?? "" }),
    ]
    let shown = columns.filter { column in rows.contains { !column.1($0).isEmpty } }
    return [shown.map(\.0)] + rows.map { row in shown.map { $0.1(row) } }
  }
}
