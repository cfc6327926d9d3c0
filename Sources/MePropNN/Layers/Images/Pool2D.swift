import MePropCore

/// Maxima or means of the windows of images: `y[i, j, c]` of `x[i s + u, j s + v, c]`, u and v
/// within the window.
///
/// Windows lie within the image; rows and columns that no window reaches are left out. Directly
/// after a convolution, max pooling is faster as an argument of ``Conv2D``.
public struct Pool2D: Layer, Equatable {
  /// What is taken of a window.
  public let kind: Pooling.Kind
  /// The sizes.
  public let shape: PoolingShape

  /// Creates a layer.
  ///
  /// - Parameters:
  ///   - kind: What is taken of a window.
  ///   - input: What is read.
  ///   - window: The size of a window.
  ///   - stride: How far a window is from the next; `nil`: as the window.
  public init(
    _ kind: Pooling.Kind, _ input: ImageShape, window: ImageExtent, stride: ImageExtent? = nil
  ) {
    self.kind = kind
    shape = PoolingShape(input: input, window: window, stride: stride)
  }

  /// The mean of each channel over the whole image (Lin, Chen and Yan, 2013).
  public static func globalAverage(_ input: ImageShape) -> Pool2D {
    Pool2D(.average, input, window: ImageExtent(input.height, input.width))
  }

  /// What a row of the output is.
  public var output: ImageShape { shape.output }
  /// The numbers a row of the output.
  public var outputSize: Int { output.count }
  /// For example `Pool2D(8x8x64 → 4x4x64, max 2x2)`.
  public var description: String {
    let stride = shape.stride == shape.window ? "" : ", stride \(shape.stride)"
    return "Pool2D(\(shape.input) → \(output), \(kind.rawValue) \(shape.window)\(stride))"
  }

  /// Which pixel gave each maximum.
  public typealias Scratch = Pooling
  /// Makes empty memory.
  public func makeScratch() -> Pooling { Pooling(kind, shape) }

  /// Computes the output; shapes `[examples, input]`, `[examples, outputSize]`.
  public func forward(
    _ x: Matrix, into y: inout Matrix, _ scratch: inout Pooling, _ step: inout Step
  ) {
    precondition(
      x.columnCount == shape.input.count,
      "\(self): input is [\(x.rowCount), \(x.columnCount)], expected [*, \(shape.input.count)]")
    y.setRowCount(x.rowCount)
    scratch.forward(x, into: &y, keepsWinners: step.isTraining, context: step.context)
  }

  /// Gives gradients to the pixels that gave maxima, or to all of a window in equal parts.
  public mutating func backward(
    _ x: Matrix, _ y: Matrix, _ dy: inout Matrix, into dx: inout InputGradient,
    _ scratch: inout Pooling, _ step: inout Step
  ) throws {
    guard dx.isNeeded else { return }
    dx.values.setRowCount(dy.rowCount)
    scratch.inputGradient(of: dy, into: &dx.values, context: step.context)
  }

  /// Has no parts.
  public mutating func visit(_ visitor: inout some LayerVisitor) {}
}
