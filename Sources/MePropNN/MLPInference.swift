import MePropCore

/// Computes outputs of a network that does not change, batch by batch, keeping its memory between batches.
public final class MLPInference {
  /// One layer's product and output.
  ///
  /// A reference, so that reading one and writing the next do not overlap.
  private final class LayerOutput {
    let product: ForwardProduct
    var values: Matrix
    init(columnCount: Int, precision: Precision) {
      product = ForwardProduct(precision: precision)
      values = Matrix(rowCount: 0, columnCount: columnCount)
    }
  }

  /// The network.
  public let network: MLP
  private let outputs: [LayerOutput]
  private let context: ComputeContext

  /// Creates a workspace for `network` as it is now.
  ///
  /// - Parameters:
  ///   - network: The network.
  ///   - precision: What products read.
  ///   - context: Where to compute.
  public init(_ network: MLP, precision: Precision = .f32, context: ComputeContext) {
    self.network = network
    self.context = context
    outputs = network.layers.map {
      LayerOutput(columnCount: $0.outputSize, precision: precision)
    }
  }

  /// Calls `body` with the logits of `input`: shapes `[batchSize, inputSize]` and `[batchSize, outputSize]`.
  public func withLogits<Result, Failure: Error>(
    of input: Matrix, _ body: (inout Matrix) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    for (index, layer) in network.layers.enumerated() {
      outputs[index].values.setRowCount(input.rowCount)
      layer.forward(
        index == 0 ? input : outputs[index - 1].values, into: &outputs[index].values,
        activation: network.activation(ofLayer: index), product: outputs[index].product,
        preparing: index + 1 < outputs.count ? outputs[index + 1].product : nil, context: context)
    }
    return try body(&outputs[outputs.count - 1].values)
  }
}
