// What in a table would hurt a model, before training.

import Foundation
import MePropData
import MePropTraining

extension Table: DataCheckingTask {
  /// What is looked for.
  public static let checkHelp = """
    how the file is written, the kind, the values and the gaps of each column, and constant \
    columns, identifiers, columns that give the target away, rare classes, categories that a test \
    file has and training does not
    """
  /// What says which rows are read, and how.
  public static let checkKeys =
    [
      "data", "target", "kind", "label-separator", "weight", "ignore", "categories", "knots",
      "rare",
    ]
    + TableConfiguration.dialectKeys

  /// Reads the training file, and looks at dev and test files beside it.
  public static func check(
    _ configuration: Configuration, _ source: DataSource
  ) throws -> CheckReport {
    if configuration.string("data").isEmpty {
      throw configuration.conflict(
        "data",
        "expected a CSV file, or a folder with train.csv, found nothing; name it with --data")
    }
    var settings = TableSettings(resolved: try decided(configuration))
    settings.developmentShare = 0
    return try TableCheck(settings, source).report
  }

  /// The configuration with what `auto` stands for, which a check does not need, put in.
  private static func decided(_ configuration: Configuration) throws -> Configuration {
    var asked = configuration
    if asked.string("target").isEmpty { try asked.set("target", to: "?", from: .defaultValue) }
    var (_, resolved) = try TableConfiguration.resolve(asked)
    if configuration.string("target").isEmpty {
      try resolved.set("target", to: "", from: .defaultValue)
    }
    return resolved
  }
}

/// A look at a table before a model is trained on it.
struct TableCheck {
  private let profile: TableProfile
  private let parts: TableParts
  private let schema: TableSchema?
  private var warnings: [String] = []
  private var errors: [String] = []

  /// Rows that are looked at for columns that give the target away.
  private static let leakRowLimit = 50_000

  /// Looks at a table.
  ///
  /// - Throws: Where there is no table; what is wrong with one becomes an error of the report.
  init(_ settings: TableSettings, _ source: DataSource) throws {
    parts = try TableParts(settings.data, source)
    let status = LoadStatus()
    defer { status.clear() }
    profile = try TableProfile(path: parts.train, hints: settings.hints) {
      status.show("reading \(settings.data): \($0 >> 20) MB")
    }
    guard !settings.target.isEmpty else {
      schema = nil
      addWarnings()
      return
    }
    do {
      schema = try TableSchema(
        profile, settings.request(names: profile.columns.map(\.name), path: parts.train))
    } catch {
      schema = nil
      errors.append("\(error)")
    }
    addWarnings()
    guard let schema else { return }
    do {
      addTargetWarnings(schema)
      try addLeaks(schema, settings, status)
      for path in [parts.dev, parts.test] {
        if let path { try addUnseen(path, schema, settings, status) }
      }
    } catch {
      errors.append("\(error)")
    }
  }

  // MARK: Warnings

  private mutating func addWarnings() {
    for name in profile.repeatedNames {
      warnings.append("more than one column is called '\(name)'; the second is '\(name).2'")
    }
    let targets = schema?.target.columns ?? []
    for column in profile.columns where !targets.contains(column.name) {
      let name = "column '\(column.name)'"
      switch column.kind {
      case .constant:
        warnings.append(
          column.presentCount == 0
            ? "\(name) is empty; it is left out" : "\(name) has one value only; it is left out")
      case .identifier:
        warnings.append(
          "\(name) has another text in nearly every row (\(column.distinctCount)"
            + (column.hasMoreValues ? " or more" : "") + "); it is left out")
      case .number:
        if column.isWhole, column.numberCount >= 50, column.distinctCount == column.numberCount,
          !column.hasMoreValues
        {
          warnings.append(
            "\(name) has another whole number in every row; if it is a key, --ignore it")
        }
        if let example = column.exampleOfText {
          warnings.append(
            "\(name) has \(column.presentCount - column.numberCount) fields that are no numbers, "
              + "first \"\(example.text)\" in line \(example.line); they are taken as missing")
        }
      case .category:
        if column.distinctCount > 1000 {
          warnings.append(
            "\(name) has \(column.distinctCount) categories; those seen once are one")
        }
      case .date:
        if column.hasUndecidedDates {
          warnings.append(
            "\(name) has dates that can be read with the day or the month first, and none that "
              + "tells which; they are read with the month first; write them as 2025-12-31")
        }
      }
      if column.presentCount > 0, column.missingCount * 2 > column.rowCount {
        warnings.append(
          "\(name) is missing in \(fixed(percent(column.missingCount, of: column.rowCount), 1)) % "
            + "of the rows")
      }
    }
  }

