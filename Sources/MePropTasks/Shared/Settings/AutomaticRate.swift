// The learning rate of the key `learning-rate` where nobody sets it.

import Foundation
import MePropTraining

/// A learning rate that follows the optimizer and the batch: noise in a mean over a batch falls
/// with the root of its size, and the step may grow with it.
public struct AutomaticRate: Sendable {
  /// The rate of Adam at that batch size; AdaGrad's is 10 times as large, that of gradient descent
  /// 50 times.
  public let adam: Double
  /// The batch size for which these are.
  public let batch: Int

  /// Creates a rate.
  public init(adam: Double, batch: Int) {
    self.adam = adam
    self.batch = batch
  }

  /// The rate of an optimizer, by its name, at ``batch``.
  func base(of optimizer: String) -> Double {
    switch optimizer {
    case "adagrad": 10 * adam
    case "sgd": 50 * adam
    default: adam
    }
  }

  /// The meaning of `auto`, for help.
  var explanation: String {
    "auto is sqrt(batch / \(batch)) times \(adam) for adam, \(base(of: "adagrad")) for adagrad and "
      + "\(base(of: "sgd")) for sgd"
  }
}

/// What the learning rate is where nobody sets it.
public enum DefaultRate: Sendable {
  /// Always that.
  case constant(Double)
  /// As optimizer and batch suggest.
  case automatic(AutomaticRate)
}

extension Configuration {
  /// Sets `learning-rate`, where it is `auto`, to what `rate` gives for `optimizer` and `batch`.
  mutating func decideLearningRate(_ rate: AutomaticRate) throws {
    guard value("learning-rate") == .auto else { return }
    let factor = (Double(int("batch")) / Double(rate.batch)).squareRoot()
    try set(
      "learning-rate", to: String(format: "%.4g", factor * rate.base(of: string("optimizer"))),
      from: origin(of: "learning-rate"))
  }
}
