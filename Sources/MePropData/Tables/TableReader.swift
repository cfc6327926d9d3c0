// The rows of a table of text, in constant memory.

import Foundation

/// Reads a table row by row: fields between delimiters, quoted or not, plain or gzip.
///
/// Blank lines are skipped, and blanks around fields do not count. Every row must have as many
/// fields as the first. Memory is bounded by the longest row, which may have 16 MiB.
///
/// ```swift
/// let reader = try TableReader(InputFile(path: "flats.csv"))
/// while try reader.next() { print(reader.text(0)) }
/// ```
///
/// Several readers may read a part of a table each: see ``init(_:from:upTo:)``.
public final class TableReader {
  /// How the table is written.
  public let dialect: TableDialect
  /// The names of columns.
  ///
  /// Those of the header; `column1`, … where there is none. Of equal names the second is
  /// `name.2`, and an empty one is `columnN`.
  public private(set) var names: [String] = []
  /// Names of the header that come more than once.
  public private(set) var repeatedNames: [String] = []
  /// The line in which the row that was read last begins, from 1.
  public private(set) var lineNumber = 0
  /// The path or name of the input, for messages.
  public var path: String { file.path }
  /// The number of fields of a row.
  public var fieldCount: Int { names.count }
  /// The number of bytes read so far, as stored or unpacked.
  public var offset: Int { file.offset }

  private let file: InputFile
  // Fields are asked for one by one in the innermost loops, so what they are read from goes without
  // checks of exclusive access; nothing here calls out while it changes them.
  @exclusivity(unchecked) private var buffer = ReadBuffer(capacity: 256 * 1024)
  private var nextLine = 1
  /// Rows that begin here or later are not read.
  private var limit = Int.max
  /// Where fields are in the buffer.
  @exclusivity(unchecked) private var fields: [Field] = []
  @exclusivity(unchecked) private var count = 0
  private var firstRowIsPending = false
  /// Where the first row after the header begins.
  public private(set) var firstRow = TablePlace(offset: 0, line: 1)
  /// The bytes of the file as stored, where rows can be read from the middle of it: of a plain file
  /// that is no pipe.
  public var seekableSize: Int? { file.isCompressed ? nil : file.storedSize }

  private static let maximumRowLength = 16 << 20

  private struct Field {
    var start: Int32
    var end: Int32
    var isQuoted: Bool
    var hasDoubledQuotes: Bool
  }

  /// Opens a table and reads its header.
  ///
  /// - Parameters:
  ///   - file: The file, at its beginning.
  ///   - hints: What is known of its dialect.
  /// - Throws: ``TableError`` or `DataFormatError`.
  public init(_ file: InputFile, hints: TableHints = TableHints()) throws {
    self.file = file
    // Enough rows to tell a dialect from, or all there are; of a pipe no more than it has.
    while buffer.end < 64 * 1024, !buffer.fileHasEnded {
      if buffer.end > 0, !file.isReady, buffer.pending.contains(0x0a) { break }
      try buffer.refill(from: file)
    }
    let sample = buffer.pending
    if sample.starts(with: [0xff, 0xfe]) || sample.starts(with: [0xfe, 0xff]) {
      throw TableError.isUTF16(path: file.path)
    }
    if sample.contains(0) { throw TableError.isBinary(path: file.path) }
    if sample.starts(with: [0xef, 0xbb, 0xbf]) { buffer.start = 3 }
    dialect = TableDialect(
      sample: Array(sample[buffer.start..<min(buffer.end, 64 * 1024)]),
      isWhole: buffer.fileHasEnded && buffer.end <= 64 * 1024, hints: hints)
    firstRow = place
    guard try readRow() else { throw TableError.empty(path: file.path) }
    if dialect.hasHeader {
      firstRow = place
      for index in 0..<count {
        guard let name = String(validating: bytes(index), as: UTF8.self) else {
          throw TableError.notUTF8(path: path, line: lineNumber, column: "\(index + 1)")
        }
        names.append(unique(name, at: index))
      }
    } else {
      names = (0..<count).map { "column\($0 + 1)" }
      firstRowIsPending = true
    }
  }

  /// Opens the file of a table once more and goes on at one of its rows.
  ///
  /// - Parameters:
  ///   - table: A reader of the same table, by whose dialect and header rows are read.
  ///   - start: The ``place`` of a row.
  ///   - limit: Rows that begin at this byte or later are not read.
  /// - Throws: `DataFormatError`.
  public init(_ table: TableReader, from start: TablePlace, upTo limit: Int = .max) throws {
    file = try InputFile(path: table.path, from: start.offset)
    (dialect, names, repeatedNames) = (table.dialect, table.names, table.repeatedNames)
    nextLine = start.line
    firstRow = start
    self.limit = limit
  }

