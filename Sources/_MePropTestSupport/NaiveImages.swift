// Convolution, pooling and normalization of images, in double precision and by plain loops.

import MePropCore
import MePropNN

/// `y = dropout(activation(pool(x ∗ W + b)))` with the nested loops of its definition.
package final class NaiveConv2D: NaiveLayer {
  package let weight: NaiveParameter
  package let bias: NaiveParameter
  package let selector: NaiveSelector
  package let dropout: NaiveDropout
  private let shape: ConvolutionShape
  private let pool: NaivePool2D?
  private let activation: Activation
  private var x = DoubleMatrix(rowCount: 0, columnCount: 0)
  private var pooled = DoubleMatrix(rowCount: 0, columnCount: 0)

  /// The reference of a layer as it is.
  package init(_ layer: Conv2D) {
    let tensor = layer.weight.tensor("weight", of: layer.weight.value)
    weight = NaiveParameter(
      DoubleMatrix(
        rowCount: layer.shape.outputChannels, columnCount: layer.shape.weightsPerChannel,
        elements: tensor.values.map(Double.init)))
    bias = NaiveParameter(DoubleMatrix(layer.bias.value), decays: false)
    selector = NaiveSelector(layer.outputSize, layer.selector.policy)
    dropout = NaiveDropout(layer.dropout.rate)
    shape = layer.shape
    pool = layer.pooling.map { NaivePool2D(.max, $0) }
    activation = layer.activation
  }

  package var parameters: [NaiveParameter] { [weight, bias] }
  package var selectors: [NaiveSelector] { [selector] }
  package var dropouts: [NaiveDropout] { [dropout] }
  package func makeOutputDense() { selector.policy = selector.policy ?? .dense }

  /// Calls `body` with output, input and weight of each product; nothing for the border.
  private func forEachProduct(_ body: (_ y: Int, _ x: Int, _ o: Int, _ w: Int) -> Void) {
    let (input, output) = (shape.input, shape.output)
    for i in 0..<output.height {
      for j in 0..<output.width {
        for o in 0..<output.channels {
          for u in 0..<shape.kernel.height {
            for v in 0..<shape.kernel.width {
              let row = i * shape.stride.height + u - shape.padding.height
              let column = j * shape.stride.width + v - shape.padding.width
              guard (0..<input.height).contains(row), (0..<input.width).contains(column) else {
                continue
              }
              for c in 0..<input.channels {
                body(
                  (i * output.width + j) * output.channels + o,
                  (row * input.width + column) * input.channels + c, o,
                  (u * shape.kernel.width + v) * input.channels + c)
              }
            }
          }
        }
      }
    }
  }

  package func forward(_ x: DoubleMatrix, _ step: NaiveStep) -> DoubleMatrix {
    self.x = x
    var sums = DoubleMatrix(rowCount: x.rowCount, columnCount: shape.output.count)
    for row in 0..<x.rowCount {
      for y in 0..<sums.columnCount { sums[row, y] = bias.value[0, y % shape.outputChannels] }
      forEachProduct { y, from, o, w in sums[row, y] += x[row, from] * weight.value[o, w] }
    }
    pooled = pool?.forward(sums, step) ?? sums
    if activation == .relu, pooled.elements.contains(where: { abs($0) < 1e-5 }) {
      step.isNearTie = true
    }
    return pooled.map { NaiveReference.activate($0, activation) }
      .times(dropout.factors(pooled.rowCount, pooled.columnCount, step))
  }

  package func backward(_ dy: DoubleMatrix, _ step: NaiveStep) -> DoubleMatrix {
    var d = dy.times(pooled.map { NaiveReference.derivative(at: $0, activation) })
      .times(dropout.factors(dy.rowCount, dy.columnCount, step))
    let (kept, channels) = select(&d, step)
    bias.gradient = DoubleMatrix(rowCount: 1, columnCount: shape.outputChannels)
    for (unit, sum) in d.columnSums().enumerated() {
      bias.gradient[0, unit % shape.outputChannels] += sum
    }
    let s = pool?.backward(kept, step) ?? kept
    weight.gradient = DoubleMatrix(
      rowCount: weight.value.rowCount, columnCount: weight.value.columnCount)
    weight.touched = channels
    var dx = DoubleMatrix(rowCount: x.rowCount, columnCount: x.columnCount)
    for row in 0..<x.rowCount {
      forEachProduct { y, from, o, w in
        guard s[row, y] != 0 else { return }
        weight.gradient[o, w] += s[row, y] * x[row, from]
        dx[row, from] += s[row, y] * weight.value[o, w]
      }
    }
    return dx
  }

  private func select(
    _ d: inout DoubleMatrix, _ step: NaiveStep
  ) -> (kept: DoubleMatrix, channels: Set<Int>?) {
    let n = shape.outputChannels
    guard case .unified(let count, _, _)? = selector.policy else {
      let (kept, units) = selector.select(&d, step)
      return (kept, units.map { Set($0.map { $0 % n }) })
    }
    let k = count.resolved(outputSize: n)
    let beta = selector.beta
    if beta > 0, selector.memory.isEmpty {
      selector.memory = [Array(repeating: 0, count: d.columnCount)]
    }
    if beta > 0 {
      for row in 0..<d.rowCount {
        for unit in 0..<d.columnCount { d[row, unit] += beta * selector.memory[0][unit] }
      }
    }
    guard k < n else {
      if beta > 0 { selector.memory[0] = Array(repeating: 0, count: d.columnCount) }
      return (d, nil)
    }
    var sums = [Double](repeating: 0, count: n)
    for row in 0..<d.rowCount {
      for unit in 0..<d.columnCount { sums[unit % n] += abs(d[row, unit]) }
    }
    selector.noteTies(of: sums, k: k, step)
    let channels = Set(NaiveReference.topIndices(of: sums, count: k))
    var kept = d
    for row in 0..<d.rowCount {
      for unit in 0..<d.columnCount where !channels.contains(unit % n) { kept[row, unit] = 0 }
    }
    if beta > 0 { selector.memory[0] = NaiveReference.remainder(of: d, kept: kept) }
    return (kept, channels)
  }
}

