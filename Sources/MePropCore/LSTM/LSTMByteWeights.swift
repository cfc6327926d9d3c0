import CMePropKernels

/// The parameters of one direction of an LSTM layer, rounded to weights of eight bits.
///
/// A row w of a weight matrix is replaced by `s q`, with `s = max |wⱼ| / 127` and whole numbers
/// `qⱼ = round(wⱼ · 127 / max |wⱼ|)` from -127 to 127 (symmetric linear quantization by
/// row; Jacob et al., 2018, arXiv 1712.05877). A weight is off by at most `s / 2`. Biases stay as
/// they are.
/// The recurrent weights of 500 units take 1 MB then, which the second-level cache holds, instead
/// of 4 MB.
public final class LSTMByteWeights {
  /// The number of inputs.
  public let inputSize: Int
  /// The number of units.
  public let hiddenSize: Int
  let input: Packed
  let recurrent: Packed
  private(set) var bias: Matrix

  /// A quantized matrix in the order that kernels read it.
  final class Packed {
    private let columnCount: Int
    private let rowCount: Int
    private let q = ScratchBuffer<Int8>()
    private let scales = ScratchBuffer<Float>()
    private let sums = ScratchBuffer<Int32>()

    /// Makes room for a matrix of four gates of rows, each padded to a multiple of 16.
    init(rowCount: Int, columnCount: Int) {
      self.rowCount = rowCount
      self.columnCount = columnCount
      let byteCount = rowCount * ((columnCount + 3) / 4) * 4
      q.reserve(byteCount)
      q.base.initialize(repeating: 0, count: byteCount)
      scales.reserve(rowCount)
      sums.reserve(rowCount)
    }

    /// Quantizes `count` rows of `matrix`: those that `rows` lists, or the first ones.
    func pack(
      _ matrix: Matrix, rows: UnsafePointer<UInt32>?, count: Int, context: ComputeContext
    ) {
      var arguments = meprop_pack_bytes_arguments(
        rows: rows, x: matrix.unsafeFloats, x_stride: matrix.stride, columns: columnCount,
        padded: rowCount / 4, q: q.base, scales: scales.base, sums: sums.base)
      context.run(
        context.kernels.packBytes, &arguments, count: count, grain: 16, work: count * columnCount)
      withExtendedLifetime(matrix) {}
    }

    /// What kernels see; valid while this lives.
    var arguments: meprop_byte_weights {
      meprop_byte_weights(q: q.base, scales: scales.base, sums: sums.base, inputs: columnCount)
    }
  }

  /// Quantizes parameters; where they are not finite, outputs are NaN.
  ///
  /// - Complexity: A pass over the weights.
  package init(
    _ weights: some LSTMParameters, inputWeight: Matrix, context: ComputeContext
  ) {
    inputSize = weights.inputSize
    hiddenSize = weights.hiddenSize
    let rowCount = weights.biasRow.columnCount
    input = Packed(rowCount: rowCount, columnCount: weights.inputSize)
    recurrent = Packed(rowCount: rowCount, columnCount: weights.hiddenSize)
    bias = weights.biasRow
    update(from: weights, inputWeight: inputWeight, context: context)
  }

  /// Quantizes rows of parameters of the same shape: all, or those that changed.
  package func update(
    from weights: some LSTMParameters, inputWeight: Matrix, rows: ArraySlice<UInt32>? = nil,
    context: ComputeContext
  ) {
    guard let rows else {
      return update(
        from: weights, inputWeight, rows: nil, count: weights.biasRow.columnCount,
        context: context)
    }
    rows.withUnsafeBufferPointer {
      update(from: weights, inputWeight, rows: $0.baseAddress, count: $0.count, context: context)
    }
  }

  private func update(
    from weights: some LSTMParameters, _ inputWeight: Matrix, rows: UnsafePointer<UInt32>?,
    count: Int, context: ComputeContext
  ) {
    precondition(
      weights.inputSize == inputSize && weights.hiddenSize == hiddenSize,
      "LSTMByteWeights(\(inputSize) → \(hiddenSize)).update: weights are "
        + "\(weights.inputSize) → \(weights.hiddenSize)")
    input.pack(inputWeight, rows: rows, count: count, context: context)
    recurrent.pack(weights.recurrentMatrix, rows: rows, count: count, context: context)
    bias.copyRow(0, from: weights.biasRow, row: 0)
  }
}

/// What layers with weights of eight bits compute in, kept from batch to batch.
public final class LSTMByteWorkspace {
  var gates: [Matrix]
  var cells: [Matrix]
  let inputBytes = ScratchBuffer<Int8>()
  let inputScales = ScratchBuffer<Float>()
  /// The states of both directions as bytes, `directions · paddedSize` a position.
  let states = ScratchBuffer<Int8>()
  let width: Int

  /// Creates a workspace for a layer of `hiddenSize` units in one direction or two.
  public init(hiddenSize: Int, directionCount: Int) {
    let padded = paddedGateSize(hiddenSize)
    width = directionCount * padded
    gates = (0..<directionCount).map { _ in Matrix(rowCount: 0, columnCount: 4 * padded) }
    cells = (0..<directionCount).map { _ in Matrix(rowCount: 0, columnCount: padded) }
  }
}
