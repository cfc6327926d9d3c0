// The rows that a run trains and evaluates on, encoded.

import Foundation
import MePropCore
import MePropData
import MePropNN
import MePropTraining

/// A table read, learned and divided: what is trained on, and what is evaluated on.
///
/// The training file is read twice: to learn its columns, and to encode its rows. Neither takes
/// memory that grows with the file, apart from the rows where they may all be held.
public struct TableData {
  /// What was learned of the columns.
  public let schema: TableSchema
  /// What is trained on.
  let training: TableRows
  /// What chooses the best epoch; no rows where there are too few to divide.
  let development: TableRows
  /// What is only reported; `nil` where there is no such file.
  let test: TableRows?
  /// The files.
  let parts: TableParts
  /// What the user should know of them.
  let notes: [String]
  /// How many training rows are of each class, or have each label; of numbers none.
  let classCounts: [Int]

  /// The number of rows trained on.
  public var trainingCount: Int { training.count }
  /// The number of rows that choose the best epoch.
  public var developmentCount: Int { development.count }

  /// Reads a table.
  ///
  /// - Throws: `TableError`, `DataFormatError`, `UsageError`, `FileWriteError`.
  init(_ settings: TableSettings, from source: DataSource) throws {
    let parts = try TableParts(settings.data, source)
    let status = LoadStatus()
    defer { status.clear() }
    let profile = try TableProfile(path: parts.train, hints: settings.hints) {
      status.show("reading \(settings.data): \($0 >> 20) MB")
    }
    let schema = try TableSchema(
      profile, settings.request(names: profile.columns.map(\.name), path: parts.train))
    var notes = profile.repeatedNames.map {
      "\(parts.train): more than one column is called '\($0)'; the second is taken as '\($0).2'"
    }
    notes += schema.ignored.filter { $0.reason != "as asked" }.map {
      "column '\($0.name)' is left out: it \($0.reason)"
    }
    let features = TableFeatures(schema)
    let width = Self.width(schema, features)
    let chunk = settings.chunkRows ?? TableSettings.chunkSize(width: width)
    let training = try TableRows(
      width: width, chunkSize: chunk, capacity: profile.rowCount, seed: settings.steps.seed)
    let development = TableRows(width: width, chunkSize: chunk)
    var split = StratifiedSplit(
      schema.target, profile, share: parts.dev == nil ? settings.developmentShare : 0,
      seed: settings.splitSeed)
    var counts = [Int](repeating: 0, count: schema.target.classes.count)
    let target = schema.target
    notes += try Self.encode(
      parts.train, schema, features, hints: settings.hints, limit: settings.trainingLimit,
      status: status
    ) { cells in
      let place = features.cellCount
      if split.takes(cells[place]) { return try development.append(cells) }
      try training.append(cells)
      if target.kind == .classes { counts[Int(cells[place])] += 1 }
      if target.kind == .labels {
        for label in counts.indices { counts[label] += Int(cells[place + label]) }
      }
    }
    guard training.count > 0 else { throw TableError.noRows(path: parts.train) }
    try training.finish()
    if let dev = parts.dev {
      notes += try Self.encode(dev, schema, features, hints: settings.hints, status: status) {
        try development.append($0)
      }
    }
    try development.finish()
    var test: TableRows?
    if let path = parts.test {
      let rows = try Self.read(
        path, schema, hints: settings.hints, chunkSize: chunk, notes: &notes, status: status)
      test = rows.count > 0 ? rows : nil
    }
    self.parts = parts
    self.schema = schema
    self.training = training
    self.development = development
    self.test = test
    self.notes = notes
    classCounts = counts
  }

  private init(_ whole: TableData, training: TableRows, development: TableRows) {
    schema = whole.schema
    self.training = training
    self.development = development
    test = nil
    parts = whole.parts
    notes = []
    classCounts = whole.classCounts
  }

  /// The first rows alone, for a short trial.
  func prefix(_ count: Int) -> TableData {
    guard let rows = try? training.prefix(count) else { return self }
    return TableData(self, training: rows, development: rows)
  }

  /// The cells of a row: inputs, target, weight.
  static func width(_ schema: TableSchema, _ features: TableFeatures) -> Int {
    features.cellCount + schema.target.cellCount + (schema.weight == nil ? 0 : 1)
  }

  /// Reads a file with the columns of a schema.
  ///
  /// - Throws: As the initializer.
  static func read(
    _ path: String, _ schema: TableSchema, hints: TableHints = TableHints(), chunkSize: Int,
    limit: Int? = nil, notes: inout [String], status: LoadStatus
  ) throws -> TableRows {
    let features = TableFeatures(schema)
    let rows = TableRows(width: width(schema, features), chunkSize: chunkSize)
    notes += try encode(path, schema, features, hints: hints, limit: limit, status: status) {
      try rows.append($0)
    }
    try rows.finish()
    return rows
  }

  /// The rows of a model's training file that were held out when it was trained.
  ///
  /// - Throws: As the initializer.
  static func heldOut(
    _ path: String, _ model: TableModel, chunkSize: Int, notes: inout [String], status: LoadStatus
  ) throws -> TableRows {
    let schema = model.schema
    let features = TableFeatures(schema)
    var hints = TableHints(names: schema.target.columns)
    hints.delimiter = schema.dialect.delimiter
    hints.hasHeader = schema.dialect.hasHeader
    hints.hasDecimalComma = schema.dialect.hasDecimalComma
    var split = StratifiedSplit(
      schema.target, try TableProfile(path: path, hints: hints),
      share: model.details.developmentShare, seed: UInt64(max(0, model.details.splitSeed)))
    let rows = TableRows(width: width(schema, features), chunkSize: chunkSize)
    notes += try encode(
      path, schema, features, hints: hints, limit: model.details.trainingLimit, status: status
    ) { cells in
      if split.takes(cells[features.cellCount]) { try rows.append(cells) }
    }
    try rows.finish()
    return rows
  }

