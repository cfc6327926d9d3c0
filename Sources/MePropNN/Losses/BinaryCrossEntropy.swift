import MePropCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Several labels a row: `l = Σⱼ vⱼ (log(1 + e^yⱼ) − tⱼ yⱼ)`, with tⱼ 1 where label
/// j holds and 0 where it does not (or a probability between), in nats.
///
/// Gradients are `vⱼ (σ(yⱼ) − tⱼ)`. Sums over labels, not means: PyTorch's
/// `BCEWithLogitsLoss` divides by the number of labels as well.
public struct BinaryCrossEntropy: Loss, Equatable {
  /// vⱼ, the weight of each label, 0 or more; empty: all 1.
  public var classWeights: [Float]

  /// Creates a loss.
  public init(classWeights: [Float] = []) { self.classWeights = classWeights }

  /// Takes targets of shape `[rows, outputSize]`, each from 0 to 1.
  public func differentiate(
    _ output: Matrix, _ targets: Matrix, weights: [Float], into gradient: inout Matrix,
    losses: inout [Float], _ scratch: inout Void, context: ComputeContext
  ) -> LossSum {
    precondition(
      classWeights.isEmpty || classWeights.count == output.columnCount,
      "BinaryCrossEntropy: \(classWeights.count) class weights for \(output.columnCount) labels")
    return differentiate(
      output, targets, weights: weights, into: &gradient, losses: &losses
    ) { y, target, label in
      let weight = classWeights.isEmpty ? 1 : classWeights[label]
      // log(1 + e^y) and σ(y) of −|y|, so that nothing overflows.
      let power = exp(-abs(y))
      let loss = max(y, 0) + log1p(power) - target * y
      let sigmoid = (y >= 0 ? 1 : power) / (1 + power)
      return (weight * loss, weight * (sigmoid - target))
    }
  }
}
