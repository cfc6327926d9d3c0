// The JSON header of a safetensors file. Parsed by hand, because duplicate names must be seen.

/// What the header says, in its order.
struct SafeTensorsHeader {
  struct Entry {
    var name: String
    var type: String
    var shape: [Int]
    var offsets: [Int]
  }

  var entries: [Entry] = []
  var metadata: [String: String] = [:]

  /// Parses the header, the bytes of the file from offset 8 on.
  ///
  /// - Throws: `SafeTensorsError.badHeader` or `.duplicateName`.
  init(parsing bytes: [UInt8], path: String) throws {
    var parser = Parser(bytes: bytes, path: path)
    var names: Set<String> = []
    guard parser.peek == UInt8(ascii: "{") else { throw parser.unexpected("{") }
    try parser.parseObject { name, parser in
      guard names.insert(name).inserted else { throw parser.duplicate(name) }
      if name == "__metadata__" {
        metadata = try parser.parseMetadata()
      } else {
        entries.append(try parser.parseEntry(named: name))
      }
    }
    try parser.expectEnd()
  }
}

/// A recursive-descent parser of just the JSON that the format uses.
private struct Parser {
  let bytes: [UInt8]
  let path: String
  var position = 0

  var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

  func unexpected(_ expected: String) -> SafeTensorsError {
    let found: String
    switch peek {
    case .none: found = "the end of the header"
    case .some(let byte) where (0x20..<0x7f).contains(byte):
      found = "'\(Character(UnicodeScalar(byte)))'"
    case .some(let byte): found = "byte 0x\(hexadecimal(UInt32(byte), digits: 2))"
    }
    return .badHeader(path: path, offset: 8 + position, expected: expected, found: found)
  }

  func duplicate(_ name: String) -> SafeTensorsError {
    .duplicateName(path: path, offset: 8 + position, name: name)
  }

  mutating func skipSpace() {
    while let byte = peek, [0x20, 0x09, 0x0a, 0x0d].contains(byte) { position += 1 }
  }

  mutating func accept(_ character: UnicodeScalar) -> Bool {
    skipSpace()
    guard peek == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  mutating func expect(_ character: UnicodeScalar) throws {
    guard accept(character) else { throw unexpected("'\(character)'") }
  }

  mutating func expectEnd() throws {
    skipSpace()
    guard peek == nil else { throw unexpected("the end of the header") }
  }

  /// Parses `{"name": value, …}`; `parseValue` takes each value.
  mutating func parseObject(_ parseValue: (String, inout Parser) throws -> Void) throws {
    try expect("{")
    if accept("}") { return }
    repeat {
      let name = try parseString()
      try expect(":")
      try parseValue(name, &self)
    } while accept(",")
    try expect("}")
  }

  mutating func parseMetadata() throws -> [String: String] {
    var metadata: [String: String] = [:]
    try parseObject { key, parser in
      guard metadata.updateValue(try parser.parseString(), forKey: key) == nil else {
        throw parser.duplicate(key)
      }
    }
    return metadata
  }

  mutating func parseEntry(named name: String) throws -> SafeTensorsHeader.Entry {
    var type: String?
    var shape: [Int]?
    var offsets: [Int]?
    try parseObject { field, parser in
      let isDuplicate: Bool
      switch field {
      case "dtype":
        isDuplicate = type != nil
        type = try parser.parseString()
      case "shape":
        isDuplicate = shape != nil
        shape = try parser.parseIntegers()
      case "data_offsets":
        isDuplicate = offsets != nil
        offsets = try parser.parseIntegers()
      default: throw parser.unexpected("one of dtype, shape, data_offsets before here")
      }
      if isDuplicate { throw parser.duplicate(field) }
    }
    guard let type, let shape, let offsets, offsets.count == 2 else {
      throw unexpected("dtype, shape and two data_offsets of \"\(name)\" before here")
    }
    return .init(name: name, type: type, shape: shape, offsets: offsets)
  }

  mutating func parseIntegers() throws -> [Int] {
    try expect("[")
    var values: [Int] = []
    if accept("]") { return values }
    repeat { values.append(try parseInteger()) } while accept(",")
    try expect("]")
    return values
  }

  /// Parses an integer of 0 or more that fits `Int`.
  mutating func parseInteger() throws -> Int {
    skipSpace()
    let start = position
    while let byte = peek, (0x30...0x39).contains(byte) { position += 1 }
    let digits = String(decoding: bytes[start..<position], as: UTF8.self)
    let hasLeadingZero = digits.count > 1 && digits.hasPrefix("0")
    guard let value = Int(digits), !hasLeadingZero else {
      position = start
      throw unexpected("an integer in 0...\(Int.max)")
    }
    return value
  }

  mutating func parseString() throws -> String {
    guard accept("\"") else { throw unexpected("a string") }
    let start = position
    var text: [UInt8] = []
    while let byte = peek {
      switch byte {
      case UInt8(ascii: "\""):
        guard let string = String(validating: text, as: UTF8.self) else {
          position = start
          throw unexpected("a string in UTF-8")
        }
        position += 1
        return string
      case UInt8(ascii: "\\"):
        position += 1
        text += try parseEscape()
      case 0..<0x20: throw unexpected("no control character in a string")
      default:
        text.append(byte)
        position += 1
      }
    }
    throw unexpected("the end of a string")
  }

  /// Parses what follows a backslash, and returns it in UTF-8.
  private mutating func parseEscape() throws -> [UInt8] {
    let simple: [UInt8: UInt8] = [
      0x22: 0x22, 0x5c: 0x5c, 0x2f: 0x2f, 0x62: 8, 0x66: 12, 0x6e: 10, 0x72: 13, 0x74: 9,
    ]
    if let byte = peek, let value = simple[byte] {
      position += 1
      return [value]
    }
    var code = try parseCodeUnit()
    if (0xd800..<0xdc00).contains(code), peek == 0x5c {
      position += 1
      let low = try parseCodeUnit()
      guard (0xdc00..<0xe000).contains(low) else { throw unexpected("a surrogate pair before") }
      code = 0x10000 + (code - 0xd800) << 10 + (low - 0xdc00)
    }
    guard let scalar = UnicodeScalar(code) else { throw unexpected("a Unicode scalar before") }
    return Array(String(Character(scalar)).utf8)
  }

  private mutating func parseCodeUnit() throws -> UInt32 {
    guard peek == UInt8(ascii: "u") else { throw unexpected("an escape of JSON") }
    position += 1
    guard position + 4 <= bytes.count,
      bytes[position..<(position + 4)].allSatisfy({ Character(UnicodeScalar($0)).isHexDigit }),
      let code = UInt32(
        String(decoding: bytes[position..<(position + 4)], as: UTF8.self), radix: 16)
    else { throw unexpected("four hexadecimal digits") }
    position += 4
    return code
  }
}
