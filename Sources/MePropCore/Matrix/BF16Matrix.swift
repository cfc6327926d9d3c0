import CMePropKernels

/// A matrix of bf16 numbers, made by rounding a ``Matrix``: an input, or the rounded copy of
/// weights.
///
/// Row-major; rows start on 64-byte boundaries, `stride` numbers apart, and what lies between the
/// last column and the stride is zero. From two cache lines on the stride is an odd number of
/// lines, as that of a ``Matrix``. Storage is shared between copies until one of them changes.
public struct BF16Matrix: Sendable {
  /// The number of rows, 0 or more.
  public private(set) var rowCount: Int
  /// The number of columns, 0 or more.
  public private(set) var columnCount: Int
  /// The distance from one row to the next, in numbers of 2 bytes.
  public private(set) var stride: Int
  /// Two numbers in the place of each float.
  private var storage: Matrix

  /// Creates a matrix of zeros, shape `[rowCount, columnCount]`.
  public init(rowCount: Int, columnCount: Int) {
    storage = Matrix(rowCount: rowCount, columnCount: (columnCount + 1) / 2)
    self.rowCount = rowCount
    self.columnCount = columnCount
    stride = storage.stride * 2
  }

  /// The number in `row` and `column`, widened.
  public subscript(row: Int, column: Int) -> Float {
    precondition(
      row >= 0 && row < rowCount && column >= 0 && column < columnCount,
      "BF16Matrix: element [\(row), \(column)] of a [\(rowCount), \(columnCount)] matrix")
    return storage.withRow(row) { words in
      // Little-endian, as all processors are that this package runs on: the first of two is the
      // lower half.
      let pair = words[column / 2].bitPattern
      return Float(bitPattern: column % 2 == 0 ? pair << 16 : pair & 0xFFFF_0000)
    }
  }

  /// Changes the number of rows; memory is taken only if there never were as many.
  public mutating func setRowCount(_ count: Int) {
    storage.setRowCount(count)
    rowCount = count
  }

  /// Changes the numbers of rows and columns; memory is taken only if there never was as much.
  ///
  /// With another number of columns all elements are zero.
  package mutating func setShape(rowCount: Int, columnCount: Int) {
    let pairs = (columnCount + 1) / 2
    // The second number of the last pair must not stay.
    if columnCount != self.columnCount, pairs == storage.columnCount {
      storage.setShape(rowCount: 0, columnCount: 0)
    }
    storage.setShape(rowCount: rowCount, columnCount: pairs)
    (self.rowCount, self.columnCount, stride) = (rowCount, columnCount, storage.stride * 2)
  }

  /// The first number, for kernels; valid while this matrix lives and is not changed.
  var unsafeNumbers: UnsafePointer<UInt16> {
    UnsafeRawPointer(storage.unsafeFloats).assumingMemoryBound(to: UInt16.self)
  }

  /// The first number, to be changed by kernels, after making the storage this matrix's own.
  mutating func unsafeMutableNumbers() -> UnsafeMutablePointer<UInt16> {
    UnsafeMutableRawPointer(storage.unsafeMutableFloats()).assumingMemoryBound(to: UInt16.self)
  }
}

extension ComputeContext {
  /// Rounds all rows of `source` into `target`, which must have its shape.
  ///
  /// To nearest, ties to even; magnitudes from 2¹²⁷ · (2 − 2⁻⁸) on become infinite, NaN
  /// stays NaN. Numbers below 2⁻¹²⁶ become zero with AVX512-BF16. O(elements).
  public func round(_ source: Matrix, into target: inout BF16Matrix) {
    precondition(
      target.rowCount == source.rowCount,
      "round: \(source.shape) into [\(target.rowCount), \(target.columnCount)]")
    round(source, rows: nil, count: source.rowCount, into: &target)
  }

  /// Rounds `source` into the first rows of `target`, leaving the others as they are.
  func round(leadingRowsOf source: Matrix, into target: inout BF16Matrix) {
    round(source, rows: nil, count: source.rowCount, into: &target)
  }

  /// Rounds only the rows of `source` that `rows` lists (each once), leaving the others of `target`
  /// as they are.
  public func round(_ source: Matrix, rows: ArraySlice<UInt32>, into target: inout BF16Matrix) {
    precondition(
      rows.allSatisfy { Int($0) < source.rowCount },
      "round: rows up to \(rows.max() ?? 0) of \(source.shape)")
    rows.withUnsafeBufferPointer { rows in
      round(source, rows: rows.baseAddress, count: rows.count, into: &target)
    }
  }

  private func round(
    _ source: Matrix, rows: UnsafePointer<UInt32>?, count: Int, into target: inout BF16Matrix
  ) {
    precondition(
      target.rowCount >= source.rowCount && target.columnCount == source.columnCount,
      "round: \(source.shape) into [\(target.rowCount), \(target.columnCount)]")
    var arguments = meprop_round_rows_arguments(
      rows: rows, from: source.unsafeFloats, from_stride: source.stride,
      columns: source.columnCount, to: target.unsafeMutableNumbers(), to_stride: target.stride)
    run(kernels.roundRows, &arguments, count: count, work: count * source.columnCount)
    withExtendedLifetime(source) {}
  }

  /// `y = x wᵀ` of bf16 operands: shapes `[batchSize, inputSize]`, `[outputSize, inputSize]`,
  /// result `[batchSize, outputSize]`.
  ///
  /// Overwrites `y`. Each element is a dot product summed in f32 in an order that depends on the
  /// instruction set and `inputSize` alone. O(*batchSize · inputSize · outputSize*).
  public func multiply(_ x: BF16Matrix, byTransposeOf w: BF16Matrix, into y: inout Matrix) {
    precondition(
      x.columnCount == w.columnCount && y.rowCount == x.rowCount && y.columnCount == w.rowCount,
      "x wᵀ: shapes are [\(x.rowCount), \(x.columnCount)] and [\(w.rowCount), \(w.columnCount)] "
        + "into \(y.shape), expected [b, m], [n, m] into [b, n]")
    let stride = y.stride
    var arguments = meprop_bf16_product_arguments(
      x: x.unsafeNumbers, x_stride: x.stride, rows: x.rowCount, columns: x.columnCount,
      w: w.unsafeNumbers, w_stride: w.stride, outputs: w.rowCount, y: y.unsafeMutableFloats(),
      y_stride: stride)
    run(
      kernels.bf16Product, &arguments, count: (w.rowCount + 15) / 16,
      work: x.rowCount * w.rowCount * w.columnCount)
    withExtendedLifetime((x, w)) {}
  }
}
