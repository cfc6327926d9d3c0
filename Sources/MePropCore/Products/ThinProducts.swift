import CMePropKernels

/// Dense products of matrices of few rows, for which packing as libraries do costs more than it
/// gains.
extension ComputeContext {
  /// Up to this many rows ``multiplyThin(_:byTransposeOf:bias:into:)`` uses its own kernel.
  private static var thinRows: Int { 48 }

  /// `y = x wᵀ + bias`: shapes `[rows, m]`, `[n, m]`, `[1, n]`, result `[rows, n]`; overwrites
  /// `y`.
  ///
  /// Each element is summed in an order that depends on m only if there are at most 48 rows, and
  /// otherwise in that of the library; or in that of dot products, where weights stay and have at
  /// most ``ForwardProduct/narrowOutputs`` rows.
  ///
  /// - Parameters:
  ///   - x: The input.
  ///   - w: The weights.
  ///   - bias: Added to each row.
  ///   - y: Takes the product.
  ///   - weightsStay: Whether `w` is the same in products to come, as in prediction; see
  ///     ``ForwardProduct``.
  public func multiplyThin(
    _ x: Matrix, byTransposeOf w: Matrix, bias: Matrix? = nil, into y: inout Matrix,
    weightsStay: Bool = false
  ) {
    precondition(
      x.columnCount == w.columnCount && y.rowCount == x.rowCount && y.columnCount == w.rowCount
        && (bias == nil || bias?.columnCount == w.rowCount),
      "x wᵀ: shapes are \(x.shape) and \(w.shape) into \(y.shape), expected [b, m], [n, m] into "
        + "[b, n]"
    )
    guard x.rowCount <= Self.thinRows else {
      if weightsStay, w.rowCount <= ForwardProduct.narrowOutputs {
        multiplyByDots(x, byTransposeOf: w, into: &y)
      } else {
        multiply(x, byTransposeOf: w, into: &y)
      }
      if let bias { activate(&y, bias: bias, activation: .identity) }
      return
    }
    var arguments = meprop_thin_product_arguments(
      x: x.unsafeFloats, x_stride: x.stride, rows: x.rowCount, inner: x.columnCount,
      w: w.unsafeFloats, w_stride: w.stride, columns: w.rowCount, bias: bias?.unsafeFloats,
      y: y.unsafeMutableFloats(), y_stride: y.stride)
    run(
      kernels.thinProduct, &arguments, count: w.rowCount == 0 ? 0 : (w.rowCount + 15) / 16,
      work: x.rowCount * w.rowCount * w.columnCount)
    withExtendedLifetime((x, w, bias)) {}
  }

  /// `y = x wᵀ` as dot products, shapes `[rows, m]`, `[n, m]`, result `[rows, n]`; overwrites
  /// `y`.
  func multiplyByDots(_ x: Matrix, byTransposeOf w: Matrix, into y: inout Matrix) {
    let yStride = y.stride
    let target = y.unsafeMutableFloats()
    // All of a part is read for every few rows of w.
    let part = 256
    for first in stride(from: 0, to: x.rowCount, by: part) {
      let count = min(part, x.rowCount - first)
      var arguments = meprop_small_product_arguments(
        x: x.unsafeFloats + first * x.stride, x_stride: x.stride, rows: count,
        columns: x.columnCount, w: w.unsafeFloats, w_stride: w.stride, outputs: w.rowCount,
        y: target + first * yStride, y_stride: yStride)
      run(
        kernels.smallProduct, &arguments, count: (w.rowCount + 15) / 16,
        work: count * w.rowCount * w.columnCount)
    }
    withExtendedLifetime((x, w)) {}
  }

  /// `y = x[rows] w` for `count` rows of x from `from` on, into the first rows of `y`.
  func multiplyRows(
    _ x: Matrix, from: Int, count: Int, by w: Matrix, into y: inout Matrix
  ) {
    precondition(
      from + count <= x.rowCount && count <= y.rowCount && x.columnCount == w.rowCount
        && y.columnCount == w.columnCount,
      "x w: rows \(from) ..< \(from + count) of \(x.shape), \(w.shape) into \(y.shape)")
    multiply(
      rows: count, inner: w.rowCount, columns: w.columnCount, x.unsafeFloats + from * x.stride,
      x.stride, w.unsafeFloats, w.stride, y.unsafeMutableFloats(), y.stride)
    withExtendedLifetime((x, w)) {}
  }

  /// `sums = Σᵢ xᵢ` over the rows of x, in order; shape `[1, columns]`, overwritten.
  public func sumRows(of x: Matrix, into sums: inout Matrix) {
    precondition(
      sums.rowCount == 1 && sums.columnCount == x.columnCount,
      "sumRows: sums are \(sums.shape), expected [1, \(x.columnCount)]")
    var arguments = meprop_column_sums_arguments(
      x: x.unsafeFloats, rows: x.rowCount, stride: x.stride, sums: sums.unsafeMutableFloats())
    run(
      kernels.columnSums, &arguments, count: x.lineCount, grain: 4,
      work: x.rowCount * x.columnCount)
    withExtendedLifetime(x) {}
  }

  /// Multiplies each position of `x` by the row of `masks` that belongs to its sentence, in place.
  ///
  /// - Parameters:
  ///   - x: Shape `[positions, n]`.
  ///   - masks: Shape `[sentences, n]`, longest sentence first.
  ///   - packing: Which position is which word.
  public func multiply(_ x: inout Matrix, bySentenceMasks masks: Matrix, packing: PackedSequence) {
    precondition(
      x.rowCount == packing.positionCount && masks.rowCount == packing.sentenceCount
        && masks.columnCount == x.columnCount,
      "multiply: x is \(x.shape), masks are \(masks.shape), expected "
        + "[\(packing.positionCount), n] and [\(packing.sentenceCount), n]")
    let stride = x.stride
    let columns = x.columnCount
    let target = x.unsafeMutableFloats()
    packing.starts.withUnsafeBufferPointer { starts in
      var arguments = meprop_lstm_mask_arguments(
        x: target, stride: stride, columns: columns, mask: masks.unsafeFloats,
        mask_stride: masks.stride, starts: starts.baseAddress)
      run(
        kernels.lstmMask, &arguments, count: packing.stepCount,
        work: packing.positionCount * columns)
    }
    withExtendedLifetime(masks) {}
  }
}
