import CMePropKernels

/// A transposed copy of weights, of which only what changed is copied again.
///
/// The weights themselves belong to somebody else, who says what changed.
final class TransposedWeights {
  /// Up to this share of changed rows they are copied one by one; beyond it copying all of w in
  /// blocks is as fast.
  static let listedShare = 0.3

  /// Up to this share of rows that change from product to product it costs less to keep the copy
  /// than to turn weights as they are used: measured 66 µs for all of 500 × 784, 16 for 20 rows.
  static let keptShare = 0.08

  private var copy = Matrix(rowCount: 0, columnCount: 0)
  private var stale = StaleRows()
  /// How many rows the last change named; `nil`: any.
  private var changedCount: Int?

  /// Must be called when any row of the weights may have changed.
  func weightsDidChange() {
    stale.markAll()
    changedCount = nil
  }

  /// Must be called when just these rows of the weights changed; a row may come more than once.
  func weightsDidChange(rows: ArraySlice<UInt32>) {
    changedCount = rows.count
    stale.mark(rows)
  }

  /// Whether the last change was of so few of the rows of `w` that a copy is worth its renewal.
  func isWorthKeeping(for w: Matrix) -> Bool {
    changedCount.map { Double($0) <= Self.keptShare * Double(w.rowCount) } ?? false
  }

  /// wᵀ as it is now; memory is taken only for a shape not seen before.
  ///
  /// - Parameters:
  ///   - w: The weights, the same each time but for the changes that were told.
  ///   - context: Where to compute.
  /// - Returns: The shape of `w` turned; it shares storage with the copy, so it is not to be kept.
  func matrix(for w: Matrix, context: ComputeContext) -> Matrix {
    if copy.rowCount != w.columnCount || copy.columnCount != w.rowCount {
      copy = Matrix(rowCount: w.columnCount, columnCount: w.rowCount)
      stale.reset(rowCount: w.rowCount)
    }
    if stale.isComplete, Double(stale.rows.count) <= Self.listedShare * Double(w.rowCount) {
      context.transpose(w, rows: stale.rows, into: &copy)
    } else {
      context.transpose(w, into: &copy)
    }
    stale.clear()
    return copy
  }
}

extension ComputeContext {
  /// `wt = wᵀ`, overwriting `wt`.
  func transpose(_ w: Matrix, into wt: inout Matrix) {
    precondition(
      wt.rowCount == w.columnCount && wt.columnCount == w.rowCount,
      "transpose: shapes are \(w.shape) into \(wt.shape), expected [n, m] into [m, n]")
    let stride = wt.stride
    var arguments = meprop_transpose_arguments(
      w: w.unsafeFloats, stride: w.stride, rows: w.rowCount, columns: w.columnCount,
      wt: wt.unsafeMutableFloats(), wt_stride: stride)
    run(
      kernels.transpose, &arguments, count: (w.rowCount + 15) / 16,
      work: w.rowCount * w.columnCount * 8)
    withExtendedLifetime(w) {}
  }

  /// Columns `rows` of wᵀ, overwriting those of `wt`; each row is below `w.rowCount`.
  func transpose(_ w: Matrix, rows: [UInt32], into wt: inout Matrix) {
    precondition(
      wt.rowCount == w.columnCount && wt.columnCount == w.rowCount,
      "transpose: shapes are \(w.shape) into \(wt.shape), expected [n, m] into [m, n]")
    let stride = wt.stride
    rows.withUnsafeBufferPointer { rows in
      var arguments = meprop_transpose_rows_arguments(
        w: w.unsafeFloats, stride: w.stride, columns: w.columnCount, rows: rows.baseAddress,
        row_count: rows.count, wt: wt.unsafeMutableFloats(), wt_stride: stride)
      run(
        kernels.transposeRows, &arguments, count: w.lineCount,
        work: rows.count * w.columnCount * 16)
    }
    withExtendedLifetime(w) {}
  }
}
