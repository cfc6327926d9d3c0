// Rows of numbers as text: what `predict` takes besides idx files.

import Foundation

/// Reads rows of a fixed number of finite numbers, separated by commas or white space.
///
/// A number may be in double quotes, as some programs write all of their fields. Blank lines are
/// skipped. So is a header, which is told with ``Notices``: a first line that starts with `#`, or
/// one with as many fields as a row, of which the first is no number, no two are the same, and
/// numbers, if there are any, count up (as names of columns do and pixels do not). Anything else
/// that is no row is an error, so that no row is lost. Memory is constant, whatever the number of
/// rows.
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
        if mayBeHeader, try isHeader(bytes, from: start) {
          Notices.tell("\(path):\(lineNumber): taken for a header, which is no row")
          return true
        }
        try parse(bytes, from: start, into: &row)
        return false
      }
      guard let isBlank else { return false }
      if !isBlank { return true }
    }
  }

  /// Whether a name may begin with a byte: a letter of any script, or an underscore.
  ///
  /// A damaged number begins with none.
  private static func beginsName(_ byte: UInt8) -> Bool {
    let letter = byte | 0x20
    return letter >= UInt8(ascii: "a") && letter <= UInt8(ascii: "z")
      || byte == UInt8(ascii: "_") || byte >= 0x80
  }

  /// Whether the first line is a header.
  ///
  /// - Throws: `DataFormatError.wrongFieldCount` where it is neither that nor a row.
  private func isHeader(_ line: UnsafeRawBufferPointer, from start: Int) throws -> Bool {
    if line[start] == UInt8(ascii: "#") { return true }
    var names: Set<String> = []
    var count = 0
    var startsWithName = false
    // Numbers among the names are those of columns, which count up.
    var last: Int?
    var countsUp = true
    Self.forEachField(of: line, from: start) { field, _ in
      let isNumber = Self.isNumeric(field)
      if count == 0 { startsWithName = !isNumber && field.first.map(Self.beginsName) ?? false }
      count += 1
      let name = String(decoding: field, as: UTF8.self)
      if count <= fieldCount { names.insert(name) }
      guard isNumber else { return }
      let number = Int(name)
      countsUp = countsUp && number != nil && (last == nil || number == last.map { $0 &+ 1 })
      last = number
    }
    guard startsWithName else { return false }
    guard count == fieldCount else {
      throw DataFormatError.wrongFieldCount(
        path: path, line: lineNumber, expected: fieldCount, found: count)
    }
    return names.count == count && countsUp
  }

  private func parse(
    _ line: UnsafeRawBufferPointer, from start: Int, into row: inout [Float]
  ) throws {
    var fieldCount = 0
    var failure: DataFormatError?
    Self.forEachField(of: line, from: start) { field, place in
      fieldCount += 1
      // Beyond the last expected field they are only counted.
      guard fieldCount <= self.fieldCount, failure == nil else { return }
      if let value = Self.number(field) {
        row.append(value)
      } else {
        failure = .badNumber(
          path: path, line: lineNumber, column: place + 1, field: fieldCount,
          found: String(decoding: field.prefix(40), as: UTF8.self))
      }
    }
    if let failure { throw failure }
    guard fieldCount == self.fieldCount else {
      throw DataFormatError.wrongFieldCount(
        path: path, line: lineNumber, expected: self.fieldCount, found: fieldCount)
    }
  }

  private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

  /// Calls `body` with each field of a line, without quotes around it, and with its place.
  private static func forEachField(
    of line: UnsafeRawBufferPointer, from start: Int,
    _ body: (UnsafeRawBufferPointer, Int) -> Void
  ) {
    let quote = UInt8(ascii: "\"")
    var position = start
    while true {
      let fieldStart = position
      // What is in quotes ends at the next quote, if a separator follows there.
      var inner: Range<Int>?
      if position < line.count, line[position] == quote,
        let end = line[(position + 1)...].firstIndex(of: quote),
        end + 1 == line.count || line[end + 1] == 0x2c || isSpace(line[end + 1])
      {
        inner = position + 1..<end
        position = end + 1
      } else {
        while position < line.count, line[position] != 0x2c, !isSpace(line[position]) {
          position += 1
        }
      }
      var field = UnsafeRawBufferPointer(rebasing: line[(inner ?? fieldStart..<position)])
      if inner != nil {
        while let first = field.first, isSpace(first) { field = .init(rebasing: field.dropFirst()) }
        while let last = field.last, isSpace(last) { field = .init(rebasing: field.dropLast()) }
      }
      body(field, fieldStart)
      // One comma with spaces around it, or spaces alone, separate two fields.
      while position < line.count, isSpace(line[position]) { position += 1 }
      if position == line.count { return }
      if line[position] == 0x2c { position += 1 }
      while position < line.count, isSpace(line[position]) { position += 1 }
    }
  }

  /// Whether a field is meant as a number, be it one that is refused.
  private static func isNumeric(_ field: UnsafeRawBufferPointer) -> Bool {
    Float(String(decoding: field, as: UTF8.self)) != nil
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
