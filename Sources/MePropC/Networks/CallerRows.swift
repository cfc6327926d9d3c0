import CMePropInterface
import MePropCore
import MePropNN

/// Examples in the caller's memory, checked as a whole before any of them is used.
///
/// Batches are gathered from it; nothing else is copied.
struct CallerRows: ExampleSource {
  let exampleCount: Int
  let columnCount: Int
  private let values: UnsafePointer<Float>
  private let form: Form

  private enum Form {
    case dense(stride: Int)
    case sparse(starts: UnsafePointer<Int64>, columns: UnsafePointer<Int32>)
  }

  /// The most numbers a row, and rows: products of the two fit an `Int`.
  static let maximumCount: Int64 = 1 << 31 - 1

  /// Checks sizes, indices and numbers.
  ///
  /// - Throws: `InterfaceError`.
  init(_ pointer: UnsafePointer<meprop_rows>?, columnCount expected: Int) throws {
    let rows = try read(pointer, "inputs", defaults: meprop_rows())
    try require(
      (1...Self.maximumCount).contains(rows.row_count),
      "\(rows.row_count) examples, expected 1 or more")
    try require(
      rows.column_count == Int64(expected),
      "\(rows.column_count) numbers an example, expected \(expected)")
    exampleCount = Int(rows.row_count)
    columnCount = expected
    if let starts = rows.row_starts {
      (values, form) = try Self.sparse(rows, starts)
    } else {
      values = try given(rows.values, "inputs.values")
      form = .dense(
        stride: try Self.checkDense(
          values, "inputs", count: exampleCount, columnCount: expected, stride: rows.row_stride))
    }
  }

  /// Dense rows of targets.
  ///
  /// - Throws: `InterfaceError`.
  init(
    _ pointer: UnsafePointer<Float>?, _ name: String, count: Int, columnCount: Int, stride: Int64
  ) throws {
    values = try given(pointer, name)
    exampleCount = count
    self.columnCount = columnCount
    form = .dense(
      stride: try Self.checkDense(
        values, name, count: count, columnCount: columnCount, stride: stride))
  }

  /// Returns the stride of rows whose numbers are finite.
  private static func checkDense(
    _ values: UnsafePointer<Float>, _ name: String, count: Int, columnCount: Int, stride: Int64
  ) throws -> Int {
    try require(
      (Int64(columnCount)...maximumCount).contains(stride),
      "\(name): rows are \(stride) floats apart, expected at least \(columnCount)")
    let stride = Int(stride)
    let isFinite =
      stride == columnCount
      ? areFinite(values, count * columnCount)
      : (0..<count).allSatisfy { areFinite(values + $0 * stride, columnCount) }
    guard isFinite else {
      for row in 0..<count {
        for column in 0..<columnCount where !values[row * stride + column].isFinite {
          throw InterfaceError.argument(
            "\(name): row \(row), column \(column) is \(values[row * stride + column]), "
              + "expected finite numbers")
        }
      }
      // Another thread has changed them in between.
      throw InterfaceError.argument("\(name): found a number that is not finite")
    }
    return stride
  }

  private static func sparse(
    _ rows: meprop_rows, _ starts: UnsafePointer<Int64>
  ) throws -> (UnsafePointer<Float>, Form) {
    try require(starts[0] == 0, "inputs.row_starts begins with \(starts[0]), expected 0")
    for row in 0..<Int(rows.row_count) where starts[row + 1] < starts[row] {
      throw InterfaceError.argument(
        "inputs.row_starts: \(starts[row + 1]) after \(starts[row]) at row \(row), expected no "
          + "smaller number")
    }
    let count = starts[Int(rows.row_count)]
    // A matrix of zeros has no entries, and may have no arrays of them.
    guard count > 0 else {
      return (Self.none.values, .sparse(starts: starts, columns: Self.none.columns))
    }
    let values = try given(rows.values, "inputs.values")
    let columns = try given(rows.columns, "inputs.columns")
    for entry in 0..<Int(count)
    where columns[entry] < 0 || Int64(columns[entry]) >= rows.column_count {
      throw InterfaceError.argument(
        "inputs.columns: entry \(entry) is \(columns[entry]), expected 0 to "
          + "\(rows.column_count - 1)")
    }
    if !areFinite(values, Int(count)) {
      throw InterfaceError.argument("inputs.values: found a number that is not finite")
    }
    return (values, .sparse(starts: starts, columns: columns))
  }

