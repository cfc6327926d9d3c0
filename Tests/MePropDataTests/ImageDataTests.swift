// Files of images in all forms, good and bad.

import CPNG
import CZlib
import Foundation
import MePropCore
import MePropData
import Testing

@Suite struct ImageDataTests {
  /// 8 x 6 pixels of red 200, green 30, blue 60.
  private static let colorJPEG =
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAIBAQEBAQIBAQECAgICAgQDAgICAgUEBAMEBgUGBgYFBgYGBwkIBg"
    + "cJBwYGCAsICQoKCgoKBggLDAsKDAkKCgr/2wBDAQICAgICAgUDAwUKBwYHCgoKCgoKCgoKCgoKCgoKCgoKCgoK"
    + "CgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgr/wAARCAAGAAgDASIAAhEBAxEB/8QAFQABAQAAAAAAAAAAAA"
    + "AAAAAAAAj/xAAUEAEAAAAAAAAAAAAAAAAAAAAA/8QAFQEBAQAAAAAAAAAAAAAAAAAABgn/xAAUEQEAAAAAAAAA"
    + "AAAAAAAAAAAA/9oADAMBAAIRAxEAPwCTwAdUx//Z"
  /// 4 x 4 pixels of grey 120.
  private static let greyJPEG =
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAIBAQEBAQIBAQECAgICAgQDAgICAgUEBAMEBgUGBgYFBgYGBwkIBg"
    + "cJBwYGCAsICQoKCgoKBggLDAsKDAkKCgr/wAALCAAEAAQBAREA/8QAFAABAAAAAAAAAAAAAAAAAAAABv/EABQQ"
    + "AQAAAAAAAAAAAAAAAAAAAAD/2gAIAQEAAD8APv/Z"
  /// 4 x 4 pixels of cyan, magenta, yellow and black.
  private static let inkJPEG =
    "/9j/7gAOQWRvYmUAZAAAAAAA/9sAQwACAQEBAQECAQEBAgICAgIEAwICAgIFBAQDBAYFBgYGBQYGBgcJCAYHCQ"
    + "cGBggLCAkKCgoKCgYICwwLCgwJCgoK/8AAFAgABAAEBEMRAE0RAFkRAEsRAP/EABQAAQAAAAAAAAAAAAAAAAAA"
    + "AAn/xAAUEAEAAAAAAAAAAAAAAAAAAAAA/9oADgRDAE0AWQBLAAA/AEgDuO8E7//Z"

  private static func jpeg(_ text: String) throws -> [UInt8] {
    Array(try #require(Data(base64Encoded: text)))
  }

  /// A PNG file of bytes, `channels` a pixel: grey (1), colour (3) or colour and opacity (4).
  private static func png(
    _ pixels: [UInt8], _ height: Int, _ width: Int, channels: Int
  ) throws -> [UInt8] {
    var image = png_image()
    image.version = UInt32(PNG_IMAGE_VERSION)
    image.width = UInt32(width)
    image.height = UInt32(height)
    image.format = channels == 1 ? 0 : channels == 3 ? 2 : 3
    var bytes = [UInt8](repeating: 0, count: 10_000 + pixels.count * 2)
    var count = bytes.count
    let isWritten = png_image_write_to_memory(&image, &bytes, &count, 0, pixels, 0, nil)
    try #require(isWritten != 0)
    return Array(bytes[..<count])
  }

  private func file(_ bytes: [UInt8]) throws -> ImageFile {
    try ImageFile(Data(bytes), path: "image")
  }

  // MARK: Files

  @Test func readsPNG() throws {
    let grey = noise(35)
    let first = try file(Self.png(grey, 5, 7, channels: 1))
    #expect(first.shape == ImageShape(height: 5, width: 7, channels: 1))
    #expect(try first.pixels(channels: 1) == grey)
    #expect(try first.pixels(channels: 3) == grey.flatMap { [$0, $0, $0] })
    let color = noise(3 * 12)
    let second = try file(Self.png(color, 3, 4, channels: 3))
    #expect(second.shape == ImageShape(height: 3, width: 4, channels: 3))
    #expect(try second.pixels(channels: 3) == color)
    // What is transparent is white.
    let third = try file(Self.png([10, 20, 30, 255, 10, 20, 30, 0], 1, 2, channels: 4))
    #expect(try third.pixels(channels: 3) == [10, 20, 30, 255, 255, 255])
  }

  @Test func readsJPEG() throws {
    let color = try file(Self.jpeg(Self.colorJPEG))
    #expect(color.shape == ImageShape(height: 6, width: 8, channels: 3))
    for (place, value) in try color.pixels(channels: 3).enumerated() {
      #expect(abs(Int(value) - [200, 30, 60][place % 3]) <= 4)
    }
    for value in try color.pixels(channels: 1) { #expect(abs(Int(value) - 84) <= 4) }
    let grey = try file(Self.jpeg(Self.greyJPEG))
    #expect(grey.shape == ImageShape(height: 4, width: 4, channels: 1))
    for value in try grey.pixels(channels: 3) { #expect(abs(Int(value) - 120) <= 3) }
  }

  @Test func refusesWhatIsNoImage() throws {
    #expect(
      throws: ImageDataError.notAnImage(path: "image", found: "bytes 68 65 6c 6c")
    ) { try file(Array("hello".utf8)) }
    #expect(throws: ImageDataError.notAnImage(path: "image", found: "an empty file")) {
      try file([])
    }
    for bytes in [
      try Self.png(noise(400), 20, 20, channels: 1), try Self.jpeg(Self.colorJPEG),
    ] {
      // Every truncation is found, in the header or later, and none crashes.
      for count in [9, 20, 40, bytes.count / 2, bytes.count * 3 / 4] {
        #expect(throws: ImageDataError.self, "\(count) of \(bytes.count) bytes") {
          _ = try file(Array(bytes[..<count])).pixels(channels: 1)
        }
      }
    }
    let ink = #expect(throws: ImageDataError.self) { try file(Self.jpeg(Self.inkJPEG)) }
    #expect("\(try #require(ink))".contains("CMYK"))
  }

