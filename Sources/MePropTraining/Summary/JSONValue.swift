// JSON whose keys keep their order and whose numbers are short and finite.

import Foundation
import MePropData

/// A JSON value; `description` is its text on one line.
///
/// Numbers are rounded to six significant digits, or to six places after the point if that is more
/// exact, except where all digits are asked for. Infinity and NaN, which JSON does not have, become
/// `null`.
public indirect enum JSONValue: Sendable, Equatable, CustomStringConvertible {
  /// Keys and values, in the order given.
  case object([Member])
  /// Values.
  case array([JSONValue])
  /// A text.
  case string(String)
  /// A number.
  case number(Double)
  /// A number with as many digits as tell it from all others.
  case exactNumber(Double)
  /// A whole number, never rounded.
  case integer(Int)
  /// True or false.
  case bool(Bool)
  /// Nothing.
  case null

  /// A key of an object with its value.
  public struct Member: Sendable, Equatable {
    /// The key.
    public var key: String
    /// The value.
    public var value: JSONValue

    /// Creates a member of an object.
    public init(_ key: String, _ value: JSONValue) {
      self.key = key
      self.value = value
    }
  }

  /// The text, on one line.
  public var description: String {
    var text = ""
    append(to: &text)
    return text
  }

  private func append(to text: inout String) {
    switch self {
    case .object(let members):
      text += "{"
      for (index, member) in members.enumerated() {
        if index > 0 { text += "," }
        Self.append(member.key, to: &text)
        text += ":"
        member.value.append(to: &text)
      }
      text += "}"
    case .array(let values):
      text += "["
      for (index, value) in values.enumerated() {
        if index > 0 { text += "," }
        value.append(to: &text)
      }
      text += "]"
    case .string(let value): Self.append(value, to: &text)
    case .number(let value): text += Self.text(of: Self.rounded(value))
    case .exactNumber(let value): text += Self.text(of: value)
    case .integer(let value): text += String(value)
    case .bool(let value): text += value ? "true" : "false"
    case .null: text += "null"
    }
  }

  private static func append(_ string: String, to text: inout String) {
    text += "\""
    for scalar in string.unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\n": text += "\\n"
      case "\r": text += "\\r"
      case "\t": text += "\\t"
      // Those beyond ASCII too: nothing that is printed has to be escaped any more.
      case _ where scalar.isObeyed:
        let digits = String(scalar.value, radix: 16)
        text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: text.unicodeScalars.append(scalar)
      }
    }
    text += "\""
  }

  private static func text(of value: Double) -> String {
    guard value.isFinite else { return "null" }
    if value == value.rounded(), abs(value) < 1e15 { return String(FileNumber.whole(value)) }
    return value.description
  }

  /// The value at the precision of the text.
  static func rounded(_ value: Double) -> Double {
    guard value.isFinite, value != 0 else { return value }
    let places = max(6, 5 - Int(log10(abs(value)).rounded(.down)))
    // Tiny numbers would need a factor beyond the range of Double.
    guard places <= 300 else { return 0 }
    let factor = pow(10, Double(places))
    let scaled = value * factor
    return scaled.isFinite ? scaled.rounded() / factor : value
  }
}

extension JSONValue: Encodable {
  private struct Key: CodingKey {
    var stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  /// Encodes the value; encoders may change the order of keys, `description` does not.
  public func encode(to encoder: any Encoder) throws {
    switch self {
    case .object(let members):
      var container = encoder.container(keyedBy: Key.self)
      for member in members {
        try container.encode(member.value, forKey: Key(stringValue: member.key))
      }
    case .array(let values):
      var container = encoder.unkeyedContainer()
      for value in values { try container.encode(value) }
    default:
      var container = encoder.singleValueContainer()
      switch self {
      case .string(let value): try container.encode(value)
      case .number(let value) where value.isFinite: try container.encode(Self.rounded(value))
      case .exactNumber(let value) where value.isFinite: try container.encode(value)
      case .integer(let value): try container.encode(value)
      case .bool(let value): try container.encode(value)
      default: try container.encodeNil()
      }
    }
  }
}
