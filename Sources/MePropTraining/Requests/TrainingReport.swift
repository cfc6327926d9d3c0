// What came of a training run, and how it is shown.

import Foundation

/// What came of a training run.
public struct TrainingReport: Sendable {
  /// The object that `--json` prints.
  public var summary: TrainingSummary
  /// How the run ended.
  public var outcome: TrainingOutcome
  /// Where the model of the best epoch is.
  public var model: URL
}

extension TrainingReport {
  /// The figures of each epoch as rows of a table, the best one marked.
  public var table: [[String]] {
    func fixed(_ value: Double?, _ places: Int) -> String {
      value.map { String(format: "%.\(places)f", $0) } ?? "-"
    }
    let best = summary.epochs.best?.epoch
    let head = [
      "epoch", "seconds", "forward", "backward", "products", "selection", "optimizer", "train loss",
      "dev",
      "test", "",
    ]
    return [head]
      + summary.epochs.map { record in
        let seconds = record.seconds
        return [
          String(record.epoch), fixed(seconds.total, 2), fixed(seconds.forward, 2),
          fixed(seconds.backward, 2), fixed(seconds.products, 2), fixed(seconds.selection, 2),
          fixed(seconds.optimizer, 2),
          fixed(record.trainLoss, 4), fixed(record.dev?.primary, 2),
          fixed(record.test?.primary, 2), record.epoch == best ? "best" : "",
        ]
      }
  }
}
