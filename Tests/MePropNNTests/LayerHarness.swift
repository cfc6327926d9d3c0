// What tests of layers share: a loss that is a projection, an input whose gradient can be seen, and
// a run of a layer beside its reference.

import MePropCore
import MePropNN
import Synchronization
import Testing
import _MePropTestSupport

/// `Σ p ⊙ y` for given p, whose gradient is p; keeps the last output, to be compared.
struct ProjectionLoss: Loss {
  /// The last output.
  final class Box: Sendable {
    private let mutex = Mutex(Matrix(rowCount: 0, columnCount: 0))
    var output: Matrix {
      get { mutex.withLock { $0 } }
      set { mutex.withLock { $0 = newValue } }
    }
  }

  let box = Box()

  func differentiate(
    _ output: Matrix, _ targets: Matrix, weights: [Float], into gradient: inout Matrix,
    losses: inout [Float], _ scratch: inout Void, context: ComputeContext
  ) -> LossSum {
    box.output = output
    var sum = 0.0
    for row in 0..<output.rowCount {
      for column in 0..<output.columnCount {
        gradient[row, column] = targets[row, column]
        sum += Double(targets[row, column]) * Double(output[row, column])
      }
    }
    return LossSum(sum: sum, weight: 1)
  }
}

/// Rows, and which words they are.
struct WordRows: Sendable {
  var values: Matrix
  var packing: PackedSequence
}

/// Takes words as rows of numbers, and adds a parameter: its gradient is that at the input.
struct WordOffset: Layer {
  var offset: Parameter

  init(rowCount: Int, columnCount: Int) {
    offset = Parameter(Matrix(rowCount: rowCount, columnCount: columnCount), decays: false)
  }

  var outputSize: Int { offset.columnCount }
  var description: String { "WordOffset(\(outputSize))" }
  func makeScratch() {}

  func forward(
    _ x: WordRows, into y: inout Matrix, _ scratch: inout Void, _ step: inout Step
  ) {
    step.packing = x.packing
    y.setRowCount(x.values.rowCount)
    for row in 0..<x.values.rowCount {
      for column in 0..<outputSize {
        y[row, column] = x.values[row, column] + offset.value[row, column]
      }
    }
  }

  mutating func backward(
    _ x: WordRows, _ y: Matrix, _ dy: inout Matrix, into dx: inout InputGradient,
    _ scratch: inout Void, _ step: inout Step
  ) throws {
    step.update(&offset, gradient: dy)
  }

  mutating func visit(_ visitor: inout some LayerVisitor) { visitor.visit("offset", &offset) }
}

/// A gated linear unit, `y = (x Wᵀ + b) ⊙ σ(x Vᵀ + c)` with W above V in one matrix: what
/// somebody else's layer looks like, of public declarations only.
struct GatedUnit: Layer, Equatable {
  var weight: Parameter
  var bias: Parameter
  var selector: Selector

  init(weight: Matrix, bias: Matrix, selection: SelectionPolicy? = nil) {
    self.weight = Parameter(weight)
    self.bias = Parameter(bias, decays: false)
    selector = Selector(outputSize: weight.rowCount, policy: selection)
  }

  var outputSize: Int { weight.rowCount / 2 }
  var description: String { "GatedUnit(\(weight.columnCount) → \(outputSize))" }

  struct Scratch {
    let product = WeightProduct()
    let support: Support
    var sums: Matrix
    var gradient: Matrix
  }

  func makeScratch() -> Scratch {
    let empty = Matrix(rowCount: 0, columnCount: 2 * outputSize)
    return Scratch(support: Support(outputSize: 2 * outputSize), sums: empty, gradient: empty)
  }

  private func sigmoid(_ value: Float) -> Float {
    Float(NaiveReference.activate(Double(value), .sigmoid))
  }

  func forward(
    _ x: Matrix, into y: inout Matrix, _ scratch: inout Scratch, _ step: inout Step
  ) {
    scratch.sums.setRowCount(x.rowCount)
    scratch.product.multiply(
      x, weight: weight, bias: bias, activation: .identity, into: &scratch.sums, step)
    y.setRowCount(x.rowCount)
    for row in 0..<x.rowCount {
      for column in 0..<outputSize {
        y[row, column] =
          scratch.sums[row, column] * sigmoid(scratch.sums[row, outputSize + column])
      }
    }
  }

