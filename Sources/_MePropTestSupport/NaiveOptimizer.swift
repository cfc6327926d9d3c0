/// Optimizer steps from the papers' formulas, number by number, in double precision.
public struct NaiveOptimizer: Sendable {
  /// The formula.
  public enum Method: Sendable {
    /// w ← w − η g.
    case gradientDescent
    /// u ← μ u + g; w ← w − η u.
    case momentum(Double)
    /// a ← a + g²; w ← w − η g / √(a + ε).
    case adaGrad(epsilon: Double)
    /// Kingma and Ba's algorithm 1.
    case adam(beta1: Double, beta2: Double, epsilon: Double)
  }

  /// The formula.
  public var method: Method
  /// η.
  public var learningRate: Double
  /// Added to the gradient: l2 · w.
  public var l2 = 0.0
  /// Decoupled: w ← (1 − η · weightDecay) w.
  public var weightDecay = 0.0
  /// The largest magnitude that is left of a gradient.
  public var clip = Double.infinity
  private var first: [Double]
  private var second: [Double]

  /// Creates an optimizer of `count` numbers.
  public init(_ method: Method, learningRate: Double, count: Int) {
    self.method = method
    self.learningRate = learningRate
    first = Array(repeating: 0, count: count)
    second = first
  }

  /// Does step `step`, counted from 1, on number `index`: its gradient is `gradient`.
  public mutating func update(_ weight: inout Double, at index: Int, gradient: Double, step: Int) {
    var g = min(max(gradient, -clip), clip)
    g += l2 * weight
    weight *= 1 - learningRate * weightDecay
    switch method {
    case .gradientDescent:
      weight -= learningRate * g
    case .momentum(let momentum):
      first[index] = momentum * first[index] + g
      weight -= learningRate * first[index]
    case .adaGrad(let epsilon):
      first[index] += g * g
      weight -= learningRate * g / (first[index] + epsilon).squareRoot()
    case .adam(let beta1, let beta2, let epsilon):
      first[index] = beta1 * first[index] + (1 - beta1) * g
      second[index] = beta2 * second[index] + (1 - beta2) * g * g
      var powers = (1.0, 1.0)
      for _ in 0..<step { powers = (powers.0 * beta1, powers.1 * beta2) }
      let mean = first[index] / (1 - powers.0)
      let square = second[index] / (1 - powers.1)
      weight -= learningRate * mean / (square.squareRoot() + epsilon)
    }
  }
}