  private mutating func addTargetWarnings(_ schema: TableSchema) {
    for column in profile.columns where schema.target.columns.contains(column.name) {
      if column.missingCount > 0 {
        warnings.append(
          "target column '\(column.name)' is missing in "
            + "\(Self.counted(column.missingCount, "row")), which are "
            + "left out")
      }
      guard schema.target.kind == .classes else { continue }
      let values = column.sortedValues
      let rare = values.filter { $0.count < 10 }
      if !rare.isEmpty {
        warnings.append(
          "rare classes: "
            + rare.prefix(10).map { "'\($0.text)' in \(Self.counted($0.count, "row"))" }
            .joined(separator: ", ")
            + (rare.count > 10 ? ", and \(rare.count - 10) more" : ""))
      }
      let counts = values.map(\.count)
      if let most = counts.max(), let least = counts.min(), most > 20 * least {
        warnings.append(
          "the largest class has \(most) rows and the smallest \(least); --balanced makes all "
            + "count alike")
      }
    }
  }

  /// Columns from which alone the target can be told.
  private mutating func addLeaks(
    _ schema: TableSchema, _ settings: TableSettings, _ status: LoadStatus
  ) throws {
    guard schema.target.kind != .labels else { return }
    let features = TableFeatures(schema)
    var notes: [String] = []
    let rows = try TableEncoding(schema, hints: settings.hints, status: status).read(
      parts.train, chunkSize: Self.leakRowLimit, limit: Self.leakRowLimit, notes: &notes)
    warnings += notes.filter {
      !$0.contains("taken as missing") && !$0.contains("without a target")
    }
    guard rows.count >= 50 else { return }
    for (index, feature) in features.features.enumerated() {
      let share = rows.withCells {
        Self.toldShare(feature, index, $0, rows.count, width: rows.width, features, schema.target)
      }
      guard share > 0.99 else { continue }
      warnings.append(
        "column '\(schema.inputs[feature.column].name)' alone tells the target "
          + "(\(fixed(100 * share, 1)) % of "
          + (schema.target.kind == .number ? "its variance" : "what is not the largest class")
          + "); if it is not known when you predict, --ignore it")
    }
  }

  /// How much of the target one feature tells: of classes the share of the errors of always taking
  /// the largest class that the commonest class of each value saves; of numbers the share of the
  /// variance that the mean of each value explains.
  private static func toldShare(
    _ feature: TableFeature, _ index: Int, _ cells: UnsafePointer<UInt32>, _ count: Int, width: Int,
    _ features: TableFeatures, _ target: TableSchema.Target
  ) -> Double {
    func bin(_ row: Int) -> Int {
      let cell = cells[row * width + index]
      guard let knots = feature.knots else { return Int(cell) }
      let number = Float(bitPattern: cell)
      if number.isNaN { return knots.places.count }
      return max(0, knots.places.count { $0 <= number } - 1)
    }
    let goal = features.cellCount
    let groups = feature.width + 1
    if target.kind == .number {
      var sums = [(count: Double, sum: Double)](repeating: (0, 0), count: groups)
      var (sum, squares) = (0.0, 0.0)
      for row in 0..<count {
        let value = Double(Float(bitPattern: cells[row * width + goal]))
        let group = bin(row)
        sums[group].count += 1
        sums[group].sum += value
        sum += value
        squares += value * value
      }
      let used = sums.filter { $0.count > 0 }
      // As many values as rows explain everything and tell nothing.
      guard used.count * 5 < count else { return 0 }
      let variance = squares - sum * sum / Double(count)
      let between = used.reduce(0) { $0 + $1.sum * $1.sum / $1.count } - sum * sum / Double(count)
      return variance > 0 ? between / variance : 0
    }
    var counts: [Int: Int] = [:]
    var byGroup = [[Int: Int]](repeating: [:], count: groups)
    for row in 0..<count {
      let label = Int(cells[row * width + goal])
      counts[label, default: 0] += 1
      byGroup[bin(row)][label, default: 0] += 1
    }
    let used = byGroup.filter { !$0.isEmpty }
    guard used.count * 5 < count else { return 0 }
    let errors = count - (counts.values.max() ?? 0)
    let left = used.reduce(0) { $0 + $1.values.reduce(0, +) - ($1.values.max() ?? 0) }
    return errors > 0 ? Double(errors - left) / Double(errors) : 0
  }

