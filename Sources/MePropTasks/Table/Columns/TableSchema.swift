// What training learns of a table's columns, and what a model keeps of it.

import Foundation
import MePropData
import MePropTraining

/// What the target of a table is.
public enum TargetKind: String, Sendable, Equatable, Codable, CaseIterable {
  /// One of some classes.
  case classes
  /// A number.
  case number
  /// Several labels, each of which holds or does not.
  case labels
}

/// The columns of a table as a model takes them: which there are, and how their fields are read.
public struct TableSchema: Sendable, Equatable, Codable {
  /// The columns that are read, in the order of the training file.
  public var inputs: [Column]
  /// What is predicted.
  public var target: Target
  /// The column with the weights of rows, if there is one.
  public var weight: String?
  /// The columns that are not read.
  public var ignored: [Ignored]
  /// How the training file was written; a file to be predicted is told its own.
  public var dialect: TableDialect

  /// A column that is read.
  public struct Column: Sendable, Equatable, Codable {
    /// The name in the header.
    public var name: String
    /// `number`, `category` or `date`.
    public var kind: ColumnKind
    /// Of a number, or of a date as days: see ``Knots``.
    public var knots: Knots?
    /// Of a category, the values that are told apart.
    public var values: [String]?
    /// Of a date, how it is read where that is open.
    public var dateOrder: DateOrder?
    /// Of a date, whether some have a time.
    public var hasTimes: Bool?
  }

  /// A column that is not read, and why.
  public struct Ignored: Sendable, Equatable, Codable {
    /// The name in the header.
    public var name: String
    /// Why, in words.
    public var reason: String
  }

  /// What is predicted.
  public struct Target: Sendable, Equatable, Codable {
    /// Classes, a number, or labels.
    public var kind: TargetKind
    /// The column; of labels one each, or one for all.
    public var columns: [String]
    /// The names of classes or labels, in the order of the outputs.
    public var classes: [String]
    /// Of a number: its mean and its deviation over the training rows.
    public var mean: Double
    /// Of a number: its deviation over the training rows, above 0.
    public var deviation: Double
    /// What stands between the labels of a field where one column has all; `nil`: a column each.
    public var separator: String?

    /// The outputs of a network.
    public var outputSize: Int { kind == .number ? 1 : classes.count }
    /// The cells that a row has for it.
    public var cellCount: Int { kind == .labels ? classes.count : 1 }
  }

  /// All columns that evaluation needs.
  public var neededForEvaluation: [String] { inputs.map(\.name) + target.columns }
}

extension TableSchema {
  /// Throws unless the parts fit each other; nothing of a file is trusted.
  ///
  /// - Throws: `ModelFileError`.
  func check(_ saved: SavedModel) throws {
    try saved.require(!inputs.isEmpty, "inputs", "one column or more", "none")
    for column in inputs {
      switch column.kind {
      case .number, .date:
        try saved.require(
          column.knots?.isValid == true, "inputs", "increasing knots of column '\(column.name)'",
          "others")
      case .category:
        try saved.require(
          column.values.map(Self.differ) == true, "inputs",
          "different values of column '\(column.name)'", "none, or equal ones")
      case .identifier, .constant:
        try saved.require(
          false, "inputs", "number, category or date for column '\(column.name)'",
          column.kind.rawValue)
      }
    }
    try saved.require(
      Set(inputs.map(\.name)).count == inputs.count, "inputs", "different names", "equal ones")
    try saved.require(
      target.kind == .number || Self.differ(target.classes), "target",
      "different classes", "equal ones")
    try saved.require(
      target.outputSize >= 1 && !target.columns.isEmpty, "target", "a column and outputs", "none")
    try saved.require(
      target.mean.isFinite && target.deviation.isFinite && target.deviation > 0, "target",
      "a mean and a deviation above 0", "\(target.mean), \(target.deviation)")
  }

  /// Whether texts differ in their bytes, as fields of tables do: letters with accents may be
  /// written in two ways that are equal as strings.
  private static func differ(_ texts: [String]) -> Bool {
    Set(texts.map { Array($0.utf8) }).count == texts.count
  }
}
