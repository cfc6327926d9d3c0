/// Derivatives by central differences, in double precision.
public enum GradientCheck {
  /// Returns ∂f/∂xᵢ at `point` for each i: (f(x + h) − f(x − h)) / 2h, with
  /// h = ∛ε · max(1, |xᵢ|).
  ///
  /// The relative error is some 1e-10 where f is smooth. At a kink, as of ReLU at 0, the result is
  /// wrong: keep away from those.
  ///
  /// - Complexity: Two calls of `function` for each entry.
  public static func centralDifferences(
    of function: ([Double]) -> Double, at point: [Double]
  ) -> [Double] {
    let root = 6.055454452393343e-06
    var x = point
    return point.indices.map { index in
      let step = root * max(1, abs(point[index]))
      x[index] = point[index] + step
      let above = (function(x), x[index])
      x[index] = point[index] - step
      let below = (function(x), x[index])
      x[index] = point[index]
      return (above.0 - below.0) / (above.1 - below.1)
    }
  }

  /// Returns Σᵢⱼ weights[i, j] · values[i, j]: a projection that errors cannot cancel in.
  public static func projection(_ values: DoubleMatrix, on weights: DoubleMatrix) -> Double {
    precondition(
      values.rowCount == weights.rowCount && values.columnCount == weights.columnCount,
      "projection: [\(values.rowCount), \(values.columnCount)] on "
        + "[\(weights.rowCount), \(weights.columnCount)]")
    var sum = 0.0
    for index in values.elements.indices { sum += values.elements[index] * weights.elements[index] }
    return sum
  }
}
