// Copies, sums and products of rows, for layers that put matrices together.

extension Matrix {
  /// Makes row `row` equal to a row of another matrix of as many columns.
  package mutating func copyRow(_ row: Int, from other: Matrix, row otherRow: Int) {
    precondition(
      columnCount == other.columnCount, "Matrix.copyRow: \(other.shape) into \(shape)")
    withMutableRow(row) { target in
      other.withRow(otherRow) { _ = target.update(fromContentsOf: $0) }
    }
  }

  /// Makes all rows equal to those of a matrix of the same shape.
  package mutating func copyRows(of other: Matrix) {
    precondition(
      other.rowCount == rowCount && other.columnCount == columnCount,
      "Matrix.copyRows: \(other.shape) into \(shape)")
    let target = unsafeMutableFloats()
    target.update(from: other.unsafeFloats, count: rowCount * stride)
    withExtendedLifetime(other) {}
  }

  /// Makes each number the product of those of two matrices of the same shape.
  public mutating func setToProduct(of a: Matrix, _ b: Matrix) {
    precondition(
      a.rowCount == rowCount && b.rowCount == rowCount && a.columnCount == columnCount
        && b.columnCount == columnCount,
      "Matrix.setToProduct: \(a.shape) and \(b.shape) into \(shape)")
    let target = unsafeMutableFloats()
    let (left, right) = (a.unsafeFloats, b.unsafeFloats)
    for index in 0..<(rowCount * stride) { target[index] = left[index] * right[index] }
    withExtendedLifetime((a, b)) {}
  }

  /// Adds a matrix of the same shape.
  public mutating func add(_ other: Matrix) {
    precondition(
      other.rowCount == rowCount && other.columnCount == columnCount,
      "Matrix.add: \(other.shape) to \(shape)")
    let target = unsafeMutableFloats()
    let source = other.unsafeFloats
    for index in 0..<(rowCount * stride) { target[index] += source[index] }
    withExtendedLifetime(other) {}
  }

  /// Copies all columns of `other` to the columns from `to` on.
  package mutating func copyColumns(of other: Matrix, to: Int) {
    precondition(
      other.rowCount == rowCount && to >= 0 && to + other.columnCount <= columnCount,
      "Matrix.copyColumns: \(other.shape) into \(shape) from column \(to) on")
    let target = unsafeMutableFloats()
    for row in 0..<rowCount {
      (target + row * stride + to).update(
        from: other.unsafeFloats + row * other.stride, count: other.columnCount)
    }
    withExtendedLifetime(other) {}
  }

  /// Copies the columns of `other` from `from` on to all columns.
  package mutating func copyColumns(of other: Matrix, from: Int) {
    precondition(
      other.rowCount == rowCount && from >= 0 && from + columnCount <= other.columnCount,
      "Matrix.copyColumns: \(other.shape) from column \(from) on into \(shape)")
    let target = unsafeMutableFloats()
    for row in 0..<rowCount {
      (target + row * stride).update(
        from: other.unsafeFloats + row * other.stride + from, count: columnCount)
    }
    withExtendedLifetime(other) {}
  }

  /// Multiplies each row by its factor.
  package mutating func multiplyRows(by factor: (_ row: Int) -> Float) {
    for row in 0..<rowCount {
      let factor = factor(row)
      withMutableRow(row) { for column in $0.indices { $0[column] *= factor } }
    }
  }
}
