import MePropCore

/// A layer of a network on images whose kind is known at run time only, for a ``Stack``.
///
/// ```swift
/// let first = Conv2D(
///   ImageShape(height: 28, width: 28, channels: 1), channels: 32, kernel: 5, pooling: 2,
///   activation: .relu, using: &random)
/// let network = Stack<ImageLayer>([
///   .convolution(first), .linear(Linear(first.outputSize, 10, using: &random)),
/// ])
/// ```
///
/// Just one of its properties is there. They are properties, and no cases of an enumeration, so
/// that training changes a layer where it is: a case would be taken out, changed and put back, and
/// its weights copied on the way.
public struct ImageLayer: Layer, Equatable {
  /// A convolution.
  public private(set) var convolution: Conv2D?
  /// Maxima or means of windows.
  public private(set) var pooling: Pool2D?
  /// Batch normalization.
  public private(set) var norm: BatchNorm?
  /// Dropout.
  public private(set) var dropout: DropoutLayer?
  /// A linear layer, on all numbers of an image.
  public private(set) var linear: Linear?

  private init() {}

  /// A convolution.
  public static func convolution(_ layer: Conv2D) -> ImageLayer {
    var result = ImageLayer()
    result.convolution = layer
    return result
  }

  /// Maxima or means of windows.
  public static func pooling(_ layer: Pool2D) -> ImageLayer {
    var result = ImageLayer()
    result.pooling = layer
    return result
  }

  /// Batch normalization.
  public static func norm(_ layer: BatchNorm) -> ImageLayer {
    var result = ImageLayer()
    result.norm = layer
    return result
  }

  /// Dropout.
  public static func dropout(_ layer: DropoutLayer) -> ImageLayer {
    var result = ImageLayer()
    result.dropout = layer
    return result
  }

  /// A linear layer, on all numbers of an image.
  public static func linear(_ layer: Linear) -> ImageLayer {
    var result = ImageLayer()
    result.linear = layer
    return result
  }

  /// The layer that is there.
  private var layer: any Layer {
    let layers: [(any Layer)?] = [convolution, pooling, norm, dropout, linear]
    guard let layer = layers.compactMap({ $0 }).first else {
      preconditionFailure("ImageLayer: no layer is there")
    }
    return layer
  }

  /// The numbers a row of the output.
  public var outputSize: Int { layer.outputSize }
  /// The layer's.
  public var description: String { layer.description }
  /// The layer's.
  public var multiplyAdds: Int { layer.multiplyAdds }

  /// The layer's; just one is there.
  public struct Scratch {
    var convolution: Conv2D.Scratch?
    var pooling: Pool2D.Scratch?
    var norm: BatchNorm.Scratch?
    var dropout: DropoutLayer.Scratch?
    var linear: Linear.Scratch?
  }

  /// Makes empty memory.
  public func makeScratch() -> Scratch {
    Scratch(
      convolution: convolution?.makeScratch(), pooling: pooling?.makeScratch(),
      norm: norm?.makeScratch(), dropout: dropout?.makeScratch(), linear: linear?.makeScratch())
  }

  /// A linear layer's product.
  public func reader(_ scratch: Scratch) -> InputReader? {
    guard let linear, let own = scratch.linear else { return nil }
    return linear.reader(own)
  }

  /// Computes the layer's output.
  public func forward(
    _ x: Matrix, into y: inout Matrix, _ scratch: inout Scratch, _ step: inout Step
  ) {
    if let convolution { Self.forward(convolution, x, &y, &scratch.convolution, &step) }
    if let pooling { Self.forward(pooling, x, &y, &scratch.pooling, &step) }
    if let norm { Self.forward(norm, x, &y, &scratch.norm, &step) }
    if let dropout { Self.forward(dropout, x, &y, &scratch.dropout, &step) }
    if let linear { Self.forward(linear, x, &y, &scratch.linear, &step) }
  }

  private static func forward<L: Layer>(
    _ layer: L, _ x: Matrix, _ y: inout Matrix, _ scratch: inout L.Scratch?, _ step: inout Step
  ) where L.Input == Matrix {
    precondition(scratch != nil, "ImageLayer: scratch is not of \(layer)")
    // swift-format-ignore: NeverForceUnwrap
    layer.forward(x, into: &y, &scratch!, &step)
  }

  /// Goes back through the layer.
  public mutating func backward(
    _ x: Matrix, _ y: Matrix, _ dy: inout Matrix, into dx: inout InputGradient,
    _ scratch: inout Scratch, _ step: inout Step
  ) throws {
    try Self.backward(&convolution, x, y, &dy, &dx, &scratch.convolution, &step)
    try Self.backward(&pooling, x, y, &dy, &dx, &scratch.pooling, &step)
    try Self.backward(&norm, x, y, &dy, &dx, &scratch.norm, &step)
    try Self.backward(&dropout, x, y, &dy, &dx, &scratch.dropout, &step)
    try Self.backward(&linear, x, y, &dy, &dx, &scratch.linear, &step)
  }

  private static func backward<L: Layer>(
    _ layer: inout L?, _ x: Matrix, _ y: Matrix, _ dy: inout Matrix, _ dx: inout InputGradient,
    _ scratch: inout L.Scratch?, _ step: inout Step
  ) throws where L.Input == Matrix {
    guard layer != nil else { return }
    precondition(scratch != nil, "ImageLayer: scratch is not of the layer")
    // In place: bound to a name, both would be copied.
    // swift-format-ignore: NeverForceUnwrap
    try layer!.backward(x, y, &dy, into: &dx, &scratch!, &step)
  }

  /// The layer's parts.
  public mutating func visit(_ visitor: inout some LayerVisitor) {
    convolution?.visit(&visitor)
    pooling?.visit(&visitor)
    norm?.visit(&visitor)
    dropout?.visit(&visitor)
    linear?.visit(&visitor)
  }

  /// A convolution's or a linear layer's is.
  public mutating func makeOutputDense() {
    convolution?.makeOutputDense()
    linear?.makeOutputDense()
  }
}
