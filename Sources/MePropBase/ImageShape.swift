/// Two numbers of pixels, of a kernel, a step or a border: one down, one across.
public struct ImageExtent: Sendable, Equatable, Hashable, ExpressibleByIntegerLiteral {
  /// Down.
  public var height: Int
  /// Across.
  public var width: Int

  /// Creates an extent.
  public init(_ height: Int, _ width: Int) {
    self.height = height
    self.width = width
  }

  /// Creates a square one.
  public init(_ size: Int) { self.init(size, size) }

  /// Creates a square one.
  public init(integerLiteral size: Int) { self.init(size, size) }
}

extension ImageExtent: CustomStringConvertible {
  /// For example `5x5`.
  public var description: String { "\(height)x\(width)" }
}

/// The shape of an image: a row of `height · width · channels` numbers, channels fastest.
///
/// The number of channel c of the pixel in row i and column j is element `(i · width + j) ·
/// channels + c`.
public struct ImageShape: Sendable, Equatable, Hashable {
  /// Pixels down.
  public var height: Int
  /// Pixels across.
  public var width: Int
  /// Numbers a pixel.
  public var channels: Int

  /// Creates a shape.
  public init(height: Int, width: Int, channels: Int) {
    self.height = height
    self.width = width
    self.channels = channels
  }

  /// The pixels.
  public var positionCount: Int { height * width }
  /// The numbers of an image.
  public var count: Int { height * width * channels }
}

extension ImageShape: CustomStringConvertible {
  /// For example `28x28x1`.
  public var description: String { "\(height)x\(width)x\(channels)" }
}
