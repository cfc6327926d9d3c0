import MePropCore

/// Computes outputs of an ``LSTM`` for batches of sentences, keeping its memory between batches.
public final class LSTMInference {
  private let workspaces: [[LSTMWorkspace]]
  private var outputs: [Output]

  /// One layer's output.
  ///
  /// A reference, so that reading one and writing the next do not overlap.
  private final class Output {
    var values: Matrix
    init(columnCount: Int) { values = Matrix(rowCount: 0, columnCount: columnCount) }
  }

  /// Creates a workspace for networks of the sizes of `network`.
  public init(for network: LSTM) {
    workspaces = network.layers.map { $0.map { LSTMWorkspace(hiddenSize: $0.hiddenSize) } }
    outputs = network.layers.map { Output(columnCount: $0.count * $0[0].paddedSize) }
  }

  /// Calls `body` with the output of the last layer, shape `[positions, outputSize]`.
  ///
  /// - Parameters:
  ///   - layers: The layers of a network of the sizes that this was made for.
  ///   - input: Shape `[positions, inputSize]`.
  ///   - packing: Which position is which word.
  ///   - context: Where to compute.
  ///   - body: Called once.
  /// - Returns: What `body` returns.
  public func withOutput<Result>(
    of layers: [[LSTMWeights]], _ input: Matrix, packing: SentencePacking,
    context: ComputeContext, _ body: (Matrix) throws -> Result
  ) rethrows -> Result {
    precondition(
      layers.count == outputs.count, "LSTMInference: \(layers.count) layers of \(outputs.count)")
    for (index, weights) in layers.enumerated() {
      outputs[index].values.setRowCount(packing.positionCount)
      context.lstmForward(
        weights, workspaces[index], input: index == 0 ? input : outputs[index - 1].values,
        packing: packing, output: &outputs[index].values)
    }
    return try body(outputs[outputs.count - 1].values)
  }
}
