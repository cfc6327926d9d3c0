import MePropCore

/// How parameters follow their gradients: a method and its settings.
public struct Optimizer: Sendable, Equatable {
  /// The method.
  public enum Method: Sendable, Equatable {
    /// Stochastic gradient descent, with momentum if it is above 0.
    case gradientDescent(momentum: Float = 0)
    /// AdaGrad (Duchi et al., 2011); epsilon inside the root, above 0.
    case adaGrad(epsilon: Float = 1e-6)
    /// Adam (Kingma and Ba, 2015); epsilon above 0.
    case adam(beta1: Float = 0.9, beta2: Float = 0.999, epsilon: Float = 1e-8)
  }

  /// What happens to the weight rows that a step's gradient does not touch.
  public enum UntouchedRows: String, Sendable, CaseIterable {
    /// What a dense optimizer does with a zero gradient: moments decay and, under Adam and
    /// momentum, weights still move.
    case update
    /// Nothing: neither weights nor moments change. The same as `update` for plain gradient descent
    /// and AdaGrad without decay; for Adam another algorithm (that of PyTorch's SparseAdam), in
    /// which bias correction counts all steps.
    case skip
  }

  /// The method.
  public var method: Method
  /// The step size, above 0.
  public var learningRate: Float
  /// What happens to untouched rows.
  public var untouchedRows: UntouchedRows
  /// The factor of L2 regularization, added to weight gradients (not to those of biases).
  ///
  /// 0: none.
  public var l2: Float = 0
  /// Decoupled weight decay (AdamW; Loshchilov and Hutter, 2019): weights lose learningRate ·
  /// decay of themselves at each step that visits them.
  ///
  /// Not for biases. 0: none.
  public var weightDecay: Float = 0
  /// The largest magnitude that is left of each gradient element; `nil`: any.
  public var clipValue: Float?
  /// The largest Euclidean norm that is left of all gradients together, over valid rows; `nil`:
  /// any.
  ///
  /// Excludes applying gradient rows as they are computed.
  public var clipNorm: Float?

  /// Creates an optimizer without decay and clipping.
  public init(_ method: Method, learningRate: Float, untouchedRows: UntouchedRows = .update) {
    self.method = method
    self.learningRate = learningRate
    self.untouchedRows = untouchedRows
  }

  /// Adam with its usual settings.
  public static func adam(learningRate: Float = 0.001, untouchedRows: UntouchedRows = .update)
    -> Optimizer
  {
    Optimizer(.adam(), learningRate: learningRate, untouchedRows: untouchedRows)
  }

  /// The number of moments kept for each weight.
  public var momentCount: Int { rule(step: 1, isBias: false).momentCount }

  /// What step `step`, counted from 1, does to a weight, or to a bias, at `learningRateFactor`
  /// times the rate.
  public func rule(step: Int, isBias: Bool, learningRateFactor: Float = 1) -> UpdateRule {
    let learningRate = self.learningRate * learningRateFactor
    precondition(step >= 1, "Optimizer: step is \(step), expected 1 or more")
    var rule: UpdateRule
    switch method {
    case .gradientDescent(let momentum):
      rule = UpdateRule(
        formula: momentum == 0 ? .gradientDescent : .momentum(momentum), rate: learningRate)
    case .adaGrad(let epsilon):
      checkEpsilon(epsilon)
      rule = UpdateRule(formula: .adaGrad(epsilon: epsilon), rate: learningRate)
    case .adam(let beta1, let beta2, let epsilon):
      checkEpsilon(epsilon)
      let first = 1 - power(Double(beta1), step)
      let second = 1 - power(Double(beta2), step)
      rule = UpdateRule(
        formula: .adam(
          beta1: beta1, beta2: beta2, secondCorrection: Float(1 / second.squareRoot()),
          epsilon: epsilon),
        rate: Float(Double(learningRate) / first))
    }
    rule.clip = clipValue ?? .infinity
    if !isBias {
      rule.l2 = l2
      rule.decay = learningRate * weightDecay
    }
    return rule
  }

  /// Without it a gradient that was always zero would be divided by zero.
  private func checkEpsilon(_ epsilon: Float) {
    precondition(epsilon > 0, "Optimizer: epsilon is \(epsilon), expected above 0")
  }

  /// base to a whole power, by squaring: the same bits everywhere, which `pow` does not promise.
  private func power(_ base: Double, _ exponent: Int) -> Double {
    var result = 1.0
    var factor = base
    var left = exponent
    while left > 0 {
      if left & 1 == 1 { result *= factor }
      factor *= factor
      left >>= 1
    }
    return result
  }
}

extension Optimizer {
  /// Whether a zero gradient changes anything: if not, `update` and `skip` are the same and rows
  /// are skipped.
  public var visitsUntouchedRows: Bool {
    switch method {
    case .gradientDescent(let momentum): momentum != 0 || l2 != 0 || weightDecay != 0
    case .adaGrad: l2 != 0 || weightDecay != 0
    case .adam: true
    }
  }

  /// Whether a step visits all rows.
  var updatesEveryRow: Bool { untouchedRows == .update && visitsUntouchedRows }
}
