// The images of the digits task: training, development and test.

import Foundation
import MePropData

/// Images that belong together: all of one size.
public struct DigitsData: Sendable, Equatable {
  /// What is trained on.
  public var training: LabeledImages
  /// What chooses the best epoch.
  public var development: LabeledImages
  /// What is only reported.
  public var test: LabeledImages
  /// The folder that they were read from, if they were.
  public var folder: URL?

  /// Creates a data set; images must be of one size, and each part must have at least one.
  public init(training: LabeledImages, development: LabeledImages, test: LabeledImages) {
    for part in [development, test] {
      precondition(
        part.rows == training.rows && part.columns == training.columns && part.count > 0,
        "DigitsData: \(part.count) images of \(part.rows) x \(part.columns), expected "
          + "\(training.rows) x \(training.columns) as for training")
    }
    precondition(training.count > 0, "DigitsData: found no training images")
    self.training = training
    self.development = development
    self.test = test
  }

  /// Loads the four files of a folder.
  ///
  /// - Parameters:
  ///   - folder: Where they are.
  ///   - developmentCount: How many of the first training images are held out.
  ///   - classCount: Labels must be below this.
  ///   - trainingLimit: Use only the first so many of the other training images; `nil` for all.
  /// - Throws: `DataLocationError`, `DataFormatError`, `DigitsDataError`.
  public init(
    folder: URL, developmentCount: Int = ImageDataset.developmentCount, classCount: Int = 10,
    trainingLimit: Int? = nil
  ) throws {
    (test, development, training) = try HintedDataError.adding(Self.hint) {
      let test = try ImageDataset.load(from: folder, split: .test, classCount: classCount)
      let (development, training) = try ImageDataset.loadTraining(
        from: folder, developmentCount: developmentCount, classCount: classCount)
      return (test, development, training)
    }
    guard (test.rows, test.columns) == (training.rows, training.columns) else {
      throw DigitsDataError.sizesDiffer(
        folder: folder.path, training: [training.rows, training.columns],
        test: [test.rows, test.columns])
    }
    self.folder = folder
    if let trainingLimit, trainingLimit < training.count { training = training[0..<trainingLimit] }
    DarkPixels.tell(of: training.pixels, in: folder.path)
  }

  /// The option of training that mends what is wrong.
  private static func hint(_ error: DataFormatError) -> String? {
    switch error {
    case .tooFewExamples(_, let needed, let found) where needed > 1 && found > 1:
      "hold fewer out for development with --dev-count, \(found - 1) at most"
    case .labelOutOfRange(_, _, _, let found, _): "say --classes \(found + 1) or more"
    default: nil
    }
  }

  /// Compares images, wherever they come from.
  public static func == (one: DigitsData, other: DigitsData) -> Bool {
    one.training == other.training && one.development == other.development
      && one.test == other.test
  }

  /// A number that differs for other images: a hash of pixels and labels of training and
  /// development images, which decide what is learned and kept.
  ///
  /// Kept in checkpoints, so that a run is not resumed on other data.
  var fingerprint: Int {
    var print = DataFingerprint()
    print.add(training.pixelsPerImage)
    for part in [training, development] {
      part.pixels.withUnsafeBytes { print.add(bytes: $0) }
      part.labels.withUnsafeBytes { print.add(bytes: $0) }
    }
    return print.value
  }
}

/// Images that do not go together, with each other or with a model.
public enum DigitsDataError: OneLineError {
  /// Training and test images of one folder differ in size; sizes are rows, columns.
  case sizesDiffer(folder: String, training: [Int], test: [Int])
  /// Images that a model does not take; sizes are rows, columns.
  case wrongSize(path: String, expected: [Int], found: [Int])
  /// A file of a format that models of images read.
  case isPicture(path: String, format: String, pixelCount: Int)
  /// A pixel in a row of text that is below 0 or above 255.
  case pixelOutOfRange(path: String, line: Int, field: Int, found: Float)

  /// One line: file, place, expected, found, what to do.
  public var description: String {
    func size(_ extents: [Int]) -> String { extents.map(String.init).joined(separator: " x ") }
    switch self {
    case .sizesDiffer(let folder, let training, let test):
      return "\(folder): test images are \(size(test)), expected \(size(training)) as the training "
        + "images; use files that belong together"
    case .wrongSize(let path, let expected, let found):
      return "\(path): images are \(size(found)), expected \(size(expected)), the size the model "
        + "was trained on; scale them first or use another model"
    case .isPicture(let path, let format, let count):
      return "\(path): is a \(format) file, expected an idx file of images or rows of \(count) "
        + "numbers; models of 'meprop train images' read pictures"
    case .pixelOutOfRange(let path, let line, let field, let found):
      return "\(path):\(line): field \(field) is \(found), expected a pixel from 0 (background) to "
        + "255"
    }
  }
}
