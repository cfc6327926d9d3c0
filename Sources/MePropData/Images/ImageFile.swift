// PNG and JPEG files: their sizes, and their pixels as bytes.

import CJPEG
import CPNG
import Foundation
import MePropBase

/// A PNG or JPEG file in memory, told apart by its first bytes.
public struct ImageFile {
  /// The size, and whether its pixels have colours (3 channels) or not (1).
  public let shape: ImageShape
  /// The path, for messages.
  public let path: String

  /// What files are read.
  package enum Format: String {
    case png = "PNG"
    case jpeg = "JPEG"

    /// What a file is by its first bytes, of which 8 are enough; `nil` for none of these.
    package init?(_ first: some Sequence<UInt8>) {
      if first.starts(with: [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]) {
        self = .png
      } else if first.starts(with: [0xff, 0xd8, 0xff]) {
        self = .jpeg
      } else {
        return nil
      }
    }

    /// The most pixels that a byte of a file can stand for: deflate makes 1,032 bytes of one, each
    /// of eight pixels; JPEG spends a bit at least on 64 pixels.
    fileprivate var pixelsPerByte: Int { self == .png ? 8 * 1032 : 8 * 64 }
  }

  private let format: Format
  private let bytes: Data

  /// The most pixels that an image may have: a header that claims more is taken for damage.
  private static let maximumPixelCount = 1 << 27

  /// Reads a file and looks at its header.
  ///
  /// - Throws: ``ImageDataError``, `DataFormatError` where it cannot be opened.
  public init(path: String) throws {
    do {
      try self.init(Data(contentsOf: URL(fileURLWithPath: path)), path: path)
    } catch let error as ImageDataError {
      throw error
    } catch {
      let reason = (error as NSError).localizedFailureReason ?? error.localizedDescription
      throw DataFormatError.cannotOpen(path: path, reason: reason)
    }
  }

  /// Looks at the header of a file that has been read; `path` is its name in messages.
  ///
  /// - Throws: ``ImageDataError``.
  public init(_ bytes: Data, path: String) throws {
    self.bytes = bytes
    self.path = path
    guard let format = Format(bytes) else {
      let first = bytes.prefix(4).map { hexadecimal(UInt32($0), digits: 2) }
      throw ImageDataError.notAnImage(
        path: path,
        found: bytes.isEmpty ? "an empty file" : "bytes \(first.joined(separator: " "))")
    }
    self.format = format
    shape =
      switch format {
      case .png: try Self.pngShape(bytes, path)
      case .jpeg: try Self.jpegShape(bytes, path)
      }
    // Before anything is allocated for them.
    let possibleCount = min(Self.maximumPixelCount, bytes.count * format.pixelsPerByte)
    guard shape.height > 0, shape.width > 0, shape.positionCount <= possibleCount else {
      throw ImageDataError.damaged(
        path: path, format: format.rawValue,
        reason: "its header claims \(shape), expected at most \(possibleCount) pixels in "
          + "\(bytes.count) bytes")
    }
  }

  /// The pixels, `height · width · channels` bytes.
  ///
  /// - Parameter channels: 1 for grey, which colours are turned into by their luminance, or 3.
  /// - Returns: Row by row, the channels of a pixel side by side; what is transparent is white.
  /// - Throws: ``ImageDataError``.
  public func pixels(channels: Int) throws -> [UInt8] {
    precondition(channels == 1 || channels == 3, "ImageFile: \(channels) channels, expected 1 or 3")
    switch format {
    case .png: return try pngPixels(channels)
    case .jpeg: return try jpegPixels(channels)
    }
  }

  // MARK: PNG

  private static func text<Characters>(_ characters: Characters) -> String {
    withUnsafeBytes(of: characters) { bytes in
      String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
  }

  private static func pngShape(_ bytes: Data, _ path: String) throws -> ImageShape {
    var image = png_image()
    image.version = UInt32(PNG_IMAGE_VERSION)
    defer { png_image_free(&image) }
    let isRead = bytes.withUnsafeBytes {
      png_image_begin_read_from_memory(&image, $0.baseAddress, $0.count)
    }
    guard isRead != 0 else {
      throw ImageDataError.damaged(path: path, format: "PNG", reason: text(image.message))
    }
    // PNG_FORMAT_FLAG_COLOR
    return ImageShape(
      height: Int(image.height), width: Int(image.width), channels: image.format & 2 != 0 ? 3 : 1)
  }

  private func pngPixels(_ channels: Int) throws -> [UInt8] {
    var image = png_image()
    image.version = UInt32(PNG_IMAGE_VERSION)
    defer { png_image_free(&image) }
    var pixels = [UInt8](repeating: 0, count: shape.positionCount * channels)
    // What is transparent is white.
    var background = png_color(red: 255, green: 255, blue: 255)
    let isRead = bytes.withUnsafeBytes { bytes in
      guard png_image_begin_read_from_memory(&image, bytes.baseAddress, bytes.count) != 0 else {
        return false
      }
      // PNG_FORMAT_RGB, or PNG_FORMAT_GRAY
      image.format = channels == 3 ? 2 : 0
      return pixels.withUnsafeMutableBytes {
        png_image_finish_read(&image, &background, $0.baseAddress, 0, nil) != 0
      }
    }
    guard isRead, image.warning_or_error & 2 == 0 else {
      throw ImageDataError.damaged(path: path, format: "PNG", reason: Self.text(image.message))
    }
    return pixels
  }

  // MARK: JPEG

  private static func jpegShape(_ bytes: Data, _ path: String) throws -> ImageShape {
    var result = meprop_jpeg()
    let isRead = bytes.withUnsafeBytes {
      meprop_jpeg_read(
        $0.bindMemory(to: UInt8.self).baseAddress, $0.count, 1, nil, &result)
    }
    guard isRead != 0 else {
      throw ImageDataError.damaged(path: path, format: "JPEG", reason: text(result.problem))
    }
    guard result.components != 4 else {
      throw ImageDataError.damaged(
        path: path, format: "JPEG", reason: "its colours are CMYK, expected RGB or grey")
    }
    return ImageShape(
      height: Int(result.height), width: Int(result.width),
      channels: result.components == 1 ? 1 : 3)
  }

  private func jpegPixels(_ channels: Int) throws -> [UInt8] {
    var pixels = [UInt8](repeating: 0, count: shape.positionCount * channels)
    var result = meprop_jpeg()
    let isRead = bytes.withUnsafeBytes { bytes in
      pixels.withUnsafeMutableBufferPointer { pixels in
        meprop_jpeg_read(
          bytes.bindMemory(to: UInt8.self).baseAddress, bytes.count, Int32(channels),
          pixels.baseAddress, &result)
      }
    }
    guard isRead != 0 else {
      throw ImageDataError.damaged(
        path: path, format: "JPEG", reason: Self.text(result.problem))
    }
    return pixels
  }
}