  @Test("A header that claims more pixels than the file can hold is refused before there is room")
  func refusesClaims() throws {
    var bytes = try Self.png(noise(400), 20, 20, channels: 1)
    // Width and height, and the check sum of their chunk.
    bytes.replaceSubrange(16..<24, with: [0, 0, 0x20, 0, 0, 0, 0x20, 0])
    let sum = bytes[12..<29].withUnsafeBufferPointer { crc32(0, $0.baseAddress, 17) }
    for place in 0..<4 {
      bytes[29 + place] = UInt8(truncatingIfNeeded: sum >> (24 - 8 * UInt(place)))
    }
    let error = #expect(throws: ImageDataError.self) { try file(bytes) }
    #expect("\(try #require(error))".contains("8192x8192"))
  }

  // MARK: Folders

  /// Writes images of one grey value for each class.
  private func write(
    _ folder: TemporaryFolder, _ place: String, _ classes: [String: Int], size: Int = 4
  ) throws {
    for (name, count) in classes {
      let url = folder.url.appendingPathComponent(place + name, isDirectory: true)
      try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
      for index in 0..<count {
        let pixels = [UInt8](repeating: UInt8(name.utf8.first ?? 0), count: size * size)
        try Data(Self.png(pixels, size, size, channels: 1))
          .write(to: url.appendingPathComponent("\(index).png"))
      }
    }
  }

  @Test func readsFoldersOfParts() throws {
    let folder = try TemporaryFolder()
    try write(folder, "train/", ["a": 3, "b": 2])
    try write(folder, "val/", ["a": 1, "b": 1])
    try write(folder, "test/", ["b": 2])
    let data = try ImageData(folder: folder.url)
    #expect(data.training.classes == ["a", "b"])
    #expect(data.training.labels == [0, 0, 0, 1, 1])
    #expect(data.development.labels == [0, 1] && data.test.labels == [1, 1])
    #expect(data.training.shape == ImageShape(height: 4, width: 4, channels: 1))
    #expect(data.test.pixels.allSatisfy { $0 == UInt8(ascii: "b") })
  }

  @Test func dividesFoldersOfClassesAlike() throws {
    let folder = try TemporaryFolder()
    try write(folder, "", ["a": 20, "b": 40])
    let data = try ImageData(folder: folder.url)
    #expect(data.test.labels.filter { $0 == 0 }.count == 2)
    #expect(data.test.labels.filter { $0 == 1 }.count == 4)
    #expect(data.development.count == 6 && data.training.count == 48)
    #expect(try ImageData(folder: folder.url) == data)
    let other = try ImageData(folder: folder.url, options: .init(testShare: 0.5))
    #expect(other.test.count == 30)
  }

  @Test func scalesAndCrops() throws {
    let images = ImageCollection(
      shape: ImageShape(height: 2, width: 4, channels: 1),
      pixels: [0, 100, 200, 50, 0, 100, 200, 50], labels: [0], classes: ["a", "b"])
    // The middle, at full size.
    #expect(images.resized(to: 2).pixels == [100, 200, 100, 200])
    let even = ImageCollection(
      shape: ImageShape(height: 6, width: 9, channels: 3),
      pixels: Array(repeating: 77, count: 162), labels: [0], classes: ["a", "b"])
    for size in [1, 2, 5, 8, 13] {
      let scaled = even.resized(to: ImageExtent(size))
      #expect(scaled.shape == ImageShape(height: size, width: size, channels: 3))
      #expect(scaled.pixels.allSatisfy { $0 == 77 })
    }
  }