  /// What another part has that training does not.
  private mutating func addUnseen(
    _ path: String, _ schema: TableSchema, _ settings: TableSettings, _ status: LoadStatus
  ) throws {
    var hints = settings.hints
    hints.names += schema.inputs.map(\.name)
    let reader = try TableReader(InputFile(path: path), hints: hints)
    let encoder = try RowEncoder(schema, in: reader, target: .skipsMissing)
    var cells = [UInt32](repeating: 0, count: TableFeatures(schema).cellCount)
    var count = 0
    while try reader.next() {
      count += 1
      if count % 65_536 == 0 { status.show("checking \(path): \(count) rows") }
      cells.withUnsafeMutableBufferPointer { cells in
        if let base = cells.baseAddress { encoder.encode(reader, into: base) }
      }
    }
    warnings += encoder.notices(path)
    for (column, unknown) in zip(schema.inputs, encoder.unknown) where unknown * 100 > count {
      warnings.append(
        "\(path): column '\(column.name)' has categories that training does not know in "
          + "\(fixed(percent(unknown, of: count), 1)) % of the rows")
    }
  }

  // MARK: Report

  /// What was found.
  var report: CheckReport {
    let dialect = profile.dialect
    let rows = profile.columns.map { column in
      [
        column.name, use(column), "\(column.distinctCount)" + (column.hasMoreValues ? "+" : ""),
        column.missingCount == 0
          ? "-" : "\(fixed(percent(column.missingCount, of: column.rowCount), 1)) %",
        values(column),
      ]
    }
    return CheckReport(
      table: ReportTable(
        rows: [["column", "kind", "values", "missing", "range or commonest"]] + rows),
      summary: "\(parts.train): \(Self.counted(profile.rowCount, "row")), "
        + "\(Self.counted(profile.columns.count, "column")), "
        + "\(dialect.delimiterName) between fields, "
        + (dialect.hasHeader ? "a header" : "no header")
        + (dialect.hasDecimalComma ? ", decimal commas" : "")
        + (schema.map { "; target \($0.target.summary)" } ?? ""),
      warnings: warnings, errors: errors, json: json)
  }

  private static func counted(_ count: Int, _ what: String) -> String {
    "\(count) \(what)\(count == 1 ? "" : "s")"
  }

  private func use(_ column: ColumnProfile) -> String {
    guard let schema else { return column.kind.rawValue }
    if schema.target.columns.contains(column.name) { return "target" }
    if schema.weight == column.name { return "weight" }
    if let input = schema.inputs.first(where: { $0.name == column.name }) {
      return input.kind.rawValue
    }
    return column.kind == .constant || column.kind == .identifier
      ? column.kind.rawValue : "left out"
  }

  private func values(_ column: ColumnProfile) -> String {
    switch column.kind {
    case .number: return "\(short(column.smallest)) to \(short(column.largest))"
    case .date: return "\(day(column.smallest)) to \(day(column.largest))"
    default:
      let most = column.counts.indices.sorted { column.counts[$0] > column.counts[$1] }.prefix(3)
      return most.map { String(column.values.text($0).prefix(20)) }.joined(separator: ", ")
    }
  }

  private func day(_ days: Double) -> String {
    String(Date(timeIntervalSince1970: days * 86_400).ISO8601Format().prefix(10))
  }

  private var json: JSONValue {
    let columns = profile.columns.map { column in
      let isScale = column.kind == .number || column.kind == .date
      return JSONValue.object(
        [
          .init("name", .string(column.name)), .init("kind", .string(use(column))),
          .init("values", .integer(column.distinctCount)),
          .init("missing", .integer(column.missingCount)),
        ]
          + (isScale
            ? [
              .init("min", .number(column.smallest)), .init("max", .number(column.largest)),
              .init("mean", .number(column.mean)), .init("deviation", .number(column.deviation)),
            ] : []))
    }
    let target = schema.map { schema in
      JSONValue.object([
        .init("kind", .string(schema.target.kind.rawValue)),
        .init("columns", .array(schema.target.columns.map { .string($0) })),
        .init("classes", .array(schema.target.classes.map { .string($0) })),
      ])
    }
    return .object([
      .init("path", .string(parts.train)), .init("rows", .integer(profile.rowCount)),
      .init("delimiter", .string(profile.dialect.delimiterName)),
      .init("header", .bool(profile.dialect.hasHeader)),
      .init("decimalComma", .bool(profile.dialect.hasDecimalComma)),
      .init("target", target ?? .null), .init("columns", .array(columns)),
      .init("warnings", .array(warnings.map { .string($0) })),
      .init("errors", .array(errors.map { .string($0) })),
    ])
  }
}
