import MePropCore
import Synchronization

/// A matrix that is trained: its numbers, what the optimizer remembers of them, and what changed
/// last.
///
/// Copies of the numbers in other forms (transposed, rounded) belong to whoever makes them. They
/// compare `version` with that of their last copy and renew what differs: just the rows of the
/// last change where that is all, else everything. So no layer has to tell them, and a parameter
/// stays a value: after `var b = a` either may change.
public struct Parameter: Sendable {
  /// The numbers, shape `[rowCount, columnCount]`, padding included.
  public private(set) var value: Matrix
  /// What the optimizer remembers; empty until a trainer takes the parameter.
  package var moments = Moments(count: 0, rowCount: 0, columnCount: 0)
  /// Whether L2 regularization and weight decay apply: to weights, not to biases and embeddings.
  public let decays: Bool
  /// How rows and columns lie among zeros, where they do; saved tensors are without these.
  public private(set) var padding: Padding
  /// The place among the parameters of a model in training.
  package var index = 0

  /// Names the present numbers: another one after each change, the same for no others.
  package private(set) var version = Self.nextVersion()
  /// The version before the last change.
  package private(set) var previousVersion: UInt64 = 0
  /// The rows of the last change, or `nil` for all of them.
  package var changedRows: ArraySlice<UInt32>? { listsRows ? rows[...] : nil }
  private var rows: [UInt32] = []
  private var listsRows = false

  /// Creates a parameter that starts from `value`.
  ///
  /// - Parameters:
  ///   - value: Its numbers, padding included.
  ///   - decays: Whether L2 regularization and weight decay apply.
  ///   - padding: Where rows and columns of zeros lie.
  public init(_ value: Matrix, decays: Bool = true, padding: Padding = Padding()) {
    self.value = value
    self.decays = decays
    self.padding = padding
  }

  /// The number of rows, padding included.
  public var rowCount: Int { value.rowCount }
  /// The number of columns, padding included.
  public var columnCount: Int { value.columnCount }

  /// Takes other numbers of the same shape.
  public mutating func replace(with other: Matrix) {
    precondition(
      other.rowCount == rowCount && other.columnCount == columnCount,
      "Parameter.replace: found [\(other.rowCount), \(other.columnCount)], expected "
        + "[\(rowCount), \(columnCount)]")
    value = other
    didChange(rows: nil)
  }

  /// Becomes its rows and columns at these places, zeros where a place is −1; moments follow.
  mutating func rearrange(rows: [Int], columns: [Int], padding: Padding) {
    value = value.rearranged(rows: rows, columns: columns)
    moments = Moments(
      first: moments.first.rowCount > 0
        ? moments.first.rearranged(rows: rows, columns: columns)
        : Matrix(rowCount: 0, columnCount: columns.count),
      second: moments.second.rowCount > 0
        ? moments.second.rearranged(rows: rows, columns: columns)
        : Matrix(rowCount: 0, columnCount: columns.count))
    self.padding = padding
    didChange(rows: nil)
  }

  /// Calls `body` with numbers and moments, to be changed in place; `rows` are all that it changes.
  package mutating func update(
    rows: ArraySlice<UInt32>?, _ body: (inout Matrix, inout Moments) -> Void
  ) {
    body(&value, &moments)
    didChange(rows: rows)
  }

  private mutating func didChange(rows changed: ArraySlice<UInt32>?) {
    previousVersion = version
    version = Self.nextVersion()
    listsRows = changed != nil
    rows.removeAll(keepingCapacity: true)
    guard let changed else { return }
    rows.reserveCapacity(rowCount)
    rows.append(contentsOf: changed)
  }

  private static let versions = Atomic<UInt64>(1)
  private static func nextVersion() -> UInt64 {
    versions.wrappingAdd(1, ordering: .relaxed).newValue
  }
}

extension Parameter: Equatable {
  /// Returns whether the numbers are equal.
  public static func == (left: Parameter, right: Parameter) -> Bool { left.value == right.value }
}

