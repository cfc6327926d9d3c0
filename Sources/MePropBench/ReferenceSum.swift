// Sums of products in double precision, and how far sums of floats may be from them.

import MePropCore

/// A sum of products that an element of a result is compared with.
package struct ReferenceSum {
  /// The sum.
  package private(set) var value = 0.0
  private var magnitude = 0.0
  private var count = 0

  /// Creates a sum of nothing.
  package init() {}

  package mutating func add(_ a: Float, _ b: Float) {
    let term = Double(a) * Double(b)
    value += term
    magnitude += abs(term)
    count += 1
  }

  /// One rounding of such a sum: 2⁻²⁴ of the magnitudes of its terms together, times the root
  /// of their number.
  ///
  /// A sum of n floats, added one after the other, is typically off by a third of this where terms
  /// have one sign, and by less where they have not. Leaving out one term is off by 2²⁴ / n^1.5
  /// of it: 22 with 8,192 terms.
  package var rounding: Double { 0x1p-24 * magnitude * Double(count).squareRoot() }

  /// How many roundings `found` is from the sum; NaN if it is one.
  package func roundings(to found: Float) -> Double {
    let difference = abs(Double(found) - value)
    return difference == 0 ? 0 : difference / max(rounding, .leastNormalMagnitude)
  }
}

extension Precision {
  /// What products of back propagation make of a finite number: to nearest, ties to even.
  func rounded(_ value: Float) -> Float {
    switch self {
    case .f32, .int8: return value
    case .bf16:
      let bits = value.bitPattern
      return Float(bitPattern: (bits &+ 0x7FFF &+ (bits >> 16 & 1)) & 0xFFFF_0000)
    }
  }

  /// What forward products of a layer of `outputSize` outputs make of a row of weights, or of an
  /// example's input.
  func rounded(_ row: some Sequence<Float>, outputSize: Int) -> [Float] {
    switch self {
    case .f32, .bf16: return row.map(rounded)
    case .int8:
      let row = Array(row)
      let largest = row.reduce(0) { max($0, abs($1)) }
      guard outputSize >= ForwardProduct.leastByteOutputs, largest > 0 else { return row }
      let factor = 127 / largest
      return row.map { ($0 * factor).rounded(.toNearestOrEven) * (largest / 127) }
    }
  }
}
