import MePropCore

/// Every computation of the package once more, as plainly as can be.
///
/// What fast versions are tested against. All in double precision.
public enum NaiveReference {
  // MARK: Dense products

  /// `y = x wᵀ`: shapes `[b, m]`, `[n, m]`, result `[b, n]`.
  public static func multiply(_ x: DoubleMatrix, byTransposeOf w: DoubleMatrix) -> DoubleMatrix {
    precondition(x.columnCount == w.columnCount, "x wᵀ: inner sizes differ")
    var y = DoubleMatrix(rowCount: x.rowCount, columnCount: w.rowCount)
    for i in 0..<x.rowCount {
      for r in 0..<w.rowCount {
        var sum = 0.0
        for c in 0..<x.columnCount { sum += x[i, c] * w[r, c] }
        y[i, r] = sum
      }
    }
    return y
  }

  /// `y = x w`: shapes `[b, n]`, `[n, m]`, result `[b, m]`.
  public static func multiply(_ x: DoubleMatrix, by w: DoubleMatrix) -> DoubleMatrix {
    precondition(x.columnCount == w.rowCount, "x w: inner sizes differ")
    var y = DoubleMatrix(rowCount: x.rowCount, columnCount: w.columnCount)
    for i in 0..<x.rowCount {
      for r in 0..<w.rowCount where x[i, r] != 0 {
        for c in 0..<w.columnCount { y[i, c] += x[i, r] * w[r, c] }
      }
    }
    return y
  }

  /// `g = dᵀ x`: shapes `[b, n]`, `[b, m]`, result `[n, m]`.
  public static func multiplyTranspose(of d: DoubleMatrix, by x: DoubleMatrix) -> DoubleMatrix {
    precondition(d.rowCount == x.rowCount, "dᵀ x: inner sizes differ")
    var g = DoubleMatrix(rowCount: d.columnCount, columnCount: x.columnCount)
    for i in 0..<d.rowCount {
      for r in 0..<d.columnCount where d[i, r] != 0 {
        for c in 0..<x.columnCount { g[r, c] += d[i, r] * x[i, c] }
      }
    }
    return g
  }

  // MARK: Selection

  /// The `k` entries of largest magnitude in increasing order, by sorting all of them: of equal
  /// magnitudes the lower index, zeros never, so fewer than `k` where there are not as many.
  public static func topIndices(of row: [Double], count k: Int) -> [Int] {
    let order = row.indices.sorted { a, b in
      let left = abs(row[a])
      let right = abs(row[b])
      return left == right ? a < b : left > right
    }
    return order.prefix(k).filter { row[$0] != 0 }.sorted()
  }

  /// Per example the kept outputs of top-k selection.
  public static func topIndices(of d: DoubleMatrix, count k: Int) -> [[Int]] {
    (0..<d.rowCount).map { topIndices(of: d.row($0), count: k) }
  }

  /// Per example the kept outputs of unified selection: those whose magnitudes add up to most over
  /// the example's group of `groupSize` examples.
  public static func unifiedIndices(of d: DoubleMatrix, count k: Int, groupSize: Int) -> [[Int]] {
    var result: [[Int]] = []
    var first = 0
    while first < d.rowCount {
      let last = min(first + groupSize, d.rowCount)
      var sums = [Double](repeating: 0, count: d.columnCount)
      for example in first..<last {
        for column in 0..<d.columnCount { sums[column] += abs(d[example, column]) }
      }
      let kept = topIndices(of: sums, count: k)
      result += Array(repeating: kept, count: last - first)
      first = last
    }
    return result
  }

  /// Returns `d` with zeros where an example does not keep an output.
  public static func masked(_ d: DoubleMatrix, keeping kept: [[Int]]) -> DoubleMatrix {
    precondition(kept.count == d.rowCount, "masked: \(kept.count) lists for \(d.rowCount) examples")
    var s = DoubleMatrix(rowCount: d.rowCount, columnCount: d.columnCount)
    for (example, outputs) in kept.enumerated() {
      for output in outputs { s[example, output] = d[example, output] }
    }
    return s
  }

  /// The unit memory that selection leaves: the mean over the batch of d − s.
  public static func remainder(of d: DoubleMatrix, kept s: DoubleMatrix) -> [Double] {
    zip(d.columnSums(), s.columnSums()).map { ($0 - $1) / Double(d.rowCount) }
  }
}
