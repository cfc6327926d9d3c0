// Rows of numbers as text: what `predict` takes besides idx files.

import Foundation

/// Reads rows of a fixed number of finite numbers, separated by commas or white space.
///
/// Blank lines are skipped, and so is a first line whose first field starts like a word (`label`,
/// `"pixel0"`, `# comment`), a header. Memory is constant, whatever the number of rows.
public final class CSVRows {
  /// How many numbers each row must have.
  public let fieldCount: Int
  /// The line of the row that was returned last, from 1.
  public var lineNumber: Int { lines.lineNumber }
  /// The path or name of the input, for messages.
  public var path: String { lines.path }

  private let lines: LineReader
  private var mayBeHeader = true

  /// Reads a file, plain or gzip.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - fieldCount: How many numbers each row must have, 1 or more.
  /// - Throws: `DataFormatError` where the file cannot be opened.
  public convenience init(path: String, fieldCount: Int) throws {
    self.init(try InputFile(path: path), fieldCount: fieldCount)
  }

  /// Reads what comes from `file`, for example from standard input.
  public init(_ file: InputFile, fieldCount: Int) {
    precondition(fieldCount > 0, "CSVRows: fieldCount is \(fieldCount), expected 1 or more")
    self.fieldCount = fieldCount
    lines = LineReader(file, maximumLineLength: 64 * 1024 + 64 * fieldCount)
  }

  /// Returns the next row, shape `[fieldCount]`, or `nil` at the end.
  ///
  /// - Throws: As `readRow(into:)`.
  public func next() throws -> [Float]? {
    var row: [Float] = []
    return try readRow(into: &row) ? row : nil
  }

  /// Replaces `row` by the next row; its storage is used again.
  ///
  /// - Returns: Whether there was another row.
  /// - Throws: `DataFormatError`: `.wrongFieldCount` with the line; `.badNumber` with line and
  ///   column for what is not a number, NaN, infinite, or too large for a float; or a read error.
  public func readRow(into row: inout [Float]) throws -> Bool {
    while true {
      row.removeAll(keepingCapacity: true)
      let isBlank = try lines.withNextLine { bytes in
        let start = bytes.firstIndex { !Self.isSpace($0) }
        guard let start else { return true }
        defer { mayBeHeader = false }
        if mayBeHeader, Self.looksLikeHeader(bytes[start...]) { return true }
        try parse(bytes, from: start, into: &row)
        return false
      }
      guard let isBlank else { return false }
      if !isBlank { return true }
    }
  }

  private func parse(
    _ line: UnsafeRawBufferPointer, from start: Int, into row: inout [Float]
  ) throws {
    var position = start
    var fieldCount = 0
    while true {
      let fieldStart = position
      while position < line.count, line[position] != 0x2c, !Self.isSpace(line[position]) {
        position += 1
      }
      fieldCount += 1
      // Beyond the last expected field they are only counted.
      if fieldCount <= self.fieldCount {
        let field = UnsafeRawBufferPointer(rebasing: line[fieldStart..<position])
        guard let value = Self.number(field) else {
          throw DataFormatError.badNumber(
            path: path, line: lineNumber, column: fieldStart + 1, field: fieldCount,
            found: String(decoding: field.prefix(40), as: UTF8.self))
        }
        row.append(value)
      }
      // One comma with spaces around it, or spaces alone, separate two fields.
      while position < line.count, Self.isSpace(line[position]) { position += 1 }
      if position == line.count { break }
      if line[position] == 0x2c { position += 1 }
      while position < line.count, Self.isSpace(line[position]) { position += 1 }
    }
    guard fieldCount == self.fieldCount else {
      throw DataFormatError.wrongFieldCount(
        path: path, line: lineNumber, expected: self.fieldCount, found: fieldCount)
    }
  }

  private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

  /// Whether the first field starts with a letter, a quote, `_` or `#`, and is not `nan` or `inf`.
  private static func looksLikeHeader(_ line: Slice<UnsafeRawBufferPointer>) -> Bool {
    guard let first = line.first else { return false }
    let isLetter = (0x61...0x7a).contains(first | 0x20) || first >= 0x80
    guard isLetter || [0x22, 0x27, 0x5f, 0x23].contains(first) else { return false }
    let field = line.prefix { $0 != 0x2c && !isSpace($0) }
    return Float(String(decoding: field, as: UTF8.self)) == nil
  }

  /// The value of a decimal number, or `nil` for anything else, and for what is not finite.
  private static func number(_ field: UnsafeRawBufferPointer) -> Float? {
    // Short integers, which pixels are, by hand; both ways give the same value.
    if (1...7).contains(field.count), field.allSatisfy({ (0x30...0x39).contains($0) }) {
      return Float(field.reduce(0) { $0 * 10 + Int($1 - 0x30) })
    }
    let isDecimal = field.allSatisfy {
      (0x30...0x39).contains($0) || [0x2b, 0x2d, 0x2e, 0x45, 0x65].contains($0)
    }
    guard isDecimal, let value = Float(String(decoding: field, as: UTF8.self)), value.isFinite
    else { return nil }
    return value
  }
}
