import CMePropKernels

/// Maxima or means of windows of images, and the way back.
///
/// A workspace: which pixel gave each maximum is kept from the forward pass.
public final class Pooling {
  /// What is taken of a window.
  public enum Kind: String, Sendable, CaseIterable {
    /// Its largest number; of equals the first, row by row.
    case max
    /// The mean of its numbers.
    case average
  }

  /// The sizes.
  public let shape: PoolingShape
  /// What is taken.
  public let kind: Kind
  private let winners = ScratchBuffer<UInt8>()

  /// Creates a workspace.
  public init(_ kind: Kind, _ shape: PoolingShape) {
    precondition(
      kind == .average || shape.windowCount <= 256,
      "Pooling: windows have \(shape.windowCount) pixels, expected at most 256 for maxima")
    self.kind = kind
    self.shape = shape
  }

  /// `y = pool(x)`, overwriting `y`; shapes `[batchSize, input]`, `[batchSize, output]`.
  ///
  /// - Parameters:
  ///   - x: Images.
  ///   - y: Takes the result.
  ///   - keepsWinners: Whether ``inputGradient(of:into:context:)`` follows.
  ///   - context: Where to compute.
  public func forward(
    _ x: Matrix, into y: inout Matrix, keepsWinners: Bool, context: ComputeContext
  ) {
    precondition(
      x.columnCount == shape.input.count && y.rowCount == x.rowCount
        && y.columnCount == shape.output.count,
      "Pooling: \(x.shape) into \(y.shape), expected [b, \(shape.input.count)] into [b, "
        + "\(shape.output.count)]")
    let stride = y.stride
    var arguments = meprop_pool_arguments()
    arguments.x = x.unsafeFloats
    arguments.x_stride = x.stride
    arguments.y = y.unsafeMutableFloats()
    arguments.y_stride = stride
    arguments.pooling = shape.arguments
    arguments.averages = kind == .average ? 1 : 0
    if kind == .max, keepsWinners {
      winners.reserve(x.rowCount * shape.output.count)
      arguments.winners = winners.base
      arguments.winners_stride = shape.output.count
    }
    context.run(
      context.kernels.pool, &arguments, count: x.rowCount, work: x.rowCount * x.columnCount * 2)
    withExtendedLifetime(x) {}
  }

  /// `dx` from `dy`, overwriting `dx`; shapes `[batchSize, input]`, `[batchSize, output]`.
  ///
  /// The gradient of a maximum goes to the pixel that gave it, that of a mean to all in equal
  /// parts; where windows overlap they are added.
  public func inputGradient(of dy: Matrix, into dx: inout Matrix, context: ComputeContext) {
    precondition(
      dy.columnCount == shape.output.count && dx.rowCount == dy.rowCount
        && dx.columnCount == shape.input.count,
      "Pooling: gradient \(dy.shape) into \(dx.shape), expected [b, \(shape.output.count)] into "
        + "[b, "
        + "\(shape.input.count)]")
    let stride = dx.stride
    var arguments = meprop_unpool_arguments()
    arguments.dy = dy.unsafeFloats
    arguments.dy_stride = dy.stride
    arguments.dx = dx.unsafeMutableFloats()
    arguments.dx_stride = stride
    arguments.dx_count = shape.input.count
    arguments.pooling = shape.arguments
    arguments.averages = kind == .average ? 1 : 0
    if kind == .max {
      arguments.winners = UnsafePointer(winners.base)
      arguments.winners_stride = shape.output.count
    }
    context.run(
      context.kernels.unpool, &arguments, count: dy.rowCount,
      work: dy.rowCount * dx.columnCount * 2)
    withExtendedLifetime(dy) {}
  }
}
