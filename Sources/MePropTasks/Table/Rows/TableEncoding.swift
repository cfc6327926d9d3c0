// From the rows of a file to cells, and what the user should know of them.

import MePropData

/// Encodes the rows of files that have the columns of a schema.
struct TableEncoding {
  /// The columns.
  let schema: TableSchema
  /// Where they are among the cells.
  let features: TableFeatures
  private let hints: TableHints
  private let status: LoadStatus

  init(_ schema: TableSchema, hints: TableHints, status: LoadStatus) {
    self.schema = schema
    self.status = status
    features = TableFeatures(schema)
    var hints = hints
    hints.names += schema.inputs.map(\.name)
    hints.hasDecimalComma = hints.hasDecimalComma ?? schema.dialect.hasDecimalComma
    self.hints = hints
  }

  /// The cells of a row: inputs, target, weight.
  var width: Int { TableData.width(schema, features) }

  /// A place for rows that are kept in their order.
  func makeRows(chunkSize: Int) -> TableRows { TableRows(width: width, chunkSize: chunkSize) }

  /// Opens a file at its first row.
  ///
  /// - Throws: `TableError`, `DataFormatError`.
  func reader(_ path: String) throws -> TableReader {
    try TableReader(InputFile(path: path), hints: hints)
  }

  /// The survey of a file.
  ///
  /// - Throws: As `TableSurvey`.
  func survey(_ path: String, pieces: Int, _ processes: any Communicator) throws -> TableSurvey {
    try TableSurvey(
      path, hints: hints, pieces: pieces, processes, isProfiled: false, status: status
    ) { RowEncoder.targetTest($0, schema.target.columns, kind: schema.target.kind) }
  }

  /// Encodes rows.
  ///
  /// - Parameters:
  ///   - reader: Of the file.
  ///   - first: How many rows with a target come before the next row.
  ///   - rows: Which of the rows with a target are encoded.
  ///   - take: Gets the cells of each of these rows; rows of classes that training did not see are
  ///     counted, and left out.
  /// - Returns: What the user should know.
  /// - Throws: `TableError`, `DataFormatError`, and what `take` throws.
  func encode(
    _ reader: TableReader, from first: Int = 0, rows: Range<Int> = 0..<Int.max,
    _ take: (UnsafeBufferPointer<UInt32>) throws -> Void
  ) throws -> EncodingNotes {
    let encoder = try RowEncoder(schema, in: reader, target: .skipsMissing)
    var cells = [UInt32](repeating: 0, count: width)
    var notes = EncodingNotes()
    var readCount = 0
    var row = first
    while row < rows.upperBound, try reader.next() {
      readCount += 1
      if readCount % 65_536 == 0 { status.show("encoding \(reader.path): \(readCount) rows") }
      let isAsked = row >= rows.lowerBound
      try cells.withUnsafeMutableBufferPointer { cells in
        guard let base = cells.baseAddress else { return }
        guard try encoder.encodeTarget(reader, into: base + features.cellCount) else {
          if isAsked { notes.withoutTarget += 1 }
          return
        }
        row += 1
        guard isAsked else { return }
        if schema.target.kind == .classes, base[features.cellCount] == .max {
          notes.unseen += 1
          return
        }
        encoder.encode(reader, into: base)
        if schema.weight != nil {
          cells[cells.count - 1] = try encoder.weight(reader).bitPattern
        }
        try take(UnsafeBufferPointer(cells))
      }
    }
    notes.odd = encoder.odd
    return notes
  }

  /// Encodes rows of a file from its first one on.
  ///
  /// - Throws: `TableError.noRows`, and as ``encode(_:from:rows:_:)``.
  func encodeAll(
    _ reader: TableReader, rows: Range<Int>,
    _ take: (UnsafeBufferPointer<UInt32>) throws -> Void
  ) throws -> EncodingNotes {
    var count = 0
    let notes = try encode(reader, rows: rows) {
      count += 1
      try take($0)
    }
    guard count + notes.withoutTarget + notes.unseen > 0 else {
      throw TableError.noRows(path: reader.path)
    }
    return notes
  }

  /// Encodes all rows of a file, or the first so many of those with a target, in their order.
  ///
  /// - Throws: `TableError.noRows`, and as ``encode(_:from:rows:_:)``.
  func read(
    _ path: String, chunkSize: Int, limit: Int? = nil, notes: inout [String]
  ) throws -> TableRows {
    let result = makeRows(chunkSize: chunkSize)
    let found = try encodeAll(reader(path), rows: 0..<(limit ?? .max)) { try result.append($0) }
    notes += found.lines(path, schema)
    try result.finish()
    return result
  }
}

/// What was odd in encoded rows.
struct EncodingNotes {
  /// Rows that are left out because they have no target.
  var withoutTarget = 0
  /// Rows that are left out because training does not have their class.
  var unseen = 0
  /// Of each input the fields that could not be read.
  var odd: [OddFields] = []

  init() {}

  /// Fields of a column that could not be read.
  struct OddFields {
    var count = 0
    /// The first of them, and its line.
    var (text, line) = ("", 0)
  }

  /// Adds what was odd in the rows that follow.
  mutating func add(_ next: EncodingNotes) {
    withoutTarget += next.withoutTarget
    unseen += next.unseen
    if odd.isEmpty { odd = next.odd.map { _ in OddFields() } }
    for (index, more) in next.odd.enumerated() {
      if odd[index].count == 0 { (odd[index].text, odd[index].line) = (more.text, more.line) }
      odd[index].count += more.count
    }
  }

  /// Writes all of it.
  func write(to message: inout MessageWriter) {
    message.add(withoutTarget)
    message.add(unseen)
    message.add(odd.count)
    for odd in odd {
      message.add(odd.count)
      message.add(Array(odd.text.utf8))
      message.add(odd.line)
    }
  }

  /// Reads what `write(to:)` has written.
  init(_ message: inout MessageReader) {
    withoutTarget = message.int()
    unseen = message.int()
    odd = (0..<message.int()).map { _ in
      OddFields(
        count: message.int(), text: String(decoding: message.bytes(), as: UTF8.self),
        line: message.int())
    }
  }

  /// Lines for the user.
  func lines(_ path: String, _ schema: TableSchema) -> [String] {
    var lines = zip(schema.inputs, odd).compactMap { column, odd -> String? in
      guard odd.count > 0 else { return nil }
      let kind = column.kind == .date ? "date" : "number"
      return "\(path): column '\(column.name)': \(odd.count) "
        + "\(odd.count == 1 ? "field is" : "fields are") no \(kind), first \"\(odd.text)\" in line "
        + "\(odd.line); taken as missing"
    }
    if withoutTarget > 0 {
      lines.append("\(path): \(withoutTarget) rows without a target are left out")
    }
    if unseen > 0 {
      lines.append(
        "\(path): \(unseen) rows of classes that the training rows do not have are left out")
    }
    return lines
  }
}
