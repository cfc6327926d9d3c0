// One line of the comparison: a task, a seed, and how long each took.

import Foundation
import MePropBench
import MePropTraining

/// What it took to reach a target, from the start of a process to its end.
public struct AccuracyTime: Sendable, Equatable {
  /// Seconds by the clock.
  public var seconds: Double
  /// Epochs.
  public var epochs: Int

  /// Creates a time.
  package init(seconds: Double, epochs: Int) {
    self.seconds = seconds
    self.epochs = epochs
  }
}

/// Time to an accuracy with one seed; what was not asked for or did not reach it is `nil`.
public struct AccuracyRow: Sendable, Equatable {
  /// The task.
  public var task: AccuracyTask
  /// The seed of all.
  public var seed: Int
  /// The accuracy on development data to be reached, in percent.
  public var target: Double
  /// What this package took.
  public var ours: AccuracyTime?
  /// What PyTorch took as it comes.
  public var torch: AccuracyTime?
  /// What PyTorch took at its best.
  public var torchBest: AccuracyTime?

  /// Creates a row.
  package init(
    task: AccuracyTask, seed: Int, target: Double, ours: AccuracyTime? = nil,
    torch: AccuracyTime? = nil, torchBest: AccuracyTime? = nil
  ) {
    self.task = task
    self.seed = seed
    self.target = target
    self.ours = ours
    self.torch = torch
    self.torchBest = torchBest
  }

  /// How many times as long PyTorch took as it comes.
  public var ratioTorch: Double? { ratio(to: torch) }
  /// How many times as long PyTorch took at its best.
  public var ratioTorchBest: Double? { ratio(to: torchBest) }

  private func ratio(to other: AccuracyTime?) -> Double? {
    guard let ours, let other else { return nil }
    return other.seconds / ours.seconds
  }

  /// The row beside PyTorch at its best, as `meprop bench accuracy --json` prints it in `rows`.
  public var json: JSONValue { json(beside: torchBest) }
  /// The row beside PyTorch as it comes, in `rowsAsItComes`.
  public var jsonAsItComes: JSONValue { json(beside: torch) }

  private func json(beside torch: AccuracyTime?) -> JSONValue {
    func number(_ value: Double?) -> JSONValue { value.map { .number($0) } ?? .null }
    func integer(_ value: Int?) -> JSONValue { value.map { .integer($0) } ?? .null }
    return .object([
      .init("task", .string(task.rawValue)), .init("seed", .integer(seed)),
      .init("target", .number(target)), .init("seconds", number(ours?.seconds)),
      .init("epochs", integer(ours?.epochs)), .init("torchSeconds", number(torch?.seconds)),
      .init("torchEpochs", integer(torch?.epochs)), .init("ratioTorch", number(ratio(to: torch))),
    ])
  }
}

extension BenchmarkTable {
  /// The table of rows of times to an accuracy; PyTorch's columns are there where it was measured.
  ///
  /// - Parameters:
  ///   - rows: The rows.
  ///   - hasTorch: Whether PyTorch was asked for.
  /// - Returns: The headings, then a line a row.
  public static func lines(_ rows: [AccuracyRow], hasTorch: Bool) -> [[String]] {
    func columns(_ time: AccuracyTime?, _ ratio: Double?) -> [String] {
      guard let time else { return ["not reached", "", ""] }
      return [
        String(format: "%.2f", time.seconds), String(time.epochs),
        ratio.map { String(format: "%.2f", $0) } ?? "",
      ]
    }
    let headings = ["", "seed", "dev", "s", "epochs"]
    let torch = ["torch s", "epochs", "× torch", "torch at its best s", "epochs", "× at its best"]
    return [headings + (hasTorch ? torch : [])]
      + rows.map { row in
        [row.task.rawValue, String(row.seed), String(row.target)] + columns(row.ours, nil).prefix(2)
          + (hasTorch
            ? columns(row.torch, row.ratioTorch) + columns(row.torchBest, row.ratioTorchBest) : [])
      }
  }
}
