// The scores of the CoNLL 2018 evaluation as the official table and as JSON.

import Foundation
import MePropTasks

extension UDScores {
  /// The table that the official evaluation prints: percentages with two decimals.
  var table: String {
    Self.table(heading: "Metric     | Precision |    Recall |  F1 Score | AligndAcc") { metric in
      let score = self[metric]
      let figures = [score.precision, score.recall, score.f1].map {
        String(format: "%10.2f |", $0 * 100)
      }.joined()
      return figures + (score.alignedAccuracy.map { String(format: "%10.2f", $0 * 100) } ?? "")
    }
  }

  /// The table of counts that the official evaluation prints.
  var countTable: String {
    Self.table(heading: "Metric     | Correct   |      Gold | Predicted | Aligned") { metric in
      let score = self[metric]
      // The official table leaves an empty place where no word is aligned.
      let aligned = score.alignedCount ?? (metric == .words ? score.correctCount : 0)
      let shown = aligned == 0 ? "" : String(aligned)
      return [score.correctCount, score.goldCount, score.systemCount].map {
        Self.padded(String($0)) + " |"
      }.joined() + Self.padded(shown)
    }
  }

  /// An object for each metric with `precision`, `recall` and `f1`, and `alignedAccuracy` where
  /// words are aligned: fractions in 0...1 with all their digits, as `udtools` returns them.
  var json: JSONValue {
    .object(
      UDMetric.allCases.map { metric in
        let score = self[metric]
        var members: [JSONValue.Member] = [
          .init("precision", .exactNumber(score.precision)),
          .init("recall", .exactNumber(score.recall)), .init("f1", .exactNumber(score.f1)),
        ]
        if let accuracy = score.alignedAccuracy {
          members.append(.init("alignedAccuracy", .exactNumber(accuracy)))
        }
        return .init(metric.rawValue, .object(members))
      })
  }

  /// An object for each metric with `correct`, `gold` and `system`, and `aligned` where words are
  /// aligned.
  var countJSON: JSONValue {
    .object(
      UDMetric.allCases.map { metric in
        let score = self[metric]
        var members: [JSONValue.Member] = [
          .init("correct", .integer(score.correctCount)), .init("gold", .integer(score.goldCount)),
          .init("system", .integer(score.systemCount)),
        ]
        if let aligned = score.alignedCount { members.append(.init("aligned", .integer(aligned))) }
        return .init(metric.rawValue, .object(members))
      })
  }

  private static func table(heading: String, row: (UDMetric) -> String) -> String {
    let rule = Array(repeating: "-----------", count: 5).joined(separator: "+")
    let rows = UDMetric.allCases.map { metric in
      metric.rawValue + String(repeating: " ", count: 11 - metric.rawValue.count) + "|"
        + row(metric)
    }
    return ([heading, rule] + rows).map { $0 + "\n" }.joined()
  }

  private static func padded(_ text: String) -> String {
    String(repeating: " ", count: max(0, 10 - text.count)) + text
  }
}
