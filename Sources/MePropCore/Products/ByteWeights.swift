import CMePropKernels

/// A matrix of weights rounded to eight bits (``Precision/int8``), in the order that kernels read
/// it.
final class ByteWeights {
  private let columnCount: Int
  private let padded: Int
  private let q = ScratchBuffer<Int8>()
  private let scales = ScratchBuffer<Float>()
  private let sums = ScratchBuffer<Int32>()

  /// Makes room for `rowCount` rows, a multiple of four times `padded`.
  ///
  /// Kernels multiply four lines of 16 rows at once, each `padded` rows after the one before: the
  /// gates of an LSTM.
  init(rowCount: Int, columnCount: Int, padded: Int) {
    self.columnCount = columnCount
    self.padded = padded
    let byteCount = rowCount * ((columnCount + 3) / 4) * 4
    q.reserve(byteCount)
    q.base.initialize(repeating: 0, count: byteCount)
    scales.reserve(rowCount)
    scales.base.initialize(repeating: 0, count: rowCount)
    sums.reserve(rowCount)
    sums.base.initialize(repeating: 0, count: rowCount)
  }

  /// Rounds `count` rows of `matrix`: those that `rows` lists, or the first ones.
  func pack(
    _ matrix: Matrix, rows: UnsafePointer<UInt32>?, count: Int, context: ComputeContext
  ) {
    var arguments = meprop_pack_bytes_arguments(
      rows: rows, x: matrix.unsafeFloats, x_stride: matrix.stride, columns: columnCount,
      padded: padded, q: q.base, scales: scales.base, sums: sums.base)
    context.run(
      context.kernels.packBytes, &arguments, count: count, grain: 16, work: count * columnCount)
    withExtendedLifetime(matrix) {}
  }

  /// What kernels see; valid while this lives.
  var arguments: meprop_byte_weights {
    meprop_byte_weights(q: q.base, scales: scales.base, sums: sums.base, inputs: columnCount)
  }
}
