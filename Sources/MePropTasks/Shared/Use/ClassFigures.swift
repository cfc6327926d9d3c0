// Precision, recall and F1 of a class, the same for labels of images, tags of words and relations
// of trees.

import Foundation
import MePropTraining

/// How well examples of one class are found.
public struct ClassFigures: Sendable, Equatable {
  /// The class.
  public var name: String
  /// The number of examples of the class.
  public var goldCount: Int
  /// The number of examples that were taken for it.
  public var foundCount: Int
  /// The number of examples that were taken for it, and rightly.
  public var correctCount: Int

  /// Creates figures from counts.
  public init(name: String, goldCount: Int = 0, foundCount: Int = 0, correctCount: Int = 0) {
    self.name = name
    self.goldCount = goldCount
    self.foundCount = foundCount
    self.correctCount = correctCount
  }

  /// The share of examples taken for the class that are of it, in percent; 0 of none.
  public var precision: Double { percent(correctCount, of: foundCount) }
  /// The share of examples of the class that were found, in percent; 0 of none.
  public var recall: Double { percent(correctCount, of: goldCount) }
  /// The harmonic mean of both, in percent.
  public var f1: Double { percent(2 * correctCount, of: goldCount + foundCount) }

  /// Precision, recall and F1 as texts with two decimals.
  var texts: [String] { [precision, recall, f1].map { fixed($0) } }
  /// Precision, recall and F1 as members of an object.
  var members: [JSONValue.Member] {
    [
      .init("precision", .number(precision)), .init("recall", .number(recall)),
      .init("f1", .number(f1)),
    ]
  }
  /// A bar of F1.
  var bar: ReportChart.Group.Bar { .init(name: name, value: f1, count: goldCount) }
}

extension [ClassFigures] {
  /// A table of the figures; `kind` is what a class is called, `unit` what is counted.
  func table(_ kind: String, counts unit: String) -> ReportTable {
    ReportTable(
      rows: [[kind, "precision", "recall", "F1", unit]]
        + map { [$0.name] + $0.texts + [String($0.goldCount)] })
  }

  /// An array of objects; `kind` is the key of the class, whose value `name` makes.
  func json(
    _ kind: String, name: (ClassFigures) -> JSONValue = { .string($0.name) }
  ) -> JSONValue {
    .array(
      map {
        .object([.init(kind, name($0))] + $0.members + [.init("count", .integer($0.goldCount))])
      })
  }

  /// A drawing of F1 by class, of the first 30 of them.
  func chart(_ title: String, _ kind: String, counts unit: String) -> ReportChart {
    let shown = prefix(30)
    let rest = count > shown.count ? ", the first \(shown.count) of \(count)" : ""
    return ReportChart(
      title: title, summary: "Bars show F1 by \(kind), in percent.",
      groups: [.init(title: "F1 by \(kind)\(rest)", counts: unit, bars: shown.map(\.bar))])
  }
}

/// The share of a part in a whole, in percent; 0 of nothing.
func percent(_ part: Int, of whole: Int) -> Double {
  whole == 0 ? 0 : Double(part) * 100 / Double(whole)
}

/// A number with so many places after the point.
func fixed(_ value: Double, _ places: Int = 2) -> String {
  String(format: "%.\(places)f", value)
}
