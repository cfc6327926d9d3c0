// How far results are from what they should be.

/// The largest of some differences.
///
/// A NaN, which no comparison finds large, is larger than all and stays.
package struct WorstDifference {
  package private(set) var value = 0.0

  /// Creates the largest of none.
  package init() {}

  package mutating func add(_ difference: Double) {
    value = value.isNaN || difference <= value ? value : difference
  }

  /// Whether all differences are below `limit`; not if one is NaN.
  package func isBelow(_ limit: Double) -> Bool { value < limit }
}

/// How far many numbers together are from what they should be:
/// ‖found − expected‖ / ‖expected‖.
package struct RelativeDifference {
  private var difference = 0.0
  private var norm = 0.0

  /// Creates the difference of no numbers, 0.
  package init() {}

  package mutating func add(_ found: Double, _ expected: Double) {
    difference += (found - expected) * (found - expected)
    norm += expected * expected
  }

  /// The difference; NaN if a number was, infinite if all should be zero and are not.
  package var value: Double {
    difference == 0 ? 0 : (difference / max(norm, .leastNormalMagnitude)).squareRoot()
  }
}
