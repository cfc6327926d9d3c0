import CMePropKernels

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A matrix of 32-bit floats with value semantics.
///
/// Rows are contiguous and lie one after the other, each starting `stride` floats after the one
/// before on a 64-byte boundary. The stride is the number of columns rounded up to whole cache
/// lines of 16 floats and, from two lines on, to an odd number of them: with an even number the
/// same columns of many rows fall into the same few sets of a cache and drive each other out. The
/// floats between the last column and the stride are padding and are always zero, so that kernels
/// can work on whole lines.
///
/// Storage is shared between copies until one of them changes.
public struct Matrix: Sendable {
  /// The number of rows, 0 or more.
  public private(set) var rowCount: Int
  /// The number of columns, 0 or more.
  public private(set) var columnCount: Int
  /// The distance from one row to the next, in floats.
  public private(set) var stride: Int
  private var storage: Storage

  /// Creates a matrix of zeros, shape `[rowCount, columnCount]`.
  public init(rowCount: Int, columnCount: Int) {
    precondition(
      rowCount >= 0 && columnCount >= 0,
      "Matrix: shape is [\(rowCount), \(columnCount)], expected no negative size")
    self.rowCount = rowCount
    self.columnCount = columnCount
    stride = Self.stride(columnCount: columnCount)
    storage = Storage(count: rowCount * stride)
  }

  /// Creates a matrix from its elements row by row; `elements` must hold `rowCount * columnCount`
  /// of them.
  public init(rowCount: Int, columnCount: Int, elements: [Float]) {
    precondition(
      elements.count == rowCount * columnCount,
      "Matrix: [\(rowCount), \(columnCount)] needs \(rowCount * columnCount) elements, found "
        + "\(elements.count)"
    )
    self.init(rowCount: rowCount, columnCount: columnCount)
    elements.withUnsafeBufferPointer { source in
      guard let from = source.baseAddress else { return }
      for row in 0..<rowCount {
        (storage.floats + row * stride).update(from: from + row * columnCount, count: columnCount)
      }
    }
  }

  /// Creates a matrix from rows of equal length.
  public init(_ rows: [[Float]]) {
    let columnCount = rows.first?.count ?? 0
    for (index, row) in rows.enumerated() {
      precondition(
        row.count == columnCount,
        "Matrix: row \(index) has \(row.count) elements, expected \(columnCount) as in row 0")
    }
    self.init(rowCount: rows.count, columnCount: columnCount, elements: rows.flatMap { $0 })
  }

  /// The element in `row` and `column`.
  public subscript(row: Int, column: Int) -> Float {
    get {
      check(row: row, column: column)
      return storage.floats[row * stride + column]
    }
    set {
      check(row: row, column: column)
      makeUnique()
      storage.floats[row * stride + column] = newValue
    }
  }

  /// The elements row by row, without padding: `rowCount * columnCount` of them.
  public var elements: [Float] {
    [Float](unsafeUninitializedCapacity: rowCount * columnCount) { target, count in
      if let to = target.baseAddress {
        for row in 0..<rowCount {
          (to + row * columnCount).initialize(
            from: storage.floats + row * stride, count: columnCount)
        }
      }
      count = rowCount * columnCount
    }
  }

