/// Which rows of a copy of weights are no longer those of the weights.
///
/// The weights belong to somebody else, who says what changed.
struct StaleRows {
  /// Whether only ``rows`` are stale, and not all of them.
  private(set) var isComplete = false
  /// The stale rows, each once, where the others are not.
  private(set) var rows: [UInt32] = []
  private var isStale: [Bool] = []

  /// Makes all rows stale.
  mutating func markAll() { isComplete = false }

  /// Makes these rows stale; a row may come more than once.
  mutating func mark(_ changed: ArraySlice<UInt32>) {
    guard isComplete else { return }
    for row in changed where !isStale[Int(row)] {
      isStale[Int(row)] = true
      rows.append(row)
    }
  }

  /// Makes all rows of another number of rows stale.
  mutating func reset(rowCount: Int) {
    isStale = Array(repeating: false, count: rowCount)
    rows.removeAll(keepingCapacity: true)
    rows.reserveCapacity(rowCount)
    isComplete = false
  }

  /// Says that the copy has all rows as they are.
  mutating func clear() {
    for row in rows { isStale[Int(row)] = false }
    rows.removeAll(keepingCapacity: true)
    isComplete = true
  }
}
