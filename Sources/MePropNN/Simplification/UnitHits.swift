import MePropCore

/// How often each unit of a layer was kept.
struct UnitHits: Sendable, Equatable {
  /// By unit, all blocks one after the other, padding left out: examples that kept it with an entry
  /// that is not zero; under sampling Σ|s| of its entries, which tells more there, because whether
  /// an entry is kept is partly chance.
  var values: [Float]
  /// The examples counted.
  var exampleCount = 0
  /// The entries counted that are not zero.
  var entryCount = 0

  init(count: Int) { values = Array(repeating: 0, count: count) }

  mutating func add(_ kept: GradientSupport, of selector: Selector) {
    exampleCount += kept.batchSize
    entryCount += kept.addHits(
      to: &values, asMagnitudes: selector.usesShares, blockSize: selector.padding?.size,
      paddedSize: selector.padding?.paddedSize)
  }

  /// In which share of the examples each of `width` units was kept, on average over the blocks that
  /// begin at `starts`; under sampling in how many it would have been, had each kept as many
  /// entries as is its share of Σ|s|.
  func shares(_ starts: [Int], width: Int, areMagnitudes: Bool) -> [Double] {
    var factor = 1 / Double(max(exampleCount, 1) * starts.count)
    if areMagnitudes {
      let whole = values.reduce(0) { $0 + Double($1) }
      factor *= whole > 0 ? Double(entryCount) / whole : 0
    }
    return (0..<width).map { unit in
      starts.reduce(0) { $0 + Double(values[$1 + unit]) } * factor
    }
  }
}
