import CMePropKernels

/// Where the numbers of a convolution lie, from its sizes alone: the same for every example.
struct ConvolutionTables {
  /// Where each position starts to read, in the input with its border.
  let inputs: [UInt32]
  /// Where each position's channels are in the output.
  let outputs: [UInt32]
  /// Where each row of the kernel reads, from where a position starts.
  let kernelRows: [UInt32]
  /// Where each row of the kernel is in the weights.
  let kernelColumns: [UInt32]
  /// Where products of a row of the kernel are put, position by position.
  let runs: [UInt32]
  /// With pooling: the positions of each window, by its pixels.
  let windows: [UInt32]

  init(_ shape: ConvolutionShape, pooling: PoolingShape?) {
    let (padded, output) = (shape.padded, shape.output)
    let pitch = padded.width * padded.channels
    inputs = (0..<output.positionCount).map { position in
      let (row, column) = (position / output.width, position % output.width)
      return UInt32(
        row * shape.stride.height * pitch + column * shape.stride.width * padded.channels)
    }
    outputs = (0..<output.positionCount).map { UInt32($0 * output.channels) }
    kernelRows = (0..<shape.kernel.height).map { UInt32($0 * pitch) }
    kernelColumns = (0..<shape.kernel.height).map { UInt32($0 * shape.paddedRunLength) }
    runs = (0..<output.positionCount).map { UInt32($0 * shape.paddedRunLength) }
    windows = pooling.map { Self.windows($0, columns: output.width) } ?? []
  }

  /// Where each position's channels are in a gradient of so many channels.
  static func positions(_ shape: ConvolutionShape, channels: Int) -> [UInt32] {
    (0..<shape.output.positionCount).map { UInt32($0 * channels) }
  }

  private static func windows(_ pooling: PoolingShape, columns: Int) -> [UInt32] {
    let output = pooling.output
    var windows: [UInt32] = []
    for row in 0..<output.height {
      for column in 0..<output.width {
        for i in 0..<pooling.window.height {
          for j in 0..<pooling.window.width {
            windows.append(
              UInt32(
                (row * pooling.stride.height + i) * columns + column * pooling.stride.width + j))
          }
        }
      }
    }
    return windows
  }
}

extension PoolingShape {
  /// The sizes as kernels take them.
  var arguments: meprop_pooling {
    meprop_pooling(
      rows: input.height, columns: input.width, channels: input.channels,
      window_rows: window.height, window_columns: window.width, step_rows: stride.height,
      step_columns: stride.width, out_rows: output.height, out_columns: output.width)
  }
}
