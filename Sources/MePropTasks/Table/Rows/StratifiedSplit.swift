// Which rows of a table are held out.

import MePropCore
import MePropData

/// Divides rows, as they come, into those that are trained on and those that are held out: of each
/// class, or of each tenth of the numbers, the same share.
struct StratifiedSplit {
  private let kind: TargetKind
  private let bounds: [Float]
  private let heldOut: Int
  private var strata: [(seen: Int, chosen: UInt32)]
  private var random: Philox

  /// Of each so many rows of a class some are held out, drawn at random.
  static let blockSize = 20

  /// Creates the split of the rows that are for a shard of batches.
  init(
    _ target: TableSchema.Target, _ profile: TableProfile, share: Double, seed: UInt64, shard: Int
  ) {
    kind = target.kind
    heldOut = share > 0 ? max(1, Int((share * Double(Self.blockSize)).rounded())) : 0
    var bounds: [Float] = []
    if target.kind == .number,
      let column = profile.columns.first(where: { $0.name == target.columns[0] })
    {
      let sorted = column.sortedSample
      bounds = (1..<10).map {
        Float((sorted[sorted.count * $0 / 10] - target.mean) / target.deviation)
      }
    }
    self.bounds = bounds
    let count = kind == .classes ? target.classes.count : bounds.count + 1
    strata = Array(repeating: (0, 0), count: count)
    random = Philox(seed: seed, stream: RandomPurpose.task.stream(1 << 21 + shard))
  }

  /// Whether the next row is held out, by the first cell of its target.
  mutating func takes(_ cell: UInt32) -> Bool {
    guard heldOut > 0 else { return false }
    let stratum =
      switch kind {
      case .classes: Int(cell)
      case .number: bounds.count { $0 <= Float(bitPattern: cell) }
      case .labels: 0
      }
    let place = strata[stratum].seen % Self.blockSize
    if place == 0 {
      var chosen: UInt32 = 0
      while chosen.nonzeroBitCount < heldOut {
        chosen |= 1 << random.next(below: UInt32(Self.blockSize))
      }
      strata[stratum].chosen = chosen
    }
    strata[stratum].seen += 1
    return strata[stratum].chosen >> UInt32(place) & 1 == 1
  }
}
