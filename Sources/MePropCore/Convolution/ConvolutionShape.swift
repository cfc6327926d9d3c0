import MePropBase

/// The sizes of a convolution.
public struct ConvolutionShape: Sendable, Equatable {
  /// What is read.
  public let input: ImageShape
  /// The numbers of a pixel of the output.
  public let outputChannels: Int
  /// The size of the kernel.
  public let kernel: ImageExtent
  /// How far the kernel moves from one output pixel to the next.
  public let stride: ImageExtent
  /// The zeros around the input, on each side.
  public let padding: ImageExtent

  /// Creates a shape.
  ///
  /// - Parameters:
  ///   - input: What is read.
  ///   - outputChannels: The numbers of a pixel of the output, at least 1.
  ///   - kernel: Its size; must fit into the input with its border.
  ///   - stride: At least 1.
  ///   - padding: Below the size of the kernel.
  public init(
    input: ImageShape, outputChannels: Int, kernel: ImageExtent, stride: ImageExtent = 1,
    padding: ImageExtent = 0
  ) {
    precondition(
      input.height >= 1 && input.width >= 1 && input.channels >= 1 && outputChannels >= 1,
      "ConvolutionShape: input is \(input), \(outputChannels) output channels, expected 1 or more")
    precondition(
      kernel.height >= 1 && kernel.width >= 1 && stride.height >= 1 && stride.width >= 1
        && (0..<kernel.height).contains(padding.height)
        && (0..<kernel.width).contains(padding.width),
      "ConvolutionShape: kernel is \(kernel), stride \(stride), padding \(padding), expected sizes "
        + "of at least 1 and a padding below the kernel")
    precondition(
      kernel.height <= input.height + 2 * padding.height
        && kernel.width <= input.width + 2 * padding.width,
      "ConvolutionShape: kernel is \(kernel), larger than the input \(input) with its padding "
        + "\(padding)")
    self.input = input
    self.outputChannels = outputChannels
    self.kernel = kernel
    self.stride = stride
    self.padding = padding
  }

  /// What is computed.
  public var output: ImageShape {
    ImageShape(
      height: (input.height + 2 * padding.height - kernel.height) / stride.height + 1,
      width: (input.width + 2 * padding.width - kernel.width) / stride.width + 1,
      channels: outputChannels)
  }

  /// The numbers that a row of the kernel reads.
  public var runLength: Int { kernel.width * input.channels }
  /// The same as they lie in the weights: whole lines of 16.
  package var paddedRunLength: Int { (runLength + 15) / 16 * 16 }
  /// The columns of the weights, zeros between rows of the kernel included.
  package var weightColumns: Int { kernel.height * paddedRunLength }
  /// The weights of an output channel.
  public var weightsPerChannel: Int { kernel.height * runLength }
  /// Whether zeros are put around the input.
  var pads: Bool { padding != 0 }
  /// The input with its border.
  var padded: ImageShape {
    ImageShape(
      height: input.height + 2 * padding.height, width: input.width + 2 * padding.width,
      channels: input.channels)
  }
  /// Multiply-adds of the forward product of an image.
  public var multiplyAdds: Int { output.count * weightsPerChannel }
}

/// The sizes of pooling: windows that lie within the image.
public struct PoolingShape: Sendable, Equatable {
  /// What is read.
  public let input: ImageShape
  /// The size of a window.
  public let window: ImageExtent
  /// How far a window is from the next.
  public let stride: ImageExtent

  /// Creates a shape.
  ///
  /// - Parameters:
  ///   - input: What is read.
  ///   - window: Fits into the input; at most 256 pixels.
  ///   - stride: At least 1; `nil`: as the window.
  public init(input: ImageShape, window: ImageExtent, stride: ImageExtent? = nil) {
    let stride = stride ?? window
    precondition(
      window.height >= 1 && window.width >= 1 && stride.height >= 1 && stride.width >= 1
        && window.height <= input.height && window.width <= input.width,
      "PoolingShape: window is \(window), stride \(stride), expected at least 1, and a window "
        + "within "
        + "the input \(input)")
    self.input = input
    self.window = window
    self.stride = stride
  }

  /// What is computed.
  public var output: ImageShape {
    ImageShape(
      height: (input.height - window.height) / stride.height + 1,
      width: (input.width - window.width) / stride.width + 1, channels: input.channels)
  }

  /// The pixels of a window.
  public var windowCount: Int { window.height * window.width }
}
