import MePropCore
import MePropNN

/// One layer after another.
package final class NaiveChain: NaiveLayer {
  package let layers: [any NaiveLayer]

  package init(_ layers: [any NaiveLayer]) { self.layers = layers }

  package var parameters: [NaiveParameter] { layers.flatMap { $0.parameters } }
  package var selectors: [NaiveSelector] { layers.flatMap { $0.selectors } }
  package var dropouts: [NaiveDropout] { layers.flatMap { $0.dropouts } }
  package func makeOutputDense() { layers.last?.makeOutputDense() }

  package func forward(_ x: DoubleMatrix, _ step: NaiveStep) -> DoubleMatrix {
    layers.reduce(x) { $1.forward($0, step) }
  }

  package func backward(_ dy: DoubleMatrix, _ step: NaiveStep) -> DoubleMatrix {
    layers.reversed().reduce(dy) { $1.backward($0, step) }
  }
}

/// `y = x + inner(x)`.
package final class NaiveResidual: NaiveLayer {
  package let inner: any NaiveLayer

  package init(_ inner: any NaiveLayer) { self.inner = inner }

  package var parameters: [NaiveParameter] { inner.parameters }
  package var selectors: [NaiveSelector] { inner.selectors }
  package var dropouts: [NaiveDropout] { inner.dropouts }

  package func forward(_ x: DoubleMatrix, _ step: NaiveStep) -> DoubleMatrix {
    x.plus(inner.forward(x, step))
  }

  package func backward(_ dy: DoubleMatrix, _ step: NaiveStep) -> DoubleMatrix {
    dy.plus(inner.backward(dy, step))
  }

  package func makeOutputDense() { inner.makeOutputDense() }
}

/// Two layers on one input, side by side.
package final class NaiveParallel: NaiveLayer {
  package let first: any NaiveLayer
  package let second: any NaiveLayer
  private var split = 0

  package init(_ first: any NaiveLayer, _ second: any NaiveLayer) {
    self.first = first
    self.second = second
  }

  package var parameters: [NaiveParameter] { first.parameters + second.parameters }
  package var selectors: [NaiveSelector] { first.selectors + second.selectors }
  package var dropouts: [NaiveDropout] { first.dropouts + second.dropouts }
  package func makeOutputDense() {
    first.makeOutputDense()
    second.makeOutputDense()
  }

  package func forward(_ x: DoubleMatrix, _ step: NaiveStep) -> DoubleMatrix {
    let y = first.forward(x, step)
    split = y.columnCount
    return y.beside(second.forward(x, step))
  }

  package func backward(_ dy: DoubleMatrix, _ step: NaiveStep) -> DoubleMatrix {
    first.backward(dy.columns(0..<split), step)
      .plus(second.backward(dy.columns(split..<dy.columnCount), step))
  }
}
