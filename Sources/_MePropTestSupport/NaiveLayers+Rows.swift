import MePropCore
import MePropNN

/// `y = dropout(activation(x Wᵀ + b))`.
package final class NaiveLinear: NaiveLayer {
  package let weight: NaiveParameter
  package let bias: NaiveParameter
  package let activation: Activation
  package let selector: NaiveSelector
  package let dropout: NaiveDropout
  private var x = DoubleMatrix(rowCount: 0, columnCount: 0)
  private var sums = DoubleMatrix(rowCount: 0, columnCount: 0)

  package init(
    weight: DoubleMatrix, bias: [Double], activation: Activation = .identity, dropout: Float = 0,
    _ policy: SelectionPolicy? = nil
  ) {
    self.weight = NaiveParameter(weight)
    self.bias = NaiveParameter(DoubleMatrix(row: bias), decays: false)
    self.activation = activation
    self.dropout = NaiveDropout(dropout)
    selector = NaiveSelector(weight.rowCount, policy)
  }

  /// The reference of a layer as it is.
  package convenience init(_ layer: Linear) {
    self.init(
      weight: DoubleMatrix(layer.weight.value), bias: DoubleMatrix(layer.bias.value).elements,
      activation: layer.activation, dropout: layer.dropout.rate, layer.selector.policy)
  }

  package var parameters: [NaiveParameter] { [weight, bias] }
  package var selectors: [NaiveSelector] { [selector] }
  package var dropouts: [NaiveDropout] { [dropout] }
  package func makeOutputDense() { selector.policy = selector.policy ?? .dense }

  package func forward(_ x: DoubleMatrix, _ step: NaiveStep) -> DoubleMatrix {
    self.x = x
    sums = NaiveReference.multiply(x, byTransposeOf: weight.value)
    for row in 0..<sums.rowCount {
      for column in 0..<sums.columnCount {
        sums[row, column] += bias.value[0, column]
        guard activation == .relu else { continue }
        var size = abs(bias.value[0, column])
        for input in 0..<x.columnCount { size += abs(x[row, input] * weight.value[column, input]) }
        if abs(sums[row, column]) < NaiveStep.kinkMargin * size { step.isNearTie = true }
      }
    }
    return sums.map { NaiveReference.activate($0, activation) }
      .times(dropout.factors(sums.rowCount, sums.columnCount, step))
  }

  package func backward(_ dy: DoubleMatrix, _ step: NaiveStep) -> DoubleMatrix {
    var d = dy.times(sums.map { NaiveReference.derivative(at: $0, activation) })
      .times(dropout.factors(dy.rowCount, dy.columnCount, step))
    let (s, rows) = selector.select(&d, step)
    weight.gradient = NaiveReference.multiplyTranspose(of: s, by: x)
    weight.touched = rows
    bias.gradient = DoubleMatrix(row: d.columnSums())
    return NaiveReference.multiply(s, by: weight.value)
  }
}

/// A gated linear unit: `y = (x Wᵀ + b) ⊙ σ(x Vᵀ + c)`, W above V in one matrix.
package final class NaiveGate: NaiveLayer {
  package let weight: NaiveParameter
  package let bias: NaiveParameter
  package let selector: NaiveSelector
  private var x = DoubleMatrix(rowCount: 0, columnCount: 0)
  private var sums = DoubleMatrix(rowCount: 0, columnCount: 0)

  package init(weight: DoubleMatrix, bias: [Double], _ policy: SelectionPolicy? = nil) {
    self.weight = NaiveParameter(weight)
    self.bias = NaiveParameter(DoubleMatrix(row: bias), decays: false)
    selector = NaiveSelector(weight.rowCount, policy)
  }

  package var parameters: [NaiveParameter] { [weight, bias] }
  package var selectors: [NaiveSelector] { [selector] }
  package func makeOutputDense() { selector.policy = selector.policy ?? .dense }

  private var halves: (DoubleMatrix, DoubleMatrix) {
    let n = sums.columnCount / 2
    return (
      sums.columns(0..<n),
      sums.columns(n..<(2 * n)).map { NaiveReference.activate($0, .sigmoid) }
    )
  }

  package func forward(_ x: DoubleMatrix, _ step: NaiveStep) -> DoubleMatrix {
    self.x = x
    sums = NaiveReference.multiply(x, byTransposeOf: weight.value)
    for row in 0..<sums.rowCount {
      for column in 0..<sums.columnCount { sums[row, column] += bias.value[0, column] }
    }
    let (values, gates) = halves
    return values.times(gates)
  }

  package func backward(_ dy: DoubleMatrix, _ step: NaiveStep) -> DoubleMatrix {
    let (values, gates) = halves
    var d = dy.times(gates).beside(dy.times(values).times(gates.map { $0 * (1 - $0) }))
    let (s, rows) = selector.select(&d, step)
    weight.gradient = NaiveReference.multiplyTranspose(of: s, by: x)
    weight.touched = rows
    bias.gradient = DoubleMatrix(row: d.columnSums())
    return NaiveReference.multiply(s, by: weight.value)
  }
}

