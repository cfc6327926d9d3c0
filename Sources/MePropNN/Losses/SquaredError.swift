import MePropCore

/// Regression: `l = Σⱼ (yⱼ − tⱼ)²`, with gradients `2 (yⱼ − tⱼ)`.
///
/// Sums over outputs, not means: PyTorch's `MSELoss` divides by the number of outputs as well.
public struct SquaredError: Loss, Equatable {
  /// Creates a loss.
  public init() {}

  /// Targets of shape `[rows, outputSize]`.
  public func differentiate(
    _ output: Matrix, _ targets: Matrix, weights: [Float], into gradient: inout Matrix,
    losses: inout [Float], _ scratch: inout Void, context: ComputeContext
  ) -> LossSum {
    differentiate(output, targets, weights: weights, into: &gradient, losses: &losses) { y, t, _ in
      ((y - t) * (y - t), 2 * (y - t))
    }
  }
}

/// Regression that outliers pull at no more than others (Huber, 1964): with e = yⱼ − tⱼ,
/// `l = Σⱼ ½ e²` where |e| ≤ δ, and `δ (|e| − ½ δ)` beyond.
///
/// Gradients are e, held within ±δ.
public struct HuberLoss: Loss, Equatable {
  /// δ, above 0, in units of the targets.
  public let delta: Float

  /// Creates a loss.
  public init(delta: Float = 1) {
    precondition(delta > 0, "HuberLoss: delta is \(delta), expected above 0")
    self.delta = delta
  }

  /// Targets of shape `[rows, outputSize]`.
  public func differentiate(
    _ output: Matrix, _ targets: Matrix, weights: [Float], into gradient: inout Matrix,
    losses: inout [Float], _ scratch: inout Void, context: ComputeContext
  ) -> LossSum {
    differentiate(output, targets, weights: weights, into: &gradient, losses: &losses) { y, t, _ in
      let error = y - t
      return abs(error) <= delta
        ? (error * error / 2, error)
        : (delta * (abs(error) - delta / 2), error < 0 ? -delta : delta)
    }
  }
}
