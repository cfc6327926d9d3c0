// References of layers on symbols and on packed sentences.

import MePropCore
import MePropNN

/// Vectors of symbols side by side; the input holds the symbols as numbers.
package final class NaiveEmbedding: NaiveLayer {
  package let tables: [NaiveParameter]
  package let positions: [Int]
  private let dropping: NaiveDropoutLayer
  private var x = DoubleMatrix(rowCount: 0, columnCount: 0)

  /// The reference of a layer as it is.
  package init(_ layer: Embedding) {
    tables = layer.tables.map {
      NaiveParameter(DoubleMatrix($0.vectors.value), decays: false)
    }
    positions = layer.positions
    dropping = NaiveDropoutLayer(layer.dropout.rate, isVariational: layer.isVariational)
  }

  package var parameters: [NaiveParameter] { tables }
  package var dropouts: [NaiveDropout] { dropping.dropouts }

  package func forward(_ x: DoubleMatrix, _ step: NaiveStep) -> DoubleMatrix {
    self.x = x
    let width = positions.reduce(0) { $0 + tables[$1].value.columnCount }
    let y = DoubleMatrix(
      rowCount: x.rowCount, columnCount: width,
      elements: (0..<x.rowCount).flatMap { row in
        positions.enumerated().flatMap { tables[$1].value.row(Int(x[row, $0])) }
      })
    return dropping.forward(y, step)
  }

  package func backward(_ dy: DoubleMatrix, _ step: NaiveStep) -> DoubleMatrix {
    let dy = dropping.backward(dy, step)
    for table in tables {
      table.gradient = table.value.map { _ in 0 }
      table.touched = []
    }
    for row in 0..<x.rowCount {
      var column = 0
      for (position, index) in positions.enumerated() {
        let symbol = Int(x[row, position])
        tables[index].touched?.insert(symbol)
        for entry in 0..<tables[index].value.columnCount {
          tables[index].gradient[symbol, entry] += dy[row, column]
          column += 1
        }
      }
    }
    return DoubleMatrix(rowCount: x.rowCount, columnCount: 0)
  }
}

/// The mean over the words of each sentence.
package final class NaiveMeanPool: NaiveLayer {
  package init() {}

  private func weights(_ step: NaiveStep) -> DoubleMatrix {
    guard let packing = step.packing else { preconditionFailure("NaiveMeanPool: no sentences") }
    var result = DoubleMatrix(
      rowCount: packing.sentenceCount, columnCount: packing.positionCount)
    for (sorted, sentence) in packing.order.enumerated() {
      for word in 0..<packing.lengths[sorted] {
        result[sentence, packing.position(ofWord: word, inSorted: sorted)] =
          1 / Double(packing.lengths[sorted])
      }
    }
    return result
  }

  package func forward(_ x: DoubleMatrix, _ step: NaiveStep) -> DoubleMatrix {
    NaiveReference.multiply(weights(step), by: x)
  }

  package func backward(_ dy: DoubleMatrix, _ step: NaiveStep) -> DoubleMatrix {
    NaiveReference.multiplyTranspose(of: weights(step), by: dy)
  }
}

/// A linear layer on the embeddings of all positions side by side.
package final class NaiveFeatureSum: NaiveLayer {
  package let embeddings: NaiveParameter
  package let weight: NaiveParameter
  package let bias: NaiveParameter
  package let activation: FeatureSum.Activation
  package let selector: NaiveSelector
  package let dropout: NaiveDropout
  private var x = DoubleMatrix(rowCount: 0, columnCount: 0)
  private var sums = DoubleMatrix(rowCount: 0, columnCount: 0)

  /// The reference of a layer as it is.
  package init(_ layer: FeatureSum) {
    embeddings = NaiveParameter(DoubleMatrix(layer.embeddings.value), decays: false)
    weight = NaiveParameter(DoubleMatrix(layer.weight.value))
    bias = NaiveParameter(DoubleMatrix(layer.bias.value), decays: false)
    activation = layer.activation
    selector = NaiveSelector(layer.outputSize, layer.selector.policy)
    dropout = NaiveDropout(layer.dropout.rate)
  }

  package var parameters: [NaiveParameter] { [embeddings, weight, bias] }
  package var selectors: [NaiveSelector] { [selector] }
  package var dropouts: [NaiveDropout] { [dropout] }

  private func activate(_ sum: Double) -> Double {
    switch activation {
    case .relu: max(sum, 0)
    case .cube: sum * sum * sum
    case .tanh: NaiveReference.activate(sum, .tanh)
    }
  }

  private func derivative(_ sum: Double) -> Double {
    switch activation {
    case .relu: sum > 0 ? 1 : 0
    case .cube: 3 * sum * sum
    case .tanh: NaiveReference.derivative(at: sum, .tanh)
    }
  }

  package func forward(_ x: DoubleMatrix, _ step: NaiveStep) -> DoubleMatrix {
    self.x = x
    let outputs = bias.value.columnCount
    sums = DoubleMatrix(rowCount: x.rowCount, columnCount: outputs)
    for row in 0..<x.rowCount {
      for output in 0..<outputs {
        sums[row, output] = bias.value[0, output]
        for position in 0..<x.columnCount {
          for entry in 0..<embeddings.value.columnCount {
            sums[row, output] +=
              weight.value[position * outputs + output, entry]
              * embeddings.value[Int(x[row, position]), entry]
          }
        }
        if activation == .relu, abs(sums[row, output]) < NaiveStep.kinkMargin {
          step.isNearTie = true
        }
      }
    }
    return sums.map(activate).times(dropout.factors(x.rowCount, outputs, step))
  }

  package func backward(_ dy: DoubleMatrix, _ step: NaiveStep) -> DoubleMatrix {
    let outputs = bias.value.columnCount
    var d = dy.times(sums.map(derivative)).times(dropout.factors(x.rowCount, outputs, step))
    let (s, rows) = selector.select(&d, step)
    weight.gradient = weight.value.map { _ in 0 }
    embeddings.gradient = embeddings.value.map { _ in 0 }
    embeddings.touched = []
    bias.gradient = DoubleMatrix(row: d.columnSums())
    for row in 0..<x.rowCount {
      for position in 0..<x.columnCount {
        let symbol = Int(x[row, position])
        embeddings.touched?.insert(symbol)
        for output in 0..<outputs {
          let place = position * outputs + output
          for entry in 0..<embeddings.value.columnCount {
            weight.gradient[place, entry] += s[row, output] * embeddings.value[symbol, entry]
            embeddings.gradient[symbol, entry] += s[row, output] * weight.value[place, entry]
          }
        }
      }
    }
    // An output that is kept touches its row at every position.
    weight.touched = rows.map { rows in
      Set((0..<x.columnCount).flatMap { position in rows.map { position * outputs + $0 } })
    }
    return DoubleMatrix(rowCount: x.rowCount, columnCount: 0)
  }
}