/// Maxima or means of windows.
package final class NaivePool2D: NaiveLayer {
  private let kind: Pooling.Kind
  private let shape: PoolingShape
  private var x = DoubleMatrix(rowCount: 0, columnCount: 0)

  package init(_ kind: Pooling.Kind, _ shape: PoolingShape) {
    self.kind = kind
    self.shape = shape
  }

  /// The inputs of each window, by output.
  private var windows: [[Int]] {
    let (input, output) = (shape.input, shape.output)
    return (0..<output.count).map { unit in
      let (position, c) = (unit / output.channels, unit % output.channels)
      let (i, j) = (position / output.width, position % output.width)
      return (0..<shape.window.height).flatMap { u in
        (0..<shape.window.width).map { v in
          ((i * shape.stride.height + u) * input.width + j * shape.stride.width + v)
            * input.channels + c
        }
      }
    }
  }

  package func forward(_ x: DoubleMatrix, _ step: NaiveStep) -> DoubleMatrix {
    self.x = x
    var y = DoubleMatrix(rowCount: x.rowCount, columnCount: shape.output.count)
    for (unit, window) in windows.enumerated() {
      for row in 0..<x.rowCount {
        let values = window.map { x[row, $0] }
        switch kind {
        case .average: y[row, unit] = values.reduce(0, +) / Double(values.count)
        case .max:
          let sorted = values.sorted(by: >)
          y[row, unit] = sorted[0]
          if sorted.count > 1, sorted[0] - sorted[1] < 1e-5 { step.isNearTie = true }
        }
      }
    }
    return y
  }

  package func backward(_ dy: DoubleMatrix, _ step: NaiveStep) -> DoubleMatrix {
    var dx = DoubleMatrix(rowCount: x.rowCount, columnCount: x.columnCount)
    for (unit, window) in windows.enumerated() {
      for row in 0..<x.rowCount {
        switch kind {
        case .average:
          for place in window { dx[row, place] += dy[row, unit] / Double(window.count) }
        case .max:
          var best = window[0]
          for place in window where x[row, place] > x[row, best] { best = place }
          dx[row, best] += dy[row, unit]
        }
      }
    }
    return dx
  }
}

/// Batch normalization in training, its gradient by the chain rule through mean and variance.
package final class NaiveBatchNorm: NaiveLayer {
  package let gain: NaiveParameter
  package let bias: NaiveParameter
  private let mean: NaiveParameter
  private let variance: NaiveParameter
  private let layer: BatchNorm
  private var x = DoubleMatrix(rowCount: 0, columnCount: 0)

  package init(_ layer: BatchNorm) {
    gain = NaiveParameter(DoubleMatrix(layer.gain.value), decays: false)
    bias = NaiveParameter(DoubleMatrix(layer.bias.value), decays: false)
    mean = NaiveParameter(DoubleMatrix(layer.mean.value), decays: false)
    variance = NaiveParameter(DoubleMatrix(layer.variance.value), decays: false)
    self.layer = layer
  }

  package var parameters: [NaiveParameter] { [gain, bias] }

  /// The columns of a channel in all rows, as row and column.
  private func places(_ channel: Int) -> [(Int, Int)] {
    (0..<x.rowCount).flatMap { row in
      (0..<layer.shape.positionCount).map { (row, $0 * layer.shape.channels + channel) }
    }
  }

  private func statistics(_ channel: Int) -> (mean: Double, deviation: Double) {
    let values = places(channel).map { x[$0.0, $0.1] }
    let mean = values.reduce(0, +) / Double(values.count)
    let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)
    return (mean, (variance + Double(layer.epsilon)).squareRoot())
  }

  package func forward(_ x: DoubleMatrix, _ step: NaiveStep) -> DoubleMatrix {
    self.x = x
    var y = x
    for channel in 0..<layer.shape.channels {
      let (mean, deviation) = statistics(channel)
      for (row, column) in places(channel) {
        y[row, column] =
          gain.value[0, channel] * (x[row, column] - mean) / deviation + bias.value[0, channel]
      }
    }
    return y
  }

  package func backward(_ dy: DoubleMatrix, _ step: NaiveStep) -> DoubleMatrix {
    var dx = DoubleMatrix(rowCount: x.rowCount, columnCount: x.columnCount)
    gain.gradient = DoubleMatrix(rowCount: 1, columnCount: layer.shape.channels)
    bias.gradient = DoubleMatrix(rowCount: 1, columnCount: layer.shape.channels)
    for channel in 0..<layer.shape.channels {
      let (mean, s) = statistics(channel)
      let places = places(channel)
      let n = Double(places.count)
      let centered = places.map { x[$0.0, $0.1] - mean }
      let h = places.map { gain.value[0, channel] * dy[$0.0, $0.1] }
      for (index, (row, column)) in places.enumerated() {
        gain.gradient[0, channel] += dy[row, column] * centered[index] / s
        bias.gradient[0, channel] += dy[row, column]
      }
      let sum = h.reduce(0, +)
      let product = zip(h, centered).reduce(0) { $0 + $1.0 * $1.1 }
      for (index, (row, column)) in places.enumerated() {
        dx[row, column] = (h[index] - sum / n) / s - centered[index] * product / (n * s * s * s)
      }
    }
    return dx
  }
}
