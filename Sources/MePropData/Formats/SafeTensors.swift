// The safetensors format: u64 header length (little-endian), a JSON header, then raw tensors.
// See https://github.com/huggingface/safetensors, section "Format".

import Foundation
import MePropBase

/// Reads and writes safetensors files of 32-bit floats.
public enum SafeTensors {
  /// The longest header that is accepted, in bytes; the limit of the reference implementation.
  public static let maximumHeaderSize = 100_000_000

  /// Writes tensors in the order given, atomically.
  ///
  /// The same input gives the same bytes: metadata are sorted by key, and the header is padded with
  /// spaces so that tensors start at a multiple of 8.
  ///
  /// - Parameters:
  ///   - tensors: What to write; names must differ and not be `__metadata__`.
  ///   - metadata: Texts to keep with them.
  ///   - url: The file to create or replace.
  /// - Throws: `FileWriteError`; then what was at `url` is untouched.
  public static func write(
    _ tensors: [NamedTensor], metadata: [String: String] = [:], to url: URL
  ) throws {
    precondition(
      Set(tensors.map(\.name)).union(["__metadata__"]).count == tensors.count + 1,
      "SafeTensors.write: names \(tensors.map(\.name)), expected different ones, "
        + "none of them __metadata__")
    let header = header(of: tensors, metadata: metadata)
    try AtomicFile.write(to: url) { writer in
      try writer.write(withUnsafeBytes(of: UInt64(header.count).littleEndian, Array.init))
      try writer.write(header)
      for tensor in tensors { try tensor.values.withLittleEndianBytes { try writer.write($0) } }
    }
  }

  /// Reads all tensors of a file, in the order in which their values are stored.
  ///
  /// Nothing in the file is trusted: header length, JSON, names, shapes, offsets (no gap, no
  /// overlap), and the length of the file are checked before memory is taken for values.
  ///
  /// - Throws: `SafeTensorsError`, or `DataFormatError` where the file cannot be opened or read.
  public static func read(
    from url: URL
  ) throws -> (tensors: [NamedTensor], metadata: [String: String]) {
    let file = try InputFile(path: url.path, unpacksGzip: false)
    guard let size = file.storedSize else {
      throw DataFormatError.cannotOpen(path: file.path, reason: "not a regular file")
    }
    var length: UInt64 = 0
    let found = try withUnsafeMutableBytes(of: &length) { try file.fill($0) }
    guard found == 8 else {
      throw SafeTensorsError.truncated(path: file.path, expected: 8, found: found)
    }
    let claimed = UInt64(littleEndian: length)
    guard claimed <= maximumHeaderSize else {
      throw SafeTensorsError.headerTooLong(
        path: file.path, found: claimed, limit: maximumHeaderSize)
    }
    let dataStart = 8 + Int(claimed)
    guard dataStart <= size else {
      throw SafeTensorsError.truncated(path: file.path, expected: dataStart, found: size)
    }
    let header = try SafeTensorsHeader(
      parsing: try readArray(of: file, count: Int(claimed)), path: file.path)
    let entries = try checkedEntries(of: header, path: file.path)
    let dataSize = entries.last?.offsets[1] ?? 0
    guard size - dataStart >= dataSize else {
      let (expected, overflow) = dataStart.addingReportingOverflow(dataSize)
      throw SafeTensorsError.truncated(
        path: file.path, expected: overflow ? .max : expected, found: size)
    }
    guard size - dataStart == dataSize else {
      throw SafeTensorsError.trailingBytes(path: file.path, offset: dataStart + dataSize)
    }
    let tensors = try entries.map { entry in
      let count = (entry.offsets[1] - entry.offsets[0]) / 4
      var values: [Float] = try readArray(of: file, count: count)
      values.swapFromLittleEndian()
      return NamedTensor(name: entry.name, shape: entry.shape, values: values)
    }
    return (tensors, header.metadata)
  }

