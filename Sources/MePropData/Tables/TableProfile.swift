// The profiles of all columns of a table, or of a part of it.

import Foundation

/// The profiles of all columns of a table.
public struct TableProfile: Sendable {
  /// The path of the file.
  public let path: String
  /// How the table is written.
  public let dialect: TableDialect
  /// The columns, in their order.
  public private(set) var columns: [ColumnProfile]
  /// Names of the header that come more than once.
  public let repeatedNames: [String]
  /// The number of rows.
  public private(set) var rowCount = 0

  /// Reads a table from its beginning to its end.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - hints: What is known of its dialect.
  ///   - progress: Told the bytes read so far, now and then.
  /// - Throws: ``TableError`` or `DataFormatError`.
  public init(
    path: String, hints: TableHints = TableHints(), progress: (Int) -> Void = { _ in }
  ) throws {
    let reader = try TableReader(InputFile(path: path), hints: hints)
    self.init(of: reader)
    while try reader.next() {
      try add(reader)
      if rowCount % 65_536 == 0 { progress(reader.offset) }
    }
    guard rowCount > 0 else { throw TableError.noRows(path: path) }
  }

  /// Creates a profile of none of the rows of a table.
  ///
  /// - Parameters:
  ///   - reader: Of the table.
  ///   - part: The number of the part that will be added, if the table is read in parts.
  public init(of reader: TableReader, part: Int = 0) {
    path = reader.path
    dialect = reader.dialect
    repeatedNames = reader.repeatedNames
    columns = reader.names.enumerated().map { ColumnProfile($1, index: $0, part: part) }
  }

  /// Adds the row that was read last.
  ///
  /// - Throws: ``TableError/notUTF8(path:line:column:)``.
  public mutating func add(_ reader: TableReader) throws {
    rowCount += 1
    let decimalComma = dialect.hasDecimalComma
    for index in columns.indices {
      columns[index].add(reader.bytes(index), decimalComma: decimalComma, line: reader.lineNumber)
      if let line = columns[index].lineNotUTF8 {
        throw TableError.notUTF8(path: path, line: line, column: columns[index].name)
      }
    }
  }

  /// Adds the profile of the rows that follow, of the same table; see ``ColumnProfile/merge(_:)``.
  public mutating func merge(_ next: TableProfile) {
    precondition(
      columns.count == next.columns.count,
      "TableProfile: \(columns.count) columns, and \(next.columns.count) of the next part")
    rowCount += next.rowCount
    for index in columns.indices { columns[index].merge(next.columns[index]) }
  }

  /// Moves the lines of examples, where lines were counted from the middle of the table.
  public mutating func moveLines(by count: Int) {
    for index in columns.indices { columns[index].moveLines(by: count) }
  }

  /// All counts, for ``read(_:)`` in another process.
  package var message: [UInt8] {
    var message = MessageWriter()
    message.add(rowCount)
    for column in columns { column.write(to: &message) }
    return message.bytes
  }

  /// Takes the counts of another process in place of its own.
  package mutating func read(_ message: [UInt8]) {
    var message = MessageReader(message)
    rowCount = message.int()
    for index in columns.indices { columns[index].read(from: &message) }
  }
}
