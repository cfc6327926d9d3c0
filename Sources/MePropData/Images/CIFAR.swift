// The binary files of CIFAR-10 and CIFAR-100: 32 x 32 pixels in colour, planes after the labels.

import Foundation
import MePropBase

/// CIFAR-10 and CIFAR-100 as their authors distribute them in binary form.
enum CIFAR {
  /// The shape of each image.
  static let shape = ImageShape(height: 32, width: 32, channels: 3)

  /// Which of the two.
  enum Kind {
    case ten
    case hundred

    /// The training files, and the test file.
    var files: (training: [String], test: String) {
      switch self {
      case .ten: ((1...5).map { "data_batch_\($0).bin" }, "test_batch.bin")
      case .hundred: (["train.bin"], "test.bin")
      }
    }
    /// The file of the classes' names.
    var names: String { self == .ten ? "batches.meta.txt" : "fine_label_names.txt" }
    /// The bytes before the pixels of an image; the last is its class.
    var labelBytes: Int { self == .ten ? 1 : 2 }
    /// The number of classes.
    var classCount: Int { self == .ten ? 10 : 100 }
  }

  /// The folder with the files, itself or as archives unpack it, and of which kind they are.
  static func find(_ folder: URL) -> (folder: URL, kind: Kind)? {
    for name in ["", "cifar-10-batches-bin", "cifar-100-binary"] {
      let place = name.isEmpty ? folder : folder.appendingPathComponent(name, isDirectory: true)
      guard let files = try? DataFolder(place) else { continue }
      for kind in [Kind.ten, .hundred] where files.file(kind.files.training[0]) != nil {
        return (place, kind)
      }
    }
    return nil
  }

  /// Reads training and test images.
  ///
  /// - Throws: `DataLocationError`, `DataFormatError`, ``ImageDataError``.
  static func load(
    _ folder: URL, _ kind: Kind
  ) throws -> (training: ImageCollection, test: ImageCollection) {
    let files = try DataFolder(folder)
    let names = classNames(files, kind)
    let training = try files.requiredFiles(kind.files.training)
    let test = try files.requiredFiles([kind.files.test])
    return (try read(training, kind, names), try read(test, kind, names))
  }

  private static func classNames(_ files: DataFolder, _ kind: Kind) -> [String] {
    let text = files.file(kind.names).flatMap { try? String(contentsOf: $0, encoding: .utf8) }
    let names = (text ?? "").split(whereSeparator: \.isNewline).map(String.init)
    return names.count == kind.classCount ? names : (0..<kind.classCount).map(String.init)
  }

  private static func read(
    _ files: [URL], _ kind: Kind, _ names: [String]
  ) throws -> ImageCollection {
    let plane = shape.positionCount
    let recordSize = kind.labelBytes + shape.count
    var (pixels, labels): ([UInt8], [Int32]) = ([], [])
    for url in files {
      let file = try InputFile(path: url.path)
      var record = [UInt8](repeating: 0, count: recordSize)
      while true {
        let found = try record.withUnsafeMutableBytes { try file.fill($0) }
        if found == 0 { break }
        guard found == recordSize else {
          throw ImageDataError.partialRecord(
            path: url.path, recordSize: recordSize, found: file.offset)
        }
        let label = Int(record[kind.labelBytes - 1])
        guard label < kind.classCount else {
          throw DataFormatError.labelOutOfRange(
            path: url.path, index: file.offset / recordSize - 1,
            offset: file.offset - shape.count - 1, found: label, classCount: kind.classCount)
        }
        labels.append(Int32(label))
        for position in 0..<plane {
          for channel in 0..<3 {
            pixels.append(record[kind.labelBytes + channel * plane + position])
          }
        }
      }
    }
    guard !labels.isEmpty else {
      throw DataFormatError.tooFewExamples(path: files[0].path, needed: 1, found: 0)
    }
    return ImageCollection(shape: shape, pixels: pixels, labels: labels, classes: names)
  }
}
