import CMePropKernels

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Normalization of the channels of images over a batch (Ioffe and Szegedy, 2015).
///
/// With μ and σ² the mean and the variance (of all, not of all but one) of a channel over
/// examples and positions: `n = (x − μ) / √(σ² + ε)`, `y = g n + b`. Sums are in double
/// precision, over chunks of 16 examples, then over these.
///
/// A workspace: n is kept from the forward pass.
package final class BatchNormalization {
  private let channels: Int
  private let positions: Int
  private var normalized: Matrix
  private var sums: [Double] = []
  private var inverse: Matrix
  private var factor: Matrix
  private var meanGradient: Matrix
  private var meanProduct: Matrix

  /// The means of the last batch, shape `[1, channels]`.
  package private(set) var mean: Matrix
  /// Its variances.
  package private(set) var variance: Matrix

  /// Creates a workspace.
  package init(_ shape: ImageShape) {
    channels = shape.channels
    positions = shape.positionCount
    normalized = Matrix(rowCount: 0, columnCount: shape.count)
    let row = Matrix(rowCount: 1, columnCount: channels)
    (inverse, factor, meanGradient, meanProduct, mean, variance) = (row, row, row, row, row, row)
  }

  /// Normalizes with mean and variance of the batch, `isTraining`, or with given ones.
  package func forward(
    _ x: Matrix, gain: Matrix, bias: Matrix, epsilon: Float,
    running: (mean: Matrix, variance: Matrix)?, into y: inout Matrix, context: ComputeContext
  ) {
    if let running {
      mean.copyRows(of: running.mean)
      variance.copyRows(of: running.variance)
    } else {
      addUp(x, nil, context)
      let count = Double(max(x.rowCount * positions, 1))
      for channel in 0..<channels {
        let m = sums[channel] / count
        mean[0, channel] = Float(m)
        variance[0, channel] = Float(max(0, sums[channels + channel] / count - m * m))
      }
      normalized.setRowCount(x.rowCount)
    }
    for channel in 0..<channels {
      inverse[0, channel] = 1 / (variance[0, channel] + epsilon).squareRoot()
    }
    let stride = y.stride
    var arguments = meprop_norm_arguments()
    arguments.x = x.unsafeFloats
    arguments.y = y.unsafeMutableFloats()
    if running == nil { arguments.normalized = normalized.unsafeMutableFloats() }
    arguments.stride = stride
    arguments.positions = positions
    arguments.channels = channels
    arguments.mean = mean.unsafeFloats
    arguments.inverse = inverse.unsafeFloats
    arguments.gain = gain.unsafeFloats
    arguments.bias = bias.unsafeFloats
    context.run(
      context.kernels.norm, &arguments, count: x.rowCount, work: x.rowCount * x.columnCount * 4)
    withExtendedLifetime((x, gain, bias)) {}
  }

  /// With h = g ⊙ dy: `dx = (h − mean h − n mean(h n)) / √(σ² + ε)`, `dg = Σ dy n`,
  /// `db = Σ dy`.
  package func backward(
    _ dy: Matrix, gain: Matrix, gainGradient: inout Matrix, biasGradient: inout Matrix,
    into dx: inout InputTarget, context: ComputeContext
  ) {
    addUp(dy, normalized, context)
    let count = Double(max(dy.rowCount * positions, 1))
    for channel in 0..<channels {
      biasGradient[0, channel] = Float(sums[channel])
      gainGradient[0, channel] = Float(sums[channels + channel])
      factor[0, channel] = gain[0, channel] * inverse[0, channel]
      meanGradient[0, channel] = Float(sums[channel] / count)
      meanProduct[0, channel] = Float(sums[channels + channel] / count)
    }
    guard dx.isNeeded else { return }
    var arguments = meprop_norm_gradient_arguments()
    arguments.dy = dy.unsafeFloats
    arguments.normalized = normalized.unsafeFloats
    arguments.dx = dx.floats
    arguments.stride = dy.stride
    arguments.positions = positions
    arguments.channels = channels
    arguments.factor = factor.unsafeFloats
    arguments.a = meanGradient.unsafeFloats
    arguments.b = meanProduct.unsafeFloats
    context.run(
      context.kernels.normGradient, &arguments, count: dy.rowCount,
      work: dy.rowCount * dy.columnCount * 4)
    withExtendedLifetime(dy) {}
  }

  /// Where a gradient goes, if anybody needs it.
  package struct InputTarget {
    let floats: UnsafeMutablePointer<Float>?
    var isNeeded: Bool { floats != nil }

    /// Takes the matrix, which has its shape already; `nil`: nobody needs it.
    package init(_ floats: UnsafeMutablePointer<Float>?) { self.floats = floats }
  }

  private func addUp(_ x: Matrix, _ normalized: Matrix?, _ context: ComputeContext) {
    let chunks = (x.rowCount + Int(MEPROP_ROW_CHUNK) - 1) / Int(MEPROP_ROW_CHUNK)
    let width = 2 * channels
    if sums.count < max(chunks, 1) * width {
      sums = Array(repeating: 0, count: max(chunks, 1) * width)
    }
    sums.withUnsafeMutableBufferPointer { sums in
      var arguments = meprop_norm_sums_arguments()
      arguments.x = x.unsafeFloats
      arguments.normalized = normalized?.unsafeFloats
      arguments.stride = x.stride
      arguments.examples = x.rowCount
      arguments.positions = positions
      arguments.channels = channels
      arguments.sums = sums.baseAddress
      context.run(
        context.kernels.normSums, &arguments, count: chunks, work: x.rowCount * x.columnCount * 4)
      for chunk in 1..<max(chunks, 1) {
        for place in 0..<width { sums[place] += sums[chunk * width + place] }
      }
    }
    withExtendedLifetime((x, normalized)) {}
  }
}
