import MePropCore

/// Batch normalization of the channels of images (Ioffe and Szegedy, 2015):
/// `y = g (x − μ) / √(σ² + ε) + b`.
///
/// In training μ and σ² are mean and variance (of all, not of all but one) of a channel over the
/// examples and positions of the batch; elsewhere they are running means of those:
/// `running ← (1 − momentum) running + momentum · batch`. Statistics are saved with the
/// parameters, and no optimizer moves them.
public struct BatchNorm: Layer, Equatable {
  /// g, shape `[1, channels]`; ones at first.
  public var gain: Parameter
  /// b, shape `[1, channels]`; zeros at first.
  public var bias: Parameter
  /// The running means, shape `[1, channels]`; zeros at first.
  public var mean: Parameter
  /// The running variances, shape `[1, channels]`; ones at first.
  public var variance: Parameter
  /// What is read, and given.
  public let shape: ImageShape
  /// ε, above 0.
  public let epsilon: Float
  /// The share of a batch in the running means, above 0 and at most 1.
  public let momentum: Float

  /// Creates a layer on images of one shape.
  public init(_ shape: ImageShape, epsilon: Float = 1e-5, momentum: Float = 0.1) {
    precondition(
      shape.channels >= 1 && epsilon > 0 && momentum > 0 && momentum <= 1,
      "BatchNorm(\(shape)): epsilon is \(epsilon), momentum \(momentum), expected above 0, and at "
        + "most 1")
    let channels = shape.channels
    let ones = Matrix(
      rowCount: 1, columnCount: channels, elements: Array(repeating: 1, count: channels))
    let zeros = Matrix(rowCount: 1, columnCount: channels)
    gain = Parameter(ones, decays: false)
    bias = Parameter(zeros, decays: false)
    mean = Parameter(zeros, decays: false)
    variance = Parameter(ones, decays: false)
    self.shape = shape
    self.epsilon = epsilon
    self.momentum = momentum
  }

  /// The numbers a row.
  public var outputSize: Int { shape.count }
  /// For example `BatchNorm(14x14x32)`.
  public var description: String { "BatchNorm(\(shape))" }

  /// The normalized input, and gradients of the parameters.
  public struct Scratch {
    let normalization: BatchNormalization
    var gainGradient: Matrix
    var biasGradient: Matrix
  }

  /// Makes empty memory.
  public func makeScratch() -> Scratch {
    let row = Matrix(rowCount: 1, columnCount: shape.channels)
    return Scratch(
      normalization: BatchNormalization(shape), gainGradient: row, biasGradient: row)
  }

  /// Normalizes; shape `[examples, outputSize]`.
  public func forward(
    _ x: Matrix, into y: inout Matrix, _ scratch: inout Scratch, _ step: inout Step
  ) {
    precondition(
      x.columnCount == outputSize,
      "\(self): input is [\(x.rowCount), \(x.columnCount)], expected [*, \(outputSize)]")
    y.setRowCount(x.rowCount)
    scratch.normalization.forward(
      x, gain: gain.value, bias: bias.value, epsilon: epsilon,
      running: step.isTraining ? nil : (mean.value, variance.value), into: &y,
      context: step.context)
  }

  /// Gradients through the statistics of the batch, which then enter the running ones.
  public mutating func backward(
    _ x: Matrix, _ y: Matrix, _ dy: inout Matrix, into dx: inout InputGradient,
    _ scratch: inout Scratch, _ step: inout Step
  ) throws {
    if dx.isNeeded { dx.values.setRowCount(dy.rowCount) }
    var target = BatchNormalization.InputTarget(
      dx.isNeeded ? dx.values.unsafeMutableFloats() : nil)
    scratch.normalization.backward(
      dy, gain: gain.value, gainGradient: &scratch.gainGradient,
      biasGradient: &scratch.biasGradient, into: &target, context: step.context)
    withExtendedLifetime(dx.values) {}
    step.update(&gain, gradient: scratch.gainGradient)
    step.update(&bias, gradient: scratch.biasGradient)
    Self.follow(scratch.normalization.mean, momentum, &mean)
    Self.follow(scratch.normalization.variance, momentum, &variance)
  }

  // No method of a layer: that would hold the layer, and its numbers would be copied.
  private static func follow(_ batch: Matrix, _ momentum: Float, _ running: inout Parameter) {
    running.update(rows: nil) { value, _ in
      for channel in 0..<value.columnCount {
        value[0, channel] = (1 - momentum) * value[0, channel] + momentum * batch[0, channel]
      }
    }
  }

  /// `gain`, `bias`, `mean` and `variance`.
  public mutating func visit(_ visitor: inout some LayerVisitor) {
    visitor.visit("gain", &gain)
    visitor.visit("bias", &bias)
    visitor.visit("mean", &mean)
    visitor.visit("variance", &variance)
  }
}
