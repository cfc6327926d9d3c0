// What can be wrong with files of images, in a line that names the file and says what to do.

import Foundation
import MePropBase

/// Image data that cannot be used.
public enum ImageDataError: Error, Equatable, Sendable {
  /// A file is no PNG or JPEG file.
  case notAnImage(path: String, found: String)
  /// A PNG or JPEG file is damaged, or of a kind that is not read.
  case damaged(path: String, format: String, reason: String)
  /// An image is of another size than the others.
  case otherSize(path: String, expected: ImageExtent, found: ImageExtent, as: String)
  /// A class of one part of the data is not among those of the training part.
  case unknownClass(path: String, classes: Int)
  /// Fewer than two classes.
  case tooFewClasses(path: String, found: Int)
  /// More or fewer classes than were asked for.
  case wrongClassCount(path: String, expected: Int, found: Int)
  /// No images at all where there should be some.
  case noImages(path: String)
  /// The folder is of no kind that is known.
  case unknownLayout(path: String, found: String)
  /// A file of CIFAR has another length than whole records.
  case partialRecord(path: String, recordSize: Int, found: Int)
  /// Too few images to hold some out.
  case tooFewToSplit(path: String, found: Int)
}

extension ImageDataError: CustomStringConvertible, LocalizedError {
  /// One line: file, expected, found, what to do.
  public var description: String {
    switch self {
    case .notAnImage(let path, let found):
      return "\(path): expected a PNG or JPEG file, found \(found); remove it or convert it"
    case .damaged(let path, let format, let reason):
      return "\(path): the \(format) file cannot be read (\(reason)); replace or remove it"
    case .otherSize(let path, let expected, let found, let first):
      let isTurned = expected.height == found.width && expected.width == found.height
      return "\(path): image of \(found), expected \(expected) as \(first)"
        + (isTurned ? ", is it turned?" : "")
        + "; make them alike, or choose a size for all with --size"
    case .unknownClass(let path, let classes):
      return "\(path): a folder of a class that the training images do not have, expected one of "
        + "their \(classes); rename or remove it"
    case .tooFewClasses(let path, let found):
      return "\(path): images of \(found) \(found == 1 ? "class" : "classes"), expected 2 or more; "
        + "put the images of each class into a folder of their own"
    case .wrongClassCount(let path, let expected, let found):
      return "\(path): \(found) folders of classes, expected \(expected); leave --classes out or "
        + "correct the folders"
    case .noImages(let path):
      return "\(path): no images, expected PNG or JPEG files in a folder for each class"
    case .unknownLayout(let path, let found):
      return
        "\(path): found \(found), expected files of idx (train-images-idx3-ubyte, …), of CIFAR "
        + "(data_batch_1.bin, … or train.bin and test.bin), or folders of PNG and JPEG files, "
        + "one for "
        + "each class"
    case .partialRecord(let path, let recordSize, let found):
      return
        "\(path): \(found) bytes, expected a multiple of \(recordSize), an image of CIFAR with "
        + "its label; fetch it again"
    case .tooFewToSplit(let path, let found):
      return
        "\(path): \(found) images, expected at least two of each of two classes to hold some out;"
        + " add images, or a part of their own"
    }
  }

  /// The same line as `description`.
  public var errorDescription: String? { description }
}
