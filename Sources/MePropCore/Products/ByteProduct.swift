import CMePropKernels

/// The product `y = x wᵀ` of factors rounded to eight bits (``Precision/int8``), with its copy of
/// the weights, of which only rows that changed are rounded again.
///
/// The weights themselves stay f32 and belong to somebody else, who says what changed.
final class ByteProduct {
  /// Outputs that a kernel makes at once.
  private static let block = 64
  /// Examples that it makes at once.
  private static let rowBlock = 32

  private var weights: ByteWeights?
  private var shape = (rows: 0, columns: 0)
  private var stale = StaleRows()
  private let inputBytes = ScratchBuffer<Int8>()
  private let inputScales = ScratchBuffer<Float>()

  /// Must be called when any row of the weights may have changed.
  func weightsDidChange() { stale.markAll() }

  /// Must be called when just these rows of the weights changed; a row may come more than once.
  func weightsDidChange(rows: ArraySlice<UInt32>) { stale.mark(rows) }

  /// `y = x wᵀ`, finished, overwriting `y`; shapes as for ``ForwardProduct``.
  func multiply(
    _ x: Matrix, byTransposeOf w: Matrix, _ finish: meprop_finish, into y: inout Matrix,
    context: ComputeContext
  ) {
    let weights = following(w, context)
    let stride = x.lineCount * 16
    inputBytes.reserve(x.rowCount * stride)
    inputScales.reserve(x.rowCount)
    context.quantizeRows(of: x, into: inputBytes.base, stride: stride, scales: inputScales.base)
    let outputStride = y.stride
    var arguments = meprop_byte_linear_arguments(
      w: weights.arguments, x: inputBytes.base, x_stride: stride, rows: x.rowCount,
      x_scales: inputScales.base, y: y.unsafeMutableFloats(), y_stride: outputStride,
      outputs: w.rowCount, finish: finish)
    let rowBlocks = (x.rowCount + Self.rowBlock - 1) / Self.rowBlock
    // About a quarter of the time of as many multiply-adds of floats.
    context.run(
      context.kernels.byteLinear, &arguments,
      count: (w.rowCount + Self.block - 1) / Self.block * rowBlocks,
      work: x.rowCount * w.rowCount * w.columnCount / 4)
    withExtendedLifetime((weights, inputBytes, inputScales)) {}
  }

  /// The rounded copy of `w` as it is now; memory is taken only for a shape not seen before.
  private func following(_ w: Matrix, _ context: ComputeContext) -> ByteWeights {
    let copy: ByteWeights
    if let weights, shape == (w.rowCount, w.columnCount) {
      copy = weights
    } else {
      let rowCount = (w.rowCount + Self.block - 1) / Self.block * Self.block
      copy = ByteWeights(rowCount: rowCount, columnCount: w.columnCount, padded: Self.block / 4)
      weights = copy
      shape = (w.rowCount, w.columnCount)
      stale.reset(rowCount: w.rowCount)
    }
    if stale.isComplete {
      stale.rows.withUnsafeBufferPointer {
        copy.pack(w, rows: $0.baseAddress, count: $0.count, context: context)
      }
    } else {
      copy.pack(w, rows: nil, count: w.rowCount, context: context)
    }
    stale.clear()
    return copy
  }
}

extension ComputeContext {
  /// Rounds each row of `values` to eight bits; `scales` takes it back.
  func quantizeRows(
    of values: Matrix, into bytes: UnsafeMutablePointer<Int8>, stride: Int,
    scales: UnsafeMutablePointer<Float>
  ) {
    var arguments = meprop_quantize_arguments(
      x: values.unsafeFloats, x_stride: values.stride, columns: values.columnCount, q: bytes,
      q_stride: stride, scales: scales)
    run(
      kernels.quantizeRows, &arguments, count: values.rowCount,
      work: values.rowCount * values.columnCount)
    withExtendedLifetime(values) {}
  }
}
