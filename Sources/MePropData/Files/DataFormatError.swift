// What can be wrong with a data file that somebody else wrote: gzip, idx, lines of text, CSV.
// Errors of safetensors files are in SafeTensorsError.swift, of places in DataLocationError.swift.

import Foundation

/// A data file that cannot be used, with the place, what was expected there and what was found.
///
/// Offsets are in bytes from 0; lines, columns and fields count from 1. Offsets named "packed" are
/// in the file as stored, all others in its contents after gzip is unpacked.
public enum DataFormatError: Error, Equatable, Sendable {
  /// The file cannot be opened; `reason` is the system's.
  case cannotOpen(path: String, reason: String)
  /// Reading failed at a packed offset; `reason` is the system's.
  case cannotRead(path: String, packedOffset: Int, reason: String)
  /// The gzip stream is damaged (checksum, length or code) at about this packed offset.
  case gzipDamaged(path: String, packedOffset: Int, reason: String)
  /// The gzip stream stops at the end of the file, before its own end.
  case gzipTruncated(path: String, packedOffset: Int)
  /// Bytes that are not gzip follow the end of the gzip stream.
  case gzipTrailingBytes(path: String, packedOffset: Int)
  /// The first four bytes are not the magic number of the format.
  case wrongMagic(path: String, expected: UInt32, found: [UInt8], format: String)
  /// The contents stop early: `expected` bytes by the file's own header, `found` present.
  case truncated(path: String, expected: Int, found: Int)
  /// Contents go on at `offset`, where by the file's own header they should end.
  case trailingBytes(path: String, offset: Int)
  /// The header claims more than may be read, or more than the file can hold.
  case tooLarge(path: String, claimed: String, limit: Int)
  /// Images and labels that belong together differ in number.
  case countMismatch(imagesPath: String, images: Int, labelsPath: String, labels: Int)
  /// A label that is not in `0..<classCount`.
  case labelOutOfRange(path: String, index: Int, offset: Int, found: Int, classCount: Int)
  /// Fewer examples than are needed.
  case tooFewExamples(path: String, needed: Int, found: Int)
  /// A line is longer than `limit` bytes.
  case lineTooLong(path: String, line: Int, limit: Int)
  /// More than `limit` blank lines follow each other.
  case tooManyBlankLines(path: String, line: Int, limit: Int)
  /// A packed text that unpacks to more than `limit` bytes.
  case unpacksTooFar(path: String, stored: Int, limit: Int)
  /// What the header claims does not fit into the memory there is.
  case needsMemory(path: String, claimed: String, available: Int)
  /// A line is not UTF-8.
  case notUTF8(path: String, line: Int)
  /// A row of numbers has too few or too many fields.
  case wrongFieldCount(path: String, line: Int, expected: Int, found: Int)
  /// A field is not a finite number; `column` is the byte in the line.
  case badNumber(path: String, line: Int, column: Int, field: Int, found: String)
}

extension DataFormatError: CustomStringConvertible, LocalizedError {
  /// One line: file, place, expected, found, and what to do.
  public var description: String {
    switch self {
    case .cannotOpen(let path, let reason):
      return "\(path): cannot be opened (\(reason)); check the name and the rights of the file"
    case .cannotRead(let path, _, let reason) where reason == systemReason(EISDIR):
      return "\(path): expected a file, found a folder (\(reason)); name a file in it"
    case .cannotRead(let path, let offset, let reason):
      return "\(path): reading failed at byte \(offset) (\(reason))"
    case .gzipDamaged(let path, let offset, let reason):
      return "\(path): gzip data damaged near packed byte \(offset) (\(reason)); fetch it again"
    case .gzipTruncated(let path, let offset):
      return "\(path): gzip data incomplete, the file ends at packed byte \(offset) before the "
        + "gzip stream does; fetch it again"
    case .gzipTrailingBytes(let path, let offset):
      return "\(path): bytes that are not gzip follow the gzip stream at packed byte \(offset), "
        + "expected the end of the file; fetch it again"
    case .wrongMagic(let path, let expected, let found, let format):
      let bytes = found.map { hexadecimal(UInt32($0), digits: 2) }.joined(separator: " ")
      return "\(path): not \(format), at byte 0 expected magic number "
        + "0x\(hexadecimal(expected, digits: 8)), found bytes \(bytes)"
    case .truncated(let path, let expected, let found):
      return found == 0
        ? "\(path): is empty, expected \(expected) bytes or more; fetch it again"
        : "\(path): ends at byte \(found), expected \(expected) bytes by its header; fetch it again"
    case .trailingBytes(let path, let offset):
      return "\(path): goes on at byte \(offset), expected its end there by its header; "
        + "the count in the header or the file is wrong, fetch it again"
    case .tooLarge(let path, let claimed, let limit):
      return "\(path): its header claims \(claimed), expected at most \(limit) bytes; "
        + "the header is wrong, fetch it again"
    case .countMismatch(let imagesPath, let images, let labelsPath, let labels):
      return "\(labelsPath): holds \(labels) labels, expected \(images), the number of images in "
        + "\(imagesPath); use files that belong together"
    case .labelOutOfRange(let path, let index, let offset, let found, let classCount):
      return "\(path): label \(found) of example \(index) at byte \(offset), "
        + "expected 0...\(classCount - 1)"
    case .tooFewExamples(let path, let needed, let found):
      return "\(path): holds \(found) examples, expected \(needed) or more"
    case .lineTooLong(let path, let line, let limit):
      return "\(path):\(line): line longer than \(limit) bytes; is this a text file?"
    case .tooManyBlankLines(let path, let line, let limit):
      return "\(path):\(line): more than \(limit) blank lines one after the other, expected text; "
        + "the file is damaged, fetch it again"
    case .unpacksTooFar(let path, let stored, let limit):
      return "\(path): its \(stored) bytes unpack to more than \(limit), expected text, which "
        + "packs to a tenth or so; if it is meant, unpack it with gunzip first"
    case .needsMemory(let path, let claimed, let available):
      return "\(path): holds \(claimed), which do not fit into the memory of "
        + "\(available / 1_000_000) MB; divide the file, or use a machine with more memory"
    case .notUTF8(let path, let line):
      return "\(path):\(line): not UTF-8 text; convert the file"
    case .wrongFieldCount(let path, let line, let expected, let found):
      let hint =
        found == expected + 1
        ? "; is the first or the last a label? leave that column out" : ""
      return "\(path):\(line): expected \(expected) numbers, found \(found)\(hint)"
    case .badNumber(let path, let line, let column, let field, let found):
      return "\(path):\(line):\(column): field \(field) is \"\(found)\", expected a finite number"
    }
  }

  /// The same line as `description`.
  public var errorDescription: String? { description }
}

/// `value` in base 16, lower case, with leading zeros.
func hexadecimal(_ value: UInt32, digits: Int) -> String {
  let text = String(value, radix: 16)
  return String(repeating: "0", count: max(0, digits - text.count)) + text
}
