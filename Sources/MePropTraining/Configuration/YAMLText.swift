// YAML from strangers: what a configuration never is, and what would keep a parser busy for ever,
// is refused before it is parsed.

import Foundation
import MePropData

/// Reads and checks the text of a configuration.
///
/// A configuration is a mapping of keys to single values or lists of numbers. So its text is short,
/// is hardly nested, and needs neither anchors nor aliases, with which ten lines of YAML stand for
/// more nodes than there is memory.
enum YAMLText {
  /// The longest text, in bytes; the configurations that this program writes have some 20 thousand.
  static let maximumByteCount = 256 << 10
  /// The most brackets that open, in all of the text: so deep can lists lie in each other.
  static let maximumBracketCount = 256
  /// The most marks of entries in a line: "- - -" are lists in lists too.
  static let maximumMarkCount = 64

  /// Reads a file as UTF-8.
  ///
  /// - Throws: `ConfigurationError`; nothing beyond the longest text is read.
  static func read(_ url: URL) throws -> String {
    func error(_ line: Int?, _ problem: ConfigurationError.Problem) -> ConfigurationError {
      ConfigurationError(.file(path: url.path, line: line), problem)
    }
    var bytes = [UInt8](repeating: 0, count: maximumByteCount + 1)
    let count: Int
    do {
      let file = try InputFile(path: url.path, unpacksGzip: false)
      count = try bytes.withUnsafeMutableBytes { try file.fill($0) }
    } catch DataFormatError.cannotOpen(_, let reason) {
      throw error(nil, .unreadable(reason: reason))
    } catch DataFormatError.cannotRead(_, _, let reason) {
      throw error(nil, .unreadable(reason: reason))
    }
    guard count <= maximumByteCount else {
      throw error(
        nil, .syntax(reason: "longer than \(maximumByteCount) bytes, is this a configuration?"))
    }
    let text = bytes[..<count]
    if let string = String(validating: text, as: UTF8.self) { return string }
    var line = 1
    for part in text.split(separator: 0x0A, omittingEmptySubsequences: false) {
      if String(validating: part, as: UTF8.self) == nil { break }
      line += 1
    }
    throw error(line, .syntax(reason: "expected UTF-8 text"))
  }

  /// Refuses texts that are too long or too deep, and anchors and aliases.
  ///
  /// What is in quotes and what is a comment only a parser knows, and a text may be written to look
  /// otherwise; so brackets and marks count wherever they are, and `&` and `*` where a name follows
  /// them as in an anchor or alias, unless they are in a comment for certain. A text that this
  /// program writes in quotes has them escaped.
  ///
  /// - Throws: `ConfigurationError` with the line.
  static func check(_ text: String, path: String) throws {
    func refuse(_ line: Int, _ reason: String) -> ConfigurationError {
      ConfigurationError(.file(path: path, line: line), .syntax(reason: reason))
    }
    guard text.utf8.count <= maximumByteCount else {
      throw refuse(1, "longer than \(maximumByteCount) bytes, is this a configuration?")
    }
    var brackets = 0
    let lines = text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    for (index, bytes) in lines.enumerated() {
      let line = Array(bytes)
      if hasReference(line) {
        throw refuse(
          index + 1,
          "anchors and aliases ('&' and '*' before a name) are not taken; write values out")
      }
      brackets += line.count { $0 == UInt8(ascii: "[") || $0 == UInt8(ascii: "{") }
      let marks = line.indices.count { place in
        (line[place] == UInt8(ascii: "-") || line[place] == UInt8(ascii: "?"))
          && (place + 1 == line.count || isBlank(line[place + 1]))
      }
      guard brackets <= maximumBracketCount, marks <= maximumMarkCount else {
        throw refuse(index + 1, "too many lists, or lists nested too deep")
      }
    }
  }

  /// Whether there may be an anchor or an alias in a line.
  private static func hasReference(_ line: [UInt8]) -> Bool {
    var hasQuote = false
    var isComment = false
    for (place, byte) in line.enumerated() {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "'"):
        hasQuote = true
        // What seemed a comment may be the end of a text that began in a line before.
        isComment = false
      // The parser ends lines, and with them comments, also at a carriage return and at the last
      // bytes of U+0085, U+2028 and U+2029.
      case 0x0D, 0x85, 0xA8, 0xA9: isComment = false
      case UInt8(ascii: "#"):
        isComment = isComment || (!hasQuote && (place == 0 || isBlank(line[place - 1])))
      case UInt8(ascii: "&"), UInt8(ascii: "*"):
        let startsToken =
          place == 0 || isBlank(line[place - 1]) || "[{,:-?!".utf8.contains(line[place - 1])
        let hasName =
          place + 1 < line.count && !isBlank(line[place + 1])
          && !",[]{}".utf8.contains(line[place + 1])
        if startsToken, hasName, !isComment { return true }
      default: break
      }
    }
    return false
  }

  private static func isBlank(_ byte: UInt8) -> Bool {
    byte == 0x20 || byte == 0x09 || byte == 0x0d
  }
}
