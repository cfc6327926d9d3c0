// What came of a training run, and how it is shown.

import Foundation
import MePropNN

/// What came of a training run.
public struct TrainingReport: Sendable {
  /// The object that `--json` prints.
  public var summary: TrainingSummary
  /// How the run ended.
  public var outcome: TrainingOutcome
  /// Where the model of the best epoch is; `nil` in processes other than the first.
  public var model: URL?
}

extension TrainingReport {
  /// The figures of the best epoch as rows of a table: a title, then a row for each metric.
  ///
  /// Without epochs there are none.
  public var figures: [[String]] {
    guard let best = summary.epochs.best else { return [] }
    let splits = [("dev", best.dev), ("test", best.test)].filter { $0.1 != nil }
    var names: [String] = []
    for metric in splits.flatMap({ $0.1?.metrics ?? [] }) where !names.contains(metric.name) {
      names.append(metric.name)
    }
    if !names.contains("loss") { names.append("loss") }
    var rows = [
      ["epoch \(best.epoch) of \(summary.epochs.count), the best", "train"] + splits.map { $0.0 }
    ]
    for name in names {
      let unit = MetricUnit(of: name)
      // Training counts its loss alone.
      var values: [Double?] = [name == "loss" ? best.trainLoss : nil]
      for split in splits { values.append(split.1?.metrics.first { $0.name == name }?.value) }
      rows.append([name] + values.map { $0.map(unit.text) ?? "" })
    }
    return rows
  }

  /// The time of training by phase, of all epochs, as rows of a table: a title, then phases with
  /// their seconds and their share.
  ///
  /// Without epochs there are none.
  public var times: [[String]] {
    guard !summary.epochs.isEmpty else { return [] }
    var sum = PhaseSeconds()
    for record in summary.epochs { sum += record.seconds }
    var phases: [(String, Double)] = [
      ("forward", sum.forward), ("backward", sum.backward), ("  selection", sum.selection),
      ("  products", sum.products), ("optimizer", sum.optimizer), ("data", sum.data),
    ]
    if sum.exchange > 0 { phases.append(("exchange", sum.exchange)) }
    phases.append(("all", sum.total))
    var rows = [["training", "seconds", ""]]
    for (name, seconds) in phases {
      let share = sum.total > 0 ? 100 * seconds / sum.total : 0
      rows.append([name, String(format: "%.2f", seconds), String(format: "%.0f %%", share)])
    }
    return rows
  }
}
