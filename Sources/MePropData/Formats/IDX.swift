// The idx format of MNIST: a big-endian header (magic number, one size per dimension), then bytes.

import Foundation

/// An array of unsigned bytes with its dimensions, as idx files hold it (row-major).
///
/// idx1 holds labels `[count]`, idx3 images `[count, rows, columns]`. Only element type 0x08
/// (unsigned byte) is read and written.
public struct IDX: Sendable, Equatable {
  /// The size of each dimension, the slowest first.
  public let dimensions: [Int]
  /// The elements; as many as the product of `dimensions`.
  public let bytes: [UInt8]

  /// Creates an array from its dimensions and elements, which must fit each other.
  public init(dimensions: [Int], bytes: [UInt8]) {
    precondition(
      (1...255).contains(dimensions.count)
        && dimensions.allSatisfy { $0 >= 0 && $0 <= Int(UInt32.max) },
      "IDX: dimensions \(dimensions), expected 1 to 255 of them, each in 0...\(UInt32.max)")
    precondition(
      Self.product(of: dimensions) == bytes.count,
      "IDX: dimensions \(dimensions) do not fit \(bytes.count) bytes")
    self.dimensions = dimensions
    self.bytes = bytes
  }

  /// More elements than these are refused, unless somebody asks for more.
  public static let mostElements = 1 << 31

  /// The bytes before the first element: magic number and dimensions.
  public static func headerSize(rank: Int) -> Int { 4 + 4 * rank }

  /// Reads an idx file, plain or gzip.
  ///
  /// Nothing in the file is trusted: the magic number, the number of dimensions, their product
  /// against the length of the contents, and for gzip the checksum. A header that claims more than
  /// the file can hold is refused before memory is taken.
  ///
  /// - Parameters:
  ///   - url: The file.
  ///   - rank: How many dimensions it must have: 1 for labels, 3 for images.
  ///   - maximumByteCount: More elements than these are refused.
  /// - Returns: The array, as large as the header says.
  /// - Throws: `DataFormatError`.
  public static func read(
    from url: URL, rank: Int, maximumByteCount: Int = mostElements
  ) throws -> IDX {
    try read(InputFile(path: url.path), rank: rank, maximumByteCount: maximumByteCount)
  }

  /// Reads an idx file that is already open, for example standard input, from its first byte.
  ///
  /// - Parameters: As for `read(from:rank:maximumByteCount:)`.
  /// - Throws: `DataFormatError`.
  public static func read(
    _ file: InputFile, rank: Int, maximumByteCount: Int = mostElements
  ) throws -> IDX {
    let reader = try IDXReader(file, rank: rank)
    let count = reader.remainingCount
    guard count <= maximumByteCount else {
      throw DataFormatError.tooLarge(
        path: file.path, claimed: reader.claim, limit: maximumByteCount)
    }
    // Twice: a training set is divided.
    guard MemoryLimit.allows(2 * count) else {
      throw DataFormatError.needsMemory(
        path: file.path, claimed: reader.claim, available: MemoryLimit.bytes ?? 0)
    }
    let bytes = try readBytes(count, of: file)
    guard bytes.count == count else {
      throw DataFormatError.truncated(
        path: file.path, expected: headerSize(rank: rank) + count,
        found: headerSize(rank: rank) + bytes.count)
    }
    guard try file.isAtEnd() else {
      throw DataFormatError.trailingBytes(
        path: file.path, offset: headerSize(rank: rank) + count)
    }
    return IDX(dimensions: reader.dimensions, bytes: bytes)
  }

  /// Writes the array as a plain idx file, atomically.
  ///
  /// - Throws: `FileWriteError`.
  public func write(to url: URL) throws {
    var header = Self.bigEndianBytes(Self.magic(rank: dimensions.count))
    for size in dimensions { header += Self.bigEndianBytes(UInt32(size)) }
    try AtomicFile.write(to: url) { writer in
      try writer.write(header)
      try writer.write(bytes)
    }
  }

  static func magic(rank: Int) -> UInt32 { 0x0800 | UInt32(rank) }

  private static func bigEndianBytes(_ value: UInt32) -> [UInt8] {
    withUnsafeBytes(of: value.bigEndian, Array.init)
  }

  /// The product of sizes, or `nil` where it does not fit `Int`.
  static func product(of sizes: [Int]) -> Int? {
    if sizes.contains(0) { return 0 }
    var product = 1
    for size in sizes {
      let (next, overflow) = product.multipliedReportingOverflow(by: size)
      if overflow { return nil }
      product = next
    }
    return product
  }

  static func readHeader(of file: InputFile, rank: Int) throws -> [Int] {
    var header = [UInt8](repeating: 0, count: headerSize(rank: rank))
    let found = try header.withUnsafeMutableBytes { try file.fill($0) }
    func value(at offset: Int) -> UInt32 {
      header[offset..<(offset + 4)].reduce(0) { $0 << 8 | UInt32($1) }
    }
    guard found >= 4 else {
      throw DataFormatError.truncated(path: file.path, expected: header.count, found: found)
    }
    let magic = magic(rank: rank)
    guard value(at: 0) == magic else {
      throw DataFormatError.wrongMagic(
        path: file.path, expected: magic, found: Array(header[..<4]),
        format: "an idx\(rank) file of unsigned bytes")
    }
    guard found == header.count else {
      throw DataFormatError.truncated(path: file.path, expected: header.count, found: found)
    }
    return (0..<rank).map { Int(value(at: 4 + 4 * $0)) }
  }

  /// Reads up to `count` bytes; memory grows with what is really there.
  private static func readBytes(_ count: Int, of file: InputFile) throws -> [UInt8] {
    var bytes: [UInt8] = []
    var target = min(count, 64 << 20)
    while true {
      let present = bytes.count
      let grown = try [UInt8](unsafeUninitializedCapacity: target) { buffer, initializedCount in
        let raw = UnsafeMutableRawBufferPointer(buffer)
        bytes.withUnsafeBytes { raw.copyMemory(from: $0) }
        let tail = UnsafeMutableRawBufferPointer(rebasing: raw[present...])
        initializedCount = present + (try file.fill(tail))
      }
      bytes = grown
      if bytes.count < target || target == count { return bytes }
      target = min(count, target * 2)
    }
  }
}