  @Test func tellsWhatIsWrongWithFolders() throws {
    func error(_ prepare: (TemporaryFolder) throws -> Void) throws -> String {
      let folder = try TemporaryFolder()
      try prepare(folder)
      let error = #expect(throws: (any Error).self) { try ImageData(folder: folder.url) }
      return "\(try #require(error))"
    }
    #expect(try error { try write($0, "", ["a": 4]) }.contains("1 class, expected 2"))
    #expect(try error { _ in }.contains("expected files of idx"))
    #expect(
      try error {
        try write($0, "train/", ["a": 3, "b": 3])
        try write($0, "test/", ["c": 3])
      }.contains("test/c: a folder of a class"))
    #expect(
      try error {
        try write($0, "", ["a": 4, "b": 4])
        try $0.write("no image", to: "a/notes.txt")
      }.contains("a/notes.txt: expected a PNG or JPEG file"))
    let size = try error {
      try write($0, "", ["a": 4])
      try write($0, "", ["b": 4], size: 5)
    }
    #expect(size.contains("image of 5x5, expected 4x4") && size.contains("--size"))
    let turned = try error {
      try write($0, "", ["a": 4, "b": 4])
      try $0.write(Self.png(noise(12), 3, 4, channels: 1), to: "a/0.png")
      try $0.write(Self.png(noise(12), 4, 3, channels: 1), to: "a/1.png")
    }
    #expect(turned.contains("is it turned?"))
  }

  // MARK: CIFAR

  @Test func readsCIFAR() throws {
    let folder = try TemporaryFolder()
    /// Red 1, green 2, blue 3, but for the first pixel.
    func record(_ labels: [UInt8]) -> [UInt8] {
      labels + [9] + Array(repeating: 1, count: 1023) + Array(repeating: 2, count: 1024)
        + Array(repeating: 3, count: 1024)
    }
    for batch in 1...5 {
      try folder.write(
        (0..<10).flatMap { record([UInt8($0)]) + record([UInt8($0)]) },
        to: "data_batch_\(batch).bin")
    }
    try folder.write(record([7]), to: "test_batch.bin")
    let data = try ImageData(folder: folder.url)
    #expect(data.training.shape == ImageShape(height: 32, width: 32, channels: 3))
    #expect(data.training.count + data.development.count == 100 && data.test.labels == [7])
    #expect(data.test.pixels[..<6] == [9, 2, 3, 1, 2, 3])
    try folder.write(record([7]) + [0], to: "test_batch.bin")
    #expect(throws: ImageDataError.self) { try ImageData(folder: folder.url) }
    try folder.write(record([10]), to: "test_batch.bin")
    #expect(throws: DataFormatError.self) { try ImageData(folder: folder.url) }
  }

  @Test func readsFineLabelsOfCIFAR100() throws {
    let folder = try TemporaryFolder()
    func record(_ label: UInt8) -> [UInt8] { [0, label] + Array(repeating: label, count: 3072) }
    try folder.write((0..<100).flatMap { record($0) + record($0) }, to: "train.bin")
    try folder.write(record(42), to: "test.bin")
    try folder.write(
      (0..<100).map { "name\($0)\n" }.joined(), to: "fine_label_names.txt")
    let data = try ImageData(folder: folder.url)
    #expect(data.test.labels == [42] && data.test.classes[42] == "name42")
  }

  @Test func readsIDX() throws {
    let folder = try TemporaryFolder()
    for (name, count) in [("train", 40), ("t10k", 8)] {
      try IDX(dimensions: [count, 4, 5], bytes: noise(count * 20))
        .write(to: folder.file("\(name)-images-idx3-ubyte"))
      try IDX(dimensions: [count], bytes: (0..<count).map { UInt8($0 % 4) })
        .write(to: folder.file("\(name)-labels-idx1-ubyte"))
    }
    let data = try ImageData(folder: folder.url)
    #expect(data.training.classes == ["0", "1", "2", "3"])
    #expect(data.development.count == 4 && data.training.count == 36 && data.test.count == 8)
    #expect(throws: DataFormatError.self) {
      try ImageData(folder: folder.url, options: .init(classCount: 3))
    }
    let color = try ImageData(folder: folder.url, options: .init(size: 8, channels: 3))
    #expect(color.test.shape == ImageShape(height: 8, width: 8, channels: 3))
  }
}
