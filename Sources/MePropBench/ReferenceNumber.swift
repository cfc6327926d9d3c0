// What an optimizer makes of one weight, in double precision.

import MePropCore

/// A weight and what an optimizer remembers of it.
package struct ReferenceNumber: Equatable {
  /// The weight.
  package var weight: Double
  /// Its first and second moment; 0 where the formula has none.
  package var first: Double, second: Double

  /// Creates a number.
  package init(weight: Double, first: Double = 0, second: Double = 0) {
    self.weight = weight
    self.first = first
    self.second = second
  }

  /// The number after a step, from the formulas of `UpdateRule`.
  package func updated(by rule: UpdateRule, gradient: Double) -> ReferenceNumber {
    var result = self
    let clip = Double(rule.clip)
    let scaled = min(max(gradient * Double(rule.gradientScale), -clip), clip)
    let g = scaled + Double(rule.l2) * weight
    let rate = Double(rule.rate)
    result.weight *= 1 - Double(rule.decay)
    switch rule.formula {
    case .gradientDescent:
      result.weight -= rate * g
    case .momentum(let momentum):
      result.first = Double(momentum) * first + g
      result.weight -= rate * result.first
    case .adaGrad(let epsilon):
      result.first += g * g
      result.weight -= rate * g / (result.first + Double(epsilon)).squareRoot()
    case .adam(let beta1, let beta2, _, _):
      result.first = Double(beta1) * first + (1 - Double(beta1)) * g
      result.second = Double(beta2) * second + (1 - Double(beta2)) * g * g
      result.weight -= result.adamStep(by: rule)
    }
    return result
  }

  /// What Adam takes from a weight that has these moments after the step.
  package func adamStep(by rule: UpdateRule) -> Double {
    guard case .adam(_, _, let correction, let epsilon) = rule.formula else { return 0 }
    return Double(rule.rate) * first
      / (second.squareRoot() * Double(correction) + Double(epsilon))
  }
}
