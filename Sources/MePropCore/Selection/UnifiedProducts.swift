import CMePropKernels

/// The products of back propagation where all examples keep the same outputs: gather, then dense
/// products.
///
/// Holds the gathered matrices, so that nothing is allocated from the second step on.
public final class UnifiedProducts {
  private var gradient = Matrix(rowCount: 0, columnCount: 0)
  private var weightRows = Matrix(rowCount: 0, columnCount: 0)
  private var gradientRows = Matrix(rowCount: 0, columnCount: 0)
  private var otherRows: [UInt32] = []

  /// Creates an empty workspace.
  public init() {}

  /// Gathers the kept columns of the output gradient; must come before the products of a step.
  ///
  /// - Parameter support: Must have ``GradientSupport/sharedOutputs``.
  public func gather(_ support: GradientSupport) {
    let count = sharedCount(support)
    // Room for k, of which fewer are kept where outputs are zero for all examples.
    if gradient.columnCount != support.k {
      gradient = Matrix(rowCount: support.batchSize, columnCount: support.k)
    }
    gradient.setRowCount(support.batchSize)
    let stride = gradient.stride
    let floats = gradient.unsafeMutableFloats()
    let from = support.values.base
    for example in 0..<support.batchSize {
      (floats + example * stride).update(from: from + example * support.k, count: count)
    }
  }

  /// `dx = s w`, overwriting `dx`; shapes as in ``ComputeContext/inputGradient(of:weights:into:)``.
  public func inputGradient(
    of support: GradientSupport, weights w: Matrix, into dx: inout Matrix, context: ComputeContext
  ) {
    precondition(
      support.outputSize == w.rowCount && dx.rowCount == support.batchSize
        && dx.columnCount == w.columnCount,
      "inputGradient: support [\(support.batchSize), \(support.outputSize)], weights \(w.shape) "
        + "into \(dx.shape)"
    )
    let count = sharedCount(support)
    if weightRows.columnCount != w.columnCount {
      weightRows = Matrix(rowCount: support.k, columnCount: w.columnCount)
    }
    weightRows.setRowCount(count)
    let stride = weightRows.stride
    let floats = weightRows.unsafeMutableFloats()
    let from = w.unsafeFloats
    for entry in 0..<count {
      (floats + entry * stride).update(
        from: from + Int(support.indices.base[entry]) * w.stride, count: w.columnCount)
    }
    let dxStride = dx.stride
    context.multiply(
      rows: support.batchSize, inner: count, columns: w.columnCount, gradient.unsafeFloats,
      gradient.stride, weightRows.unsafeFloats, stride, dx.unsafeMutableFloats(), dxStride)
    withExtendedLifetime((w, gradient, weightRows)) {}
  }

  /// `sᵀ x` for the kept outputs, one row each in increasing order, into a matrix of its own.
  private func computeGradientRows(
    _ support: GradientSupport, input x: Matrix, context: ComputeContext
  ) -> Int {
    let count = sharedCount(support)
    if gradientRows.columnCount != x.columnCount {
      gradientRows = Matrix(rowCount: support.k, columnCount: x.columnCount)
    }
    gradientRows.setRowCount(count)
    let stride = gradientRows.stride
    context.multiplyTranspose(
      rows: count, inner: x.rowCount, columns: x.columnCount, gradient.unsafeFloats,
      gradient.stride, x.unsafeFloats, x.stride, gradientRows.unsafeMutableFloats(), stride)
    withExtendedLifetime((gradient, x)) {}
    return count
  }

  /// The rows of the weight gradient into `gradient`, whose valid rows become the kept outputs.
  public func weightGradient(
    of support: GradientSupport, input x: Matrix, into target: inout WeightGradient,
    context: ComputeContext
  ) {
    precondition(
      target.values.rowCount == support.outputSize && target.values.columnCount == x.columnCount,
      "weightGradient: support [\(support.batchSize), \(support.outputSize)], input \(x.shape) "
        + "into "
        + "\(target.values.shape)")
    let count = computeGradientRows(support, input: x, context: context)
    let stride = target.values.stride
    let floats = target.values.unsafeMutableFloats()
    let from = gradientRows.unsafeFloats
    let fromStride = gradientRows.stride
    let indices = support.indices.base
    for entry in 0..<count {
      (floats + Int(indices[entry]) * stride).update(
        from: from + entry * fromStride, count: x.columnCount)
      target.rowIndices[entry] = indices[entry]
    }
    target.rows = .listed
    target.validCount = count
  }

  /// Computes the gradient rows and applies `rule` to the kept rows of the weights.
  ///
  /// With `everyRow` the rule is applied to the others too, with a gradient of zero; else they stay
  /// as they are.
  public func updateWeights(
    _ weights: inout Matrix, _ moments: inout Moments, by rule: UpdateRule,
    support: GradientSupport, input x: Matrix, everyRow: Bool = false,
    context: ComputeContext
  ) {
    precondition(
      weights.rowCount == support.outputSize && weights.columnCount == x.columnCount,
      "updateWeights: support [\(support.batchSize), \(support.outputSize)], input \(x.shape), "
        + "weights "
        + "\(weights.shape)")
    let count = computeGradientRows(support, input: x, context: context)
    context.updateRows(
      &weights, &moments, by: rule, rows: support.indices.base, count: count,
      gradient: gradientRows, isCompact: true)
    guard everyRow else { return }
    listOtherRows(support, count: count)
    otherRows.withUnsafeBufferPointer { rows in
      context.updateRows(
        &weights, &moments, by: rule, rows: rows.baseAddress, count: rows.count, gradient: nil,
        isCompact: true)
    }
  }

  /// Lists the outputs that nobody keeps, in increasing order.
  private func listOtherRows(_ support: GradientSupport, count: Int) {
    otherRows.removeAll(keepingCapacity: true)
    otherRows.reserveCapacity(support.outputSize)
    var entry = 0
    for row in 0..<UInt32(support.outputSize) {
      if entry < count, support.indices.base[entry] == row {
        entry += 1
      } else {
        otherRows.append(row)
      }
    }
  }

  private func sharedCount(_ support: GradientSupport) -> Int {
    guard let shared = support.sharedOutputs else {
      preconditionFailure("UnifiedProducts: the examples of this support keep different outputs")
    }
    return shared.count
  }
}
