// Grey images of one size with a class label each: what the digits task trains on.

import Foundation

/// A set of equally large 8-bit grey images and their labels.
public struct LabeledImages: Sendable, Equatable {
  /// The number of images.
  public var count: Int { labels.count }
  /// The height of each image, in pixels.
  public let rows: Int
  /// The width of each image, in pixels.
  public let columns: Int
  /// All pixels, 0 (background) to 255, shape `[count, rows, columns]`, row-major.
  public let pixels: [UInt8]
  /// The class of each image, in `0..<classCount`, shape `[count]`.
  public let labels: [UInt8]
  /// The number of classes.
  public let classCount: Int

  /// The number of pixels of one image.
  public var pixelsPerImage: Int { rows * columns }

  /// Creates a set from arrays that fit each other.
  ///
  /// - Parameters:
  ///   - rows: The height of each image, 1 or more.
  ///   - columns: The width of each image, 1 or more.
  ///   - pixels: Shape `[count, rows, columns]`, row-major.
  ///   - labels: Shape `[count]`, each below `classCount`.
  ///   - classCount: The number of classes, in `1...256`.
  public init(rows: Int, columns: Int, pixels: [UInt8], labels: [UInt8], classCount: Int = 10) {
    precondition(
      rows > 0 && columns > 0 && pixels.count == labels.count * rows * columns,
      "LabeledImages: pixels are [\(pixels.count)], expected [\(labels.count) x \(rows) x "
        + "\(columns)]")
    precondition(
      (1...256).contains(classCount) && (labels.max().map { Int($0) < classCount } ?? true),
      "LabeledImages: a label is \(labels.max() ?? 0), expected 0..<\(classCount)")
    self.rows = rows
    self.columns = columns
    self.pixels = pixels
    self.labels = labels
    self.classCount = classCount
  }

  /// Returns the images of `range` as a set of their own.
  public subscript(range: Range<Int>) -> LabeledImages {
    precondition(
      range.lowerBound >= 0 && range.upperBound <= count,
      "LabeledImages: range is \(range), expected within 0..<\(count)")
    let size = pixelsPerImage
    return LabeledImages(
      rows: rows, columns: columns,
      pixels: Array(pixels[(range.lowerBound * size)..<(range.upperBound * size)]),
      labels: Array(labels[range]), classCount: classCount)
  }
}

/// Which of the two parts of an image data set, as it is distributed.
public enum ImageSplit: String, Sendable, CaseIterable {
  /// The training images (`train-…`).
  case train
  /// The test images (`t10k-…`).
  case test

  /// The start of the names of this part's files.
  public var filePrefix: String { self == .train ? "train" : "t10k" }
}

/// Loads image data sets in the layout of MNIST: a folder of four idx files, plain or gzip.
public enum ImageDataset {
  /// The number of training images held out for development, as in the meProp paper.
  public static let developmentCount = 5_000

  /// Loads the training or the test images of a folder.
  ///
  /// Names are `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, `t10k-…`, each also with
  /// `.gz` and with `.` in place of `-` before `idx`. A packed file is preferred to a plain one.
  ///
  /// - Parameters:
  ///   - folder: Where the files are.
  ///   - split: Which part to load.
  ///   - classCount: Labels must be below this.
  /// - Returns: All images of that part, at least one.
  /// - Throws: `DataLocationError` for an unreadable folder or missing files, `DataFormatError` for
  ///   files that are damaged, empty or do not belong together.
  public static func load(
    from folder: URL, split: ImageSplit, classCount: Int = 10
  ) throws -> LabeledImages {
    let names = [
      "\(split.filePrefix)-images-idx3-ubyte", "\(split.filePrefix)-labels-idx1-ubyte",
    ]
    let found = try DataFolder(folder).requiredFiles(names)
    let (imagesURL, labelsURL) = (found[0], found[1])
    // Labels first: they are small, and most mistakes show there.
    let labels = try IDX.read(from: labelsURL, rank: 1)
    let images = try IDX.read(from: imagesURL, rank: 3)
    let (count, rows, columns) = (
      images.dimensions[0], images.dimensions[1], images.dimensions[2]
    )
    guard count == labels.bytes.count else {
      throw DataFormatError.countMismatch(
        imagesPath: imagesURL.path, images: count, labelsPath: labelsURL.path,
        labels: labels.bytes.count)
    }
    guard count > 0, rows > 0, columns > 0 else {
      throw DataFormatError.tooFewExamples(path: imagesURL.path, needed: 1, found: 0)
    }
    if let index = labels.bytes.firstIndex(where: { Int($0) >= classCount }) {
      throw DataFormatError.labelOutOfRange(
        path: labelsURL.path, index: index, offset: IDX.headerSize(rank: 1) + index,
        found: Int(labels.bytes[index]), classCount: classCount)
    }
    return LabeledImages(
      rows: rows, columns: columns, pixels: images.bytes, labels: labels.bytes,
      classCount: classCount)
  }

  /// Loads the training images and splits the first of them off as development set.
  ///
  /// - Parameters:
  ///   - folder: Where the files are.
  ///   - developmentCount: How many images are held out; at least one must remain for training.
  ///   - classCount: Labels must be below this.
  /// - Returns: The first `developmentCount` images, and the others.
  /// - Throws: As `load(from:split:classCount:)`, and `DataFormatError.tooFewExamples`.
  public static func loadTraining(
    from folder: URL, developmentCount: Int = developmentCount, classCount: Int = 10
  ) throws -> (development: LabeledImages, training: LabeledImages) {
    let all = try load(from: folder, split: .train, classCount: classCount)
    guard all.count > developmentCount else {
      throw DataFormatError.tooFewExamples(
        path: folder.path, needed: developmentCount == .max ? .max : developmentCount + 1,
        found: all.count)
    }
    return (all[0..<developmentCount], all[developmentCount..<all.count])
  }
}
