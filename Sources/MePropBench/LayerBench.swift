// The buffers of one layer, several times over, and the operations on them that are measured.

import MePropCore

/// Buffers of one layer, several times over: operations that take turns go from one set to the
/// next, so that each finds its data beyond the second-level cache, and nothing that the one before
/// it has left there.
final class LayerBench {
  /// What buffers are for.
  enum Purpose {
    /// Selection and both products of the backward pass.
    case backward
    /// That, updates and the forward product.
    case all
  }

  /// The shape; its k is that of the last ``select(_:context:)``.
  private(set) var shape: LayerShape
  /// The sets.
  let sets: [LayerBuffers]

  /// Creates as many sets as `bufferBytes` of weights and inputs take, at least two.
  init(_ shape: LayerShape, for purpose: Purpose = .all, bufferBytes: Int) {
    self.shape = shape
    // What every product goes through.
    let bytes = 4 * shape.inputSize * (shape.outputSize + 2 * shape.batchSize)
    let count = max(2, (bufferBytes + bytes - 1) / bytes)
    sets = (0..<count).map { LayerBuffers(shape, for: purpose, stream: UInt64($0)) }
  }

  /// The set of a call, given the calls so far.
  func buffers(_ call: Int) -> LayerBuffers { sets[call % sets.count] }

  /// Selects `k` entries in all sets.
  func select(_ k: Int, context: ComputeContext) throws {
    shape.k = k
    for set in sets { try set.select(k, context: context) }
  }
}

/// One set of buffers: an output gradient whose rows differ in scale as those of easy and hard
/// examples do.
final class LayerBuffers {
  /// The input, the same with 19 % of it left, and the output gradient.
  let x: Matrix, sparseInput: Matrix, d: Matrix
  /// The weights, and what products are written to.
  var w: Matrix, dx: Matrix, y: Matrix
  var gradient: WeightGradient
  var moments: Moments
  let support = GradientSupport()
  /// The same, regrouped for updates of all rows.
  private let wholeSupport = GradientSupport()
  /// What policies over the whole batch keep.
  let batchSupport = GradientSupport(), sampledSupport = GradientSupport()
  private var shares: [Float] = [0]
  private var sampledSteps: UInt64 = 0
  private let norms: [Float]
  private var products: [Precision: ForwardProduct] = [:]
  private var masked: [Precision: MaskedProducts] = [:]

  init(_ shape: LayerShape, for purpose: LayerBench.Purpose, stream: UInt64) {
    var random = Philox(seed: 7, stream: stream)
    x = randomMatrix(shape.batchSize, shape.inputSize, &random)
    var sparse = x
    var gradients = randomMatrix(shape.batchSize, shape.outputSize, &random)
    for row in 0..<shape.batchSize {
      sparse.withMutableRow(row) { values in
        for column in values.indices where random.nextUniform() > 0.19 { values[column] = 0 }
      }
      let scale = abs(random.nextNormal()) + 0.01
      gradients.withMutableRow(row) { values in
        for column in values.indices {
          values[column] *= random.nextUniform() < shape.gradientShare ? scale : 0
        }
      }
    }
    sparseInput = sparse
    d = gradients
    norms = (0..<shape.batchSize).map { row in
      gradients.withRow(row) { $0.reduce(0) { $0 + abs($1) } }
    }
    w = randomMatrix(shape.outputSize, shape.inputSize, &random)
    dx = Matrix(rowCount: shape.batchSize, columnCount: shape.inputSize)
    y = Matrix(rowCount: shape.batchSize, columnCount: shape.outputSize)
    gradient = WeightGradient(outputSize: shape.outputSize, inputSize: shape.inputSize)
    switch purpose {
    case .backward: moments = Moments(count: 0, rowCount: 0, columnCount: shape.inputSize)
    case .all: moments = randomMoments(shape.outputSize, shape.inputSize, &random)
    }
  }

  /// Selects `k` entries of each example.
  func select(_ k: Int, context: ComputeContext) throws {
    try support.selectTop(k, of: d, norms: norms, context: context)
    support.regroup(everyOutput: false)
  }

  /// Selects the largest entries of the whole batch, `k` an example on average.
  func selectBatchTop(_ k: Int, context: ComputeContext) throws {
    try batchSupport.selectBatchTop(
      BatchBudget(k * d.rowCount), of: d, norms: norms, context: context)
    batchSupport.regroup(everyOutput: false)
  }

  /// Samples entries of the whole batch, about `k` an example on average, with other numbers each
  /// time.
  func selectSampled(_ k: Int, context: ComputeContext) throws {
    sampledSteps += 1
    try sampledSupport.selectSampled(
      BatchBudget(k * d.rowCount), of: d, shares: &shares, seed: 7, stream: sampledSteps,
      norms: norms, context: context)
    sampledSupport.regroup(everyOutput: false)
  }

  /// Both products of a support.
  func products(of support: GradientSupport, context: ComputeContext) {
    context.inputGradient(of: support, weights: w, into: &dx)
    context.weightGradient(of: support, input: x, into: &gradient)
  }

  /// Prepares updates of all rows for the same selection.
  func selectForEveryRow(_ k: Int, context: ComputeContext) throws {
    try wholeSupport.selectTop(k, of: d, norms: norms, context: context)
    wholeSupport.regroup(everyOutput: true)
  }

  func inputGradient(context: ComputeContext) {
    context.inputGradient(of: support, weights: w, into: &dx)
  }

  func weightGradient(context: ComputeContext) {
    context.weightGradient(of: support, input: x, into: &gradient)
  }

  func denseInputGradient(context: ComputeContext) { context.multiply(d, by: w, into: &dx) }

  func denseWeightGradient(context: ComputeContext) {
    context.weightGradient(ofDense: d, input: x, into: &gradient)
  }

  /// Both products, dense, of the kept entries among zeros, as a trainer of this precision does
  /// them.
  func maskedProducts(_ precision: Precision, context: ComputeContext) {
    let products = masked[precision] ?? MaskedProducts(precision: precision)
    masked[precision] = products
    products.scatter(support)
    products.inputGradient(weights: w, into: &dx, context: context)
    products.weightGradient(
      of: support, input: x, into: &gradient, everyRow: false, context: context)
  }

  func update(by rule: UpdateRule, everyRow: Bool, context: ComputeContext) {
    context.updateWeights(
      &w, &moments, by: rule, support: everyRow ? wholeSupport : support, input: x,
      everyRow: everyRow)
  }

  func denseUpdate(by rule: UpdateRule, context: ComputeContext) {
    context.weightGradient(ofDense: d, input: x, into: &gradient)
    context.update(&w, &moments, by: rule, gradient: gradient)
  }

  /// As in training, where the weights are new at each step.
  func forward(_ precision: Precision, context: ComputeContext) {
    let product = products[precision] ?? ForwardProduct(precision: precision)
    products[precision] = product
    product.weightsDidChange()
    product.multiply(sparseInput, byTransposeOf: w, into: &y, context: context)
  }

  func denseForward(context: ComputeContext) {
    context.multiply(sparseInput, byTransposeOf: w, into: &y)
  }
}

/// Adam's moments as in the middle of training: no second moment is near zero.
func randomMoments(_ rowCount: Int, _ columnCount: Int, _ random: inout Philox) -> Moments {
  Moments(
    first: uniformMatrix(rowCount, columnCount, in: -0.1..<0.1, &random),
    second: uniformMatrix(rowCount, columnCount, in: 0.5..<1.5, &random))
}
