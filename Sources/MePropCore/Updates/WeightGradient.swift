/// The gradient of a weight matrix together with the rows that are valid in it.
///
/// A sparse backward pass writes the rows of its support only. Other rows hold what they held
/// before: nobody zeroes, reads or writes them.
public struct WeightGradient: Sendable {
  /// Which rows of ``values`` are valid.
  public enum Rows: Sendable, Equatable {
    /// Every row.
    case all
    /// The first `validCount` of `WeightGradient/rowIndices`.
    case listed
  }

  /// The gradient, shape `[outputSize, inputSize]`; only valid rows mean anything.
  public internal(set) var values: Matrix
  /// Which rows are valid.
  public internal(set) var rows: Rows = .listed
  /// The valid rows in increasing order, if ``rows`` is `.listed`; entries from `validCount` on are
  /// left over.
  package var rowIndices: [UInt32]
  /// The number of valid rows.
  public internal(set) var validCount = 0

  /// Creates a gradient without valid rows, shape `[outputSize, inputSize]`.
  public init(outputSize: Int, inputSize: Int) {
    values = Matrix(rowCount: outputSize, columnCount: inputSize)
    rowIndices = Array(repeating: 0, count: outputSize)
  }

  /// The valid rows in increasing order.
  public var validRows: [Int] {
    switch rows {
    case .all: Array(0..<values.rowCount)
    case .listed: rowIndices.prefix(validCount).map(Int.init)
    }
  }

  /// Σ g² over the valid rows, in double precision and a fixed order.
  public func sumOfSquares(context: ComputeContext) -> Double {
    var sum = 0.0
    let floats = values.unsafeFloats
    let width = values.lineCount * 16
    for valid in 0..<validCount {
      let row = rows == .all ? valid : Int(rowIndices[valid])
      sum += context.kernels.sumOfSquares(floats + row * values.stride, width)
    }
    withExtendedLifetime(values) {}
    return sum
  }
}

extension WeightGradient {
  /// Makes all rows those of a dense gradient of the same shape.
  package mutating func copy(_ gradient: Matrix) {
    values.copyRows(of: gradient)
    rows = .all
    validCount = values.rowCount
  }

  /// Makes the listed rows valid, row t with row t of `compact`; with `everyRow` all others are
  /// zero.
  package mutating func takeRows(_ listed: [UInt32], of compact: Matrix, everyRow: Bool) {
    if everyRow { values.setToZero() }
    for (place, row) in listed.enumerated() {
      values.copyRow(Int(row), from: compact, row: place)
      rowIndices[place] = row
    }
    rows = everyRow ? .all : .listed
    validCount = everyRow ? values.rowCount : listed.count
  }

  /// Makes the listed rows valid, in increasing order, to be written next; with `everyRow` all
  /// others are zero.
  package mutating func prepare(_ listed: [UInt32], everyRow: Bool) {
    let isWhole = everyRow || listed.count == values.rowCount
    if everyRow && listed.count < values.rowCount { values.setToZero() }
    for (place, row) in listed.enumerated() { rowIndices[place] = row }
    rows = isWhole ? .all : .listed
    validCount = isWhole ? values.rowCount : listed.count
  }

  /// Writes a row.
  package mutating func setRow(_ row: Int, from numbers: UnsafePointer<Float>) {
    values.withMutableRow(row) { $0.baseAddress?.update(from: numbers, count: $0.count) }
  }
}