  mutating func backward(
    _ x: Matrix, _ y: Matrix, _ dy: inout Matrix, into dx: inout InputGradient,
    _ scratch: inout Scratch, _ step: inout Step
  ) throws {
    scratch.gradient.setRowCount(dy.rowCount)
    for row in 0..<dy.rowCount {
      for column in 0..<outputSize {
        let gate = sigmoid(scratch.sums[row, outputSize + column])
        scratch.gradient[row, column] = dy[row, column] * gate
        scratch.gradient[row, outputSize + column] =
          dy[row, column] * scratch.sums[row, column] * gate * (1 - gate)
      }
    }
    try selector.select(
      &scratch.gradient, output: scratch.sums, activation: .identity, into: scratch.support, &step)
    scratch.support.inputGradient(of: scratch.gradient, weight: weight, into: &dx, &step)
    scratch.support.update(
      &weight, of: scratch.gradient, input: x, product: scratch.product, countingFor: selector,
      &step)
    step.update(&bias, gradient: scratch.support.columnSums)
  }

  mutating func visit(_ visitor: inout some LayerVisitor) {
    visitor.visit("weight", &weight)
    visitor.visit("bias", &bias)
    visitor.visit(&selector)
  }

  mutating func makeOutputDense() { selector.policy = selector.policy ?? .dense }
}

extension NaiveGate {
  convenience init(_ layer: GatedUnit) {
    self.init(
      weight: DoubleMatrix(layer.weight.value), bias: DoubleMatrix(layer.bias.value).elements,
      layer.selector.policy)
  }
}

/// A layer beside its reference.
struct LayerCase<L: Layer> {
  /// One batch, for both, and the gradient at the output.
  struct Batch {
    var input: L.Input
    var naive: DoubleMatrix
    var packing: PackedSequence?
    var projection: Matrix
  }

  var name: String
  var layer: L
  var reference: () -> any NaiveLayer
  var batches: [Batch]
  /// How many numbers a row of the input, where the gradient there is wanted.
  var inputColumnCount: Int?
  /// The longest chain of sums in the layer, in terms: rounding errors grow with it.
  var terms = 64

  /// A case of a layer on rows of numbers.
  static func onRows(
    _ name: String, _ layer: L, inputSize: Int, outputRows: [Int] = [4, 1, 4], seed: UInt64 = 1,
    scale: Float = 1, _ reference: @escaping () -> any NaiveLayer
  ) -> LayerCase where L.Input == Matrix {
    var random = Philox(seed: seed, stream: 99)
    let batches = outputRows.map { rows in
      let x = random.nextMatrix(rows, inputSize, scale: scale)
      return Batch(
        input: x, naive: DoubleMatrix(x), packing: nil,
        projection: random.nextMatrix(rows, layer.outputSize))
    }
    return LayerCase(
      name: name, layer: layer, reference: reference, batches: batches,
      inputColumnCount: inputSize)
  }

  /// What is allowed between a number and its reference: rounding errors of half a unit in the last
  /// place for each term of a sum of numbers up to the largest of all.
  func tolerance(_ expected: DoubleMatrix) -> Double {
    Double(terms) * 0x1p-24 * expected.elements.reduce(1) { max($0, abs($1)) }
  }
}

/// The numbers of a trainer's parameters, without padding, in their order.
func parameterValues<Model: Layer>(_ model: Model) -> [DoubleMatrix] {
  model.parameters.map { tensor in
    let columns = tensor.shape[tensor.shape.count - 1]
    return DoubleMatrix(
      rowCount: columns == 0 ? 0 : tensor.values.count / columns, columnCount: columns,
      elements: tensor.values.map(Double.init))
  }
}

extension LayerCase {
  /// A layer in training and its reference, which do the same steps.
  private struct Pair {
    let loss = ProjectionLoss()
    let trainer: Trainer<L, ProjectionLoss>
    let naive: NaiveTrainer