  /// Calls `body` with the elements of one row, without padding.
  public func withRow<Result, Failure: Error>(
    _ row: Int, _ body: (UnsafeBufferPointer<Float>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    check(row: row, column: nil)
    defer { withExtendedLifetime(storage) {} }
    return try body(UnsafeBufferPointer(start: storage.floats + row * stride, count: columnCount))
  }

  /// Calls `body` with the elements of one row, without padding, to be changed in place.
  public mutating func withMutableRow<Result, Failure: Error>(
    _ row: Int, _ body: (UnsafeMutableBufferPointer<Float>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    check(row: row, column: nil)
    makeUnique()
    defer { withExtendedLifetime(storage) {} }
    return try body(
      UnsafeMutableBufferPointer(start: storage.floats + row * stride, count: columnCount))
  }

  /// Sets every element to zero.
  public mutating func setToZero() {
    makeUnique()
    storage.floats.update(repeating: 0, count: rowCount * stride)
  }

  /// Changes the number of rows.
  ///
  /// Memory is taken only if there never were as many; rows that were there before keep their
  /// elements if it is not, and otherwise all are zero.
  public mutating func setRowCount(_ count: Int) {
    precondition(count >= 0, "Matrix.setRowCount: found \(count), expected 0 or more")
    if count * stride > storage.count {
      storage = Storage(count: count * stride)
    }
    rowCount = count
  }

  /// Changes the numbers of rows and columns; memory is taken only if there never was as much.
  ///
  /// With another number of columns all elements are zero.
  package mutating func setShape(rowCount: Int, columnCount: Int) {
    guard columnCount != self.columnCount else { return setRowCount(rowCount) }
    let stride = Self.stride(columnCount: columnCount)
    if rowCount * stride > storage.count {
      storage = Storage(count: rowCount * stride)
    } else {
      makeUnique()
      // Rows that are there later have no other columns either.
      storage.floats.update(repeating: 0, count: storage.count)
    }
    (self.rowCount, self.columnCount, self.stride) = (rowCount, columnCount, stride)
  }

  /// Returns the matrix with rows of zeros after its own.
  package func extended(toRowCount count: Int) -> Matrix {
    precondition(count >= rowCount, "Matrix.extended: \(rowCount) rows to \(count), expected more")
    var result = Matrix(rowCount: count, columnCount: columnCount)
    for row in 0..<rowCount {
      result.withMutableRow(row) { target in
        withRow(row) { for column in $0.indices { target[column] = $0[column] } }
      }
    }
    return result
  }

  /// The stride of a matrix of `columnCount` columns: see ``Matrix``.
  public static func stride(columnCount: Int) -> Int {
    let lines = (columnCount + Int(MEPROP_LINE) - 1) / Int(MEPROP_LINE)
    return (lines > 1 ? lines | 1 : lines) * Int(MEPROP_LINE)
  }

  private func check(row: Int, column: Int?) {
    precondition(
      row >= 0 && row < rowCount,
      "Matrix: row \(row) of a [\(rowCount), \(columnCount)] matrix")
    if let column {
      precondition(
        column >= 0 && column < columnCount,
        "Matrix: column \(column) of a [\(rowCount), \(columnCount)] matrix")
    }
  }

  private mutating func makeUnique() {
    if !isKnownUniquelyReferenced(&storage) { storage = Storage(copy: storage) }
  }
}

extension Matrix {
  /// The first element, for kernels.
  ///
  /// Valid while this matrix lives and is not changed; callers keep it alive across the call.
  package var unsafeFloats: UnsafePointer<Float> { UnsafePointer(storage.floats) }

  /// The first element, to be changed by kernels, after making the storage this matrix's own.
  ///
  /// Valid while this matrix lives and is neither copied nor resized. Padding must be left zero.
  package mutating func unsafeMutableFloats() -> UnsafeMutablePointer<Float> {
    makeUnique()
    return storage.floats
  }

  /// The number of lines of 16 floats that the columns take.
  package var lineCount: Int { (columnCount + Int(MEPROP_LINE) - 1) / Int(MEPROP_LINE) }
}

extension Matrix: Equatable {
  /// Returns whether shapes and all elements are equal (NaN never is).
  public static func == (left: Matrix, right: Matrix) -> Bool {
    guard left.rowCount == right.rowCount, left.columnCount == right.columnCount else {
      return false
    }
    for row in 0..<left.rowCount {
      let equal = left.withRow(row) { a in right.withRow(row) { b in a.elementsEqual(b) } }
      if !equal { return false }
    }
    return true
  }
}

/// Zero-filled floats on a 64-byte boundary, or on huge pages where there are many.
///
/// `@unchecked Sendable`: written only by the one matrix that holds it uniquely.
private final class Storage: @unchecked Sendable {
  let floats: UnsafeMutablePointer<Float>
  let count: Int

  /// From this size on memory is aligned to huge pages, of which the system is asked for: a block
  /// of columns touches one page a row, and 2,048 rows of 8 KB have more small pages than the
  /// processor keeps addresses of.
  private static let hugePage = 2 << 20

  init(count: Int) {
    self.count = count
    let bytes = max(count, 16) * MemoryLayout<Float>.stride
    var raw: UnsafeMutableRawPointer?
    let alignment = bytes >= 2 * Self.hugePage ? Self.hugePage : 64
    let status = posix_memalign(&raw, alignment, bytes)
    guard status == 0, let raw else {
      preconditionFailure("Matrix: no memory for \(bytes) bytes (posix_memalign: \(status))")
    }
    #if os(Linux)
      if alignment == Self.hugePage { madvise(raw, bytes, MADV_HUGEPAGE) }
    #endif
    floats = raw.bindMemory(to: Float.self, capacity: max(count, 16))
    floats.initialize(repeating: 0, count: max(count, 16))
  }

  convenience init(copy other: Storage) {
    self.init(count: other.count)
    floats.update(from: other.floats, count: count)
  }

  deinit { free(floats) }
}
