// The knots of a column of numbers: where its piecewise linear functions may bend.

import Foundation
import MePropData

/// Places on the scale of a column between which a number is encoded.
///
/// A number x between two knots becomes two entries, `1 − f` at the lower and `f` at the upper
/// one with `f = (x − lower) / (upper − lower)`: the basis of linear splines, with which a
/// linear layer learns any piecewise linear function of the column (Gorishniy et al., "On
/// Embeddings for Numerical Features in Tabular Deep Learning", 2022, use the cumulative form).
/// Outside of the knots x is taken to the next of them, so that outliers move nothing. Knots lie
/// where the numbers are: at equally many of them, and one at every number that comes often. A
/// third entry is the normal score of x by its rank, which makes smooth trends cheap to learn.
public struct Knots: Sendable, Equatable, Codable {
  /// The knots, increasing; at least one.
  public var places: [Float]
  /// The normal score of each: the quantile of the standard normal distribution at its rank.
  public var scores: [Float]

  /// Places knots by numbers in increasing order.
  ///
  /// - Parameters:
  ///   - sorted: The numbers, not empty.
  ///   - count: The most knots, at least 2.
  public init(sorted: [Double], count: Int) {
    var runs: [(value: Float, count: Int)] = []
    for number in sorted {
      let value = Self.held(number)
      if runs.last?.value == value {
        runs[runs.count - 1].count += 1
      } else {
        runs.append((value, 1))
      }
    }
    var isKnot = [Bool](repeating: runs.count <= count, count: runs.count)
    if runs.count > count {
      isKnot[0] = true
      isKnot[runs.count - 1] = true
      // Numbers that come as often as a knot should have numbers are knots; what is left shares
      // what is left.
      var left = count - 2
      var mass = runs.reduce(0) { $0 + $1.count } - runs[0].count - runs[runs.count - 1].count
      var goesOn = true
      while goesOn, left > 0 {
        goesOn = false
        for index in runs.indices where !isKnot[index] && left > 0 {
          guard runs[index].count * left >= mass else { continue }
          isKnot[index] = true
          left -= 1
          mass -= runs[index].count
          goesOn = true
        }
      }
      if left > 0 {
        let step = Double(mass) / Double(left)
        var next = step / 2
        var passed = 0.0
        for index in runs.indices where !isKnot[index] {
          passed += Double(runs[index].count)
          if passed >= next {
            isKnot[index] = true
            while next <= passed { next += step }
          }
        }
      }
    }
    places = []
    scores = []
    let total = Double(max(sorted.count, 1))
    var before = 0.0
    for (index, run) in runs.enumerated() {
      if isKnot[index] {
        places.append(run.value)
        scores.append(Float(normalQuantile((before + Double(run.count) / 2) / total)))
      }
      before += Double(run.count)
    }
  }

  /// A number as a float that is finite.
  static func held(_ number: Double) -> Float {
    Float(
      min(
        max(number, -Double(Float.greatestFiniteMagnitude)), Double(Float.greatestFiniteMagnitude)))
  }

  /// Whether knots increase, are finite, and have a score each.
  var isValid: Bool {
    !places.isEmpty && places.count == scores.count && scores.allSatisfy(\.isFinite)
      && places.allSatisfy(\.isFinite) && zip(places, places.dropFirst()).allSatisfy { $0 < $1 }
  }
}

/// The quantile of the standard normal distribution, held within ±4.
///
/// - Parameter p: A probability.
/// - Returns: The x below which a share p of the distribution is, to 10⁻⁹ by one step of
///   Newton's method from the approximation of Hastings (Abramowitz and Stegun 26.2.23).
func normalQuantile(_ p: Double) -> Double {
  let p = min(max(p, 3.2e-5), 1 - 3.2e-5)
  let tail = min(p, 1 - p)
  let t = (-2 * log(tail)).squareRoot()
  var x =
    t - (2.515517 + 0.802853 * t + 0.010328 * t * t)
    / (1 + 1.432788 * t + 0.189269 * t * t + 0.001308 * t * t * t)
  for _ in 0..<2 {
    let excess = 0.5 * erfc(x / 2.0.squareRoot()) - tail
    x += excess / (exp(-x * x / 2) / (2 * Double.pi).squareRoot())
  }
  return p < 0.5 ? -x : x
}
