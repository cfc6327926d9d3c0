// What can be wrong with a table of text: delimited fields, rows, columns.

import Foundation

/// A table that cannot be used, with the place, what was expected there and what was found.
///
/// Lines count from 1, and a row is named by the line that it starts in; columns are named.
public enum TableError: Error, Equatable, Sendable {
  /// There is nothing in the file.
  case empty(path: String)
  /// There is a header, but no row.
  case noRows(path: String)
  /// A row has more or fewer fields than the first.
  case wrongFieldCount(path: String, line: Int, expected: Int, found: Int)
  /// A quoted field is not closed before the end of the file, or within what a row may hold.
  case unclosedQuote(path: String, line: Int)
  /// Text follows the end of a quoted field.
  case textAfterQuote(path: String, line: Int, field: Int, found: String)
  /// Two bytes a character: not UTF-8.
  case notUTF8(path: String, line: Int, column: String)
  /// A file in UTF-16, by its byte-order mark.
  case isUTF16(path: String)
  /// Bytes that no text has.
  case isBinary(path: String)
  /// A column that is needed is not there.
  case missingColumns(path: String, names: [String], found: [String])
  /// A field that must have a value of some kind has another one, or none.
  case badValue(path: String, line: Int, column: String, expected: String, found: String)
}

extension TableError: CustomStringConvertible, LocalizedError {
  /// One line: file, place, expected, found, and what to do.
  public var description: String {
    switch self {
    case .empty(let path):
      return "\(path): is empty, expected a header and rows; check how the file was written"
    case .noRows(let path):
      return "\(path): has a header and no rows; check how the file was written"
    case .wrongFieldCount(let path, let line, let expected, let found):
      return "\(path):\(line): expected \(expected) fields as in the first row, found \(found); "
        + "mend the row, or quote fields that hold the delimiter"
    case .unclosedQuote(let path, let line):
      return "\(path):\(line): the quote of a field that starts in this row is never closed; "
        + "close it, or double quotes within quoted fields"
    case .textAfterQuote(let path, let line, let field, let found):
      return "\(path):\(line): field \(field) goes on with \"\(found)\" after its closing quote, "
        + "expected a delimiter; double quotes within quoted fields"
    case .notUTF8(let path, let line, let column):
      return "\(path):\(line): column '\(column)' is not UTF-8 text; convert the file, for example "
        + "with iconv -f latin1 -t utf-8"
    case .isUTF16(let path):
      return "\(path): is UTF-16 text, expected UTF-8; convert it with iconv -f utf-16 -t utf-8"
    case .isBinary(let path):
      return "\(path): holds bytes that no text has, expected a table of text such as CSV"
    case .missingColumns(let path, let names, let found):
      let quoted = names.map { "'\($0)'" }.joined(separator: ", ")
      let shown = found.prefix(30).map { "'\($0)'" }.joined(separator: ", ")
      return "\(path): expected \(names.count == 1 ? "a column" : "columns") \(quoted), found only "
        + shown + (found.count > 30 ? " and \(found.count - 30) more" : "")
    case .badValue(let path, let line, let column, let expected, let found):
      return "\(path):\(line): column '\(column)' is \"\(found)\", expected \(expected)"
    }
  }

  /// The same line as `description`.
  public var errorDescription: String? { description }
}
