import MePropCore

/// The input of layers on embeddings: a row of symbols for each example, or for each word of packed
/// sentences.
public struct Symbols: Sendable {
  /// The symbols, row by row, `positionCount` a row; there may be more than count.
  public var values: [UInt32]
  /// The number of rows.
  public var rowCount: Int
  /// The symbols of a row.
  public let positionCount: Int
  /// Which row is which word of which sentence; `nil` where rows are examples.
  public var packing: PackedSequence?

  /// Creates rows of symbols.
  ///
  /// - Parameters:
  ///   - values: Row by row.
  ///   - rowCount: The number of rows.
  ///   - positionCount: The symbols of a row, at least 1.
  ///   - packing: Which row is which word.
  public init(
    _ values: [UInt32], rowCount: Int, positionCount: Int = 1, packing: PackedSequence? = nil
  ) {
    precondition(
      positionCount >= 1 && values.count >= rowCount * positionCount
        && packing.map { $0.positionCount == rowCount } ?? true,
      "Symbols: \(values.count) symbols for [\(rowCount), \(positionCount)]"
        + (packing.map { " and \($0.positionCount) packed words" } ?? ""))
    self.values = values
    self.rowCount = rowCount
    self.positionCount = positionCount
    self.packing = packing
  }

  /// Packs sentences of one symbol a word, each of at least one word.
  public init(_ sentences: [[Int]]) {
    self.init([], rowCount: 0, packing: PackedSequence(lengths: []))
    pack(count: sentences.count) { sentences[$0] }
  }

  /// Packs sentences of one symbol a word in place of what was there.
  ///
  /// - Parameters:
  ///   - count: How many.
  ///   - sentence: The symbols of each, at least one.
  package mutating func pack(count: Int, _ sentence: (Int) -> [Int]) {
    var packed = packing ?? PackedSequence(lengths: [])
    packing = nil
    packed.repack(count: count) { sentence($0).count }
    if values.count < packed.positionCount {
      values = Array(repeating: 0, count: packed.positionCount)
    }
    for (sorted, index) in packed.order.enumerated() {
      for (word, symbol) in sentence(index).enumerated() {
        values[packed.position(ofWord: word, inSorted: sorted)] = UInt32(symbol)
      }
    }
    rowCount = packed.positionCount
    packing = packed
  }
}
