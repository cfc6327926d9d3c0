import CMePropKernels

/// The products of back propagation through a support that keeps so much that dense products are
/// faster.
///
/// The kept entries are written into a matrix of zeros, and the products are dense; which rows are
/// valid, and what the optimizer visits, is as with sparse products, and the numbers differ by the
/// order of summation only. Holds the matrix of zeros and the gradient, so that nothing is
/// allocated from the second step on.
public final class MaskedProducts {
  /// The kept entries among zeros, shape `[batchSize, outputSize]`, as ``scatter(_:)`` left them.
  private(set) var matrix = Matrix(rowCount: 0, columnCount: 0)
  private var gradient = Matrix(rowCount: 0, columnCount: 0)
  /// Rounds the factors of the products; `nil`: they are those of floats.
  private let rounded: RoundedGradientProducts?

  /// Creates an empty workspace.
  ///
  /// - Parameter precision: What products read: with `bf16` they are those of
  ///   ``RoundedGradientProducts``.
  public init(precision: Precision = .f32) {
    rounded = precision == .bf16 ? RoundedGradientProducts() : nil
  }

  /// Whether dense products are faster for so many kept entries: a rule of shapes and numbers,
  /// never of the clock.
  ///
  /// From 55 % of all entries on in batches below 32, from 45 % on in larger ones, from 30 % on in
  /// batches of 64 and more whose products are rounded. With 784 inputs, 500 outputs and weights
  /// beyond the second-level cache both are equally fast (the rows *beside masked dense* of `meprop
  /// bench kernels`, one thread) on a Zen 4 at 75 % of a batch of 10 and 54 % of 50 and 128; on a
  /// Sapphire Rapids, whose dense products are half as fast again, at 42, 40 and 39 %, and rounded
  /// at 45 % of 50 and 25 % of 128. The rule lies between them: at worst a sixth is lost on either,
  /// more on Zen 4 in small batches. Small layers are no exception: at 20 inputs and outputs sparse
  /// products still are the faster ones.
  ///
  /// - Parameters:
  ///   - entryCount: Entries kept of the whole batch: of a layer with ReLU often fewer than k an
  ///     example.
  ///   - batchSize: Examples of the batch.
  ///   - outputSize: Outputs of the layer.
  ///   - areRounded: Whether ``RoundedGradientProducts`` round for this batch size.
  /// - Returns: Whether to take the products of this workspace instead of sparse ones.
  public static func areFaster(
    entryCount: Int, batchSize: Int, outputSize: Int, areRounded: Bool = false
  ) -> Bool {
    let whole = batchSize * outputSize
    if areRounded && batchSize >= 64 { return entryCount * 10 >= whole * 3 }
    return batchSize < 32 ? entryCount * 20 >= whole * 11 : entryCount * 20 >= whole * 9
  }

  /// Whether sums over features take the kept entries among zeros, as they take a dense gradient.
  ///
  /// From a quarter of the outputs on, at any batch size: with 500 outputs, embeddings of 48
  /// numbers and batches of 100, 400 and 2,000 back propagation takes 0.92, 0.80 and 0.80 of the
  /// time so at k = 150, and 1.05, 1.10 and 1.04 of it at k = 100.
  public static func areFasterOnFeatures(k: Int, outputSize: Int) -> Bool { k * 4 >= outputSize }

  /// Writes the kept entries into a matrix of zeros; must come before the products of a step.
  public func scatter(_ support: GradientSupport) {
    matrix.setShape(rowCount: support.batchSize, columnCount: support.outputSize)
    support.scatter(into: &matrix)
  }

  /// `dx = s w`, overwriting `dx`; shapes as in ``ComputeContext/inputGradient(of:weights:into:)``.
  public func inputGradient(weights w: Matrix, into dx: inout Matrix, context: ComputeContext) {
    if let rounded {
      rounded.inputGradient(of: matrix, weights: w, into: &dx, context: context)
    } else {
      context.multiply(matrix, by: w, into: &dx)
    }
  }

  /// `dW = sᵀ x` into `target`, whose valid rows become the kept outputs, or all with `everyRow`.
  public func weightGradient(
    of support: GradientSupport, input x: Matrix, into target: inout WeightGradient,
    everyRow: Bool, context: ComputeContext
  ) {
    multiplyTranspose(by: x, into: &target.values, context: context)
    target.rows = everyRow ? .all : .listed
    let rows = support.touchedRows
    target.validCount = everyRow ? support.outputSize : rows.count
    for (index, row) in rows.enumerated() { target.rowIndices[index] = row }
  }

  /// Computes `sᵀ x` and applies `rule` to the kept rows of the weights, or to all with
  /// `everyRow`.
  public func updateWeights(
    _ weights: inout Matrix, _ moments: inout Moments, by rule: UpdateRule,
    support: GradientSupport, input x: Matrix, everyRow: Bool, context: ComputeContext
  ) {
    // A layer may have several weight matrices, one after the other.
    gradient.setShape(rowCount: weights.rowCount, columnCount: weights.columnCount)
    multiplyTranspose(by: x, into: &gradient, context: context)
    let rows = support.touchedRows
    rows.withUnsafeBufferPointer { rows in
      context.updateRows(
        &weights, &moments, by: rule, rows: everyRow ? nil : rows.baseAddress,
        count: everyRow ? weights.rowCount : rows.count, gradient: gradient, isCompact: false)
    }
  }

  /// `sᵀ x`, all rows.
  private func multiplyTranspose(
    by x: Matrix, into result: inout Matrix, context: ComputeContext
  ) {
    if let rounded {
      rounded.multiplyTranspose(of: matrix, by: x, into: &result, context: context)
    } else {
      context.multiplyTranspose(of: matrix, by: x, into: &result)
    }
  }
}
