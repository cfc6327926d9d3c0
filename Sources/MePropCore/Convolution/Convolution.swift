import CMePropKernels

/// The products of a convolution of images: forward, and back propagation of a whole gradient.
///
/// Images are rows of matrices (`ImageShape`). Weights are
/// `[outputChannels, kernel height · s]`, where s is the run of numbers that a row of the kernel
/// reads, with zeros up to the next multiple of 16. Nothing is copied out of the input but a border
/// of zeros, where there is one.
///
/// With pooling the output is that of max pooling of the convolution, and a gradient at the output
/// belongs to what gave each maximum (of equals the first).
///
/// A workspace: memory is kept from step to step. Each number is summed by one worker in a fixed
/// order.
public final class Convolution {
  /// The sizes.
  public let shape: ConvolutionShape
  /// What follows the products of the forward pass; `nil`: nothing.
  public let pooling: PoolingShape?
  let tables: ConvolutionTables

  /// The input as products read it, if they cannot read the input itself.
  private var paddedInput: Matrix
  /// Whether ``paddedInput`` is that of the last forward pass.
  private var hasPaddedInput = false
  private var transposed = TransposedWeights()
  private var forwardTaps: [UInt32] = []
  /// The output before pooling: of a few examples in the forward pass, and its whole gradient.
  private var unpooled: Matrix
  let winners = ScratchBuffer<UInt8>()
  private var products: Matrix
  private var paddedInputGradient: Matrix

  /// Creates a workspace.
  public init(_ shape: ConvolutionShape, pooling: PoolingShape? = nil) {
    precondition(
      pooling == nil || pooling?.input == shape.output,
      "Convolution: pooling reads \(pooling.map { "\($0.input)" } ?? ""), expected \(shape.output)")
    precondition(
      (pooling?.windowCount ?? 1) <= 256,
      "Convolution: windows have \(pooling?.windowCount ?? 1) pixels, expected at most 256")
    self.shape = shape
    self.pooling = pooling
    tables = ConvolutionTables(shape, pooling: pooling)
    // Kernels read whole lines, so that there is one more.
    paddedInput = Matrix(rowCount: 0, columnCount: shape.padded.count + 16)
    unpooled = Matrix(rowCount: 0, columnCount: shape.output.count)
    products = Matrix(
      rowCount: 0, columnCount: shape.output.positionCount * shape.paddedRunLength)
    paddedInputGradient = Matrix(rowCount: 0, columnCount: shape.padded.count + 16)
  }

  /// What the forward pass gives.
  public var output: ImageShape { pooling?.output ?? shape.output }

  /// Must be called when the weights are no longer those of the last forward product.
  package func weightsDidChange() { transposed.weightsDidChange() }

  /// The same for just these output channels.
  package func weightsDidChange(rows: ArraySlice<UInt32>) {
    transposed.weightsDidChange(rows: rows)
  }

  // MARK: Forward

  /// `y = pool(relu(x ∗ w + b))`, overwriting `y`.
  ///
  /// Each number is summed in order of kernel rows, columns and channels. O(*batchSize · output
  /// positions · outputChannels · kernel · channels*).
  ///
  /// - Parameters:
  ///   - x: Shape `[batchSize, input]`.
  ///   - w: Shape `[outputChannels, kernel]`.
  ///   - bias: Shape `[1, outputChannels]`.
  ///   - rectifies: Whether what is negative becomes 0.
  ///   - keepsWinners: Whether back propagation follows.
  ///   - y: Shape `[batchSize, output]`.
  ///   - context: Where to compute.
  public func forward(
    _ x: Matrix, weights w: Matrix, bias: Matrix, rectifies: Bool, keepsWinners: Bool,
    into y: inout Matrix, context: ComputeContext
  ) {
    checkForward(x, w, bias, y)
    let (input, inputStride) = input(x, needsLine: false, context)
    let wt = transposed.matrix(for: w, context: context)
    if forwardTaps.isEmpty { forwardTaps = tables.kernelColumns.map { $0 * UInt32(wt.stride) } }
    var arguments = meprop_convolve_arguments()
    arguments.x = input
    arguments.x_stride = inputStride
    arguments.w = wt.unsafeFloats
    arguments.w_stride = wt.stride
    arguments.inputs = shape.runLength
    arguments.finish = meprop_finish(bias: bias.unsafeFloats, rectifies: rectifies ? 1 : 0)
    arguments.outputs = shape.outputChannels
    if let pooling {
      unpooled.setRowCount(x.rowCount)
      arguments.y_stride = unpooled.stride
      arguments.y = unpooled.unsafeMutableFloats()
      arguments.pooled_stride = y.stride
      arguments.pooled = y.unsafeMutableFloats()
      arguments.pooling = pooling.arguments
      if keepsWinners {
        winners.reserve(x.rowCount * output.count)
        arguments.winners = winners.base
      }
    } else {
      arguments.y_stride = y.stride
      arguments.y = y.unsafeMutableFloats()
    }
    convolve(
      &arguments, tables.inputs, tables.outputs, tapsX: tables.kernelRows, tapsW: forwardTaps,
      examples: x.rowCount, multiplyAdds: shape.multiplyAdds, context)
    withExtendedLifetime((x, wt, bias)) {}
  }

