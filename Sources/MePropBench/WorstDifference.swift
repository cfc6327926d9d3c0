// How far results are from what they should be.

/// The largest of some differences.
///
/// A NaN, which no comparison finds large, is larger than all and stays.
struct WorstDifference {
  private(set) var value = 0.0

  mutating func add(_ difference: Double) {
    value = value.isNaN || difference <= value ? value : difference
  }

  /// Whether all differences are below `limit`; not if one is NaN.
  func isBelow(_ limit: Double) -> Bool { value < limit }
}
