import MePropCore

/// Examples in memory that batches are gathered from: plain arrays, a matrix, or a type of one's
/// own.
///
/// | examples | batches |
/// |---|---|
/// | `[[Float]]`, `Matrix` | `Matrix`, a row an example |
/// | `[Float]` | `Matrix` of one column |
/// | `[Int]` | `[Int32]`, a class an example |
/// | `[[Int]]` | ``Symbols``, packed sentences of a symbol a word |
/// | ``Paired`` | a pair of batches, for two heads |
public protocol ExampleSource {
  /// What a layer or a loss takes.
  associatedtype Batch
  /// The number of examples.
  var exampleCount: Int { get }
  /// Makes an empty batch, to be filled again and again.
  func makeBatch() -> Batch
  /// Makes a batch of the examples of these numbers.
  func gather(_ examples: ArraySlice<UInt32>, into batch: inout Batch)
}

extension Matrix: ExampleSource {
  /// The number of rows.
  public var exampleCount: Int { rowCount }
  /// An empty matrix.
  public func makeBatch() -> Matrix { Matrix(rowCount: 0, columnCount: columnCount) }
  /// Copies rows.
  public func gather(_ examples: ArraySlice<UInt32>, into batch: inout Matrix) {
    batch.setRowCount(examples.count)
    for (row, example) in examples.enumerated() {
      batch.copyRow(row, from: self, row: Int(example))
    }
  }
}

/// An example that arrays hold: a number, a class, a row of numbers, a sentence.
public protocol Example {
  /// What a layer or a loss takes.
  associatedtype Batch
  /// Makes an empty batch for examples like these.
  static func makeBatch(of examples: [Self]) -> Batch
  /// Makes a batch of the examples of these numbers.
  static func gather(_ numbers: ArraySlice<UInt32>, of examples: [Self], into batch: inout Batch)
}

extension Array: ExampleSource where Element: Example {
  /// The number of elements.
  public var exampleCount: Int { count }
  /// An empty batch.
  public func makeBatch() -> Element.Batch { Element.makeBatch(of: self) }
  /// Copies elements.
  public func gather(_ examples: ArraySlice<UInt32>, into batch: inout Element.Batch) {
    Element.gather(examples, of: self, into: &batch)
  }
}

extension Int: Example {
  /// Room for classes.
  public static func makeBatch(of examples: [Int]) -> [Int32] { [] }
  /// Copies classes.
  public static func gather(
    _ numbers: ArraySlice<UInt32>, of examples: [Int], into batch: inout [Int32]
  ) {
    batch.removeAll(keepingCapacity: true)
    for number in numbers { batch.append(Int32(examples[Int(number)])) }
  }
}

extension Float: Example {
  /// Room for a column.
  public static func makeBatch(of examples: [Float]) -> Matrix {
    Matrix(rowCount: 0, columnCount: 1)
  }
  /// Copies numbers.
  public static func gather(
    _ numbers: ArraySlice<UInt32>, of examples: [Float], into batch: inout Matrix
  ) {
    batch.setRowCount(numbers.count)
    for (row, number) in numbers.enumerated() { batch[row, 0] = examples[Int(number)] }
  }
}

/// What examples that are arrays hold: numbers of a row, or symbols of a sentence.
public protocol ExampleElement {
  /// What a layer takes.
  associatedtype RowBatch
  /// Makes an empty batch for examples like these.
  static func makeBatch(ofArrays examples: [[Self]]) -> RowBatch
  /// Makes a batch of the examples of these numbers.
  static func gather(
    _ numbers: ArraySlice<UInt32>, ofArrays examples: [[Self]], into batch: inout RowBatch)
}

extension Array: Example where Element: ExampleElement {
  /// An empty batch.
  public static func makeBatch(of examples: [[Element]]) -> Element.RowBatch {
    Element.makeBatch(ofArrays: examples)
  }
  /// Copies arrays.
  public static func gather(
    _ numbers: ArraySlice<UInt32>, of examples: [[Element]], into batch: inout Element.RowBatch
  ) {
    Element.gather(numbers, ofArrays: examples, into: &batch)
  }
}

extension Float: ExampleElement {
  /// Room for rows as long as the first.
  public static func makeBatch(ofArrays examples: [[Float]]) -> Matrix {
    Matrix(rowCount: 0, columnCount: examples.first?.count ?? 0)
  }
  /// Copies rows, which must be of equal length.
  public static func gather(
    _ numbers: ArraySlice<UInt32>, ofArrays examples: [[Float]], into batch: inout Matrix
  ) {
    batch.setRowCount(numbers.count)
    for (row, number) in numbers.enumerated() {
      let example = examples[Int(number)]
      precondition(
        example.count == batch.columnCount,
        "example \(number) has \(example.count) numbers, expected \(batch.columnCount)")
      batch.withMutableRow(row) { _ = $0.update(fromContentsOf: example) }
    }
  }
}

extension Int: ExampleElement {
  /// Room for packed sentences.
  public static func makeBatch(ofArrays examples: [[Int]]) -> Symbols { Symbols([]) }
  /// Packs sentences, each of at least one word.
  public static func gather(
    _ numbers: ArraySlice<UInt32>, ofArrays examples: [[Int]], into batch: inout Symbols
  ) {
    batch.pack(count: numbers.count) { examples[Int(numbers[numbers.startIndex + $0])] }
  }
}

/// The targets of two heads.
public struct Paired<First: ExampleSource, Second: ExampleSource>: ExampleSource {
  /// The first head's.
  public let first: First
  /// The second head's.
  public let second: Second

  /// Creates targets, as many for both heads.
  public init(_ first: First, _ second: Second) {
    precondition(
      first.exampleCount == second.exampleCount,
      "Paired: \(first.exampleCount) and \(second.exampleCount) examples, expected as many")
    self.first = first
    self.second = second
  }

  /// The number of examples.
  public var exampleCount: Int { first.exampleCount }
  /// Two empty batches.
  public func makeBatch() -> (First.Batch, Second.Batch) { (first.makeBatch(), second.makeBatch()) }
  /// Gathers both.
  public func gather(
    _ examples: ArraySlice<UInt32>, into batch: inout (First.Batch, Second.Batch)
  ) {
    first.gather(examples, into: &batch.0)
    second.gather(examples, into: &batch.1)
  }
}
