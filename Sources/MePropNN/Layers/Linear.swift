import MePropCore

/// A fully connected layer with what follows it: `y = dropout(activation(x Wᵀ + b))`.
///
/// Bias, activation and dropout are finished as the product is stored, so they are settings of the
/// layer and not layers of their own.
public struct Linear: Layer, Equatable {
  /// W, shape `[outputSize, inputSize]`.
  public var weight: Parameter
  /// b, shape `[1, outputSize]`.
  public var bias: Parameter
  /// Applied to each sum.
  public var activation: Activation
  /// The share of outputs that are dropped in training.
  public var dropout: DropoutRate
  /// What products read.
  public var precision: Precision
  /// Whether the forward product looks for zeros of its input, as images and outputs of ReLU have;
  /// where there are none, in states of an LSTM for example, looking takes time.
  public var skipsZeros: Bool
  /// What backward keeps.
  public var selector: Selector

  /// Creates a layer from its parameters.
  ///
  /// - Parameters:
  ///   - weight: W, shape `[outputSize, inputSize]`.
  ///   - bias: b, shape `[1, outputSize]`.
  ///   - activation: Applied to each sum.
  ///   - dropout: The share of outputs that are dropped in training.
  ///   - precision: What products read.
  ///   - skipsZeros: Whether the forward product looks for zeros of its input.
  ///   - selection: What backward keeps; `nil`: what the trainer is given for all layers.
  public init(
    weight: Parameter, bias: Parameter, activation: Activation = .identity,
    dropout: DropoutRate = DropoutRate(0), precision: Precision = .f32, skipsZeros: Bool = true,
    selection: SelectionPolicy? = nil
  ) {
    precondition(
      bias.rowCount == 1 && bias.columnCount == weight.rowCount,
      "Linear: weight is [\(weight.rowCount), \(weight.columnCount)], bias is "
        + "[\(bias.rowCount), \(bias.columnCount)], expected [1, \(weight.rowCount)]")
    self.weight = weight
    self.bias = bias
    self.activation = activation
    self.dropout = dropout
    self.precision = precision
    self.skipsZeros = skipsZeros
    selector = Selector(outputSize: weight.rowCount, policy: selection)
  }

  /// Creates a layer with initialized parameters.
  ///
  /// - Parameters:
  ///   - inputSize: The number of inputs, at least 1.
  ///   - outputSize: The number of outputs, at least 1.
  ///   - activation: Applied to each sum.
  ///   - dropout: The share of outputs that are dropped in training.
  ///   - initialization: How weights start.
  ///   - random: Draws the seed of the initial parameters.
  public init(
    _ inputSize: Int, _ outputSize: Int, activation: Activation = .identity, dropout: Float = 0,
    initialization: Initialization = .heNormal, using random: inout some RandomNumberGenerator
  ) {
    self = initialization.makeLinear(
      inputSize: inputSize, outputSize: outputSize, seed: random.next(), layer: 0)
    self.activation = activation
    self.dropout = DropoutRate(dropout)
  }

  /// Creates a layer of zeros, to be replaced.
  init(zeros inputSize: Int, _ outputSize: Int) {
    self.init(
      weight: Parameter(Matrix(rowCount: outputSize, columnCount: inputSize)),
      bias: Parameter(Matrix(rowCount: 1, columnCount: outputSize), decays: false))
  }

  /// The number of inputs.
  public var inputSize: Int { weight.columnCount }
  /// The number of outputs.
  public var outputSize: Int { weight.rowCount }
  /// One for each weight.
  public var multiplyAdds: Int { weight.shape.reduce(1, *) }
  /// For example `Linear(784 → 500, relu)`.
  public var description: String {
    "Linear(\(inputSize) → \(outputSize)"
      + (activation == .identity ? ")" : ", \(activation.rawValue))")
  }

  /// The product's copies of the weights, and the support of the gradient.
  public struct Scratch {
    let product: WeightProduct
    let support: Support
  }

  /// Makes empty memory.
  public func makeScratch() -> Scratch {
    Scratch(
      product: WeightProduct(precision: precision),
      support: Support(outputSize: outputSize, precision: precision))
  }

  /// The product, for which a layer before may round or pack its output.
  public func reader(_ scratch: Scratch) -> InputReader? { scratch.product.reader }

  /// Computes `y = dropout(activation(x Wᵀ + b))`; shapes `[rows, inputSize]`, `[rows,
  /// outputSize]`.
  public func forward(
    _ x: Matrix, into y: inout Matrix, _ scratch: inout Scratch, _ step: inout Step
  ) {
    precondition(
      x.columnCount == inputSize,
      "\(self): input is [\(x.rowCount), \(x.columnCount)], expected [*, \(inputSize)]")
    y.setRowCount(x.rowCount)
    if skipsZeros {
      scratch.product.multiply(
        x, weight: weight, bias: bias, activation: activation, dropout: dropout.dropout(in: step),
        into: &y, step)
    } else {
      let dropout = dropout.dropout(in: step)
      step.context.multiplyThin(
        x, byTransposeOf: weight.value, bias: bias.value, into: &y, weightsStay: !step.isTraining)
      if activation != .identity || dropout.rate > 0 {
        step.context.activate(&y, bias: nil, activation: activation, dropout: dropout)
      }
    }
    step.check(y, of: selector)
  }

  /// Selects from the gradient at the pre-activations; both products, and the update, follow it.
  public mutating func backward(
    _ x: Matrix, _ y: Matrix, _ dy: inout Matrix, into dx: inout InputGradient,
    _ scratch: inout Scratch, _ step: inout Step
  ) throws {
    let support = scratch.support
    try selector.select(
      &dy, output: y, activation: activation, dropout: dropout.dropout(in: step), into: support,
      &step)
    support.inputGradient(of: dy, weight: weight, into: &dx, &step)
    support.update(
      &weight, of: dy, input: x, product: skipsZeros ? scratch.product : nil,
      countingFor: selector, &step)
    step.update(&bias, gradient: support.columnSums)
  }

  /// `weight`, `bias`, selector and dropout.
  public mutating func visit(_ visitor: inout some LayerVisitor) {
    visitor.visit("weight", &weight)
    visitor.visit("bias", &bias)
    visitor.visit(&selector)
    visitor.visit(&dropout)
  }

  /// A unit is a row of the weights with its bias; columns are the units before.
  public func mapUnits(_ x: Units, _ map: inout UnitMap) -> Units {
    let units = map.makeUnits(outputSize)
    map.set("weight", rows: units, columns: x.ofInput(inputSize))
    map.set("bias", rows: .fixed(1), columns: units)
    map.setSelector(units)
    return units
  }

  /// Is dense unless a policy was given.
  public mutating func makeOutputDense() { selector.policy = selector.policy ?? .dense }
}
