import CMePropKernels

/// The two products of back propagation through `y = x wᵀ`, restricted to the support of the
/// output gradient s.
extension ComputeContext {
  /// `dx = s w`, overwriting `dx`: `dx[i] = Σᵣ s[i, r] w[r]` over the entries that example i
  /// keeps.
  ///
  /// Reads only rows of `w` in the support. Terms are added in increasing order of r, in f32 with
  /// fused multiply-add. O(*batchSize · k · inputSize*).
  ///
  /// - Parameters:
  ///   - support: The kept output gradients s, shape `[batchSize, outputSize]`.
  ///   - w: Weights, shape `[outputSize, inputSize]`.
  ///   - dx: The input gradient, shape `[batchSize, inputSize]`.
  public func inputGradient(of support: GradientSupport, weights w: Matrix, into dx: inout Matrix) {
    precondition(
      support.outputSize == w.rowCount && dx.rowCount == support.batchSize
        && dx.columnCount == w.columnCount,
      "inputGradient: support [\(support.batchSize), \(support.outputSize)], weights \(w.shape) "
        + "into \(dx.shape)"
    )
    var arguments = meprop_input_gradient_arguments(
      indices: support.indices.base, values: support.values.base, counts: support.counts.base,
      batch: support.batchSize, k: support.listStride, outputs: support.outputSize,
      entries: support.entryCount, w: w.unsafeFloats,
      w_stride: w.stride, dx: dx.unsafeMutableFloats(), dx_stride: dx.stride)
    run(
      kernels.inputGradient, &arguments, count: w.lineCount, grain: 4,
      work: support.batchSize * support.k * w.columnCount)
    withExtendedLifetime(w) {}
  }

  /// `dW = sᵀ x`, overwriting the rows in the support and making them the valid ones:
  /// `dW[r] = Σᵢ s[i, r] x[i]`.
  ///
  /// Terms are added in increasing order of i, in f32 with fused multiply-add. O(*batchSize · k ·
  /// inputSize*).
  ///
  /// - Parameters:
  ///   - support: The kept output gradients s, shape `[batchSize, outputSize]`.
  ///   - x: The layer's input, shape `[batchSize, inputSize]`.
  ///   - gradient: Takes the rows, shape `[outputSize, inputSize]`.
  ///   - everyRow: Make all rows valid; those outside the support become zero.
  public func weightGradient(
    of support: GradientSupport, input x: Matrix, into gradient: inout WeightGradient,
    everyRow: Bool = false
  ) {
    checkWeightShapes(support, x, gradient.values)
    support.regroup(everyOutput: everyRow)
    let stride = gradient.values.stride
    let g = gradient.values.unsafeMutableFloats()
    var update = meprop_update()
    update.kind = MEPROP_STORE
    runWeightRows(support, x, update: update, g: g, w: nil, first: nil, second: nil, stride: stride)
    gradient.validCount = support.rowCount
    gradient.rows = everyRow ? .all : .listed
    for index in 0..<support.rowCount { gradient.rowIndices[index] = support.rows[index] }
  }

  /// `dW = dᵀ x` for a dense output gradient d, overwriting all rows and making them valid.
  ///
  /// - Parameters:
  ///   - d: Output gradients, shape `[batchSize, outputSize]`.
  ///   - x: The layer's input, shape `[batchSize, inputSize]`.
  ///   - gradient: Takes the gradient, shape `[outputSize, inputSize]`.
  public func weightGradient(
    ofDense d: Matrix, input x: Matrix, into gradient: inout WeightGradient
  ) {
    multiplyTranspose(of: d, by: x, into: &gradient.values)
    gradient.rows = .all
    gradient.validCount = gradient.values.rowCount
  }

  /// Computes the gradient rows `sᵀ x` and applies `rule` to each at once, while it is in
  /// registers.
  ///
  /// The same numbers as ``weightGradient(of:input:into:everyRow:)`` followed by an update of the
  /// valid rows.
  ///
  /// - Parameters:
  ///   - weights: The parameter, shape `[outputSize, inputSize]`, changed in place.
  ///   - moments: Its moments, changed in place.
  ///   - rule: The step.
  ///   - support: The kept output gradients s.
  ///   - x: The layer's input, shape `[batchSize, inputSize]`.
  ///   - everyRow: Apply the rule with a zero gradient to rows outside the support, which otherwise
  ///     stay as they are.
  public func updateWeights(
    _ weights: inout Matrix, _ moments: inout Moments, by rule: UpdateRule,
    support: GradientSupport, input x: Matrix,
    everyRow: Bool
  ) {
    checkWeightShapes(support, x, weights)
    check(moments, of: weights, for: rule)
    support.regroup(everyOutput: everyRow)
    let stride = weights.stride
    runWeightRows(
      support, x, update: rule.arguments, g: nil, w: weights.unsafeMutableFloats(),
      first: moments.first.unsafeMutableFloats(), second: moments.second.unsafeMutableFloats(),
      stride: stride)
  }

  private func checkWeightShapes(_ support: GradientSupport, _ x: Matrix, _ w: Matrix) {
    precondition(
      x.rowCount == support.batchSize && w.rowCount == support.outputSize
        && w.columnCount == x.columnCount,
      "sᵀ x: support [\(support.batchSize), \(support.outputSize)], input \(x.shape), weights "
        + "\(w.shape)"
    )
  }

  private func runWeightRows(
    _ support: GradientSupport, _ x: Matrix, update: meprop_update, g: UnsafeMutablePointer<Float>?,
    w: UnsafeMutablePointer<Float>?, first: UnsafeMutablePointer<Float>?,
    second: UnsafeMutablePointer<Float>?,
    stride: Int
  ) {
    support.withRegrouped { regrouped in
      var arguments = meprop_weight_rows_arguments(
        support: regrouped, x: x.unsafeFloats, x_stride: x.stride, batch: x.rowCount,
        columns: x.columnCount,
        update: update, g: g, w: w,
        first: first, second: second, stride: stride)
      let perRow = update.kind == MEPROP_STORE ? 4 : 20
      run(
        kernels.weightRows, &arguments, count: support.rowCount, grain: 4,
        work: (support.batchSize * support.k + support.rowCount * perRow) * x.columnCount)
    }
    withExtendedLifetime(x) {}
  }
}