    init(
      _ example: LayerCase, _ optimizer: Optimizer, _ selection: SelectionPolicy, threads: Int
    ) {
      trainer = Trainer(
        example.layer, loss: loss, optimizer: optimizer, selection: selection,
        inputColumnCount: example.inputColumnCount, seed: 5,
        context: ComputeContext(threadCount: threads))
      naive = NaiveTrainer(
        example.reference(), optimizer: optimizer, selection: selection, seed: 5)
    }
  }

  /// Gradients can be seen as differences of parameters; rows are updated as they are computed.
  static var plain: Optimizer { Optimizer(.gradientDescent(), learningRate: 1) }
  /// The same, but gradients are stored first, to be clipped by a norm that they never reach.
  static var stored: Optimizer {
    var optimizer = plain
    optimizer.clipNorm = 1e30
    return optimizer
  }

  /// Does one step on each batch, always from the start, and compares outputs, gradients at the
  /// input and gradients of all parameters.
  ///
  /// - Returns: How many batches were compared: not those of which rounding may have decided
  ///   something.
  @discardableResult
  func compareGradients(
    _ optimizer: Optimizer = plain, selection: SelectionPolicy = .dense, threads: Int = 1,
    _ comment: String = "", sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> Int {
    var count = 0
    for (index, batch) in batches.enumerated() {
      let pair = Pair(self, optimizer, selection, threads: threads)
      let before = parameterValues(pair.trainer.model)
      try pair.trainer.train(batch.input, batch.projection)
      pair.naive.train(batch.naive, packing: batch.packing) { _ in
        DoubleMatrix(batch.projection)
      }
      if pair.naive.isNearTie { continue }
      count += 1
      let place = "\(name) \(comment) batch \(index)"
      compareActivations(pair, place, sourceLocation)
      let after = parameterValues(pair.trainer.model)
      let names = pair.trainer.model.parameters.map(\.name)
      let parameters = pair.naive.network.parameters
      #expect(after.count == parameters.count, sourceLocation: sourceLocation)
      for (index, parameter) in parameters.enumerated() {
        check(
          before[index].plus(after[index].map { -$0 }), parameter.gradient,
          "\(place) gradient of \(names[index])", sourceLocation)
      }
    }
    return count
  }

  /// Trains layer and reference on one batch after the other, and compares outputs, gradients at
  /// the input and parameters after each step.
  ///
  /// - Returns: How many steps were compared: none after rounding may have decided something.
  @discardableResult
  func compareTraining(
    _ optimizer: Optimizer, selection: SelectionPolicy = .dense, threads: Int = 1,
    _ comment: String = "", sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> Int {
    let pair = Pair(self, optimizer, selection, threads: threads)
    let names = pair.trainer.model.parameters.map(\.name)
    for (index, batch) in batches.enumerated() {
      try pair.trainer.train(batch.input, batch.projection)
      pair.naive.train(batch.naive, packing: batch.packing) { _ in
        DoubleMatrix(batch.projection)
      }
      if pair.naive.isNearTie { return index }
      let place = "\(name) \(comment) step \(index + 1)"
      compareActivations(pair, place, sourceLocation)
      let values = parameterValues(pair.trainer.model)
      let parameters = pair.naive.network.parameters
      #expect(values.count == parameters.count, sourceLocation: sourceLocation)
      for (index, parameter) in parameters.enumerated() {
        check(values[index], parameter.value, "\(place) \(names[index])", sourceLocation)
      }
    }
    return batches.count
  }

  private func compareActivations(
    _ pair: Pair, _ place: String, _ sourceLocation: SourceLocation
  ) {
    check(pair.loss.box.output, pair.naive.output, "\(place) output", sourceLocation)
    guard inputColumnCount != nil else { return }
    check(
      pair.trainer.inputGradient.values, pair.naive.inputGradient, "\(place) input gradient",
      sourceLocation)
  }

  private func check(
    _ found: some NumericValues, _ expected: DoubleMatrix, _ what: String,
    _ sourceLocation: SourceLocation
  ) {
    expectClose(
      found, expected, atol: tolerance(expected), rtol: 0, what, sourceLocation: sourceLocation)
  }
}
