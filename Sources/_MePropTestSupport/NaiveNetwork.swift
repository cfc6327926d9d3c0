// Whole networks once more, in double precision and by plain loops: layers that compose, selection
// with its memory, and optimizer steps. What the layers of the package are tested against.

import MePropCore
import MePropNN

/// One pass through a reference, and how near it came to where rounding decides.
package final class NaiveStep {
  /// Of two magnitudes at the border of a selection, the least relative difference that a test can
  /// rely on in single precision.
  package static let tieMargin = 1e-4
  /// The least relative distance of a sum from zero, where the derivative of ReLU jumps.
  package static let kinkMargin = 1e-5

  /// The step of the run, from 1.
  package var number: Int
  /// Of all random numbers.
  package let seed: UInt64
  /// Whether dropout drops.
  package var isTraining = true
  /// Which row is which word.
  package var packing: PackedSequence?
  /// Whether rounding may have decided what was selected, or on which side of zero a sum is.
  package var isNearTie = false

  package init(number: Int = 1, seed: UInt64 = 1, packing: PackedSequence? = nil) {
    self.number = number
    self.seed = seed
    self.packing = packing
  }
}

/// A matrix that is trained, with its gradient.
package final class NaiveParameter {
  package var value: DoubleMatrix
  /// Of the last backward pass.
  package var gradient: DoubleMatrix
  /// The rows that the gradient touches; `nil`: all.
  package var touched: Set<Int>?
  /// Whether L2 regularization and weight decay apply.
  package let decays: Bool
  package var optimizer: NaiveOptimizer?

  package init(_ value: DoubleMatrix, decays: Bool = true) {
    self.value = value
    self.decays = decays
    gradient = DoubleMatrix(rowCount: value.rowCount, columnCount: value.columnCount)
  }
}

/// The reference of a layer.
package protocol NaiveLayer: AnyObject {
  /// In the order in which the layer visits them.
  var parameters: [NaiveParameter] { get }
  var selectors: [NaiveSelector] { get }
  var dropouts: [NaiveDropout] { get }
  /// Whether a selector without a policy is that of a layer whose output is the model's.
  func makeOutputDense()
  func forward(_ x: DoubleMatrix, _ step: NaiveStep) -> DoubleMatrix
  /// Sets the gradients of all parameters and returns that at the input of the last forward pass.
  func backward(_ dy: DoubleMatrix, _ step: NaiveStep) -> DoubleMatrix
}

extension NaiveLayer {
  package var parameters: [NaiveParameter] { [] }
  package var selectors: [NaiveSelector] { [] }
  package var dropouts: [NaiveDropout] { [] }
  package func makeOutputDense() {}
}

// MARK: - Selection

