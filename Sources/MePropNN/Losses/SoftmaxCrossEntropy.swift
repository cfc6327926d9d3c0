import MePropCore

/// Classification: `l = −log softmax(y)[t]` for the class t of a row, in nats.
///
/// Gradients are `softmax(y) − onehot(t)`. With weights per class the weight of a row is
/// multiplied by that of its class, as PyTorch's `CrossEntropyLoss` does.
public struct SoftmaxCrossEntropy: Loss, Equatable {
  /// The weight of each class, 0 or more; empty: all 1.
  public var classWeights: [Float]

  /// Creates a loss.
  public init(classWeights: [Float] = []) { self.classWeights = classWeights }

  /// One class a row, each in 0 ..< outputSize.
  public func differentiate(
    _ output: Matrix, _ targets: [Int32], weights: [Float], into gradient: inout Matrix,
    losses: inout [Float], _ scratch: inout Void, context: ComputeContext
  ) -> LossSum {
    check(output, targetCount: targets.count, weights: weights, losses)
    precondition(
      classWeights.isEmpty || classWeights.count == output.columnCount,
      "SoftmaxCrossEntropy: \(classWeights.count) class weights for \(output.columnCount) classes")
    let scale = 1 / Float(output.rowCount)
    context.crossEntropy(
      output, labels: targets, scale: scale, gradient: &gradient, losses: &losses)
    if weights.isEmpty && classWeights.isEmpty { return sum(losses, rowCount: output.rowCount) }
    return sum(losses, scaled: scale, &gradient) { row in
      (weights.isEmpty ? 1 : weights[row])
        * (classWeights.isEmpty ? 1 : classWeights[Int(targets[row])])
    }
  }
}