extension Parameter {
  /// Blocks of rows or columns of which each is followed by zeros, as the gates of an LSTM.
  public struct Padding: Sendable, Equatable {
    /// The rows of a block, and with zeros; `nil`: no padding.
    public var rows: Block?
    /// The columns of a block, and with zeros; `nil`: no padding.
    public var columns: Block?

    /// Creates a padding.
    public init(rows: Block? = nil, columns: Block? = nil) {
      self.rows = rows
      self.columns = columns
    }

    /// A number of rows or columns and how many they are with zeros.
    public struct Block: Sendable, Equatable {
      /// The rows or columns of a block.
      public var size: Int
      /// Those, and zeros.
      public var paddedSize: Int

      /// Creates a block.
      public init(size: Int, paddedSize: Int) {
        self.size = size
        self.paddedSize = paddedSize
      }

      func count(ofPadded count: Int) -> Int { count / paddedSize * size }
      func padded(_ index: Int) -> Int { index / size * paddedSize + index % size }

      /// Calls `body` with neighbors among the first `count` and where the first of them lies among
      /// the zeros.
      func forEachRun(of count: Int, _ body: (_ run: Range<Int>, _ padded: Int) -> Void) {
        for start in stride(from: 0, to: count, by: size) {
          body(start..<min(start + size, count), start / size * paddedSize)
        }
      }
    }
  }

  /// The shape of ``value`` without padding; of one row, as a vector: `[columns]`.
  public var shape: [Int] {
    let columns = padding.columns?.count(ofPadded: columnCount) ?? columnCount
    if rowCount == 1 { return [columns] }
    return [padding.rows?.count(ofPadded: rowCount) ?? rowCount, columns]
  }

  /// A matrix of the parameter's size as a tensor without padding.
  package func tensor(_ name: String, of matrix: Matrix) -> NamedTensor {
    guard padding != Padding() else {
      return NamedTensor(name: name, shape: shape, values: matrix.elements)
    }
    let extents = shape
    let (rows, columns) = extents.count == 1 ? (1, extents[0]) : (extents[0], extents[1])
    var values: [Float] = []
    values.reserveCapacity(rows * columns)
    for row in 0..<rows {
      matrix.withRow(padding.rows?.padded(row) ?? row) { source in
        columnBlock.forEachRun(of: columns) { run, padded in
          values.append(contentsOf: source[padded..<padded + run.count])
        }
      }
    }
    return NamedTensor(name: name, shape: extents, values: values)
  }

  /// The columns that lie side by side: all of them where there is no padding.
  private var columnBlock: Padding.Block {
    padding.columns ?? Padding.Block(size: max(columnCount, 1), paddedSize: columnCount)
  }

  /// The matrix, padding included, of a tensor of ``shape``.
  package func matrix(of tensor: NamedTensor) -> Matrix {
    precondition(
      tensor.shape == shape,
      "Parameter: tensor '\(tensor.name)' has shape \(tensor.shape), expected \(shape)")
    guard padding != Padding() else {
      return Matrix(rowCount: rowCount, columnCount: columnCount, elements: tensor.values)
    }
    var result = Matrix(rowCount: rowCount, columnCount: columnCount)
    let columns = shape[shape.count - 1]
    for row in 0..<(tensor.values.count / max(columns, 1)) {
      result.withMutableRow(padding.rows?.padded(row) ?? row) { target in
        columnBlock.forEachRun(of: columns) { run, padded in
          for place in run {
            target[padded + place - run.lowerBound] = tensor.values[row * columns + place]
          }
        }
      }
    }
    return result
  }

  /// The same numbers for an input that lies among zeros, as that of an ``LSTM``: columns of zeros
  /// are put in.
  public func paddingColumns(_ block: Padding.Block) -> Parameter {
    let width = columnCount / block.size * block.paddedSize
    let empty = Parameter(
      Matrix(rowCount: rowCount, columnCount: width), decays: decays,
      padding: Padding(rows: padding.rows, columns: block))
    return Parameter(
      empty.matrix(of: tensor("", of: value)), decays: decays, padding: empty.padding)
  }
}
