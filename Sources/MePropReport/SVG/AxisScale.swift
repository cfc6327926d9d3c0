// From values to places on an axis, and the values at which an axis has ticks.

import Foundation

/// Maps values to places along an axis.
public struct AxisScale: Sendable, Equatable {
  /// How values are spaced.
  public enum Kind: Sendable, Equatable {
    /// Equal differences have equal lengths.
    case linear
    /// Equal ratios have equal lengths; values are above 0.
    case logarithmic
  }

  /// How values are spaced.
  public let kind: Kind
  /// The values at the ends; the first is below the second.
  public let domain: ClosedRange<Double>
  /// The place of the lower end.
  public let start: Double
  /// The place of the upper end, which may be below `start`.
  public let end: Double

  /// Creates a scale.
  ///
  /// - Parameters:
  ///   - domain: The values at the ends; a single value is widened. Above 0 if logarithmic.
  ///   - start: The place of the lower end.
  ///   - end: The place of the upper end.
  ///   - kind: How values are spaced.
  public init(
    _ domain: ClosedRange<Double>, from start: Double, to end: Double, kind: Kind = .linear
  ) {
    precondition(
      kind == .linear || domain.lowerBound > 0,
      "AxisScale: a logarithmic axis from \(domain.lowerBound), expected above 0")
    self.kind = kind
    self.start = start
    self.end = end
    if domain.lowerBound < domain.upperBound {
      self.domain = domain
    } else if kind == .logarithmic {
      self.domain = (domain.lowerBound / 2)...(domain.lowerBound * 2)
    } else {
      let half = max(abs(domain.lowerBound) * 0.05, 0.5)
      self.domain = (domain.lowerBound - half)...(domain.lowerBound + half)
    }
  }

  /// The place of a value; values beyond the ends are placed beyond them.
  public func place(of value: Double) -> Double {
    let share =
      switch kind {
      case .linear:
        (value - domain.lowerBound) / (domain.upperBound - domain.lowerBound)
      case .logarithmic:
        log(value / domain.lowerBound) / log(domain.upperBound / domain.lowerBound)
      }
    return start + share * (end - start)
  }

  /// The multiples of 1, 2 or 5 times a power of ten within the ends, about `count` of them.
  ///
  /// - Parameters:
  ///   - count: How many are wanted, at least 1; there may be up to half as many more.
  ///   - wholeNumbers: Whether the distance must be at least 1.
  /// - Returns: The values, in increasing order; for a logarithmic axis the same of a linear one.
  public func niceTicks(_ count: Int, wholeNumbers: Bool = false) -> [Double] {
    let step = Self.niceStep(
      (domain.upperBound - domain.lowerBound) / Double(max(count, 1)), wholeNumbers: wholeNumbers)
    let first = (domain.lowerBound / step - 1e-9).rounded(.up)
    let last = (domain.upperBound / step + 1e-9).rounded(.down)
    guard first <= last, last - first < 1000 else { return [] }
    return stride(from: first, through: last, by: 1).map { $0 * step }
  }

  /// The smallest of 1, 2, 5, 10, … times a power of ten that is at least `least`.
  static func niceStep(_ least: Double, wholeNumbers: Bool = false) -> Double {
    guard least.isFinite, least > 0 else { return 1 }
    let power = pow(10, floor(log10(least)))
    let step = [1, 2, 5, 10].map { $0 * power }.first { $0 >= least * (1 - 1e-9) } ?? 10 * power
    return wholeNumbers ? max(1, step) : step
  }

  /// A range around values that ends at nice numbers.
  ///
  /// - Parameters:
  ///   - values: What must lie within; those not finite are ignored.
  ///   - includesZero: Whether 0 must lie within as well.
  ///   - count: How many ticks there will be, about.
  /// - Returns: The range; 0...1 where there are no values.
  public static func niceDomain(
    of values: some Sequence<Double>, includesZero: Bool = false, count: Int = 4
  ) -> ClosedRange<Double> {
    let finite = values.filter(\.isFinite) + (includesZero ? [0] : [])
    guard let low = finite.min(), let high = finite.max() else { return 0...1 }
    let width = high > low ? high - low : max(abs(high) * 0.1, 1e-3)
    let step = niceStep(width / Double(max(count, 1)))
    var lower = (low / step + 1e-9).rounded(.down) * step
    var upper = (high / step - 1e-9).rounded(.up) * step
    if upper <= lower {
      lower -= step
      upper += step
    }
    return lower...upper
  }
}
