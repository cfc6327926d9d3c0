import CMePropKernels

/// Which symbols occur at each position of a batch, and where: what makes a wide first layer a sum
/// over few rows.
///
/// A *pair* is a symbol at a position. Pairs are numbered position by position, in order of their
/// first use. One grouping serves forward and backward pass. It is a workspace: memory is kept from
/// step to step.
public final class FeatureGroups {
  /// The number of examples.
  public private(set) var batchSize = 0
  /// The number of positions of an example.
  public private(set) var positionCount = 0
  /// The number of pairs, over all positions.
  public private(set) var pairCount = 0
  private(set) var symbolCount = 0

  /// Where the pairs of each position start, and one more than the last; `positionCount + 1`
  /// numbers.
  package private(set) var bases: [UInt32] = [0]
  /// By example and position, the number of the pair within its position.
  let pairs = ScratchBuffer<UInt32>()
  /// By position, the symbols of its pairs; each position has room for `batchSize`.
  let symbols = ScratchBuffer<UInt32>()
  /// By pair over all positions, where its uses start.
  let starts = ScratchBuffer<UInt32>()
  /// By pair, the examples that use it, ascending.
  let uses = ScratchBuffer<UInt32>()
  private let localStarts = ScratchBuffer<UInt32>()
  private let slots = ScratchBuffer<UInt32>()
  private var counts: [UInt32] = []
  // Pairs by symbol: entries symbolStarts[t] ..< symbolStarts[t + 1] of symbolPairs belong to
  // usedSymbols[t].
  private(set) var usedSymbols: [UInt32] = []
  private(set) var symbolStarts: [UInt32] = []
  private(set) var symbolPairs: [UInt32] = []
  private(set) var ones: [Float] = []
  private var symbolSlots: [UInt32] = []

  /// Creates an empty grouping.
  public init() {}

  /// Groups a batch.
  ///
  /// - Parameters:
  ///   - features: The symbol at each position of each example, `batchSize × positionCount` of
  ///     them.
  ///   - batchSize: The number of examples, at least 1.
  ///   - positionCount: The number of positions, at least 1.
  ///   - symbolCount: Symbols are below this.
  ///   - context: Where to compute.
  /// - Complexity: O(*batchSize · positionCount*).
  public func group(
    _ features: [UInt32], batchSize: Int, positionCount: Int, symbolCount: Int,
    context: ComputeContext
  ) {
    let count = batchSize * positionCount
    precondition(
      batchSize >= 1 && positionCount >= 1 && features.count >= count,
      "FeatureGroups: \(features.count) features for [\(batchSize), \(positionCount)]")
    for index in 0..<count {
      precondition(
        features[index] < symbolCount,
        "FeatureGroups: symbol \(features[index]), expected below \(symbolCount)")
    }
    self.batchSize = batchSize
    self.positionCount = positionCount
    self.symbolCount = symbolCount
    pairs.reserve(count)
    symbols.reserve(count)
    uses.reserve(count)
    starts.reserve(count + 1)
    localStarts.reserve(count + positionCount)
    slots.reserve(positionCount * symbolCount)
    if counts.count != positionCount {
      counts = Array(repeating: 0, count: positionCount)
      bases = Array(repeating: 0, count: positionCount + 1)
    }
    features.withUnsafeBufferPointer { features in
      counts.withUnsafeMutableBufferPointer { counts in
        var arguments = meprop_group_features_arguments(
          features: features.baseAddress, batch: batchSize, positions: positionCount,
          symbol_count: symbolCount, slots: slots.base, pairs: pairs.base,
          counts: counts.baseAddress, symbols: symbols.base, starts: localStarts.base,
          uses: uses.base)
        context.run(.groupFeatures, &arguments, count: positionCount, work: count * 20)
      }
    }
    for position in 0..<positionCount {
      bases[position + 1] = bases[position] + counts[position]
      let from = localStarts.base + position * (batchSize + 1)
      let to = starts.base + Int(bases[position])
      for pair in 0..<Int(counts[position]) {
        to[pair] = from[pair] + UInt32(position * batchSize)
      }
    }
    pairCount = Int(bases[positionCount])
    starts.base[pairCount] = UInt32(count)
  }

  /// Counts pairs by the way in which the backward pass takes their gradients: added up first and
  /// then multiplied, or entry by entry.
  ///
  /// - Parameters:
  ///   - kept: The most entries that an example keeps.
  ///   - outputCount: Of how many outputs.
  /// - Returns: The number of pairs whose gradients are added up first, and the uses of all others.
  package func countUses(
    keepingEntries kept: Int, ofOutputs outputCount: Int
  ) -> (summedPairCount: Int, singleUseCount: Int) {
    var summed = 0
    var singles = 0
    for pair in 0..<pairCount {
      let uses = Int(starts.base[pair + 1] - starts.base[pair])
      if meprop_feature_is_summed(uses, kept, outputCount) == 0 {
        singles += uses
      } else {
        summed += 1
      }
    }
    return (summed, singles)
  }

  /// The number of symbols whose embeddings the last update visited.
  package var updatedSymbolCount: Int { usedSymbols.count }

  /// Lists the pairs of each symbol, in order of positions; symbols in order of first use, or with
  /// `everySymbol` all.
  func groupBySymbol(everySymbol: Bool) {
    if symbolSlots.count != symbolCount { symbolSlots = Array(repeating: 0, count: symbolCount) }
    usedSymbols.removeAll(keepingCapacity: true)
    symbolStarts.removeAll(keepingCapacity: true)
    if symbolPairs.count < pairCount {
      symbolPairs = Array(repeating: 0, count: pairCount)
      ones = Array(repeating: 1, count: pairCount)
    }
    if everySymbol {
      for symbol in 0..<symbolCount {
        usedSymbols.append(UInt32(symbol))
        symbolStarts.append(0)
        symbolSlots[symbol] = UInt32(symbol + 1)
      }
    }
    forEachPair { _, symbol in
      if symbolSlots[symbol] == 0 {
        usedSymbols.append(UInt32(symbol))
        symbolStarts.append(0)
        symbolSlots[symbol] = UInt32(usedSymbols.count)
      }
      symbolStarts[Int(symbolSlots[symbol]) - 1] += 1
    }
    var total: UInt32 = 0
    for slot in usedSymbols.indices {
      let number = symbolStarts[slot]
      symbolStarts[slot] = total
      total += number
    }
    symbolStarts.append(total)
    forEachPair { pair, symbol in
      let slot = Int(symbolSlots[symbol]) - 1
      symbolPairs[Int(symbolStarts[slot])] = UInt32(pair)
      symbolStarts[slot] += 1
    }
    for slot in stride(from: usedSymbols.count, to: 0, by: -1) {
      symbolStarts[slot] = symbolStarts[slot - 1]
    }
    symbolStarts[0] = 0
    for symbol in usedSymbols { symbolSlots[Int(symbol)] = 0 }
  }

  private func forEachPair(_ body: (_ pair: Int, _ symbol: Int) -> Void) {
    for position in 0..<positionCount {
      let from = symbols.base + position * batchSize - Int(bases[position])
      for pair in Int(bases[position])..<Int(bases[position + 1]) { body(pair, Int(from[pair])) }
    }
  }
}
