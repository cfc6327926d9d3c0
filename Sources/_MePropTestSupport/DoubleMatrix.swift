import MePropCore

/// A row-major matrix in double precision: what references compute with.
public struct DoubleMatrix: Sendable, Equatable {
  /// The number of rows.
  public let rowCount: Int
  /// The number of columns.
  public let columnCount: Int
  /// The elements row by row.
  public var elements: [Double]

  /// Creates a matrix of zeros, shape `[rowCount, columnCount]`.
  public init(rowCount: Int, columnCount: Int) {
    self.rowCount = rowCount
    self.columnCount = columnCount
    elements = Array(repeating: 0, count: rowCount * columnCount)
  }

  /// Creates a matrix from `rowCount * columnCount` elements, row by row.
  public init(rowCount: Int, columnCount: Int, elements: [Double]) {
    precondition(
      elements.count == rowCount * columnCount,
      "DoubleMatrix: [\(rowCount), \(columnCount)] from \(elements.count) elements")
    self.rowCount = rowCount
    self.columnCount = columnCount
    self.elements = elements
  }

  /// Creates a matrix of the same elements.
  public init(_ matrix: Matrix) {
    self.init(
      rowCount: matrix.rowCount, columnCount: matrix.columnCount,
      elements: matrix.elements.map(Double.init))
  }

  /// The element in `row` and `column`.
  public subscript(row: Int, column: Int) -> Double {
    get { elements[row * columnCount + column] }
    set { elements[row * columnCount + column] = newValue }
  }

  /// The elements of one row.
  public func row(_ index: Int) -> [Double] {
    Array(elements[(index * columnCount)..<((index + 1) * columnCount)])
  }

  /// Returns the matrix with `transform` applied to each element.
  public func map(_ transform: (Double) -> Double) -> DoubleMatrix {
    DoubleMatrix(
      rowCount: rowCount, columnCount: columnCount, elements: elements.map(transform))
  }

  /// Returns Σ over rows of each column, shape `[columnCount]`.
  public func columnSums() -> [Double] {
    var sums = [Double](repeating: 0, count: columnCount)
    for row in 0..<rowCount {
      for column in 0..<columnCount { sums[column] += self[row, column] }
    }
    return sums
  }

  /// The same elements rounded to single precision.
  public var single: Matrix {
    Matrix(rowCount: rowCount, columnCount: columnCount, elements: elements.map { Float($0) })
  }
}
