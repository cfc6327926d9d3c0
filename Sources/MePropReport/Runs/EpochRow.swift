// A row of metrics.jsonl.

import Foundation
import MePropTraining

/// The figures of an epoch, as `metrics.jsonl` has them.
public struct EpochRow: Sendable, Equatable {
  /// The epoch, from 1.
  public var epoch: Int
  /// Seconds by phase.
  public var seconds: PhaseSeconds
  /// The mean loss per example, in nats, while the weights changed.
  public var trainLoss: Double
  /// Figures on development data, the deciding one first; empty where there are no data.
  public var dev: [Evaluation.Metric]
  /// Figures on test data.
  public var test: [Evaluation.Metric]
  /// Examples trained on in a second.
  public var examplesPerSecond: Double?
  /// What an example is called, plural.
  public var exampleUnit: String
  /// Weight rows updated, a mean per step, by layer.
  public var touchedRows: [Double]
  /// The share of Σ|dy| that was kept, by layer.
  public var keptMagnitude: [Double]

  /// Reads a line; `nil` if it is no such row.
  ///
  /// The order of figures in `dev` and `test` is that of the text.
  public init?(_ line: Substring) {
    guard
      let object = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any],
      let epoch = object["epoch"] as? Int, epoch >= 1, FileNumber.counts.contains(epoch),
      let phases = object["seconds"] as? [String: Any],
      let total = phases["total"] as? Double,
      let loss = (object["train"] as? [String: Any])?["loss"] as? Double
    else { return nil }
    self.epoch = epoch
    trainLoss = loss
    seconds = PhaseSeconds()
    seconds.total = total
    seconds.forward = phases["forward"] as? Double ?? 0
    seconds.backward = phases["backward"] as? Double ?? 0
    seconds.selection = phases["selection"] as? Double ?? 0
    seconds.products = phases["products"] as? Double ?? 0
    seconds.optimizer = phases["optimizer"] as? Double ?? 0
    seconds.data = phases["data"] as? Double ?? 0
    dev = Self.figures("dev", object, line)
    test = Self.figures("test", object, line)
    let suffix = "PerSecond"
    let rate = object.keys.filter { $0.hasSuffix(suffix) }.sorted().first
    exampleUnit = rate.map { String($0.dropLast(suffix.count)) } ?? "examples"
    examplesPerSecond = rate.flatMap { object[$0] as? Double }
    touchedRows = object["touchedRows"] as? [Double] ?? []
    keptMagnitude = object["keptMagnitude"] as? [Double] ?? []
    guard hasPossibleFigures else { return nil }
  }

  /// Whether all figures are such that they can be added up and drawn.
  private var hasPossibleFigures: Bool {
    let phases = [
      seconds.total, seconds.forward, seconds.backward, seconds.selection, seconds.products,
      seconds.optimizer, seconds.data,
    ]
    let figures =
      phases + [trainLoss, examplesPerSecond ?? 0] + touchedRows + keptMagnitude
      + (dev + test).map(\.value)
    return figures.allSatisfy(FileNumber.isFigure)
  }

  private static func figures(
    _ split: String, _ object: [String: Any], _ line: Substring
  ) -> [Evaluation.Metric] {
    guard let figures = object[split] as? [String: Double] else { return [] }
    // Dictionaries forget the order, so it is taken from the text.
    let start = line.range(of: "\"\(split)\"")?.upperBound ?? line.startIndex
    return figures.sorted { first, second in
      let places = [first.key, second.key].map {
        line.range(of: "\"\($0)\"", range: start..<line.endIndex)?.lowerBound ?? line.endIndex
      }
      return places[0] < places[1]
    }.map { Evaluation.Metric($0.key, $0.value) }
  }
}
