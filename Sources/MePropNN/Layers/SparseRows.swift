import MePropCore

/// The input of layers on rows that are mostly zeros: of each row the numbers that are not, and
/// where they are.
///
/// Rows of a table are such: of all the categories of a column one is there, and a number lies
/// between two of its column's knots.
public struct SparseRows: Sendable {
  /// The number of rows.
  public private(set) var rowCount = 0
  /// The most entries that a row may have.
  public let entryLimit: Int
  /// The numbers of a row, zeros included.
  public let columnCount: Int
  /// The columns of entries: those of row i are `i · entryLimit ..< i · entryLimit + counts[i]`,
  /// no column twice.
  public var columns: [UInt32] = []
  /// The values of entries, in the same places.
  public var values: [Float] = []
  /// The number of entries of each row.
  public var counts: [UInt32] = []

  /// Creates no rows.
  ///
  /// - Parameters:
  ///   - columnCount: The numbers of a row, at least 1.
  ///   - entryLimit: The most entries of a row, from 1 to all numbers.
  public init(columnCount: Int, entryLimit: Int) {
    precondition(
      columnCount >= 1 && (1...columnCount).contains(entryLimit),
      "SparseRows: at most \(entryLimit) entries a row of \(columnCount) numbers")
    self.columnCount = columnCount
    self.entryLimit = entryLimit
  }

  /// Creates rows from their entries, for example `[[(0, 1), (7, 0.5)], []]`.
  public init(columnCount: Int, _ rows: [[(column: Int, value: Float)]]) {
    self.init(columnCount: columnCount, entryLimit: max(1, rows.map(\.count).max() ?? 1))
    setRowCount(rows.count)
    for (row, entries) in rows.enumerated() {
      for (place, entry) in entries.enumerated() {
        columns[row * entryLimit + place] = UInt32(entry.column)
        values[row * entryLimit + place] = entry.value
      }
      counts[row] = UInt32(entries.count)
    }
  }

  /// Changes the number of rows, whose entries are then to be written.
  ///
  /// Memory is taken only if there never were as many.
  public mutating func setRowCount(_ count: Int) {
    precondition(count >= 0, "SparseRows.setRowCount: found \(count), expected 0 or more")
    rowCount = count
    guard counts.count < count else { return }
    columns += Array(repeating: 0, count: (count - counts.count) * entryLimit)
    values += Array(repeating: 0, count: (count - counts.count) * entryLimit)
    counts += Array(repeating: 0, count: count - counts.count)
  }
}
