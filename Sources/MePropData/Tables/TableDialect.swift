// How a table is written as text: delimiter, header, decimal point; told from its beginning.

/// How a table of text is written.
///
/// Quotes are `"`, doubled within quoted fields (RFC 4180); a row ends with `\n`, `\r\n` or `\r`.
public struct TableDialect: Sendable, Equatable, Codable {
  /// What stands between two fields: a comma, a semicolon, a tab or a bar.
  public var delimiter: UInt8
  /// Whether numbers are written `1,5` and not `1.5`.
  public var hasDecimalComma: Bool
  /// Whether the first row names the columns.
  public var hasHeader: Bool

  /// Creates a dialect.
  public init(
    delimiter: UInt8 = UInt8(ascii: ","), hasDecimalComma: Bool = false, hasHeader: Bool = true
  ) {
    self.delimiter = delimiter
    self.hasDecimalComma = hasDecimalComma
    self.hasHeader = hasHeader
  }

  /// The delimiters that are looked for; of equally good ones the first is taken.
  public static let delimiters = [
    UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: "\t"), UInt8(ascii: "|"),
  ]

  /// The delimiter in words.
  public var delimiterName: String {
    switch delimiter {
    case UInt8(ascii: ","): "comma"
    case UInt8(ascii: ";"): "semicolon"
    case UInt8(ascii: "\t"): "tab"
    case UInt8(ascii: "|"): "bar"
    default: "'\(Character(UnicodeScalar(delimiter)))'"
    }
  }
}

/// What is known of a table before its dialect is told from it.
public struct TableHints: Sendable, Equatable {
  /// The delimiter, where somebody gave it.
  public var delimiter: UInt8?
  /// Whether there is a header, where somebody said it.
  public var hasHeader: Bool?
  /// Whether numbers have a decimal comma, where somebody said it.
  public var hasDecimalComma: Bool?
  /// Names that are expected in the header: where the first row has one, it is a header.
  public var names: [String]

  /// Creates hints; without arguments nothing is known.
  public init(
    delimiter: UInt8? = nil, hasHeader: Bool? = nil, hasDecimalComma: Bool? = nil,
    names: [String] = []
  ) {
    self.delimiter = delimiter
    self.hasHeader = hasHeader
    self.hasDecimalComma = hasDecimalComma
    self.names = names
  }
}

extension TableDialect {
  /// Tells a dialect from the beginning of a table.
  ///
  /// The delimiter is the one that gives most rows the same number of fields, two or more. The
  /// first row is a header if it has a name that is expected; else if none of its fields is a
  /// number and all of them differ. Numbers have a decimal comma if more fields can only be read so
  /// than with a point; a table with commas between fields has one only where such fields are
  /// quoted.
  ///
  /// - Parameters:
  ///   - sample: The first bytes of the table, without a byte-order mark.
  ///   - isWhole: Whether these are all.
  ///   - hints: What is known.
  init(sample: [UInt8], isWhole: Bool, hints: TableHints) {
    let tried = hints.delimiter.map { [$0] } ?? Self.delimiters
    var best: (delimiter: UInt8, rows: [[String]], score: Int)?
    for delimiter in tried {
      let rows = Self.rows(of: sample, isWhole: isWhole, delimiter: delimiter)
      // Agreement of rows first, then more fields.
      var counts: [Int: Int] = [:]
      for row in rows { counts[row.count, default: 0] += 1 }
      let width = rows.first?.count ?? 1
      let agreeing = rows.isEmpty ? 0 : counts[width, default: 0] * 1000 / rows.count
      let score = width < 2 ? 0 : agreeing * 1000 + min(width, 999)
      if best == nil || score > (best?.score ?? 0) { best = (delimiter, rows, score) }
    }
    let rows = best?.rows ?? []
    self.init(delimiter: best?.delimiter ?? UInt8(ascii: ","))
    hasDecimalComma =
      hints.hasDecimalComma ?? Self.hasDecimalComma(rows, delimiter: delimiter)
    hasHeader =
      hints.hasHeader ?? Self.hasHeader(rows, names: hints.names, decimalComma: hasDecimalComma)
  }

