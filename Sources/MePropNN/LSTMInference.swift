import MePropCore

/// The numbers that the products of an LSTM's forward pass read, in training or after it.
///
/// Gates, cells, gradients and the weights that are trained are 32-bit floats always.
public enum LSTMPrecision: String, Sendable, CaseIterable {
  /// Weights, inputs and states of eight bits, with exact sums of products; see `LSTMByteWeights`.
  ///
  /// The same numbers on all processors, but for gates and cells, which are in floats.
  case int8
  /// 32-bit floats.
  case f32
}

/// Computes outputs of an ``LSTM`` for batches of sentences, keeping its memory between batches.
public final class LSTMInference {
  /// How it computes.
  public let precision: LSTMPrecision
  private let context: ComputeContext
  private let workspaces: [[LSTMWorkspace]]
  private let byteWorkspaces: [LSTMByteWorkspace]
  private let byteLayers: [[LSTMByteWeights]]
  private let layers: [[LSTMWeights]]
  private var outputs: [Output]

  /// One layer's output.
  ///
  /// A reference, so that reading one and writing the next do not overlap.
  private final class Output {
    var values: Matrix
    init(columnCount: Int) { values = Matrix(rowCount: 0, columnCount: columnCount) }
  }

  /// Creates a workspace with the weights of `network`, of which it keeps a copy.
  public init(_ network: LSTM, precision: LSTMPrecision, context: ComputeContext) {
    self.precision = precision
    self.context = context
    workspaces = network.layers.map { $0.map { LSTMWorkspace(hiddenSize: $0.hiddenSize) } }
    byteWorkspaces = network.layers.map {
      LSTMByteWorkspace(hiddenSize: $0[0].hiddenSize, directionCount: $0.count)
    }
    outputs = network.layers.map { Output(columnCount: $0.count * $0[0].paddedSize) }
    layers = precision == .f32 ? network.layers : []
    byteLayers =
      precision == .int8
      ? network.layers.map { $0.map { LSTMByteWeights($0, context: context) } } : []
  }

  /// Calls `body` with the output of the last layer, shape `[positions, outputSize]`.
  ///
  /// - Parameters:
  ///   - input: Shape `[positions, inputSize]`.
  ///   - packing: Which position is which word.
  ///   - body: Called once.
  /// - Returns: What `body` returns.
  public func withOutput<Result>(
    _ input: Matrix, packing: SentencePacking, _ body: (Matrix) throws -> Result
  ) rethrows -> Result {
    for index in outputs.indices {
      outputs[index].values.setRowCount(packing.positionCount)
      switch precision {
      case .f32:
        context.lstmForward(
          layers[index], workspaces[index], input: index == 0 ? input : outputs[index - 1].values,
          packing: packing, output: &outputs[index].values)
      case .int8:
        context.lstmForward(
          byteLayers[index], byteWorkspaces[index],
          input: index == 0 ? .values(input) : .states(byteWorkspaces[index - 1]),
          packing: packing, output: &outputs[index].values)
      }
    }
    return try body(outputs[outputs.count - 1].values)
  }
}