  /// Where no entries are.
  ///
  /// `@unchecked Sendable`: never written.
  private struct NoEntries: @unchecked Sendable {
    let values = UnsafePointer(UnsafeMutablePointer<Float>.allocate(capacity: 1))
    let columns = UnsafePointer(UnsafeMutablePointer<Int32>.allocate(capacity: 1))
  }
  private static let none = NoEntries()

  func makeBatch() -> Matrix { Matrix(rowCount: 0, columnCount: columnCount) }

  func gather(_ examples: ArraySlice<UInt32>, into batch: inout Matrix) {
    batch.setRowCount(examples.count)
    let to = batch.unsafeMutableFloats()
    for (row, example) in examples.enumerated() {
      copy(Int(example), to: to + row * batch.stride)
    }
  }

  /// Copies rows that follow each other.
  func gather(_ examples: Range<Int>, into batch: inout Matrix) {
    batch.setRowCount(examples.count)
    let to = batch.unsafeMutableFloats()
    for example in examples {
      copy(example, to: to + (example - examples.lowerBound) * batch.stride)
    }
  }

  @inline(__always)
  private func copy(_ example: Int, to row: UnsafeMutablePointer<Float>) {
    switch form {
    case .dense(let stride):
      row.update(from: values + example * stride, count: columnCount)
    case .sparse(let starts, let columns):
      row.update(repeating: 0, count: columnCount)
      for entry in Int(starts[example])..<Int(starts[example + 1]) {
        row[Int(columns[entry])] += values[entry]
      }
    }
  }
}

/// Classes in the caller's memory.
struct CallerClasses: ExampleSource {
  let exampleCount: Int
  private let classes: UnsafePointer<Int32>

  /// Checks that all are below `classCount`.
  ///
  /// - Throws: `InterfaceError`.
  init(_ pointer: UnsafePointer<Int32>?, count: Int, classCount: Int) throws {
    classes = try given(pointer, "targets.classes")
    exampleCount = count
    for example in 0..<count where classes[example] < 0 || classes[example] >= classCount {
      throw InterfaceError.argument(
        "targets.classes: example \(example) is of class \(classes[example]), expected 0 to "
          + "\(classCount - 1)")
    }
  }

  func makeBatch() -> [Int32] { [] }

  func gather(_ examples: ArraySlice<UInt32>, into batch: inout [Int32]) {
    batch.removeAll(keepingCapacity: true)
    for example in examples { batch.append(classes[Int(example)]) }
  }
}

/// The weights of examples, if there are any.
///
/// - Throws: `InterfaceError`.
func weights(_ pointer: UnsafePointer<Float>?, count: Int) throws -> [Float] {
  guard let pointer else { return [] }
  let weights = Array(UnsafeBufferPointer(start: pointer, count: count))
  if let example = weights.firstIndex(where: { !($0 >= 0 && $0.isFinite) }) {
    throw InterfaceError.argument(
      "targets.weights: example \(example) has \(weights[example]), expected finite numbers of 0 "
        + "or more")
  }
  try require(weights.contains { $0 > 0 }, "targets.weights: all are 0, expected one above")
  return weights
}

extension CallerRows {
  /// Throws unless all numbers of dense rows are from 0 to 1.
  func checkShares(_ name: String) throws {
    guard case .dense(let stride) = form else { return }
    for row in 0..<exampleCount {
      for column in 0..<columnCount where !(0...1).contains(values[row * stride + column]) {
        throw InterfaceError.argument(
          "\(name): row \(row), column \(column) is \(values[row * stride + column]), expected 0 "
            + "to 1")
      }
    }
  }
}
