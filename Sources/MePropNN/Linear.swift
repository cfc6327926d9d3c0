import MePropCore

/// The parameters of a fully connected layer, `y = x Wᵀ + b`.
public struct Linear: Sendable, Equatable {
  /// W, shape `[outputSize, inputSize]`.
  public var weight: Matrix
  /// b, shape `[1, outputSize]`.
  public var bias: Matrix

  /// Creates a layer of zeros.
  public init(inputSize: Int, outputSize: Int) {
    weight = Matrix(rowCount: outputSize, columnCount: inputSize)
    bias = Matrix(rowCount: 1, columnCount: outputSize)
  }

  /// Creates a layer from its parameters: `weight` `[outputSize, inputSize]`, `bias` `[1, outputSize]`.
  public init(weight: Matrix, bias: Matrix) {
    precondition(
      bias.rowCount == 1 && bias.columnCount == weight.rowCount,
      "Linear: weight is \(weight.rowCount) x \(weight.columnCount), bias is \(bias.rowCount) x "
        + "\(bias.columnCount), expected 1 x \(weight.rowCount)")
    self.weight = weight
    self.bias = bias
  }

  /// The number of inputs.
  public var inputSize: Int { weight.columnCount }
  /// The number of outputs.
  public var outputSize: Int { weight.rowCount }

  /// `output ← dropout(activation(input Wᵀ + b))`, overwriting `output`.
  ///
  /// - Parameters:
  ///   - input: Shape `[batchSize, inputSize]`.
  ///   - output: Shape `[batchSize, outputSize]`.
  ///   - activation: Applied to the pre-activations.
  ///   - dropout: Applied last.
  ///   - product: The workspace of this layer's product.
  ///   - next: That of the layer that reads `output` next, before it changes.
  ///   - context: Where to compute.
  public func forward(
    _ input: Matrix, into output: inout Matrix, activation: Activation, dropout: Dropout = .none,
    product: ForwardProduct, preparing next: ForwardProduct? = nil, context: ComputeContext
  ) {
    precondition(
      input.columnCount == inputSize,
      "Linear(\(inputSize) → \(outputSize)): input is [\(input.rowCount), \(input.columnCount)], "
        + "expected [*, \(inputSize)]")
    if dropout.rate == 0 {
      product.multiply(
        input, byTransposeOf: weight, bias: bias, activation: activation, into: &output,
        preparing: next, context: context)
    } else {
      product.multiply(input, byTransposeOf: weight, into: &output, context: context)
      context.activate(&output, bias: bias, activation: activation, dropout: dropout)
    }
  }
}
