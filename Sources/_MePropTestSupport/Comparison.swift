import MePropCore
import Testing

/// What can be compared number by number: a shape, and that many values.
public protocol NumericValues {
  /// The size of each dimension.
  var shapeForComparison: [Int] { get }
  /// The values in row-major order.
  var valuesForComparison: [Double] { get }
}

extension Array: NumericValues where Element: BinaryFloatingPoint {
  /// The number of elements.
  public var shapeForComparison: [Int] { [count] }
  /// The elements.
  public var valuesForComparison: [Double] { map { Double($0) } }
}

extension Matrix: NumericValues {
  /// Rows and columns.
  public var shapeForComparison: [Int] { [rowCount, columnCount] }
  /// The elements row by row.
  public var valuesForComparison: [Double] { elements.map { Double($0) } }
}

extension DoubleMatrix: NumericValues {
  /// Rows and columns.
  public var shapeForComparison: [Int] { [rowCount, columnCount] }
  /// The elements row by row.
  public var valuesForComparison: [Double] { elements }
}

/// Why two arrays of numbers are not close.
public enum Mismatch: Equatable, Sendable, CustomStringConvertible {
  /// Their shapes differ.
  case shape(found: [Int], expected: [Int])
  /// Values differ by more than allowed: the worst of them, the error as a multiple of what is
  /// allowed (NaN counts as infinite), and how many there are.
  case value(index: [Int], found: Double, expected: Double, excess: Double, count: Int)

  /// One line: where, found, expected.
  public var description: String {
    switch self {
    case .shape(let found, let expected):
      return "shape is \(found), expected \(expected)"
    case .value(let index, let found, let expected, let excess, let count):
      let error = abs(found - expected)
      return "at \(index): found \(found), expected \(expected); error \(error) is \(excess) times "
        + "what is allowed; \(count) such values"
    }
  }
}

/// Returns why `found` is not close to `expected`, or `nil` if it is.
///
/// Shapes must be equal, and for each value |a − b| ≤ atol + rtol · max(|a|, |b|). NaN is
/// close to nothing, NaN included; an infinity only to itself.
public func mismatch(
  _ found: some NumericValues, _ expected: some NumericValues, atol: Double, rtol: Double
) -> Mismatch? {
  let shape = found.shapeForComparison
  guard shape == expected.shapeForComparison else {
    return .shape(found: shape, expected: expected.shapeForComparison)
  }
  let left = found.valuesForComparison
  let right = expected.valuesForComparison
  guard left.count == right.count else {
    return .shape(found: [left.count], expected: [right.count])
  }
  var worst: (place: Int, excess: Double)?
  var count = 0
  for place in left.indices where left[place] != right[place] {
    let allowed = atol + rtol * max(abs(left[place]), abs(right[place]))
    let error = abs(left[place] - right[place])
    // Written so that NaN and infinity fail every comparison that would let them pass.
    if error.isFinite, allowed.isFinite, error <= allowed { continue }
    count += 1
    let excess = error.isFinite && allowed.isFinite ? error / allowed : .infinity
    if worst.map({ excess > $0.excess }) ?? true { worst = (place, excess) }
  }
  guard let worst else { return nil }
  var index: [Int] = []
  var rest = worst.place
  for size in shape.reversed() {
    index.insert(rest % size, at: 0)
    rest /= size
  }
  return .value(
    index: index, found: left[worst.place], expected: right[worst.place], excess: worst.excess,
    count: count)
}

/// Records an issue at the caller's place unless `found` is close to `expected`: see
/// ``mismatch(_:_:atol:rtol:)``.
public func expectClose(
  _ found: some NumericValues, _ expected: some NumericValues, atol: Double, rtol: Double,
  _ comment: @autoclosure () -> String = "", sourceLocation: SourceLocation = #_sourceLocation
) {
  if let mismatch = mismatch(found, expected, atol: atol, rtol: rtol) {
    Issue.record("\(comment()) \(mismatch.description)", sourceLocation: sourceLocation)
  }
}

/// Records an issue at the caller's place unless both matrices have the same shape and the same
/// bits.
public func expectSameBits(
  _ found: Matrix, _ expected: Matrix, _ comment: @autoclosure () -> String = "",
  sourceLocation: SourceLocation = #_sourceLocation
) {
  let shape = found.shapeForComparison
  guard shape == expected.shapeForComparison else {
    let mismatch = Mismatch.shape(found: shape, expected: expected.shapeForComparison)
    Issue.record("\(comment()) \(mismatch.description)", sourceLocation: sourceLocation)
    return
  }
  let pairs = zip(found.elements, expected.elements).enumerated()
  if let (place, (left, right)) = pairs.first(where: { $1.0.bitPattern != $1.1.bitPattern }) {
    let cell = "[\(place / shape[1]), \(place % shape[1])]"
    Issue.record(
      "\(comment()) at \(cell): found \(left), expected the bits of \(right)",
      sourceLocation: sourceLocation)
  }
}