  /// The entries sorted by offset, each of a known type and right behind the one before.
  private static func checkedEntries(
    of header: SafeTensorsHeader, path: String
  ) throws -> [SafeTensorsHeader.Entry] {
    var start = 0
    let sorted = header.entries.sorted {
      ($0.offsets[0], $0.offsets[1]) < ($1.offsets[0], $1.offsets[1])
    }
    for entry in sorted {
      guard entry.type == "F32" else {
        throw SafeTensorsError.unsupportedType(
          path: path, tensor: entry.name, found: entry.type)
      }
      var byteCount = entry.shape.contains(0) ? 0 : 4
      for size in entry.shape where byteCount > 0 {
        let (product, overflow) = byteCount.multipliedReportingOverflow(by: size)
        guard !overflow else {
          throw SafeTensorsError.shapeOverflow(
            path: path, tensor: entry.name, shape: entry.shape)
        }
        byteCount = product
      }
      let (end, overflow) = start.addingReportingOverflow(byteCount)
      guard !overflow else {
        throw SafeTensorsError.shapeOverflow(path: path, tensor: entry.name, shape: entry.shape)
      }
      guard entry.offsets == [start, end] else {
        throw SafeTensorsError.badOffsets(
          path: path, tensor: entry.name, expected: [start, end], found: entry.offsets)
      }
      start = end
    }
    return sorted
  }

  /// Reads `count` elements of a type that any bit pattern is valid for.
  private static func readArray<Element: BitwiseCopyable>(
    of file: InputFile, count: Int
  ) throws -> [Element] {
    let array = try [Element](unsafeUninitializedCapacity: count) { buffer, initializedCount in
      let raw = UnsafeMutableRawBufferPointer(
        start: buffer.baseAddress, count: count * MemoryLayout<Element>.stride)
      initializedCount = try file.fill(raw) / MemoryLayout<Element>.stride
    }
    guard array.count == count else {
      // The file became shorter while it was read.
      throw SafeTensorsError.truncated(
        path: file.path, expected: file.offset + 1, found: file.offset)
    }
    return array
  }

  private static func header(of tensors: [NamedTensor], metadata: [String: String]) -> [UInt8] {
    var fields: [String] = []
    if !metadata.isEmpty {
      let pairs = metadata.sorted { $0.key < $1.key }
        .map { "\(quoted($0.key)):\(quoted($0.value))" }
      fields.append("\"__metadata__\":{\(pairs.joined(separator: ","))}")
    }
    var start = 0
    for tensor in tensors {
      let end = start + 4 * tensor.values.count
      let shape = tensor.shape.map(String.init).joined(separator: ",")
      fields.append(
        "\(quoted(tensor.name)):{\"dtype\":\"F32\",\"shape\":[\(shape)],"
          + "\"data_offsets\":[\(start),\(end)]}")
      start = end
    }
    let bytes = Array("{\(fields.joined(separator: ","))}".utf8)
    return bytes + [UInt8](repeating: 0x20, count: (8 - bytes.count % 8) % 8)
  }

  /// `text` as a JSON string.
  private static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\": result += "\\\(scalar)"
      case "\u{0}"..<" ": result += "\\u" + hexadecimal(scalar.value, digits: 4)
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}

extension [Float] {
  /// Calls `body` with the bytes of the array in little-endian order; a copy only where needed.
  fileprivate func withLittleEndianBytes(
    _ body: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    #if _endian(little)
      try withUnsafeBytes(body)
    #else
      try map(\.bitPattern.littleEndian).withUnsafeBytes(body)
    #endif
  }

  /// Brings elements that were read as little-endian bytes to the order of this machine.
  fileprivate mutating func swapFromLittleEndian() {
    #if _endian(big)
      for index in indices {
        self[index] = Float(bitPattern: self[index].bitPattern.byteSwapped)
      }
    #endif
  }
}
