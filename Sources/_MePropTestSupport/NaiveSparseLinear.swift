import MePropCore
import MePropNN

/// `y = dropout(activation(x W + b))` on dense rows.
package final class NaiveSparseLinear: NaiveLayer {
  package let weight: NaiveParameter
  package let bias: NaiveParameter
  package let activation: Activation
  package let selector: NaiveSelector
  package let dropout: NaiveDropout
  private var x = DoubleMatrix(rowCount: 0, columnCount: 0)
  private var sums = DoubleMatrix(rowCount: 0, columnCount: 0)

  /// The reference of a layer as it is.
  package init(_ layer: SparseLinear) {
    weight = NaiveParameter(DoubleMatrix(layer.weight.value))
    bias = NaiveParameter(DoubleMatrix(layer.bias.value), decays: false)
    activation = layer.activation
    dropout = NaiveDropout(layer.dropout.rate)
    selector = NaiveSelector(layer.outputSize, layer.selector.policy)
  }

  package var parameters: [NaiveParameter] { [weight, bias] }
  package var selectors: [NaiveSelector] { [selector] }
  package var dropouts: [NaiveDropout] { [dropout] }
  package func makeOutputDense() { selector.policy = selector.policy ?? .dense }

  package func forward(_ x: DoubleMatrix, _ step: NaiveStep) -> DoubleMatrix {
    self.x = x
    sums = NaiveReference.multiply(x, by: weight.value)
    for row in 0..<sums.rowCount {
      for column in 0..<sums.columnCount {
        sums[row, column] += bias.value[0, column]
        guard activation == .relu else { continue }
        var size = abs(bias.value[0, column])
        for input in 0..<x.columnCount { size += abs(x[row, input] * weight.value[input, column]) }
        if abs(sums[row, column]) < NaiveStep.kinkMargin * size { step.isNearTie = true }
      }
    }
    return sums.map { NaiveReference.activate($0, activation) }
      .times(dropout.factors(sums.rowCount, sums.columnCount, step))
  }

  package func backward(_ dy: DoubleMatrix, _ step: NaiveStep) -> DoubleMatrix {
    var d = dy.times(sums.map { NaiveReference.derivative(at: $0, activation) })
      .times(dropout.factors(dy.rowCount, dy.columnCount, step))
    let (s, _) = selector.select(&d, step)
    weight.gradient = NaiveReference.multiplyTranspose(of: x, by: s)
    // Rows of inputs that the batch has, whatever is kept of the outputs.
    weight.touched = Set(
      (0..<x.columnCount).filter { column in
        (0..<x.rowCount).contains { x[$0, column] != 0 }
      })
    bias.gradient = DoubleMatrix(row: d.columnSums())
    return DoubleMatrix(rowCount: x.rowCount, columnCount: 0)
  }
}
