// Images of one size with a class each, grey or in colour.

import Foundation
import MePropBase

/// A set of equally large 8-bit images and their classes.
public struct ImageCollection: Sendable, Equatable {
  /// The shape of each image.
  public let shape: ImageShape
  /// All pixels, shape `[count, height, width, channels]`.
  public var pixels: [UInt8]
  /// The class of each image, in `0..<classes.count`.
  public var labels: [Int32]
  /// The names of the classes.
  public let classes: [String]

  /// Creates a set from arrays that fit each other.
  public init(shape: ImageShape, pixels: [UInt8], labels: [Int32], classes: [String]) {
    precondition(
      pixels.count == labels.count * shape.count
        && labels.allSatisfy { (0..<classes.count).contains(Int($0)) },
      "ImageCollection: \(pixels.count) bytes for \(labels.count) images of \(shape), "
        + "\(classes.count) classes")
    self.shape = shape
    self.pixels = pixels
    self.labels = labels
    self.classes = classes
  }

  /// The number of images.
  public var count: Int { labels.count }

  /// The images of these numbers, in this order.
  public func images(_ numbers: some Collection<Int>) -> ImageCollection {
    var (pixels, labels): ([UInt8], [Int32]) = ([], [])
    pixels.reserveCapacity(numbers.count * shape.count)
    labels.reserveCapacity(numbers.count)
    for number in numbers {
      pixels += self.pixels[(number * shape.count)..<((number + 1) * shape.count)]
      labels.append(self.labels[number])
    }
    return ImageCollection(shape: shape, pixels: pixels, labels: labels, classes: classes)
  }

  /// The images scaled to cover a size, and cropped to it in the middle.
  public func resized(to size: ImageExtent) -> ImageCollection {
    guard size != ImageExtent(shape.height, shape.width) else { return self }
    let target = ImageShape(height: size.height, width: size.width, channels: shape.channels)
    var result: [UInt8] = []
    result.reserveCapacity(count * target.count)
    let scaler = ImageScaler(from: shape, to: target)
    for image in 0..<count {
      result += scaler.scaled(pixels[(image * shape.count)..<((image + 1) * shape.count)])
    }
    return ImageCollection(shape: target, pixels: result, labels: labels, classes: classes)
  }

  /// Divides the images into some that are held out and the others, alike of every class.
  ///
  /// A function of seed, count and labels. Of each class as large a part is held out, rounded, and
  /// at least one image where the class has two.
  ///
  /// - Parameters:
  ///   - share: The part that is held out, above 0 and below 1.
  ///   - seed: Of the choice.
  /// - Returns: Both parts, in the order of the images.
  public func split(holdingOut share: Double, seed: UInt64) -> (
    heldOut: ImageCollection, rest: ImageCollection
  ) {
    var order = (0..<count).map(UInt32.init)
    var random = Philox(seed: seed, stream: RandomPurpose.task.stream(0))
    random.shuffle(&order)
    var counts = [Int](repeating: 0, count: classes.count)
    for label in labels { counts[Int(label)] += 1 }
    var wanted = counts.map { count in
      count < 2 ? 0 : min(count - 1, max(1, Int((share * Double(count)).rounded())))
    }
    var isHeldOut = [Bool](repeating: false, count: count)
    for number in order where wanted[Int(labels[Int(number)])] > 0 {
      wanted[Int(labels[Int(number)])] -= 1
      isHeldOut[Int(number)] = true
    }
    return (
      images((0..<count).filter { isHeldOut[$0] }), images((0..<count).filter { !isHeldOut[$0] })
    )
  }
}

/// Scales images by a triangle filter as wide as a pixel of the smaller image, and crops what is
/// too much in the middle: the image covers the target and keeps its proportions.
struct ImageScaler {
  private let from: ImageShape
  private let to: ImageShape
  private let rows: [[(index: Int, weight: Float)]]
  private let columns: [[(index: Int, weight: Float)]]

  init(from: ImageShape, to: ImageShape) {
    self.from = from
    self.to = to
    // Source pixels a target pixel, alike in both directions.
    let step = min(
      Double(from.height) / Double(to.height), Double(from.width) / Double(to.width))
    rows = Self.weights(from.height, to.height, step)
    columns = Self.weights(from.width, to.width, step)
  }

  private static func weights(
    _ source: Int, _ target: Int, _ step: Double
  ) -> [[(index: Int, weight: Float)]] {
    let start = (Double(source) - Double(target) * step) / 2
    let reach = max(1, step)
    return (0..<target).map { place in
      let center = start + (Double(place) + 0.5) * step - 0.5
      let range = Int((center - reach).rounded(.down))...Int((center + reach).rounded(.up))
      let taps = range.map { index in
        (
          index: min(max(index, 0), source - 1),
          weight: max(0, 1 - abs(Double(index) - center) / reach)
        )
      }.filter { $0.weight > 0 }
      let sum = taps.reduce(0) { $0 + $1.weight }
      return taps.map { (index: $0.index, weight: Float($0.weight / sum)) }
    }
  }

  /// The pixels of an image, scaled.
  func scaled(_ pixels: ArraySlice<UInt8>) -> [UInt8] {
    let channels = from.channels
    // Across first, then down.
    var wide = [Float](repeating: 0, count: from.height * to.width * channels)
    pixels.withUnsafeBufferPointer { pixels in
      for row in 0..<from.height {
        for column in 0..<to.width {
          for (index, weight) in columns[column] {
            for channel in 0..<channels {
              wide[(row * to.width + column) * channels + channel] +=
                weight * Float(pixels[(row * from.width + index) * channels + channel])
            }
          }
        }
      }
    }
    var result = [UInt8](repeating: 0, count: to.count)
    let rowLength = to.width * channels
    for row in 0..<to.height {
      for place in 0..<rowLength {
        var sum: Float = 0
        for (index, weight) in rows[row] { sum += weight * wide[index * rowLength + place] }
        result[row * rowLength + place] = UInt8(min(max(sum.rounded(), 0), 255))
      }
    }
    return result
  }
}
