// Why a run fails in the loop itself.

import Foundation

/// A run that cannot go on; `description` is one line naming epoch and step.
public enum TrainingError: Error, Equatable, CustomStringConvertible, LocalizedError {
  /// The loss of a step is infinite or not a number.
  case nonFiniteLoss(epoch: Int, step: Int, loss: Double)
  /// A figure of an evaluation is infinite or not a number.
  case nonFiniteMetric(epoch: Int, split: EvaluationSplit, name: String, value: Double)
  /// A weight or a part of the optimizer's state is infinite or not a number.
  case nonFiniteTensor(name: String, epoch: Int, step: Int)

  /// One line: place, what was found, what to do.
  ///
  /// Steps are counted from 1 here.
  public var description: String {
    let remedy = "the last checkpoint is intact; try a lower learning rate or clip gradients"
    switch self {
    case .nonFiniteLoss(let epoch, let step, let loss):
      return "epoch \(epoch), step \(step + 1): expected a finite loss, found \(loss); \(remedy)"
    case .nonFiniteMetric(let epoch, let split, let name, let value):
      return "epoch \(epoch), evaluation on \(split.rawValue) data: expected a finite \(name), "
        + "found \(value); \(remedy)"
    case .nonFiniteTensor(let name, let epoch, let step):
      return "epoch \(epoch), after step \(step): expected finite numbers in tensor '\(name)', "
        + "found infinity or NaN; \(remedy)"
    }
  }

  /// The same line, for callers that print Foundation's errors.
  public var errorDescription: String? { description }
}
