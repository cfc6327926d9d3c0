// Numbers for the fields of CoNLL-U, so that comparing words is comparing numbers.

/// Gives equal sequences of bytes equal numbers.
///
/// Texts are compared as bytes: the official evaluation does not normalize Unicode, and `String`
/// does.
struct FieldNumbers {
  private var numbers: [[UInt8]: Int32] = [:]
  private var fields: [[UInt8]] = []
  private var lowercased: [Int32: Int32] = [:]
  private var universalFeatures: [Int32: Int32] = [:]

  /// The number of the text `_`.
  let underscore: Int32 = 0

  init() { _ = number(of: [UInt8(ascii: "_")][...]) }

  /// The number of a field.
  mutating func number(of field: ArraySlice<UInt8>) -> Int32 {
    let field = Array(field)
    if let number = numbers[field] { return number }
    let number = Int32(fields.count)
    numbers[field] = number
    fields.append(field)
    return number
  }

  /// The number of the same text in lower case, as Python's `str.lower` has it.
  mutating func lowercase(of number: Int32) -> Int32 {
    if let known = lowercased[number] { return known }
    let found = self.number(of: Array(Self.lowercase(fields[Int(number)]).utf8)[...])
    lowercased[number] = found
    return found
  }

  /// The number of the universal ones among morphological features, sorted.
  mutating func universal(featuresOf number: Int32) -> Int32 {
    if let known = universalFeatures[number] { return known }
    let features = UDRelations.universal(
      features: String(decoding: fields[Int(number)], as: UTF8.self))
    let found = self.number(of: Array(features.utf8)[...])
    universalFeatures[number] = found
    return found
  }

  /// Lower case by the full mapping of Unicode, with the final form of the Greek sigma.
  static func lowercase(_ field: [UInt8]) -> String {
    let scalars = Array(String(decoding: field, as: UTF8.self).unicodeScalars)
    var text = ""
    for (place, scalar) in scalars.enumerated() {
      if scalar == "\u{3a3}" {
        let before = scalars[..<place].last { !$0.properties.isCaseIgnorable }
        let after = scalars[(place + 1)...].first { !$0.properties.isCaseIgnorable }
        let isFinal = before?.properties.isCased == true && after?.properties.isCased != true
        text.unicodeScalars.append(isFinal ? "\u{3c2}" : "\u{3c3}")
      } else {
        text += scalar.properties.lowercaseMapping
      }
    }
    return text
  }
}
