import MePropCore

/// How far outputs are from what they should be, and the gradient of that.
///
/// The loss of a batch is the mean `Σ wᵢ lᵢ / Σ wᵢ` over its rows; without weights every
/// wᵢ is 1.
public protocol Loss: Sendable {
  /// What the outputs of a batch should be.
  associatedtype Targets
  /// Memory that is used again from batch to batch; most losses need none.
  associatedtype Scratch = Void

  /// Makes empty memory.
  func makeScratch() -> Scratch

  /// Computes the gradient of the mean loss, and the sums that give the mean.
  ///
  /// - Parameters:
  ///   - output: What the network computed, shape `[rows, outputSize]`.
  ///   - targets: What it should be, one a row.
  ///   - weights: wᵢ, one a row and 0 or more; empty: all 1.
  ///   - gradient: Takes the gradient with respect to the output, overwritten; its shape.
  ///   - losses: Takes the loss of each row, not weighted; at least as many as rows.
  ///   - scratch: Of this loss.
  ///   - context: Where to compute.
  /// - Returns: Σ wᵢ lᵢ and Σ wᵢ.
  func differentiate(
    _ output: Matrix, _ targets: Targets, weights: [Float], into gradient: inout Matrix,
    losses: inout [Float], _ scratch: inout Scratch, context: ComputeContext
  ) -> LossSum
}

extension Loss where Scratch == Void {
  /// Makes no memory.
  public func makeScratch() {}
}

/// A loss added up over rows.
public struct LossSum: Sendable, Equatable {
  /// Σ wᵢ lᵢ.
  public var sum: Double
  /// Σ wᵢ: the number of rows where they have no weights.
  public var weight: Double

  /// Creates a sum.
  public init(sum: Double, weight: Double) {
    self.sum = sum
    self.weight = weight
  }

  /// Σ wᵢ lᵢ / Σ wᵢ; 0 of nothing.
  public var mean: Double { weight > 0 ? sum / weight : 0 }
}

extension Loss {
  /// Checks the shapes of a batch.
  func check(_ output: Matrix, targetCount: Int, weights: [Float], _ losses: [Float]) {
    precondition(
      targetCount == output.rowCount && losses.count >= output.rowCount
        && (weights.isEmpty || weights.count == output.rowCount),
      "\(Self.self): \(targetCount) targets and \(weights.count) weights for an output of "
        + "[\(output.rowCount), \(output.columnCount)], expected one a row")
  }

  /// Adds up losses of rows without weights.
  func sum(_ losses: [Float], rowCount: Int) -> LossSum {
    var sum = 0.0
    for row in 0..<rowCount { sum += Double(losses[row]) }
    return LossSum(sum: sum, weight: Double(rowCount))
  }

  /// Adds up weighted losses, and turns the gradients of their sum into those of their mean.
  ///
  /// - Parameters:
  ///   - losses: Of each row.
  ///   - scale: What the gradients are already multiplied by.
  ///   - gradient: Of the shape of the output.
  ///   - weight: The weight of a row.
  /// - Returns: Σ wᵢ lᵢ and Σ wᵢ.
  func sum(
    _ losses: [Float], scaled scale: Float, _ gradient: inout Matrix, weight: (Int) -> Float
  ) -> LossSum {
    var result = LossSum(sum: 0, weight: 0)
    for row in 0..<gradient.rowCount {
      // A loss that is not finite is told even where its row does not count.
      let w = Double(weight(row))
      result.sum += losses[row].isFinite ? w * Double(losses[row]) : Double(losses[row])
      result.weight += w
    }
    let factor = result.weight > 0 ? 1 / result.weight / Double(scale) : 0
    gradient.multiplyRows { row in Float(Double(weight(row)) * factor) }
    return result
  }

  /// Differentiates a loss that is a sum over outputs of a function of an output and its target; as
  /// the requirement otherwise.
  func differentiate(
    _ output: Matrix, _ targets: Matrix, weights: [Float], into gradient: inout Matrix,
    losses: inout [Float],
    of element: (_ output: Float, _ target: Float, _ column: Int) -> (
      loss: Float, gradient: Float
    )
  ) -> LossSum {
    check(output, targetCount: targets.rowCount, weights: weights, losses)
    precondition(
      targets.columnCount == output.columnCount,
      "\(Self.self): targets are [\(targets.rowCount), \(targets.columnCount)], expected "
        + "[\(output.rowCount), \(output.columnCount)]")
    for row in 0..<output.rowCount {
      var sum = 0.0
      output.withRow(row) { output in
        targets.withRow(row) { targets in
          gradient.withMutableRow(row) { gradient in
            for column in output.indices {
              let (loss, slope) = element(output[column], targets[column], column)
              sum += Double(loss)
              gradient[column] = slope
            }
          }
        }
      }
      losses[row] = Float(sum)
    }
    return sum(losses, scaled: 1, &gradient) { weights.isEmpty ? 1 : weights[$0] }
  }
}
