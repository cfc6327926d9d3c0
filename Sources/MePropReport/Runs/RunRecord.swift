// All that a run folder says of a run, read without changing or locking it.

import Foundation
import MePropNN
import MePropTraining

/// A run as its folder describes it: settings, figures of epochs, what was counted.
///
/// What a folder does not have, because the run was interrupted or an earlier version wrote it, is
/// absent here too, and `notes` says what.
public struct RunRecord: Sendable {
  /// The folder.
  public var url: URL
  /// A short name: that of the folder, after that of the folder it is in where `read` says so.
  public var name: String
  /// The settings in their order.
  public var settings: [(key: String, value: String)] = []
  /// The figures of epochs, in their order; at least one.
  public var epochs: [EpochRow]
  /// What was counted in epochs; may miss any of them.
  public var details: [EpochDetails] = []
  /// The confusion after the best epoch.
  public var confusions: [EvaluationSplit: ConfusionMatrix] = [:]
  /// The epoch of `confusions`.
  public var confusionEpoch: Int?
  /// What its task shows of the model of the best epoch.
  public var figures: [RunFigure] = []
  /// What was trained and how it ended.
  public var summary = Summary()
  /// What is missing or damaged, a sentence each.
  public var notes: [String] = []

  /// The parts of `run.json` that a report shows.
  public struct Summary: Sendable, Decodable {
    /// The task's name.
    public var task: String?
    /// What an example is called, plural.
    public var exampleUnit: String?
    /// The number of epochs asked for.
    public var epochs: Int?
    /// Lines on model, data and machine.
    public var description: [String]?
    /// How it ended: `finished`, `stoppedEarly`, `reachedTarget`, `interrupted`, `failed`; or
    /// `running`.
    public var outcome: String?
    /// When that was.
    public var time: String?
    /// Why it failed.
    public var error: String?
  }

  // MARK: Derived

  /// The value of a setting.
  public func setting(_ key: String) -> String? { settings.first { $0.key == key }?.value }

  /// The epoch of the highest first dev figure, of equals the first; the last where there is none.
  public var best: EpochRow {
    var best = epochs[0]
    for row in epochs.dropFirst() {
      guard let old = best.dev.first?.value, let new = row.dev.first?.value else {
        best = row
        continue
      }
      if new > old { best = row }
    }
    return best
  }

  /// The name of the first figure on development data, which decides; `nil` without such data.
  public var mainMetric: String? { epochs.lazy.compactMap(\.dev.first?.name).first }

  /// Seconds of training up to the end of an epoch.
  public func seconds(upTo epoch: Int) -> Double {
    epochs.reduce(0) { $0 + ($1.epoch <= epoch ? $1.seconds.total : 0) }
  }

  /// Whether back propagation was dense.
  public var isDense: Bool { setting("select") == "dense" }

  /// The mean seconds of an epoch, by phase.
  public var meanSeconds: PhaseSeconds {
    var sum = PhaseSeconds()
    for row in epochs { sum += row.seconds }
    return sum.divided(by: Double(epochs.count))
  }

  /// The names of the layers that rows have figures of; numbers where the folder does not say.
  public var layerNames: [String] {
    let count = epochs[0].keptMagnitude.count
    let names = details.first?.layers.map(\.name) ?? []
    return (0..<count).map { $0 < names.count ? names[$0] : "layer \($0)" }
  }

  /// What products cost over all epochs that were counted, by layer; empty where nothing was.
  public var costs: [(name: String, costs: LayerCosts)] {
    var sums: [(name: String, costs: LayerCosts)] = []
    for layer in details.flatMap(\.layers) {
      if let place = sums.firstIndex(where: { $0.name == layer.name }) {
        sums[place].costs += layer.costs
      } else {
        sums.append((layer.name, layer.costs))
      }
    }
    return sums
  }
}
