// From the fields of a row to its cells.

import Foundation
import MePropData

/// Turns rows of a table, whatever the order of its columns, into cells.
///
/// What a column cannot be read as, a word in a column of numbers, is missing; ``notices`` says how
/// often.
final class RowEncoder {
  let schema: TableSchema
  private let readings: [Reading]
  private let targetSources: [Int]
  private let weightSource: Int?
  private let dictionaries: [ByteDictionary]
  private let classes: ByteDictionary
  /// Of each input the fields that could not be read.
  private(set) var odd: [EncodingNotes.OddFields]
  private(set) var unknown: [Int]

  /// How an input is read, and in which column of the table it is.
  private struct Reading {
    var source: Int
    var kind: ColumnKind
    var dateOrder: DateOrder
    var hasTimes: Bool
  }

  /// How the target of a row is read.
  enum TargetUse {
    /// It is not.
    case none
    /// A row without one is passed over.
    case skipsMissing
  }

  /// Finds the columns of a schema in a table.
  ///
  /// - Throws: `TableError.missingColumns` with the names of all that are not there.
  init(_ schema: TableSchema, in reader: TableReader, target: TargetUse) throws {
    self.schema = schema
    let places = Dictionary(
      reader.names.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    var needed = schema.inputs.map(\.name)
    if target != .none { needed += schema.target.columns + (schema.weight.map { [$0] } ?? []) }
    let absent = needed.filter { places[$0] == nil }
    guard absent.isEmpty else {
      throw TableError.missingColumns(path: reader.path, names: absent, found: reader.names)
    }
    readings = schema.inputs.compactMap { column in
      places[column.name].map { source in
        Reading(
          source: source, kind: column.kind, dateOrder: column.dateOrder ?? .monthFirst,
          hasTimes: column.hasTimes == true)
      }
    }
    targetSources = target == .none ? [] : schema.target.columns.compactMap { places[$0] }
    weightSource = target == .none ? nil : schema.weight.flatMap { places[$0] }
    dictionaries = schema.inputs.map { ByteDictionary($0.values ?? []) }
    classes = ByteDictionary(schema.target.classes)
    odd = schema.inputs.map { _ in EncodingNotes.OddFields() }
    unknown = schema.inputs.map { _ in 0 }
  }

  /// Columns of a table that a schema does not know, apart from those that training left out.
  static func unused(_ names: [String], by schema: TableSchema) -> [String] {
    let known = Set(
      schema.neededForEvaluation + schema.ignored.map(\.name)
        + (schema.weight.map { [$0] } ?? []))
    return names.filter { !known.contains($0) }
  }

  /// Writes the cells of the inputs of the row that was read last.
  func encode(_ reader: TableReader, into cells: UnsafeMutablePointer<UInt32>) {
    let decimalComma = reader.dialect.hasDecimalComma
    var cell = 0
    for (index, reading) in readings.enumerated() {
      let bytes = reader.bytes(reading.source)
      switch reading.kind {
      case .number:
        if let number = TableField.number(bytes, decimalComma: decimalComma) {
          cells[cell] = Knots.held(number).bitPattern
        } else {
          noteIfOdd(bytes, index, reader.lineNumber)
          cells[cell] = Float.nan.bitPattern
        }
        cell += 1
      case .date:
        let date = TableField.date(bytes, preferred: reading.dateOrder)
        if date == nil { noteIfOdd(bytes, index, reader.lineNumber) }
        cells[cell] = (date.map { Float($0.days) } ?? .nan).bitPattern
        cells[cell + 1] = Self.code(date.map { $0.month - 1 })
        cells[cell + 2] = Self.code(date?.weekday)
        cell += 3
        if reading.hasTimes {
          cells[cell] = Self.code(date?.hour)
          cell += 1
        }
      default:
        if let code = dictionaries[index].find(bytes) {
          cells[cell] = TableFeatures.firstValue + UInt32(code)
        } else if TableField.isMissing(bytes) {
          cells[cell] = TableFeatures.missing
        } else {
          cells[cell] = TableFeatures.unknown
          unknown[index] += 1
        }
        cell += 1
      }
    }
  }

  private static func code(_ value: Int?) -> UInt32 {
    value.map { TableFeatures.firstValue + UInt32($0) } ?? TableFeatures.missing
  }

  private func noteIfOdd(_ bytes: UnsafeRawBufferPointer, _ index: Int, _ line: Int) {
    guard !TableField.isMissing(bytes) else { return }
    if odd[index].count == 0 {
      odd[index].text = String(decoding: bytes.prefix(40), as: UTF8.self)
      odd[index].line = line
    }
    odd[index].count += 1
  }

  /// Writes the cells of the target, which follow those of the inputs; a class that training did
  /// not see is `UInt32.max`.
  ///
  /// - Returns: Whether the row has a target.
  /// - Throws: `TableError.badValue` where it has one of another kind.
  func encodeTarget(
    _ reader: TableReader, into cells: UnsafeMutablePointer<UInt32>
  ) throws -> Bool {
    let target = schema.target
    let bytes = reader.bytes(targetSources[0])
    switch target.kind {
    case .classes:
      if TableField.isMissing(bytes) { return false }
      cells[0] = classes.find(bytes).map(UInt32.init) ?? .max
    case .number:
      if TableField.isMissing(bytes) { return false }
      guard let number = reader.number(targetSources[0]) else {
        throw bad(reader, targetSources[0], "a number, or nothing")
      }
      cells[0] = Float((number - target.mean) / target.deviation).bitPattern
    case .labels:
      if let separator = target.separator {
        for index in target.classes.indices { cells[index] = 0 }
        if TableField.isMissing(bytes) { return true }
        for label in try reader.text(targetSources[0]).split(separator: separator) {
          var name = label.trimmingCharacters(in: .whitespaces)
          let index = name.withUTF8 { classes.find(UnsafeRawBufferPointer($0)) }
          if let index { cells[index] = 1 }
        }
        return true
      }
      for (index, source) in targetSources.enumerated() {
        let bytes = reader.bytes(source)
        if TableField.isMissing(bytes) { return false }
        guard let holds = TableField.truth(bytes) else {
          throw bad(reader, source, "1 or 0, true or false, yes or no")
        }
        cells[index] = holds ? 1 : 0
      }
    }
    return true
  }

  /// The weight of the row that was read last; 1 where the table has none.
  ///
  /// - Throws: `TableError.badValue` unless it is a number of 0 or more.
  func weight(_ reader: TableReader) throws -> Float {
    guard let weightSource else { return 1 }
    guard let weight = reader.number(weightSource), weight >= 0, Float(weight).isFinite else {
      throw bad(reader, weightSource, "a weight of 0 or more")
    }
    return Float(weight)
  }

  private func bad(_ reader: TableReader, _ column: Int, _ expected: String) -> TableError {
    .badValue(
      path: reader.path, line: reader.lineNumber, column: reader.names[column],
      expected: expected,
      found: String(decoding: reader.bytes(column).prefix(40), as: UTF8.self))
  }

  /// A test whether the row that was read last has a target, as `encodeTarget` finds it.
  ///
  /// - Parameters:
  ///   - reader: Of the table.
  ///   - columns: The names of the target's columns.
  ///   - kind: What the target is, as far as is known.
  /// - Returns: The test, for any reader of the table.
  static func targetTest(
    _ reader: TableReader, _ columns: [String], kind: TargetKind?
  ) -> @Sendable (TableReader) -> Bool {
    // Labels in one column: none of them is an answer as well.
    if columns.count == 1, kind == .labels { return { _ in true } }
    let sources = columns.compactMap { reader.names.firstIndex(of: $0) }
    return { reader in sources.allSatisfy { !TableField.isMissing(reader.bytes($0)) } }
  }

  /// Lines on what could not be read.
  func notices(_ path: String) -> [String] {
    var notes = EncodingNotes()
    notes.odd = odd
    return notes.lines(path, schema)
  }
}