  /// The rows of a sample, the last one, which may be cut, left out.
  private static func rows(
    of sample: [UInt8], isWhole: Bool, delimiter: UInt8
  ) -> [[String]] {
    var splitter = SampleSplitter(delimiter: delimiter)
    for byte in sample {
      splitter.take(byte)
      if splitter.rows.count >= 500 { return splitter.rows }
    }
    if isWhole || splitter.rows.isEmpty { splitter.finish() }
    return splitter.rows
  }

  private static func hasDecimalComma(_ rows: [[String]], delimiter: UInt8) -> Bool {
    var points = 0
    var commas = 0
    var groups = 0
    for row in rows.dropFirst() {
      for field in row where !field.isEmpty && field.utf8.count <= 30 {
        let bytes = Array(field.utf8)
        let asPoint = bytes.withUnsafeBytes { TableField.number($0, decimalComma: false) } != nil
        let asComma = bytes.withUnsafeBytes { TableField.number($0, decimalComma: true) } != nil
        switch (asPoint, asComma) {
        case (true, false): points += 1
        case (false, true): commas += 1
        // 1,234 or 1.234: thousands in one reading, a fraction in the other.
        case (true, true) where bytes.contains(UInt8(ascii: ",")): groups += 1
        case (true, true) where bytes.contains(UInt8(ascii: ".")): groups -= 1
        default: break
        }
      }
    }
    if points != commas { return commas > points }
    // Who separates fields by commas quotes thousands; who does not has commas in fractions.
    return points == 0 && delimiter != UInt8(ascii: ",") && groups > 0
  }

  private static func hasHeader(
    _ rows: [[String]], names: [String], decimalComma: Bool
  ) -> Bool {
    guard let first = rows.first else { return true }
    if !names.isEmpty, names.contains(where: first.contains) { return true }
    for field in first {
      let isValue = Array(field.utf8).withUnsafeBytes { bytes in
        !bytes.isEmpty
          && (TableField.isMissing(bytes)
            || TableField.number(bytes, decimalComma: decimalComma) != nil
            || TableField.date(bytes) != nil)
      }
      if isValue { return false }
    }
    let named = first.filter { !$0.isEmpty }
    if named.isEmpty { return false }
    // A row that comes again, or that holds a value of a column below it, is data.
    if rows.count > 2 {
      let repeats = first.indices.count { column in
        rows.dropFirst().contains { $0.count > column && $0[column] == first[column] }
      }
      if repeats * 2 > first.count { return false }
    }
    return true
  }
}

/// Splits a sample into rows of fields, one byte after the other.
private struct SampleSplitter {
  let delimiter: UInt8
  private(set) var rows: [[String]] = []
  private var row: [String] = []
  private var field: [UInt8] = []
  private var isQuoted = false
  private var wasQuoted = false

  init(delimiter: UInt8) { self.delimiter = delimiter }

  mutating func take(_ byte: UInt8) {
    if isQuoted {
      if byte == UInt8(ascii: "\"") { isQuoted = false } else { field.append(byte) }
      return
    }
    switch byte {
    case delimiter: endField()
    case 0x0a, 0x0d: endRow()
    case UInt8(ascii: "\""):
      if wasQuoted {
        // A doubled quote.
        field.append(byte)
        isQuoted = true
      } else if field.allSatisfy({ $0 == 0x20 }) {
        field.removeAll()
        isQuoted = true
        wasQuoted = true
      } else {
        field.append(byte)
      }
    default: field.append(byte)
    }
  }

  mutating func finish() { endRow() }

  private mutating func endField() {
    var text = field[...]
    while text.first == 0x20 { text = text.dropFirst() }
    while text.last == 0x20 { text = text.dropLast() }
    row.append(String(decoding: text, as: UTF8.self))
    field.removeAll(keepingCapacity: true)
    wasQuoted = false
  }

  private mutating func endRow() {
    if row.isEmpty && field.isEmpty && !wasQuoted { return }
    endField()
    rows.append(row)
    row.removeAll()
  }
}
