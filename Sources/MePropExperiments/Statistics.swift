// Means, spreads and the paired t test: what can be said of a difference that was measured with a
// few seeds.

import Foundation

/// A mean over seeds with the standard deviation of one seed.
public struct Sample: Sendable, Equatable {
  /// One figure a seed.
  public var values: [Double]

  /// Creates a sample.
  public init(_ values: [Double]) { self.values = values }

  /// The arithmetic mean; NaN of no values.
  public var mean: Double {
    values.isEmpty ? .nan : values.reduce(0, +) / Double(values.count)
  }

  /// The standard deviation with *n* − 1 in the denominator, or `nil` of fewer than two values.
  public var deviation: Double? {
    guard values.count >= 2 else { return nil }
    let mean = mean
    let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    return (squares / Double(values.count - 1)).squareRoot()
  }
}

/// What a paired comparison over seeds allows to say.
public enum Verdict: String, Sendable, Equatable {
  /// The interval lies above zero.
  case better
  /// The interval lies below zero.
  case worse
  /// The interval holds zero, and excludes a loss as large as the margin.
  case noLoss = "no loss"
  /// The interval holds zero, and does not exclude a loss as large as the margin.
  case withinNoise = "within noise"
  /// Fewer than two pairs, or differences without any spread, of which a t test says nothing.
  case untested
}

/// The paired two-sided t test (Student, 1908) of the differences of two samples, seed by seed.
///
/// With differences of mean d̄ and standard deviation s over n pairs: t = d̄ √n / s has n − 1
/// degrees of freedom, and the interval is d̄ ± t₁₋α⁄₂ s / √n. Assumes differences
/// that are about normal; nothing is corrected for the number of tests.
public struct PairedComparison: Sendable, Equatable {
  /// The mean of `first − second`.
  public let difference: Double
  /// The confidence interval of that mean; `nil` of fewer than two pairs, and where all differ
  /// alike: differences without spread, as of scores that never leave a constant, say nothing of
  /// the next seed.
  public let interval: ClosedRange<Double>?
  /// The probability of a mean at least as far from zero if there were no difference; `nil` where
  /// ``interval`` is.
  public let pValue: Double?
  /// The number of pairs.
  public let count: Int

  /// Compares two samples of equal length, at least one pair.
  ///
  /// - Parameters:
  ///   - first: One figure a seed.
  ///   - second: Figures of the same seeds in the same order.
  ///   - confidence: Of the interval, in 0 ..< 1.
  public init(_ first: [Double], minus second: [Double], confidence: Double = 0.95) {
    precondition(
      first.count == second.count && !first.isEmpty,
      "PairedComparison: \(first.count) and \(second.count) values, expected as many, at least one")
    precondition(
      confidence > 0 && confidence < 1,
      "PairedComparison: confidence is \(confidence), expected above 0 and below 1")
    let differences = Sample(zip(first, second).map { $0 - $1 })
    count = first.count
    difference = differences.mean
    guard let deviation = differences.deviation, deviation > 0 else {
      interval = nil
      pValue = nil
      return
    }
    let freedom = Double(count - 1)
    let error = deviation / Double(count).squareRoot()
    let reach = StudentT.quantile(1 - (1 - confidence) / 2, freedom: freedom) * error
    interval = (difference - reach)...(difference + reach)
    pValue = 2 * (1 - StudentT.cumulative(abs(difference) / error, freedom: freedom))
  }

  /// What may be said where higher is better.
  ///
  /// - Parameter margin: The loss that would still be called none, above 0.
  /// - Returns: The verdict.
  public func verdict(margin: Double) -> Verdict {
    guard let interval else { return .untested }
    if interval.lowerBound > 0 { return .better }
    if interval.upperBound < 0 { return .worse }
    return interval.lowerBound > -margin ? .noLoss : .withinNoise
  }
}

/// Student's t distribution.
public enum StudentT {
  /// The probability of a value of at most `t`, for `freedom` above 0.
  ///
  /// By the regularized incomplete beta function I: for t ≥ 0 it is 1 − I(ν ⁄ (ν + t²); ν
  /// ⁄ 2, ½) ⁄ 2 (Abramowitz and Stegun 26.7.1). Absolute error below 1e-12.
  public static func cumulative(_ t: Double, freedom: Double) -> Double {
    precondition(freedom > 0, "StudentT: freedom is \(freedom), expected above 0")
    let tail = regularizedBeta(freedom / (freedom + t * t), freedom / 2, 0.5) / 2
    return t >= 0 ? 1 - tail : tail
  }

  /// The value that is not exceeded with this probability, in 0 < probability < 1.
  public static func quantile(_ probability: Double, freedom: Double) -> Double {
    precondition(
      probability > 0 && probability < 1,
      "StudentT.quantile: probability is \(probability), expected above 0 and below 1")
    if probability < 0.5 { return -quantile(1 - probability, freedom: freedom) }
    var low = 0.0
    var high = 1.0
    while cumulative(high, freedom: freedom) < probability, high < 1e12 { high *= 2 }
    for _ in 0..<200 where high - low > 1e-14 * high {
      let middle = (low + high) / 2
      if cumulative(middle, freedom: freedom) < probability { low = middle } else { high = middle }
    }
    return (low + high) / 2
  }

  /// The regularized incomplete beta function I(x; a, b), by its continued fraction (Abramowitz and
  /// Stegun 26.5.8).
  private static func regularizedBeta(_ x: Double, _ a: Double, _ b: Double) -> Double {
    if x <= 0 { return 0 }
    if x >= 1 { return 1 }
    // The fraction converges fast on this side of the mean only.
    if x > (a + 1) / (a + b + 2) { return 1 - regularizedBeta(1 - x, b, a) }
    let powers = a * log(x) + b * log(1 - x)
    let gammas: Double = lgamma(a + b) - lgamma(a) - lgamma(b)
    let front: Double = exp(powers + gammas) / a
    // Lentz's method.
    let tiny = 1e-300
    var c = 1.0
    var d = 1 - (a + b) * x / (a + 1)
    d = 1 / (abs(d) < tiny ? tiny : d)
    var fraction = d
    for step in 1...10_000 {
      let m = Double(step)
      let place = a + 2 * m
      let even: Double = m * (b - m) * x / ((place - 1) * place)
      let odd: Double = -(a + m) * (a + b + m) * x / (place * (place + 1))
      var change = 1.0
      for term in [even, odd] {
        d = 1 + term * d
        d = 1 / (abs(d) < tiny ? tiny : d)
        c = 1 + term / c
        if abs(c) < tiny { c = tiny }
        change = c * d
        fraction *= change
      }
      if abs(change - 1) < 1e-15 { break }
    }
    return front * fraction
  }
}