  private func convolve(
    _ arguments: inout meprop_convolve_arguments, _ inputs: [UInt32], _ outputs: [UInt32],
    tapsX: [UInt32], tapsW: [UInt32], examples: Int, multiplyAdds: Int, _ context: ComputeContext
  ) {
    arguments.positions = inputs.count
    arguments.taps = tapsX.count
    inputs.withUnsafeBufferPointer { inputs in
      outputs.withUnsafeBufferPointer { outputs in
        tapsX.withUnsafeBufferPointer { tapsX in
          tapsW.withUnsafeBufferPointer { tapsW in
            arguments.x_offsets = inputs.baseAddress
            arguments.y_offsets = outputs.baseAddress
            arguments.tap_x = tapsX.baseAddress
            arguments.tap_w = tapsW.baseAddress
            context.run(
              context.kernels.convolve, &arguments, count: examples, work: examples * multiplyAdds)
          }
        }
      }
    }
  }

  private func checkForward(_ x: Matrix, _ w: Matrix, _ bias: Matrix, _ y: Matrix) {
    precondition(
      x.columnCount == shape.input.count && w.rowCount == shape.outputChannels
        && w.columnCount == shape.weightColumns && bias.columnCount == shape.outputChannels
        && y.rowCount == x.rowCount && y.columnCount == output.count,
      "Convolution.forward: x is \(x.shape), weights \(w.shape), bias \(bias.shape), into "
        + "\(y.shape), "
        + "expected [b, \(shape.input.count)], [\(shape.outputChannels), "
        + "\(shape.weightColumns)], [1, "
        + "\(shape.outputChannels)], [b, \(output.count)]")
  }

  /// The input as products read it: with its border, and where `needsLine` with a line beyond it.
  ///
  /// - Returns: The first number, and the distance of examples.
  func input(
    _ x: Matrix, needsLine: Bool, _ context: ComputeContext
  ) -> (UnsafePointer<Float>, Int) {
    hasPaddedInput = hasPaddedInput && needsLine && shape.pads
    guard shape.pads || (needsLine && shape.runLength % 16 != 0) else {
      return (x.unsafeFloats, x.stride)
    }
    if !hasPaddedInput {
      paddedInput.setRowCount(x.rowCount)
      let padded = shape.padded
      let rowLength = shape.input.width * shape.input.channels
      let start =
        (shape.padding.height * padded.width + shape.padding.width) * padded.channels
      var arguments = meprop_move_arguments(
        from: x.unsafeFloats, from_stride: x.stride, from_pitch: rowLength,
        to: paddedInput.unsafeMutableFloats() + start, to_stride: paddedInput.stride,
        to_pitch: padded.width * padded.channels, rows: shape.input.height, count: rowLength)
      context.run(
        context.kernels.moveImages, &arguments, count: x.rowCount,
        work: x.rowCount * x.columnCount)
      withExtendedLifetime(x) {}
      // The forward pass of a step is followed by its backward pass, of the same input.
      hasPaddedInput = !needsLine && shape.pads
    }
    return (paddedInput.unsafeFloats, paddedInput.stride)
  }

  // MARK: Dense gradients

