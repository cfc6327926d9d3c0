import MePropCore

/// The losses of two heads added up: `l = a(y[0 ..< n]) + factor · b(y[n...])`.
///
/// For a network that ends in ``Parallel`` layers, of which the first has n outputs. Weights of
/// rows hold for both.
public struct PairLoss<First: Loss, Second: Loss>: Loss {
  /// The loss of the first columns.
  public let first: First
  /// The loss of the other columns.
  public let second: Second
  /// n.
  public let split: Int
  /// What the second loss is multiplied by.
  public let factor: Float

  /// Creates a loss.
  ///
  /// - Parameters:
  ///   - first: The loss of the first `split` columns.
  ///   - second: The loss of the other columns.
  ///   - split: The outputs of the first head, at least 1.
  ///   - factor: What the second loss is multiplied by.
  public init(_ first: First, _ second: Second, split: Int, factor: Float = 1) {
    precondition(split >= 1, "PairLoss: a split at \(split), expected 1 or more")
    self.first = first
    self.second = second
    self.split = split
    self.factor = factor
  }

  /// Outputs and gradients of each head.
  public struct Scratch {
    var outputs = Matrix(rowCount: 0, columnCount: 0)
    var gradients = Matrix(rowCount: 0, columnCount: 0)
    var otherOutputs = Matrix(rowCount: 0, columnCount: 0)
    var otherGradients = Matrix(rowCount: 0, columnCount: 0)
    var otherLosses: [Float] = []
    var first: First.Scratch
    var second: Second.Scratch
  }

  /// Makes empty memory.
  public func makeScratch() -> Scratch {
    Scratch(first: first.makeScratch(), second: second.makeScratch())
  }

  /// The targets of both heads.
  public func differentiate(
    _ output: Matrix, _ targets: (First.Targets, Second.Targets), weights: [Float],
    into gradient: inout Matrix, losses: inout [Float], _ scratch: inout Scratch,
    context: ComputeContext
  ) -> LossSum {
    let rows = output.rowCount
    precondition(
      split < output.columnCount,
      "PairLoss: a split at \(split) of \(output.columnCount) outputs, expected some on both sides")
    if scratch.outputs.columnCount != split
      || scratch.otherOutputs.columnCount != output.columnCount - split
    {
      scratch.outputs = Matrix(rowCount: rows, columnCount: split)
      scratch.gradients = Matrix(rowCount: rows, columnCount: split)
      scratch.otherOutputs = Matrix(rowCount: rows, columnCount: output.columnCount - split)
      scratch.otherGradients = Matrix(rowCount: rows, columnCount: output.columnCount - split)
    }
    scratch.outputs.setRowCount(rows)
    scratch.gradients.setRowCount(rows)
    scratch.otherOutputs.setRowCount(rows)
    scratch.otherGradients.setRowCount(rows)
    scratch.outputs.copyColumns(of: output, from: 0)
    scratch.otherOutputs.copyColumns(of: output, from: split)
    if scratch.otherLosses.count < rows {
      scratch.otherLosses = Array(repeating: 0, count: rows)
    }
    var sum = first.differentiate(
      scratch.outputs, targets.0, weights: weights, into: &scratch.gradients, losses: &losses,
      &scratch.first, context: context)
    let other = second.differentiate(
      scratch.otherOutputs, targets.1, weights: weights, into: &scratch.otherGradients,
      losses: &scratch.otherLosses, &scratch.second, context: context)
    if factor != 1 { scratch.otherGradients.multiplyRows { _ in factor } }
    gradient.copyColumns(of: scratch.gradients, to: 0)
    gradient.copyColumns(of: scratch.otherGradients, to: split)
    for row in 0..<rows { losses[row] += factor * scratch.otherLosses[row] }
    // Both are means over their own weights, which differ where classes have weights. A loss that
    // is not finite is told even where no row counts.
    guard sum.weight > 0 else {
      return LossSum(sum: sum.sum + Double(factor) * other.sum, weight: other.weight)
    }
    sum.sum += Double(factor) * (other.sum.isFinite ? other.mean : other.sum) * sum.weight
    return sum
  }
}
