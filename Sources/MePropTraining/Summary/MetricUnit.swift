// What the figures of evaluations are counted in, told from their names.

import Foundation

/// What a figure is counted in.
public enum MetricUnit: Sendable, Equatable {
  /// A share, in percent.
  case percent
  /// A loss, in nats.
  case nats
  /// A plain number, such as R².
  case none
  /// What the target of a regression is counted in.
  case target

  /// The unit of a figure, by its name: losses are in nats, errors of a regression in units of its
  /// target, R² has none, all others are shares.
  public init(of name: String) {
    switch name {
    case "loss", "logLoss": self = .nats
    case "r2": self = .none
    case "rmse", "mae": self = .target
    default: self = .percent
    }
  }

  /// A value as logs show it: shares with two decimals, losses and plain numbers with four.
  public func text(_ value: Double) -> String {
    switch self {
    case .percent: String(format: "%.2f", value)
    case .nats, .none: String(format: "%.4f", value)
    case .target: String(format: "%.5g", value)
    }
  }
}