  /// The gradient at the convolution's own output, in place of that at the pooled one.
  ///
  /// - Parameters:
  ///   - d: Shape `[batchSize, output]`.
  ///   - context: Where to compute.
  /// - Returns: Shape `[batchSize, shape.output]`; shares storage with the workspace where there is
  ///   pooling, and is not to be kept.
  func unpooledGradient(_ d: Matrix, _ context: ComputeContext) -> Matrix {
    guard let pooling else { return d }
    unpooled.setRowCount(d.rowCount)
    let stride = unpooled.stride
    var arguments = meprop_unpool_arguments()
    arguments.dy = d.unsafeFloats
    arguments.dy_stride = d.stride
    arguments.dx = unpooled.unsafeMutableFloats()
    arguments.dx_stride = stride
    arguments.dx_count = shape.output.count
    arguments.pooling = pooling.arguments
    arguments.winners = UnsafePointer(winners.base)
    arguments.winners_stride = output.count
    context.run(
      context.kernels.unpool, &arguments, count: d.rowCount, work: d.rowCount * shape.output.count)
    withExtendedLifetime(d) {}
    return unpooled
  }

  /// `dW = Σ over examples and positions of d x`, overwriting all rows.
  ///
  /// - Parameters:
  ///   - d: The gradient at the convolution's own output, of as many channels as `g` has rows.
  ///   - x: The input of the forward pass.
  ///   - g: Shape `[channels, kernel]`.
  ///   - context: Where to compute.
  func multiply(_ d: Matrix, input x: Matrix, into g: inout Matrix, _ context: ComputeContext) {
    let channels = g.rowCount
    precondition(
      d.rowCount == x.rowCount && d.columnCount == shape.output.positionCount * channels
        && g.columnCount == shape.weightColumns && x.columnCount == shape.input.count,
      "Convolution: gradient \(d.shape) and input \(x.shape) into \(g.shape)")
    let (input, inputStride) = input(x, needsLine: true, context)
    let lines = shape.paddedRunLength / 16
    tables.inputs.withUnsafeBufferPointer { inputs in
      tables.kernelRows.withUnsafeBufferPointer { rows in
        var arguments = meprop_convolution_weights_arguments(
          x: input, x_stride: inputStride, x_offsets: inputs.baseAddress, d: d.unsafeFloats,
          d_stride: d.stride, examples: x.rowCount, positions: inputs.count, outputs: channels,
          tap_x: rows.baseAddress, lines: lines, inputs: shape.runLength,
          g: g.unsafeMutableFloats(), stride: g.stride)
        context.run(
          context.kernels.convolutionWeights, &arguments, count: lines * shape.kernel.height,
          grain: 2, work: x.rowCount * shape.output.positionCount * channels * shape.runLength)
      }
    }
    withExtendedLifetime((d, x)) {}
  }

  /// `dx = Σ d w`, overwriting `dx`: the products of all positions, added where each reads.
  ///
  /// - Parameters:
  ///   - d: The gradient at the convolution's own output, of as many channels as `w` has rows.
  ///   - w: Shape `[channels, kernel]`.
  ///   - dx: Shape `[batchSize, input]`.
  ///   - positions: Where each position's channels are in `d`.
  ///   - context: Where to compute.
  func multiply(
    _ d: Matrix, weights w: Matrix, into dx: inout Matrix, positions: [UInt32],
    _ context: ComputeContext
  ) {
    let channels = w.rowCount
    precondition(
      d.columnCount == shape.output.positionCount * channels && dx.rowCount == d.rowCount
        && dx.columnCount == shape.input.count && positions.count == shape.output.positionCount
        && w.columnCount == shape.weightColumns,
      "Convolution: gradient \(d.shape) and weights \(w.shape) into \(dx.shape)")
    products.setRowCount(d.rowCount)
    let scratchStride = products.stride
    let scratch = products.unsafeMutableFloats()
    positions.withUnsafeBufferPointer { positions in
      tables.inputs.withUnsafeBufferPointer { inputs in
        tables.kernelRows.withUnsafeBufferPointer { kernelRows in
          tables.runs.withUnsafeBufferPointer { runs in
            var arguments = meprop_convolution_spread_arguments()
            arguments.d = d.unsafeFloats
            arguments.d_stride = d.stride
            arguments.d_offsets = positions.baseAddress
            arguments.w = w.unsafeFloats
            arguments.w_stride = w.stride
            arguments.x_offsets = inputs.baseAddress
            arguments.tap_x = kernelRows.baseAddress
            arguments.positions = positions.count
            arguments.outputs = channels
            arguments.kernel_rows = kernelRows.count
            arguments.lines = shape.paddedRunLength / 16
            arguments.inputs = shape.runLength
            arguments.scratch_offsets = runs.baseAddress
            arguments.scratch = scratch
            arguments.scratch_stride = scratchStride
            withInputGradient(&dx, needsLine: false, context) { target, stride, count in
              arguments.dx = target
              arguments.dx_stride = stride
              arguments.count = count
              context.run(
                context.kernels.convolutionSpread, &arguments, count: d.rowCount,
                work: d.rowCount * positions.count * channels * w.columnCount)
            }
          }
        }
      }
    }
    withExtendedLifetime((d, w)) {}
  }

