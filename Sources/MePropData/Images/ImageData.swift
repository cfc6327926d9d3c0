// Images for training, development and test, in whatever form a folder holds them.

import Foundation
import MePropBase

/// Images that belong together: all of one shape and with the same classes.
public struct ImageData: Sendable, Equatable {
  /// A part of a data set.
  public enum Part: String, Sendable, CaseIterable {
    /// What is trained on.
    case training
    /// What chooses the best epoch.
    case development
    /// What is only reported.
    case test
  }

  /// How a folder is read.
  public struct Options: Sendable, Equatable {
    /// The size that all images are scaled and cropped to; `nil`: they have one size.
    public var size: ImageExtent?
    /// 1 for grey, 3 for colour; `nil`: as the images are.
    public var channels: Int?
    /// The number of classes; `nil`: as many as there are.
    public var classCount: Int?
    /// The share of the training images that is held out for development, where the data have no
    /// part for it.
    public var developmentShare: Double
    /// The same for test.
    public var testShare: Double
    /// Of the choice which are held out.
    public var splitSeed: UInt64

    /// Creates options.
    public init(
      size: ImageExtent? = nil, channels: Int? = nil, classCount: Int? = nil,
      developmentShare: Double = 0.1, testShare: Double = 0.1, splitSeed: UInt64 = 1
    ) {
      self.size = size
      self.channels = channels
      self.classCount = classCount
      self.developmentShare = developmentShare
      self.testShare = testShare
      self.splitSeed = splitSeed
    }
  }

  /// What is trained on.
  public var training: ImageCollection
  /// What chooses the best epoch.
  public var development: ImageCollection
  /// What is only reported.
  public var test: ImageCollection
  /// Where they were read from.
  public var folder: URL?

  /// Creates data; all parts must have images of one shape and the same classes.
  public init(training: ImageCollection, development: ImageCollection, test: ImageCollection) {
    for part in [training, development, test] {
      precondition(
        part.count > 0 && part.shape == training.shape && part.classes == training.classes,
        "ImageData: \(part.count) images of \(part.shape), expected \(training.shape) and the same "
          + "classes as for training")
    }
    self.training = training
    self.development = development
    self.test = test
  }

  /// Reads a folder: files of idx, of CIFAR, or folders of PNG and JPEG files.
  ///
  /// - Throws: `DataLocationError`, `DataFormatError`, ``ImageDataError``.
  public init(folder: URL, options: Options = Options()) throws {
    let parts = try Self.read(folder, options)
    let test: ImageCollection
    var training = parts.training
    if let given = parts.test {
      test = given
    } else {
      (test, training) = try Self.split(training, options.testShare, options, seed: 1, folder)
    }
    let development: ImageCollection
    if let given = parts.development {
      development = given
    } else {
      (development, training) = try Self.split(
        training, options.developmentShare, options, seed: 0, folder)
    }
    self.init(training: training, development: development, test: test)
    self.folder = folder
  }

  private static func split(
    _ images: ImageCollection, _ share: Double, _ options: Options, seed: UInt64, _ folder: URL
  ) throws -> (ImageCollection, ImageCollection) {
    let (heldOut, rest) = images.split(
      holdingOut: share, seed: options.splitSeed &* 2 &+ seed)
    guard heldOut.count > 0, Set(rest.labels).count >= 2 else {
      throw ImageDataError.tooFewToSplit(path: folder.path, found: images.count)
    }
    return (heldOut, rest)
  }

  private struct Parts {
    var training: ImageCollection
    var development: ImageCollection?
    var test: ImageCollection?
  }

  private static func read(_ folder: URL, _ options: Options) throws -> Parts {
    let files = try DataFolder(folder)
    if files.file("train-images-idx3-ubyte") != nil || files.file("t10k-images-idx3-ubyte") != nil {
      return try idx(folder, options)
    }
    if let (place, kind) = CIFAR.find(folder) {
      let (training, test) = try CIFAR.load(place, kind)
      try check(options, found: kind.classCount, place)
      return Parts(
        training: converted(training, options), test: converted(test, options))
    }
    var reader = ImageFolders(.init(size: options.size, channels: options.channels))
    if let parts = try ImageFolders.parts(folder), let place = parts[.training] {
      let training = try reader.read(place)
      try check(options, found: training.classes.count, place)
      return Parts(
        training: training, development: try parts[.development].map { try reader.read($0) },
        test: try parts[.test].map { try reader.read($0) })
    }
    guard try ImageFolders.looksLikeClasses(folder) else {
      throw ImageDataError.unknownLayout(
        path: folder.path, found: "neither idx nor CIFAR files nor folders with images")
    }
    let training = try reader.read(folder)
    try check(options, found: training.classes.count, folder)
    return Parts(training: training)
  }

  private static func check(_ options: Options, found: Int, _ folder: URL) throws {
    guard let expected = options.classCount, expected != found else { return }
    throw ImageDataError.wrongClassCount(path: folder.path, expected: expected, found: found)
  }

  /// Files in the layout of MNIST, whose classes are as many as the largest label says.
  private static func idx(_ folder: URL, _ options: Options) throws -> Parts {
    let limit = options.classCount ?? 256
    let train = try ImageDataset.load(from: folder, split: .train, classCount: limit)
    let count = options.classCount ?? Int(train.labels.max() ?? 0) + 1
    let test = try ImageDataset.load(from: folder, split: .test, classCount: count)
    guard Set(train.labels).count >= 2 else {
      throw ImageDataError.tooFewClasses(path: folder.path, found: 1)
    }
    let size = ImageExtent(train.rows, train.columns)
    guard options.size != nil || size == ImageExtent(test.rows, test.columns) else {
      throw ImageDataError.otherSize(
        path: folder.path, expected: size, found: ImageExtent(test.rows, test.columns),
        as: "the training images")
    }
    let names = (0..<count).map(String.init)
    return Parts(
      training: converted(ImageCollection(train, classes: names), options),
      test: converted(ImageCollection(test, classes: names), options))
  }

  /// Images in the size and with the channels that are asked for.
  static func converted(_ images: ImageCollection, _ options: Options) -> ImageCollection {
    var images = images
    if let size = options.size { images = images.resized(to: size) }
    if let channels = options.channels { images = images.converted(toChannels: channels) }
    return images
  }
}

extension ImageCollection {
  /// Grey images with names of classes.
  public init(_ images: LabeledImages, classes: [String]) {
    self.init(
      shape: ImageShape(height: images.rows, width: images.columns, channels: 1),
      pixels: images.pixels, labels: images.labels.map(Int32.init), classes: classes)
  }

  /// The images in grey (1 channel, by luminance) or with three equal channels.
  public func converted(toChannels channels: Int) -> ImageCollection {
    guard channels != shape.channels else { return self }
    let target = ImageShape(height: shape.height, width: shape.width, channels: channels)
    var result: [UInt8] = []
    result.reserveCapacity(count * target.count)
    if channels == 1 {
      for place in stride(from: 0, to: pixels.count, by: 3) {
        // BT.601, as JPEG's.
        let sum =
          299 * Int(pixels[place]) + 587 * Int(pixels[place + 1]) + 114 * Int(pixels[place + 2])
        result.append(UInt8((sum + 500) / 1000))
      }
    } else {
      for pixel in pixels { for _ in 0..<channels { result.append(pixel) } }
    }
    return ImageCollection(shape: target, pixels: result, labels: labels, classes: classes)
  }
}
