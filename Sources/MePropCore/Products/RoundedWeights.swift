/// A copy of weights rounded to bf16, of which only rows that changed are rounded again.
///
/// The weights themselves stay f32 and belong to somebody else, who says what changed.
public final class RoundedWeights {
  private var copy = BF16Matrix(rowCount: 0, columnCount: 0)
  private var stale = StaleRows()

  /// Creates a copy of nothing.
  public init() {}

  /// Must be called when any row of the weights may have changed.
  public func weightsDidChange() { stale.markAll() }

  /// Must be called when just these rows of the weights changed; a row may come more than once.
  public func weightsDidChange(rows: ArraySlice<UInt32>) { stale.mark(rows) }

  /// The rounded copy of `w` as it is now; memory is taken only for a shape not seen before.
  ///
  /// - Parameters:
  ///   - w: The weights, the same each time but for the changes that were told.
  ///   - context: Where to compute.
  /// - Returns: Shape of `w`; it shares storage with the copy, so it is not to be kept.
  public func matrix(for w: Matrix, context: ComputeContext) -> BF16Matrix {
    if copy.rowCount != w.rowCount || copy.columnCount != w.columnCount {
      copy = BF16Matrix(rowCount: w.rowCount, columnCount: w.columnCount)
      stale.reset(rowCount: w.rowCount)
    }
    if !stale.isComplete {
      context.round(w, into: &copy)
    } else {
      context.round(w, rows: stale.rows[...], into: &copy)
    }
    stale.clear()
    return copy
  }
}
