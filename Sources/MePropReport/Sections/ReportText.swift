// Words that several sections use.

import Foundation
import MePropTraining

/// Texts of figures and names.
enum ReportText {
  /// The name of a metric as prose has it: `unknownAccuracy` is `unknown accuracy`; short names of
  /// capital letters stay.
  static func metricName(_ name: String) -> String {
    if name.count <= 4 {
      return name == name.lowercased() && name != "loss" ? name.uppercased() : name
    }
    var words = ""
    for character in name {
      if character.isUppercase { words += " " }
      words += character.lowercased()
    }
    return words.trimmingCharacters(in: .whitespaces)
  }

  /// The same with its unit.
  static func metricTitle(_ name: String) -> String {
    switch MetricUnit(of: name) {
    case .nats: metricName(name) + ", nats"
    case .percent: metricName(name) + ", %"
    case .target, .none: metricName(name)
    }
  }

  /// A value of a metric with its unit.
  static func metric(_ name: String, _ value: Double) -> String {
    switch MetricUnit(of: name) {
    case .nats, .none: NumberText.fixed(value, 4)
    case .percent: NumberText.fixed(value, 2) + "\u{00A0}%"
    case .target: NumberText.short(value)
    }
  }

  /// The metrics that decide in any of the runs, in their order.
  static func mainMetrics(of runs: [RunRecord]) -> [String] {
    var names: [String] = []
    for name in runs.compactMap(\.mainMetric) where !names.contains(name) { names.append(name) }
    return names
  }

  /// The text with its first letter large.
  static func capitalized(_ text: String) -> String {
    text.prefix(1).uppercased() + text.dropFirst()
  }

  /// How many times larger one number is than another: `2.31 ×`.
  static func ratio(_ first: Double, _ second: Double) -> String {
    second > 0 && first.isFinite ? NumberText.fixed(first / second, 2) + "\u{00A0}×" : "–"
  }
}
