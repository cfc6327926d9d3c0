// What `meprop evaluate` and `meprop check` print of a task: lines, tables, JSON, a drawing.

import Foundation
import MePropTraining

/// A table of texts, whose first column names the rows.
public struct ReportTable: Sendable, Equatable {
  /// What is shown; empty for a table that needs no title.
  public var title: String
  /// The heads of columns, then the rows.
  public var rows: [[String]]

  /// Creates a table.
  public init(_ title: String = "", rows: [[String]]) {
    self.title = title
    self.rows = rows
  }
}

/// Figures that are drawn as bars, in groups.
public struct ReportChart: Sendable, Equatable {
  /// Bars of one kind.
  public struct Group: Sendable, Equatable {
    /// What the bars show.
    public var title: String
    /// What is counted, plural.
    public var counts: String
    /// The bars: names, percentages, and counts.
    public var bars: [Bar]

    /// A bar of a group.
    public struct Bar: Sendable, Equatable {
      /// The name.
      public var name: String
      /// The length, in percent.
      public var value: Double
      /// The number of examples that this is a share of.
      public var count: Int
    }
  }

  /// What was evaluated, with the figures that matter most.
  public var title: String
  /// The same in a few sentences, for readers who do not see the drawing.
  public var summary: String
  /// The groups, from top to bottom.
  public var groups: [Group]
}

/// What an evaluation found.
public struct EvaluationReport: Sendable {
  /// The figures that matter most, in a line.
  public var summary: String
  /// Where the examples were read from; `nil` where that has no name.
  public var data: String?
  /// The number of examples.
  public var count: Int
  /// What an example is called, plural, for example `words`.
  public var unit: String
  /// Examples predicted in a second.
  public var rate: Double
  /// All figures as tables.
  public var tables: [ReportTable]
  /// All figures as members of an object.
  public var members: [JSONValue.Member]
  /// The figures as a drawing; `nil` where there is none.
  public var chart: ReportChart?

  /// Creates a report.
  public init(
    summary: String, data: String? = nil, count: Int, unit: String, seconds: Double,
    tables: [ReportTable], members: [JSONValue.Member], chart: ReportChart? = nil
  ) {
    self.summary = summary
    self.data = data
    self.count = count
    self.unit = unit
    rate = seconds > 0 ? Double(count) / seconds : 0
    self.tables = tables
    self.members = members
    self.chart = chart
  }

  /// The line that `evaluate` prints first.
  public func headline(_ split: EvaluationSplit) -> String {
    "\(split.rawValue): \(summary), \(String(format: "%.0f", rate)) \(unit)/s"
  }

  /// The object that `evaluate --json` prints: `task`, `split`, `data`, `count`, `predict` with the
  /// speed, and the task's figures.
  public func json(task: String, split: EvaluationSplit) -> JSONValue {
    .object(
      [
        .init("task", .string(task)), .init("split", .string(split.rawValue)),
        .init("data", data.map { .string($0) } ?? .null),
        .init("count", .integer(count)),
        .init("predict", .object([.init("\(unit)PerSecond", .number(rate.rounded()))])),
      ] + members)
  }
}

/// What a look at data found.
public struct CheckReport: Sendable {
  /// The parts with their figures.
  public var table: ReportTable
  /// What else was counted, in a line.
  public var summary: String
  /// What would hurt, a line each.
  public var warnings: [String]
  /// What makes training impossible, a line each.
  public var errors: [String]
  /// All of it.
  public var json: JSONValue

  /// Creates a report.
  public init(
    table: ReportTable, summary: String, warnings: [String], errors: [String], json: JSONValue
  ) {
    self.table = table
    self.summary = summary
    self.warnings = warnings
    self.errors = errors
    self.json = json
  }
}
