import CMePropKernels

/// The products of back propagation through a support that keeps so much that dense products are faster.
///
/// The kept entries are written into a matrix of zeros, and the products are dense; which rows are valid, and what the
/// optimizer visits, is as with sparse products, and the numbers differ by the order of summation only. Holds the
/// matrix of zeros and the gradient, so that nothing is allocated from the second step on.
public final class MaskedProducts {
  /// The kept entries among zeros, shape `[batchSize, outputSize]`, as ``scatter(_:)`` left them.
  private(set) var matrix = Matrix(rowCount: 0, columnCount: 0)
  private var gradient = Matrix(rowCount: 0, columnCount: 0)

  /// Creates an empty workspace.
  public init() {}

  /// Whether dense products are faster for so many kept entries: a rule of the shapes, never of the clock.
  ///
  /// Sparse products do 45 to 70 billion operations a second where dense ones do 110 (the rows *beside masked dense* of
  /// `meprop bench kernels`; AVX-512, 784 inputs, 500 outputs, weights beyond the second-level cache). Equal are 54 % of
  /// the outputs at batches of 50 and 128, and three quarters at a batch of 10, where dense products wait for the
  /// weights too. Small layers are no exception: at 20 inputs and outputs sparse products still are the faster ones.
  public static func areFaster(batchSize: Int, k: Int, outputSize: Int) -> Bool {
    batchSize < 32 ? k * 10 >= outputSize * 7 : k * 20 >= outputSize * 11
  }

  /// Whether sums over features take the kept entries among zeros, as they take a dense gradient.
  ///
  /// From a quarter of the outputs on, at any batch size: with 500 outputs, embeddings of 48 numbers and batches of 100,
  /// 400 and 2,000 back propagation takes 0.92, 0.80 and 0.80 of the time so at k = 150, and 1.05, 1.10 and 1.04 of it
  /// at k = 100.
  public static func areFasterOnFeatures(k: Int, outputSize: Int) -> Bool { k * 4 >= outputSize }

  /// Writes the kept entries into a matrix of zeros; must come before the products of a step.
  public func scatter(_ support: GradientSupport) {
    if matrix.columnCount != support.outputSize {
      matrix = Matrix(rowCount: support.batchSize, columnCount: support.outputSize)
    }
    matrix.setRowCount(support.batchSize)
    matrix.setToZero()
    let stride = matrix.stride
    let floats = matrix.unsafeMutableFloats()
    support.withEntries { indices, values, counts, _ in
      guard let indices, let values, let counts else { return }
      for example in 0..<support.batchSize {
        for entry in (example * support.k)..<(example * support.k + Int(counts[example])) {
          floats[example * stride + Int(indices[entry])] = values[entry]
        }
      }
    }
  }

  /// `dx = s w`, overwriting `dx`; shapes as in ``ComputeContext/inputGradient(of:weights:into:)``.
  public func inputGradient(weights w: Matrix, into dx: inout Matrix, context: ComputeContext) {
    context.multiply(matrix, by: w, into: &dx)
  }

  /// `dW = sᵀ x` into `target`, whose valid rows become the kept outputs, or all with `everyRow`.
  public func weightGradient(
    of support: GradientSupport, input x: Matrix, into target: inout WeightGradient,
    everyRow: Bool, context: ComputeContext
  ) {
    context.multiplyTranspose(of: matrix, by: x, into: &target.values)
    target.rows = everyRow ? .all : .listed
    let rows = support.touchedRows
    target.validCount = everyRow ? support.outputSize : rows.count
    for (index, row) in rows.enumerated() { target.rowIndices[index] = row }
  }

  /// Computes `sᵀ x` and applies `rule` to the kept rows of the weights, or to all with `everyRow`.
  public func updateWeights(
    _ weights: inout Matrix, _ moments: inout Moments, by rule: UpdateRule,
    support: GradientSupport, input x: Matrix, everyRow: Bool, context: ComputeContext
  ) {
    if gradient.rowCount != weights.rowCount || gradient.columnCount != weights.columnCount {
      gradient = Matrix(rowCount: weights.rowCount, columnCount: weights.columnCount)
    }
    context.multiplyTranspose(of: matrix, by: x, into: &gradient)
    let rows = support.touchedRows
    rows.withUnsafeBufferPointer { rows in
      context.updateRows(
        &weights, &moments, by: rule, rows: everyRow ? nil : rows.baseAddress,
        count: everyRow ? weights.rowCount : rows.count, gradient: gradient, isCompact: false)
    }
  }
}