/// What a layer keeps of the gradient at its sums, and what it remembers of the rest.
package final class NaiveSelector {
  /// `nil`: what the whole network takes.
  package var policy: SelectionPolicy?
  package let outputSize: Int
  /// One row, or one a place in the batch; none before the first step.
  package var memory: [[Double]] = []
  package var (offset, stride) = (0, 1)

  package init(_ outputSize: Int, _ policy: SelectionPolicy? = nil) {
    self.outputSize = outputSize
    self.policy = policy
  }

  /// The share of the memory that comes back.
  package var beta: Double { Double(policy?.memory ?? 0) }

  package func stream(_ step: NaiveStep) -> UInt64 {
    RandomPurpose.selection.stream(step.number * stride + offset)
  }

  /// Adds the memory to d, and returns what is kept of it and the rows that anybody keeps.
  package func select(
    _ d: inout DoubleMatrix, _ step: NaiveStep
  ) -> (kept: DoubleMatrix, rows: Set<Int>?) {
    let policy = policy ?? .dense
    let bySlot = policy.memoryScope == .slot
    if beta > 0 {
      let rows = bySlot ? d.rowCount : 1
      while memory.count < rows { memory.append(Array(repeating: 0, count: outputSize)) }
      for row in 0..<d.rowCount {
        for column in 0..<outputSize { d[row, column] += beta * memory[bySlot ? row : 0][column] }
      }
    }
    guard let k = policy.k?.resolved(outputSize: outputSize), k < outputSize else {
      for row in memory.indices { memory[row] = Array(repeating: 0, count: outputSize) }
      return (d, nil)
    }
    let lists: [[Int]]
    switch policy {
    case .dense: lists = []
    case .top:
      lists = NaiveReference.topIndices(of: d, count: k)
      for row in 0..<d.rowCount { noteTies(of: d.row(row), k: k, step) }
    case .unified(_, let groupSize, _):
      let size = groupSize ?? d.rowCount
      lists = NaiveReference.unifiedIndices(of: d, count: k, groupSize: size)
      for first in Swift.stride(from: 0, to: d.rowCount, by: size) {
        var sums = [Double](repeating: 0, count: outputSize)
        for row in first..<min(first + size, d.rowCount) {
          for column in 0..<outputSize { sums[column] += abs(d[row, column]) }
        }
        noteTies(of: sums, k: k, step)
      }
    case .random: lists = randomLists(rowCount: d.rowCount, k: k, step)
    }
    let kept = NaiveReference.masked(d, keeping: lists)
    if beta > 0, bySlot {
      for row in 0..<d.rowCount {
        memory[row] = (0..<outputSize).map { d[row, $0] - kept[row, $0] }
      }
    } else if beta > 0 {
      memory[0] = NaiveReference.remainder(of: d, kept: kept)
    }
    return (kept, Set(lists.flatMap { $0 }))
  }

  /// Notes if the last that is kept and the first that is not are nearly equal.
  package func noteTies(of values: [Double], k: Int, _ step: NaiveStep) {
    let magnitudes = values.map { abs($0) }.sorted(by: >)
    let (last, next) = (magnitudes[k - 1], magnitudes[k])
    guard last > 0 else { return }
    // What is a hundredth of the largest or less is as exact as that hundredth only.
    if last - next < NaiveStep.tieMargin * max(last, 0.01 * magnitudes[0]) { step.isNearTie = true }
  }

  /// Floyd's method, example by example.
  private func randomLists(rowCount: Int, k: Int, _ step: NaiveStep) -> [[Int]] {
    var random = Philox(seed: step.seed, stream: stream(step))
    return (0..<rowCount).map { _ in
      var chosen: Set<Int> = []
      for last in (outputSize - k)..<outputSize {
        let pick = Int(random.next(below: UInt32(last + 1)))
        chosen.insert(chosen.contains(pick) ? last : pick)
      }
      return chosen.sorted()
    }
  }
}

/// A place where numbers are dropped.
package final class NaiveDropout {
  package let rate: Float
  package var (offset, stride) = (0, 1)

  package init(_ rate: Float) { self.rate = rate }

  /// 0 or 1 / (1 − rate) for each number.
  package func factors(_ rowCount: Int, _ columnCount: Int, _ step: NaiveStep) -> DoubleMatrix {
    guard rate > 0, step.isTraining else {
      return DoubleMatrix(rowCount: rowCount, columnCount: columnCount).map { _ in 1 }
    }
    let stream = RandomPurpose.dropout.stream(step.number * stride + offset)
    return NaiveReference.dropoutFactors(
      Dropout(rate: rate, seed: step.seed, stream: stream), rowCount: rowCount,
      columnCount: columnCount)
  }
}

extension DoubleMatrix {
  /// The products of the elements of two matrices of one shape.
  package func times(_ other: DoubleMatrix) -> DoubleMatrix { zipped(other, *) }
  /// The sums of the elements of two matrices of one shape.
  package func plus(_ other: DoubleMatrix) -> DoubleMatrix { zipped(other, +) }

  private func zipped(
    _ other: DoubleMatrix, _ body: (Double, Double) -> Double
  ) -> DoubleMatrix {
    precondition(
      rowCount == other.rowCount && columnCount == other.columnCount,
      "DoubleMatrix: [\(rowCount), \(columnCount)] and [\(other.rowCount), \(other.columnCount)]")
    return DoubleMatrix(
      rowCount: rowCount, columnCount: columnCount,
      elements: zip(elements, other.elements).map(body))
  }

  /// The columns in a range.
  package func columns(_ range: Range<Int>) -> DoubleMatrix {
    DoubleMatrix(
      rowCount: rowCount, columnCount: range.count,
      elements: (0..<rowCount).flatMap { Array(row($0)[range]) })
  }

  /// The columns of two matrices side by side.
  package func beside(_ other: DoubleMatrix) -> DoubleMatrix {
    DoubleMatrix(
      rowCount: rowCount, columnCount: columnCount + other.columnCount,
      elements: (0..<rowCount).flatMap { row($0) + other.row($0) })
  }

  /// One row.
  package init(row: [Double]) {
    self.init(rowCount: 1, columnCount: row.count, elements: row)
  }
}

// MARK: - Layers on rows

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

// MARK: - Combinators

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