  /// Where the next row begins, or blank lines before it.
  public var place: TablePlace {
    firstRowIsPending ? firstRow : TablePlace(offset: file.offset - buffer.count, line: nextLine)
  }

  /// Where the first row from a byte on begins, unless the end of a line before it is in quotes.
  ///
  /// - Parameter offset: Behind the first row's beginning.
  /// - Returns: The byte after the first end of a line from the byte before `offset` on; the end of
  ///   the file where there is none.
  /// - Throws: `DataFormatError`.
  public func likelyRow(from offset: Int) throws -> Int {
    let file = try InputFile(path: path, from: offset - 1)
    var found = offset - 1
    var endsInReturn = false
    return try withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { room in
      while true {
        let count = try file.read(into: room)
        if count == 0 { return found }
        for byte in room[..<count] {
          if endsInReturn { return byte == 0x0a ? found + 1 : found }
          found += 1
          if byte == 0x0a { return found }
          endsInReturn = byte == 0x0d
        }
      }
    }
  }

  private func unique(_ name: String, at index: Int) -> String {
    let trimmed = name.trimmingCharacters(in: .whitespacesAndNewlines)
    var result = trimmed.isEmpty ? "column\(index + 1)" : trimmed
    guard names.contains(result) else { return result }
    if !repeatedNames.contains(result) { repeatedNames.append(result) }
    var number = 2
    while names.contains("\(result).\(number)") { number += 1 }
    result += ".\(number)"
    return result
  }

  // MARK: Rows

  /// Reads the next row.
  ///
  /// - Returns: Whether there was one.
  /// - Throws: ``TableError`` or `DataFormatError`.
  public func next() throws -> Bool {
    if firstRowIsPending {
      firstRowIsPending = false
      return true
    }
    guard try readRow() else { return false }
    guard count == names.count else {
      throw TableError.wrongFieldCount(
        path: path, line: lineNumber, expected: names.count, found: count)
    }
    return true
  }

  /// Whether the next row can be read without waiting for whoever writes into a pipe.
  public var isReady: Bool {
    if firstRowIsPending || buffer.fileHasEnded { return true }
    return buffer.pending.contains(0x0a) || file.isReady
  }

  /// The bytes of a field of the row that was read last; valid until the next is read.
  ///
  /// - Parameter index: Of the column, from 0.
  /// - Returns: What the field holds, without quotes and blanks around it.
  public func bytes(_ index: Int) -> UnsafeRawBufferPointer {
    let field = fields[index]
    return UnsafeRawBufferPointer(rebasing: buffer.bytes[Int(field.start)..<Int(field.end)])
  }

  /// Whether a field was quoted.
  public func isQuoted(_ index: Int) -> Bool { fields[index].isQuoted }

  /// The text of a field.
  ///
  /// - Throws: ``TableError/notUTF8(path:line:column:)``.
  public func text(_ index: Int) throws -> String {
    guard let text = String(validating: bytes(index), as: UTF8.self) else {
      throw TableError.notUTF8(path: path, line: lineNumber, column: names[index])
    }
    return text
  }

  /// The number in a field; `nil` where there is none.
  public func number(_ index: Int) -> Double? {
    TableField.number(bytes(index), decimalComma: dialect.hasDecimalComma)
  }

  /// Splits the next row that is not blank.
  private func readRow() throws -> Bool {
    while true {
      if limit < .max, place.offset >= limit { return false }
      var lines = 0
      let length = try split(&lines)
      guard let length else { return false }
      lineNumber = nextLine
      nextLine += lines
      buffer.start += length
      if count == 1, fields[0].start == fields[0].end, !fields[0].isQuoted { continue }
      for index in 0..<count where fields[index].hasDoubledQuotes { removeDoubledQuotes(index) }
      return true
    }
  }

  /// Finds the fields of the row at `start`, and returns its length with its end.
  private func split(_ lines: inout Int) throws -> Int? {
    var searched = buffer.start
    while true {
      if let end = try scan(&lines) { return end - buffer.start }
      if buffer.fileHasEnded { return nil }
      let pending = buffer.end - searched
      guard pending <= Self.maximumRowLength else {
        // So long a row is no row: a quote is open, or this is no table.
        throw TableError.unclosedQuote(path: path, line: nextLine)
      }
      try buffer.refill(from: file)
      searched = buffer.start
    }
  }

