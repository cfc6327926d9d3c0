// What can be wrong with a safetensors file.

import Foundation

/// A safetensors file that is refused, with the place, what was expected and what was found.
///
/// Offsets are in bytes from the start of the file.
public enum SafeTensorsError: Error, Equatable, Sendable {
  /// The file ends early: `expected` bytes by its own header, `found` present.
  case truncated(path: String, expected: Int, found: Int)
  /// Bytes follow the last tensor.
  case trailingBytes(path: String, offset: Int)
  /// The first eight bytes claim a header longer than `limit`.
  case headerTooLong(path: String, found: UInt64, limit: Int)
  /// The header is not the JSON that the format asks for.
  case badHeader(path: String, offset: Int, expected: String, found: String)
  /// Two tensors, or two fields of one, have the same name.
  case duplicateName(path: String, offset: Int, name: String)
  /// A tensor's element type is not `F32`.
  case unsupportedType(path: String, tensor: String, found: String)
  /// A shape whose size in bytes does not fit 64 bits.
  case shapeOverflow(path: String, tensor: String, shape: [Int])
  /// A tensor's bytes do not start where the one before ends, or are not as many as its shape asks.
  case badOffsets(path: String, tensor: String, expected: [Int], found: [Int])
}

extension SafeTensorsError: CustomStringConvertible, LocalizedError {
  /// One line: file, place, expected, found, and what to do.
  public var description: String {
    switch self {
    case .truncated(let path, let expected, let found):
      return found == 0
        ? "\(path): is empty, expected a safetensors file; copy it again"
        : "\(path): ends at byte \(found), expected \(expected) bytes by its header; "
          + "copy it again"
    case .trailingBytes(let path, let offset):
      return "\(path): goes on at byte \(offset), expected its end there by its header; "
        + "copy it again"
    case .headerTooLong(let path, let found, let limit):
      return "\(path): not a safetensors file, bytes 0 to 7 give a header of \(found) bytes, "
        + "expected at most \(limit)"
    case .badHeader(let path, let offset, let expected, let found):
      return "\(path): not a valid safetensors header, at byte \(offset) expected \(expected), "
        + "found \(found)"
    case .duplicateName(let path, let offset, let name):
      return "\(path): \"\(name)\" a second time in the header, before byte \(offset), "
        + "expected once"
    case .unsupportedType(let path, let tensor, let found):
      return "\(path): tensor \"\(tensor)\" has type \(found), expected F32; convert it"
    case .shapeOverflow(let path, let tensor, let shape):
      return "\(path): tensor \"\(tensor)\" has shape \(shape), expected one that fits a file"
    case .badOffsets(let path, let tensor, let expected, let found):
      return "\(path): tensor \"\(tensor)\" has data offsets \(found), expected \(expected) by its "
        + "shape and the tensor before"
    }
  }

  /// The same line as `description`.
  public var errorDescription: String? { description }
}
