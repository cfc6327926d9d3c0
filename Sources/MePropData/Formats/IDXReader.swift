// An idx file item by item, for readers that need not keep all of it.

import Foundation

/// Reads the header of an idx file, then its elements from front to back, in memory that the caller
/// decides.
///
/// ```swift
/// let reader = try IDXReader(InputFile(path: "t10k-images-idx3-ubyte.gz"), rank: 3)
/// while let images = try reader.next(100) { print(images.count) }
/// ```
public final class IDXReader {
  /// The size of each dimension, the slowest first.
  public let dimensions: [Int]
  /// Elements that have not been read yet.
  public private(set) var remainingCount: Int

  private let file: InputFile
  private let totalCount: Int

  /// Reads the header of a file that is at its first byte.
  ///
  /// Nothing in the file is trusted: the magic number, the number of dimensions, and their product
  /// against the length of the contents.
  ///
  /// - Parameters:
  ///   - file: The file, plain or gzip.
  ///   - rank: How many dimensions it must have: 1 for labels, 3 for images.
  /// - Throws: `DataFormatError`.
  public init(_ file: InputFile, rank: Int) throws {
    precondition((1...255).contains(rank), "IDXReader: rank is \(rank), expected 1...255")
    self.file = file
    dimensions = try IDX.readHeader(of: file, rank: rank)
    let headerSize = IDX.headerSize(rank: rank)
    let claim = Self.claim(dimensions)
    guard let count = IDX.product(of: dimensions), count < Int.max - headerSize else {
      throw DataFormatError.tooLarge(path: file.path, claimed: claim, limit: IDX.mostElements)
    }
    totalCount = count
    remainingCount = count
    guard let storedSize = file.storedSize else { return }
    if !file.isCompressed, storedSize < headerSize + count {
      throw DataFormatError.truncated(
        path: file.path, expected: headerSize + count, found: storedSize)
    }
    // Deflate packs 1032 to 1 at best.
    if file.isCompressed, count / 1032 > storedSize {
      throw DataFormatError.tooLarge(path: file.path, claimed: claim, limit: storedSize * 1032)
    }
  }

  /// What the header says there is, for messages.
  var claim: String { Self.claim(dimensions) }

  private static func claim(_ dimensions: [Int]) -> String {
    "\(dimensions.map(String.init).joined(separator: " x ")) bytes"
  }

  /// Returns the elements of the next `count` items of the first dimension, fewer at the end, or
  /// `nil` after the last; then it has also been checked that the file ends there.
  ///
  /// - Throws: `DataFormatError`.
  public func next(_ count: Int) throws -> [UInt8]? {
    precondition(count > 0, "IDXReader.next: \(count) items, expected 1 or more")
    guard remainingCount > 0 else {
      guard try file.isAtEnd() else {
        throw DataFormatError.trailingBytes(
          path: file.path, offset: IDX.headerSize(rank: dimensions.count) + totalCount)
      }
      return nil
    }
    let itemSize = totalCount / dimensions[0]
    let wanted = min(count, remainingCount / itemSize) * itemSize
    let bytes = try [UInt8](unsafeUninitializedCapacity: wanted) { buffer, initializedCount in
      initializedCount = try file.fill(UnsafeMutableRawBufferPointer(buffer))
    }
    guard bytes.count == wanted else {
      let header = IDX.headerSize(rank: dimensions.count)
      throw DataFormatError.truncated(
        path: file.path, expected: header + totalCount,
        found: header + totalCount - remainingCount + bytes.count)
    }
    remainingCount -= wanted
    return bytes
  }
}
