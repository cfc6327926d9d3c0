// Folders of PNG and JPEG files: a folder for each class, perhaps within folders for each part.

import Foundation
import MePropBase

/// Images in files, a folder for each class; with or without folders for training, development and
/// test around them.
struct ImageFolders {
  /// What is read of files.
  struct Options {
    /// The size that all images are scaled and cropped to; `nil`: they have one size.
    var size: ImageExtent?
    /// 1 for grey, 3 for colour; `nil`: colour if any training image has it.
    var channels: Int?
  }

  /// Names of folders of parts.
  static let partNames: [(part: ImageData.Part, names: [String])] = [
    (.training, ["train", "training"]), (.development, ["dev", "val", "valid", "validation"]),
    (.test, ["test", "testing"]),
  ]

  /// Files of systems that are no images, and no mistake.
  private static let ignored = ["Thumbs.db", "desktop.ini", "__MACOSX"]

  private let options: Options
  private var shape: ImageShape?
  private var first = ""
  private var classes: [String]?

  init(_ options: Options) { self.options = options }

  /// The folders in a folder, and its other entries, sorted by name.
  private static func list(_ folder: URL) throws -> (folders: [String], files: [String]) {
    let names: [String]
    do {
      names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    } catch {
      throw DataLocationError.folderUnreadable(
        path: folder.path, reason: (error as NSError).localizedFailureReason ?? "\(error)")
    }
    var (folders, files): ([String], [String]) = ([], [])
    for name in names.sorted() where !name.hasPrefix(".") && !ignored.contains(name) {
      var isFolder: ObjCBool = false
      let path = folder.appendingPathComponent(name).path
      _ = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
      if isFolder.boolValue { folders.append(name) } else { files.append(name) }
    }
    return (folders, files)
  }

  /// Which folder is of which part; `nil` where there is none for training.
  static func parts(_ folder: URL) throws -> [ImageData.Part: URL]? {
    let folders = try list(folder).folders
    var parts: [ImageData.Part: URL] = [:]
    for (part, names) in partNames {
      if let name = folders.first(where: { names.contains($0.lowercased()) }) {
        parts[part] = folder.appendingPathComponent(name, isDirectory: true)
      }
    }
    return parts[.training] == nil ? nil : parts
  }

  /// Whether there are folders with files in them.
  static func looksLikeClasses(_ folder: URL) throws -> Bool {
    let folders = try list(folder).folders
    return try folders.contains {
      try !list(folder.appendingPathComponent($0, isDirectory: true)).files.isEmpty
    }
  }

  /// Reads all images of a folder of classes; the first one read says which classes there are.
  mutating func read(_ folder: URL) throws -> ImageCollection {
    let (folders, files) = try Self.list(folder)
    if let file = files.first, folders.isEmpty {
      throw ImageDataError.noImages(path: folder.appendingPathComponent(file).path)
    }
    let classes = self.classes ?? folders
    guard classes.count >= 2 else {
      throw ImageDataError.tooFewClasses(path: folder.path, found: classes.count)
    }
    self.classes = classes
    var images: [(path: String, label: Int32)] = []
    for name in folders {
      let place = folder.appendingPathComponent(name, isDirectory: true)
      guard let label = classes.firstIndex(of: name) else {
        throw ImageDataError.unknownClass(path: place.path, classes: classes.count)
      }
      let names = try Self.list(place).files
      guard !names.isEmpty else { throw ImageDataError.noImages(path: place.path) }
      for file in names {
        images.append((place.appendingPathComponent(file).path, Int32(label)))
      }
    }
    guard !images.isEmpty else { throw ImageDataError.noImages(path: folder.path) }
    let shape = try self.shape ?? Self.shape(of: images.map(\.path), options)
    self.shape = shape
    if first.isEmpty { first = images[0].path }
    var (pixels, labels): ([UInt8], [Int32]) = ([], [])
    pixels.reserveCapacity(images.count * shape.count)
    for (path, label) in images {
      pixels += try Self.pixels(path, shape, scales: options.size != nil, first: first)
      labels.append(label)
    }
    return ImageCollection(shape: shape, pixels: pixels, labels: labels, classes: classes)
  }

  /// The shape that images are read in: of the first file, in colour if any has it.
  private static func shape(of paths: [String], _ options: Options) throws -> ImageShape {
    let first = try ImageFile(path: paths[0]).shape
    var channels = options.channels ?? first.channels
    if options.channels == nil {
      for path in paths where channels == 1 { channels = try ImageFile(path: path).shape.channels }
    }
    let size = options.size ?? ImageExtent(first.height, first.width)
    return ImageShape(height: size.height, width: size.width, channels: channels)
  }

  /// The pixels of a file in a shape.
  static func pixels(
    _ path: String, _ shape: ImageShape, scales: Bool, first: String
  ) throws -> [UInt8] {
    let file = try ImageFile(path: path)
    let pixels = try file.pixels(channels: shape.channels)
    let found = ImageShape(
      height: file.shape.height, width: file.shape.width, channels: shape.channels)
    if found == shape { return pixels }
    guard scales else {
      throw ImageDataError.otherSize(
        path: path, expected: ImageExtent(shape.height, shape.width),
        found: ImageExtent(found.height, found.width), as: first)
    }
    return ImageScaler(from: found, to: shape).scaled(pixels[...])
  }
}