/// Layer normalization, its gradient by the chain rule through mean and variance.
package final class NaiveLayerNorm: NaiveLayer {
  package let gain: NaiveParameter
  package let bias: NaiveParameter
  package let epsilon: Double
  private var x = DoubleMatrix(rowCount: 0, columnCount: 0)

  package init(gain: [Double], bias: [Double], epsilon: Double) {
    self.gain = NaiveParameter(DoubleMatrix(row: gain), decays: false)
    self.bias = NaiveParameter(DoubleMatrix(row: bias), decays: false)
    self.epsilon = epsilon
  }

  /// The reference of a layer as it is.
  package convenience init(_ layer: LayerNorm) {
    self.init(
      gain: DoubleMatrix(layer.gain.value).elements, bias: DoubleMatrix(layer.bias.value).elements,
      epsilon: Double(layer.epsilon))
  }

  package var parameters: [NaiveParameter] { [gain, bias] }

  private func statistics(_ row: [Double]) -> (mean: Double, deviation: Double) {
    let n = Double(row.count)
    let mean = row.reduce(0, +) / n
    let variance = row.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / n
    return (mean, (variance + epsilon).squareRoot())
  }

  package func forward(_ x: DoubleMatrix, _ step: NaiveStep) -> DoubleMatrix {
    self.x = x
    var y = x
    for row in 0..<x.rowCount {
      let (mean, deviation) = statistics(x.row(row))
      for column in 0..<x.columnCount {
        y[row, column] =
          gain.value[0, column] * (x[row, column] - mean) / deviation + bias.value[0, column]
      }
    }
    return y
  }

  package func backward(_ dy: DoubleMatrix, _ step: NaiveStep) -> DoubleMatrix {
    let n = x.columnCount
    gain.gradient = DoubleMatrix(rowCount: 1, columnCount: n)
    bias.gradient = DoubleMatrix(row: dy.columnSums())
    var dx = DoubleMatrix(rowCount: x.rowCount, columnCount: n)
    for row in 0..<x.rowCount {
      let (mean, deviation) = statistics(x.row(row))
      let centered = x.row(row).map { $0 - mean }
      for column in 0..<n {
        gain.gradient[0, column] += dy[row, column] * centered[column] / deviation
      }
      // ∂yⱼ/∂xᵢ = gⱼ ((i = j) − 1/n) / s − gⱼ cⱼ cᵢ / (n s³)
      for i in 0..<n {
        for j in 0..<n {
          let h = gain.value[0, j] * dy[row, j]
          dx[row, i] += h * ((i == j ? 1 : 0) - 1 / Double(n)) / deviation
          dx[row, i] -=
            h * centered[j] * centered[i] / (Double(n) * deviation * deviation * deviation)
        }
      }
    }
    return dx
  }
}

/// `y = dropout(x)`; over sentences it can drop the same numbers at all words of one.
package final class NaiveDropoutLayer: NaiveLayer {
  package let dropout: NaiveDropout
  package let isVariational: Bool
  private var factors = DoubleMatrix(rowCount: 0, columnCount: 0)

  package init(_ rate: Float, isVariational: Bool = false) {
    dropout = NaiveDropout(rate)
    self.isVariational = isVariational
  }

  package var dropouts: [NaiveDropout] { [dropout] }

  package func forward(_ x: DoubleMatrix, _ step: NaiveStep) -> DoubleMatrix {
    factors = dropout.factors(x.rowCount, x.columnCount, step)
    if isVariational, let packing = step.packing {
      let bySentence = dropout.factors(packing.sentenceCount, x.columnCount, step)
      for sorted in 0..<packing.sentenceCount {
        for word in 0..<packing.lengths[sorted] {
          let position = packing.position(ofWord: word, inSorted: sorted)
          for column in 0..<x.columnCount {
            factors[position, column] = bySentence[sorted, column]
          }
        }
      }
    }
    return x.times(factors)
  }

  package func backward(_ dy: DoubleMatrix, _ step: NaiveStep) -> DoubleMatrix {
    dy.times(factors)
  }
}

/// `y = x + offset`: the gradient of the offset is that at the input of the layer after it.
package final class NaiveOffset: NaiveLayer {
  package let offset: NaiveParameter

  package init(rowCount: Int, columnCount: Int) {
    offset = NaiveParameter(
      DoubleMatrix(rowCount: rowCount, columnCount: columnCount), decays: false)
  }

  package var parameters: [NaiveParameter] { [offset] }

  package func forward(_ x: DoubleMatrix, _ step: NaiveStep) -> DoubleMatrix {
    x.plus(offset.value)
  }

  package func backward(_ dy: DoubleMatrix, _ step: NaiveStep) -> DoubleMatrix {
    offset.gradient = dy
    return dy
  }
}
