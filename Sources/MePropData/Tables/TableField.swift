// What a field of a table says: a number, a date, nothing.

import Foundation

/// Readings of the bytes of one field, blanks around them taken away.
public enum TableField {
  // MARK: Numbers

  /// The value of a decimal number, or `nil` for anything else.
  ///
  /// Takes signs, exponents and thousands in groups of three (`1,234.5`; with a decimal comma
  /// `1.234,5` and `1 234,5`). Infinity, NaN, hexadecimal digits and units are no numbers.
  ///
  /// - Parameters:
  ///   - bytes: The field.
  ///   - decimalComma: Whether a fraction follows a comma instead of a point.
  /// - Returns: The number, to the last bit that of the standard library.
  public static func number(_ bytes: UnsafeRawBufferPointer, decimalComma: Bool) -> Double? {
    let point = decimalComma ? UInt8(ascii: ",") : UInt8(ascii: ".")
    var place = 0
    let count = bytes.count
    guard count > 0 else { return nil }
    var isNegative = false
    if bytes[0] == UInt8(ascii: "-") || bytes[0] == UInt8(ascii: "+") {
      isNegative = bytes[0] == UInt8(ascii: "-")
      place = 1
    }
    var mantissa: UInt64 = 0
    var digits = 0
    var significant = 0
    var scale = 0
    var hasPoint = false
    while place < count {
      let byte = bytes[place]
      if byte &- 0x30 <= 9 {
        digits += 1
        if significant < 18 {
          mantissa = mantissa &* 10 &+ UInt64(byte &- 0x30)
          if mantissa != 0 { significant += 1 }
          if hasPoint { scale -= 1 }
        } else {
          // Beyond what a double can tell apart; the slow way rounds rightly.
          return grouped(bytes, decimalComma: decimalComma)
        }
      } else if byte == point, !hasPoint {
        hasPoint = true
      } else {
        break
      }
      place += 1
    }
    guard digits > 0 else { return nil }
    if place < count {
      // An exponent, or thousands in groups.
      guard bytes[place] | 0x20 == UInt8(ascii: "e") else {
        return grouped(bytes, decimalComma: decimalComma)
      }
      place += 1
      var exponentIsNegative = false
      if place < count, bytes[place] == UInt8(ascii: "-") || bytes[place] == UInt8(ascii: "+") {
        exponentIsNegative = bytes[place] == UInt8(ascii: "-")
        place += 1
      }
      var exponent = 0
      guard place < count else { return nil }
      while place < count {
        guard bytes[place] &- 0x30 <= 9, exponent < 10_000 else { return nil }
        exponent = exponent * 10 + Int(bytes[place] &- 0x30)
        place += 1
      }
      scale += exponentIsNegative ? -exponent : exponent
    }
    guard mantissa < 1 << 53, (-22...22).contains(scale) else {
      return slow(bytes, decimalComma: decimalComma)
    }
    let whole = Double(mantissa)
    let value = scale < 0 ? whole / powersOfTen[-scale] : whole * powersOfTen[scale]
    return isNegative ? -value : value
  }

  /// Exact as doubles.
  private static let powersOfTen = (0...22).map { pow(10, Double($0)) }

  /// A number with groups of three digits before its fraction.
  private static func grouped(_ bytes: UnsafeRawBufferPointer, decimalComma: Bool) -> Double? {
    let point = decimalComma ? UInt8(ascii: ",") : UInt8(ascii: ".")
    let separators = decimalComma ? [UInt8(ascii: "."), 0x20] : [UInt8(ascii: ",")]
    var plain: [UInt8] = []
    var place = 0
    if place < bytes.count, bytes[0] == UInt8(ascii: "-") || bytes[0] == UInt8(ascii: "+") {
      plain.append(bytes[0])
      place = 1
    }
    var separator: UInt8?
    var group = 0
    while place < bytes.count, bytes[place] != point {
      let byte = bytes[place]
      if byte &- 0x30 <= 9 {
        group += 1
        plain.append(byte)
      } else if separators.contains(byte), separator ?? byte == byte {
        guard separator == nil ? (1...3).contains(group) : group == 3 else { return nil }
        separator = byte
        group = 0
      } else {
        break
      }
      place += 1
    }
    if separator != nil, group != 3 { return nil }
    if place < bytes.count, bytes[place] == point {
      plain.append(UInt8(ascii: "."))
      place += 1
    }
    while place < bytes.count {
      let byte = bytes[place]
      guard
        byte &- 0x30 <= 9 || byte | 0x20 == UInt8(ascii: "e") || byte == UInt8(ascii: "-")
          || byte == UInt8(ascii: "+")
      else { return nil }
      plain.append(byte)
      place += 1
    }
    return plain.withUnsafeBytes { slow($0, decimalComma: false) }
  }

  /// By the standard library, of digits, signs, point and exponent only.
  private static func slow(_ bytes: UnsafeRawBufferPointer, decimalComma: Bool) -> Double? {
    guard bytes.count <= 1000 else { return nil }
    var text = String(decoding: bytes, as: UTF8.self)
    if decimalComma { text = text.replacing(",", with: ".") }
    guard let value = Double(text), value.isFinite else { return nil }
    return value
  }

  // MARK: Nothing

  /// Whether a field stands for nothing: empty, `NA`, `N/A`, `NaN`, `null`, `None`, `?`, `-`, `--`,
  /// `.`, `#N/A`, `<NA>`, `\N`, `nil`, whatever the case of letters.
  public static func isMissing(_ bytes: UnsafeRawBufferPointer) -> Bool {
    if bytes.isEmpty { return true }
    guard bytes.count <= 6 else { return false }
    switch bytes[0] | 0x20 {
    case UInt8(ascii: "n"):
      return matches(bytes, ["na", "n/a", "nan", "null", "none", "nil"])
    case UInt8(ascii: "?"), UInt8(ascii: "-"), UInt8(ascii: "."):
      return matches(bytes, ["?", "??", "-", "--", ".", "-nan"])
    case UInt8(ascii: "#"), UInt8(ascii: "<"), UInt8(ascii: "("), UInt8(ascii: "|"):
      // The bar is a backslash with the bit of small letters.
      return matches(bytes, ["#n/a", "#na", "<na>", "(null)", "\\n"])
    default: return false
    }
  }

  private static func matches(_ bytes: UnsafeRawBufferPointer, _ words: [StaticString]) -> Bool {
    words.contains { word in
      guard word.utf8CodeUnitCount == bytes.count else { return false }
      for place in 0..<bytes.count {
        var byte = bytes[place]
        if (0x41...0x5a).contains(byte) { byte |= 0x20 }
        if byte != word.utf8Start[place] { return false }
      }
      return true
    }
  }

  // MARK: Truth

  /// What `true`, `yes`, `y`, `t`, `1` and their opposites say, whatever the case of letters;
  /// `nil` for anything else.
  public static func truth(_ bytes: UnsafeRawBufferPointer) -> Bool? {
    guard bytes.count <= 5 else { return nil }
    if matches(bytes, ["true", "yes", "1", "t", "y", "1.0"]) { return true }
    if matches(bytes, ["false", "no", "0", "f", "n", "0.0"]) { return false }
    return nil
  }
}
