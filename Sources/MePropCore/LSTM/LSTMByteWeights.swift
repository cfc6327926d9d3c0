import CMePropKernels

/// The parameters of one direction of an LSTM layer, rounded to weights of eight bits.
///
/// Weights are rounded as ``Precision/int8`` says; biases stay as they are. The recurrent weights
/// of 500 units take 1 MB then, which the second-level cache holds, instead of 4 MB.
public final class LSTMByteWeights {
  /// The number of inputs.
  public let inputSize: Int
  /// The number of units.
  public let hiddenSize: Int
  let input: ByteWeights
  let recurrent: ByteWeights
  private(set) var bias: Matrix

  /// Quantizes parameters; where they are not finite, outputs are NaN.
  ///
  /// - Complexity: A pass over the weights.
  package init(
    _ weights: some LSTMParameters, inputWeight: Matrix, context: ComputeContext
  ) {
    inputSize = weights.inputSize
    hiddenSize = weights.hiddenSize
    let rowCount = weights.biasRow.columnCount
    input = ByteWeights(rowCount: rowCount, columnCount: weights.inputSize, padded: rowCount / 4)
    recurrent = ByteWeights(
      rowCount: rowCount, columnCount: weights.hiddenSize, padded: rowCount / 4)
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