  /// Calls `body` with room for a gradient at the input as products write it, with the input's
  /// border and where `needsLine` with a line beyond it, and copies what it leaves to `dx`.
  func withInputGradient(
    _ dx: inout Matrix, needsLine: Bool, _ context: ComputeContext,
    _ body: (_ target: UnsafeMutablePointer<Float>, _ stride: Int, _ count: Int) -> Void
  ) {
    let stride = dx.stride
    guard shape.pads || (needsLine && shape.runLength % 16 != 0) else {
      return body(dx.unsafeMutableFloats(), stride, dx.columnCount)
    }
    paddedInputGradient.setRowCount(dx.rowCount)
    let paddedStride = paddedInputGradient.stride
    body(paddedInputGradient.unsafeMutableFloats(), paddedStride, paddedInputGradient.columnCount)
    let padded = shape.padded
    let rowLength = shape.input.width * shape.input.channels
    let start = (shape.padding.height * padded.width + shape.padding.width) * padded.channels
    var move = meprop_move_arguments(
      from: paddedInputGradient.unsafeFloats + start, from_stride: paddedStride,
      from_pitch: padded.width * padded.channels, to: dx.unsafeMutableFloats(),
      to_stride: stride, to_pitch: rowLength, rows: shape.input.height, count: rowLength)
    context.run(
      context.kernels.moveImages, &move, count: dx.rowCount, work: dx.rowCount * dx.columnCount)
  }

  /// `dW` of a whole gradient, all of whose rows become valid.
  ///
  /// - Parameters:
  ///   - d: Gradients at the output (the pooled one with pooling), shape `[batchSize, output]`.
  ///   - x: The input of the last forward pass.
  ///   - gradient: Takes the gradient.
  ///   - context: Where to compute.
  public func weightGradient(
    ofDense d: Matrix, input x: Matrix, into gradient: inout WeightGradient,
    context: ComputeContext
  ) {
    multiply(unpooledGradient(d, context), input: x, into: &gradient.values, context)
    gradient.rows = .all
    gradient.validCount = gradient.values.rowCount
  }

  /// `dx` of a whole gradient, overwriting `dx`; shapes as in
  /// ``weightGradient(ofDense:input:into:context:)``, `[batchSize, input]`.
  public func inputGradient(
    ofDense d: Matrix, weights w: Matrix, into dx: inout Matrix, context: ComputeContext
  ) {
    multiply(
      unpooledGradient(d, context), weights: w, into: &dx, positions: tables.outputs, context)
  }

  /// `sums[c] = Σ x` over examples and positions, shape `[1, channels]`; `x` is
  /// `[rows, positions · channels]`.
  package static func sumPositions(of x: Matrix, into sums: inout Matrix) {
    let channels = sums.columnCount
    precondition(
      sums.rowCount == 1 && channels > 0 && x.columnCount % channels == 0,
      "sumPositions: \(x.shape) into \(sums.shape)")
    sums.setToZero()
    let target = sums.unsafeMutableFloats()
    for row in 0..<x.rowCount {
      let source = x.unsafeFloats + row * x.stride
      for position in 0..<(x.columnCount / channels) {
        for channel in 0..<channels { target[channel] += source[position * channels + channel] }
      }
    }
    withExtendedLifetime(x) {}
  }
}