  /// Scans a row; `nil` where the buffer does not have its end.
  private func scan(_ lines: inout Int) throws -> Int? {
    guard let raw = buffer.bytes.baseAddress else { return nil }
    let base = UnsafePointer(raw.assumingMemoryBound(to: UInt8.self))
    let delimiter = dialect.delimiter
    let fieldEnd = FieldEnd(delimiter)
    let tab = UInt8(ascii: "\t")
    let trimsTabs = delimiter != tab
    let end = buffer.end
    let fileHasEnded = buffer.fileHasEnded
    var place = buffer.start
    var found = 0
    lines = 0
    guard place < end else { return nil }
    while true {
      while place < end, base[place] == 0x20 || (trimsTabs && base[place] == tab) { place += 1 }
      var field = Field(
        start: Int32(place), end: Int32(place), isQuoted: false, hasDoubledQuotes: false)
      if place < end, base[place] == 0x22 {
        place += 1
        field.isQuoted = true
        field.start = Int32(place)
        while true {
          while place < end, base[place] != 0x22 {
            if base[place] == 0x0a { lines += 1 }
            place += 1
          }
          if place == end {
            guard fileHasEnded else { return nil }
            throw TableError.unclosedQuote(path: path, line: nextLine)
          }
          if place + 1 < end {
            guard base[place + 1] == 0x22 else { break }
            field.hasDoubledQuotes = true
            place += 2
          } else if fileHasEnded {
            break
          } else {
            return nil
          }
        }
        field.end = Int32(place)
        place += 1
        while place < end, base[place] == 0x20 || (trimsTabs && base[place] == tab) { place += 1 }
        if place < end, base[place] != delimiter, base[place] != 0x0a, base[place] != 0x0d {
          throw textAfterQuote(place, field: found + 1)
        }
      } else {
        place = fieldEnd.find(in: base, from: place, to: end)
        var last = place
        while last > Int(field.start),
          base[last - 1] == 0x20 || (trimsTabs && base[last - 1] == tab)
        {
          last -= 1
        }
        field.end = Int32(last)
      }
      if place == end, !fileHasEnded { return nil }
      if found < fields.count { fields[found] = field } else { fields.append(field) }
      found += 1
      if place == end { break }
      let byte = base[place]
      place += 1
      if byte == delimiter { continue }
      if byte == 0x0d {
        if place < end {
          if base[place] == 0x0a { place += 1 }
        } else if !fileHasEnded {
          return nil
        }
      }
      break
    }
    lines += 1
    count = found
    return place
  }

  private func textAfterQuote(_ place: Int, field: Int) -> TableError {
    let rest = buffer.bytes[place..<min(buffer.end, place + 20)]
      .prefix { $0 != 0x0a && $0 != 0x0d }
    return .textAfterQuote(
      path: path, line: nextLine, field: field, found: String(decoding: rest, as: UTF8.self))
  }

  /// Makes `""` in a quoted field `"`, in place.
  private func removeDoubledQuotes(_ index: Int) {
    let field = fields[index]
    let bytes = buffer.bytes
    var target = Int(field.start)
    var source = target
    while source < Int(field.end) {
      bytes[target] = bytes[source]
      if bytes[source] == 0x22 { source += 1 }
      source += 1
      target += 1
    }
    fields[index].end = Int32(target)
  }
}

/// Where in a table a row begins.
public struct TablePlace: Sendable, Equatable {
  /// The (unpacked) bytes before it.
  public var offset: Int
  /// Its line, from 1.
  public var line: Int

  /// Creates a place.
  public init(offset: Int, line: Int) {
    self.offset = offset
    self.line = line
  }
}

/// Finds where a field without quotes ends, eight bytes at a time.
private struct FieldEnd {
  private let delimiter: UInt8
  private let delimiters: UInt64

  private static let ones: UInt64 = 0x0101_0101_0101_0101
  private static let lows: UInt64 = 0x7f7f_7f7f_7f7f_7f7f
  private static let lineFeeds = ones &* 0x0a
  private static let carriageReturns = ones &* 0x0d

  init(_ delimiter: UInt8) {
    self.delimiter = delimiter
    delimiters = Self.ones &* UInt64(delimiter)
  }

  /// The first place from `start` on of a delimiter or an end of line; `end` where there is none.
  @inline(__always)
  func find(in base: UnsafePointer<UInt8>, from start: Int, to end: Int) -> Int {
    var place = start
    while place + 8 <= end {
      let word = UInt64(
        littleEndian: UnsafeRawPointer(base + place).loadUnaligned(as: UInt64.self))
      let found =
        Self.zeros(word ^ delimiters) | Self.zeros(word ^ Self.lineFeeds)
        | Self.zeros(word ^ Self.carriageReturns)
      if found != 0 { return place + found.trailingZeroBitCount / 8 }
      place += 8
    }
    while place < end, base[place] != delimiter, base[place] != 0x0a, base[place] != 0x0d {
      place += 1
    }
    return place
  }

  /// The high bit of each byte that is zero.
  @inline(__always)
  private static func zeros(_ word: UInt64) -> UInt64 {
    ~(((word & lows) &+ lows) | word | lows)
  }
}