  /// Encodes the rows of a file that have a target, and returns what the user should know.
  private static func encode(
    _ path: String, _ schema: TableSchema, _ features: TableFeatures, hints: TableHints,
    limit: Int? = nil, status: LoadStatus, _ take: (UnsafeBufferPointer<UInt32>) throws -> Void
  ) throws -> [String] {
    var hints = hints
    hints.names += schema.inputs.map(\.name)
    hints.hasDecimalComma = hints.hasDecimalComma ?? schema.dialect.hasDecimalComma
    let reader = try TableReader(InputFile(path: path), hints: hints)
    let encoder = try RowEncoder(schema, in: reader, target: .skipsMissing)
    var cells = [UInt32](repeating: 0, count: width(schema, features))
    var rowCount = 0
    var withoutTarget = 0
    var unseen = 0
    var taken = 0
    while taken < limit ?? .max, try reader.next() {
      rowCount += 1
      if rowCount % 65_536 == 0 {
        status.show("encoding \(path): \(rowCount) rows")
      }
      try cells.withUnsafeMutableBufferPointer { cells in
        guard let base = cells.baseAddress else { return }
        guard try encoder.encodeTarget(reader, into: base + features.cellCount) else {
          withoutTarget += 1
          return
        }
        if schema.target.kind == .classes, base[features.cellCount] == .max {
          unseen += 1
          return
        }
        encoder.encode(reader, into: base)
        if schema.weight != nil {
          cells[cells.count - 1] = try encoder.weight(reader).bitPattern
        }
        taken += 1
        try take(UnsafeBufferPointer(cells))
      }
    }
    guard rowCount > 0 else { throw TableError.noRows(path: path) }
    var notes = encoder.notices(path)
    if withoutTarget > 0 {
      notes.append("\(path): \(withoutTarget) rows without a target are left out")
    }
    if unseen > 0 {
      notes.append(
        "\(path): \(unseen) rows of classes that the training rows do not have are left out")
    }
    return notes
  }

  /// A number that differs for other rows: a hash of those that are trained on and those that
  /// choose the best epoch; of more than one chunk of the first, and of all counts.
  ///
  /// - Throws: What reading chunks throws.
  func fingerprint() throws -> Int {
    var print = DataFingerprint()
    for rows in [training, development] {
      rows.chunkCounts.forEach { print.add($0) }
      let cells = rows.chunkCounts[0] * rows.width
      guard cells > 0 else { continue }
      try rows.load(0)
      rows.withCells { base in
        print.add(bytes: UnsafeRawBufferPointer(start: base, count: cells * 4))
      }
    }
    return print.value
  }
}

/// A line on what is read, once it takes more than a second.
final class LoadStatus {
  private let line = StatusLine()
  private var last = ContinuousClock.now

  /// Shows a text, if the last one, or the beginning, was a second ago.
  func show(_ text: @autoclosure () -> String) {
    guard last.duration(to: .now) >= .seconds(1) else { return }
    last = .now
    line.show(text())
  }

  /// Takes the line away.
  func clear() { line.clear() }
}

/// Divides rows, as they come, into those that are trained on and those that are held out: of each
/// class, or of each tenth of the numbers, the same share.
struct StratifiedSplit {
  private let kind: TargetKind
  private let bounds: [Float]
  private let heldOut: Int
  private var strata: [(seen: Int, chosen: UInt32)]
  private var random: Philox

  /// Of each so many rows of a class some are held out, drawn at random.
  static let blockSize = 20

  init(_ target: TableSchema.Target, _ profile: TableProfile, share: Double, seed: UInt64) {
    kind = target.kind
    heldOut = share > 0 ? max(1, Int((share * Double(Self.blockSize)).rounded())) : 0
    var bounds: [Float] = []
    if target.kind == .number,
      let column = profile.columns.first(where: { $0.name == target.columns[0] })
    {
      let sorted = column.sortedSample
      bounds = (1..<10).map {
        Float((sorted[sorted.count * $0 / 10] - target.mean) / target.deviation)
      }
    }
    self.bounds = bounds
    let count = kind == .classes ? target.classes.count : bounds.count + 1
    strata = Array(repeating: (0, 0), count: count)
    random = Philox(seed: seed, stream: RandomPurpose.task.stream(1 << 21))
  }

  /// Whether the next row is held out, by the first cell of its target.
  mutating func takes(_ cell: UInt32) -> Bool {
    guard heldOut > 0 else { return false }
    let stratum =
      switch kind {
      case .classes: Int(cell)
      case .number: bounds.count { $0 <= Float(bitPattern: cell) }
      case .labels: 0
      }
    let place = strata[stratum].seen % Self.blockSize
    if place == 0 {
      var chosen: UInt32 = 0
      while chosen.nonzeroBitCount < heldOut {
        chosen |= 1 << random.next(below: UInt32(Self.blockSize))
      }
      strata[stratum].chosen = chosen
    }
    strata[stratum].seen += 1
    return strata[stratum].chosen >> UInt32(place) & 1 == 1
  }
}
