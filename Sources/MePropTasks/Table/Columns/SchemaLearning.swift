// What training learns of a table's columns from its profile.

import Foundation
import MePropData
import MePropTraining

/// What of a table's columns is said by the user.
struct SchemaRequest: Sendable, Equatable {
  /// The names of target columns.
  var targets: [String]
  /// What the target is; `nil`: told from it.
  var kind: TargetKind?
  /// What stands between labels of one column.
  var separator = "|"
  /// The column with the weights of rows.
  var weight: String?
  /// Columns that are not read.
  var ignored: [String] = []
  /// Columns of numbers that are read as categories.
  var categories: [String] = []
  /// The most knots of a column of numbers.
  var knotCount = 32
  /// A category seen fewer times is unknown.
  var rareCount = 2
}

extension TableSchema {
  /// The most values of a column that have an embedding of their own; rarer ones are unknown.
  static let valueLimit = 20_000
  /// Above this many different whole numbers a target is a number, not a class.
  static let classLimit = 20

  /// Learns the columns of a table.
  ///
  /// - Parameters:
  ///   - profile: Of the training file.
  ///   - request: What the user said.
  /// - Throws: `TableError` or `UsageError` where columns are not there, or the target cannot be
  ///   learned.
  init(_ profile: TableProfile, _ request: SchemaRequest) throws {
    dialect = profile.dialect
    let names = profile.columns.map(\.name)
    let asked =
      request.targets + (request.weight.map { [$0] } ?? []) + request.ignored
      + request.categories
    let absent = asked.filter { !names.contains($0) }
    guard absent.isEmpty else {
      throw TableError.missingColumns(path: profile.path, names: absent, found: names)
    }
    let needed = request.targets + (request.weight.map { [$0] } ?? [])
    for name in request.ignored where needed.contains(name) {
      throw UsageError(
        "ignore: '\(name)' is the \(name == request.weight ? "column of weights" : "target"), "
          + "which cannot be ignored; leave it out of the ignored columns")
    }
    func column(_ name: String) -> ColumnProfile {
      profile.columns[names.firstIndex(of: name) ?? 0]
    }
    target = try Self.target(request.targets.map(column), request, profile.path)
    weight = request.weight
    if let weight { try Self.checkWeight(column(weight), profile.path) }
    inputs = []
    ignored = []
    for profile in profile.columns {
      let name = profile.name
      if target.columns.contains(name) || name == request.weight { continue }
      if request.ignored.contains(name) {
        ignored.append(Ignored(name: name, reason: "as asked"))
        continue
      }
      var kind = profile.kind
      if request.categories.contains(name), kind != .constant { kind = .category }
      switch kind {
      case .constant:
        ignored.append(
          Ignored(
            name: name, reason: profile.presentCount == 0 ? "is empty" : "has one value only"))
      case .identifier:
        ignored.append(
          Ignored(name: name, reason: "has another text in nearly every row"))
      case .number, .date:
        let knots = Knots(sorted: profile.sortedSample, count: request.knotCount)
        inputs.append(
          Column(
            name: name, kind: kind, knots: knots,
            dateOrder: kind == .date ? profile.dateOrder : nil,
            hasTimes: kind == .date ? profile.hasTimes : nil))
      case .category:
        inputs.append(
          Column(name: name, kind: kind, values: Self.values(profile, request.rareCount)))
      }
    }
    guard !inputs.isEmpty else {
      throw UsageError(
        "\(profile.path): no column is left to predict from: "
          + ignored.map { "'\($0.name)' \($0.reason)" }.joined(separator: ", "))
    }
  }

  /// The values of a category that are told apart, in their order.
  private static func values(_ profile: ColumnProfile, _ rareCount: Int) -> [String] {
    let values = profile.sortedValues
    var kept = values.filter { $0.count >= rareCount }
    if kept.count > valueLimit {
      let least = kept.map(\.count).sorted(by: >)[valueLimit - 1]
      kept = Array(kept.filter { $0.count >= least }.prefix(valueLimit))
    }
    return kept.map(\.text)
  }

  // MARK: Target

  private static func target(
    _ columns: [ColumnProfile], _ request: SchemaRequest, _ path: String
  ) throws -> Target {
    guard let first = columns.first else {
      throw UsageError("\(path): expected a target column; name it with --target")
    }
    for column in columns where column.presentCount == 0 {
      throw UsageError("\(path): target column '\(column.name)' is empty; name another")
    }
    let kind = try request.kind ?? (columns.count > 1 ? .labels : kind(of: first, path))
    var target = Target(
      kind: kind, columns: columns.map(\.name), classes: [], mean: 0, deviation: 1, separator: nil)
    switch kind {
    case .number:
      guard columns.count == 1 else {
        throw UsageError("--target: expected one column with --kind number, found \(columns.count)")
      }
      guard first.numberCount == first.presentCount else {
        throw UsageError(
          "\(path): target column '\(first.name)' has "
            + "\(first.presentCount - first.numberCount) fields that are no numbers, first "
            + "\"\(first.exampleOfText?.text ?? "a date")\"; mend them, or use --kind classes")
      }
      guard first.deviation > 0 else {
        throw UsageError(
          "\(path): target column '\(first.name)' has one value only; there is nothing to learn")
      }
      target.mean = first.mean
      target.deviation = first.deviation
    case .classes:
      guard columns.count == 1 else {
        throw UsageError(
          "--target: expected one column with --kind classes, found \(columns.count); several "
            + "columns are --kind labels")
      }
      guard !first.hasMoreValues, first.distinctCount <= 10_000 else {
        throw UsageError(
          "\(path): target column '\(first.name)' has \(first.distinctCount) classes or more, "
            + "expected at most 10000; is it the right column? Numbers are --kind number")
      }
      target.classes = first.sortedValues.map(\.text)
      guard target.classes.count >= 2 else {
        throw UsageError(
          "\(path): target column '\(first.name)' has the class '\(target.classes[0])' only, "
            + "expected two or more; there is nothing to learn")
      }
    case .labels:
      if columns.count > 1 {
        target.classes = columns.map(\.name)
      } else {
        target.separator = request.separator
        var labels: Set<String> = []
        for text in first.values.texts {
          for label in text.split(separator: request.separator) {
            labels.insert(label.trimmingCharacters(in: .whitespaces))
          }
        }
        target.classes = labels.filter { !$0.isEmpty }.sorted()
        guard !target.classes.isEmpty, target.classes.count <= 10_000 else {
          throw UsageError(
            "\(path): target column '\(first.name)' has \(target.classes.count) labels between "
              + "'\(request.separator)', expected 1 to 10000")
        }
      }
    }
    return target
  }

  /// Whether a column is of classes or of numbers, where nobody says it.
  private static func kind(of column: ColumnProfile, _ path: String) throws -> TargetKind {
    if column.numberCount == column.presentCount {
      let isCoded = column.isWhole && column.distinctCount <= classLimit && !column.hasMoreValues
      return isCoded || column.distinctCount == 2 ? .classes : .number
    }
    return .classes
  }

  private static func checkWeight(_ column: ColumnProfile, _ path: String) throws {
    guard column.numberCount == column.rowCount, column.smallest >= 0, column.largest > 0 else {
      throw UsageError(
        "\(path): weight column '\(column.name)': expected a number of 0 or more in every row, "
          + "found "
          + (column.missingCount > 0
            ? "\(column.missingCount) empty fields"
            : column.exampleOfText.map { "\"\($0.text)\" in line \($0.line)" }
              ?? "numbers from \(column.smallest) to \(column.largest)"))
    }
  }
}
