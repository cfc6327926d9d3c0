import MePropCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Losses from their formulas, in double precision.
package indirect enum NaiveLoss {
  case softmax(classWeights: [Double] = [])
  case binary(classWeights: [Double] = [])
  case squared
  case huber(delta: Double)
  case pair(NaiveLoss, NaiveLoss, split: Int, factor: Double)

  /// What the outputs should be.
  package indirect enum Targets {
    case labels([Int32])
    case values(DoubleMatrix)
    case pair(Targets, Targets)
  }

  /// The loss of each row, without weights of rows and of classes of a row.
  package func losses(_ y: DoubleMatrix, _ targets: Targets) -> [Double] {
    (0..<y.rowCount).map { row in
      switch (self, targets) {
      case (.softmax, .labels(let labels)):
        return NaiveReference.crossEntropy(y.row(row), label: Int(labels[row]))
      case (.binary(let weights), .values(let t)):
        return y.row(row).indices.reduce(0) { sum, label in
          let value = y[row, label]
          let softplus = value > 0 ? value + log1p(exp(-value)) : log1p(exp(value))
          let weight = weights.isEmpty ? 1 : weights[label]
          return sum + weight * (softplus - t[row, label] * value)
        }
      case (.squared, .values(let t)):
        return zip(y.row(row), t.row(row)).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
      case (.huber(let delta), .values(let t)):
        return zip(y.row(row), t.row(row)).reduce(0) { sum, pair in
          let e = abs(pair.0 - pair.1)
          return sum + (e <= delta ? e * e / 2 : delta * (e - delta / 2))
        }
      case (.pair(let first, let second, let split, let factor), .pair(let a, let b)):
        let left = first.losses(y.columns(0..<split), a)
        let right = second.losses(y.columns(split..<y.columnCount), b)
        return left[row] + factor * right[row]
      default: preconditionFailure("NaiveLoss: targets of another loss")
      }
    }
  }

  /// The weight of each row.
  package func weights(_ targets: Targets, _ rowWeights: [Double], rowCount: Int) -> [Double] {
    (0..<rowCount).map { row in
      let weight = rowWeights.isEmpty ? 1 : rowWeights[row]
      if case .softmax(let classWeights) = self, case .labels(let labels) = targets,
        !classWeights.isEmpty
      {
        return weight * classWeights[Int(labels[row])]
      }
      return weight
    }
  }

  /// Σ wᵢ lᵢ / Σ wᵢ; of two heads each with its own weights.
  package func mean(
    _ y: DoubleMatrix, _ targets: Targets, weights rowWeights: [Double] = []
  ) -> Double {
    if case .pair(let first, let second, let split, let factor) = self,
      case .pair(let a, let b) = targets
    {
      return first.mean(y.columns(0..<split), a, weights: rowWeights)
        + factor * second.mean(y.columns(split..<y.columnCount), b, weights: rowWeights)
    }
    let weights = weights(targets, rowWeights, rowCount: y.rowCount)
    let sum = zip(weights, losses(y, targets)).reduce(0) { $0 + ($1.0 == 0 ? 0 : $1.0 * $1.1) }
    let weight = weights.reduce(0, +)
    return weight > 0 ? sum / weight : 0
  }

  /// The gradient of the mean with respect to the output.
  package func gradient(
    _ y: DoubleMatrix, _ targets: Targets, weights rowWeights: [Double] = []
  ) -> DoubleMatrix {
    if case .pair(let first, let second, let split, let factor) = self,
      case .pair(let a, let b) = targets
    {
      return first.gradient(y.columns(0..<split), a, weights: rowWeights).beside(
        second.gradient(y.columns(split..<y.columnCount), b, weights: rowWeights)
          .map { factor * $0 })
    }
    let weights = weights(targets, rowWeights, rowCount: y.rowCount)
    let sum = weights.reduce(0, +)
    var result = y
    for row in 0..<y.rowCount {
      let scale = sum > 0 ? weights[row] / sum : 0
      for column in 0..<y.columnCount {
        result[row, column] = scale * slope(y, targets, row, column)
      }
    }
    return result
  }

  /// The derivative of the loss of a row with respect to one of its outputs.
  private func slope(_ y: DoubleMatrix, _ targets: Targets, _ row: Int, _ column: Int) -> Double {
    switch (self, targets) {
    case (.softmax, .labels(let labels)):
      return NaiveReference.softmax(y.row(row))[column] - (Int(labels[row]) == column ? 1 : 0)
    case (.binary(let weights), .values(let t)):
      let value = y[row, column]
      let sigmoid = value >= 0 ? 1 / (1 + exp(-value)) : exp(value) / (1 + exp(value))
      return (weights.isEmpty ? 1 : weights[column]) * (sigmoid - t[row, column])
    case (.squared, .values(let t)): return 2 * (y[row, column] - t[row, column])
    case (.huber(let delta), .values(let t)):
      return min(max(y[row, column] - t[row, column], -delta), delta)
    default: preconditionFailure("NaiveLoss: targets of another loss")
    }
  }
}
