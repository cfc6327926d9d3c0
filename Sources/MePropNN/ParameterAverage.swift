import MePropCore

/// A running mean of parameters over the steps of training: `m ← β m + (1 − β) w`, every few steps.
///
/// The mean of the last steps does better on new data than the last step alone, above all while the learning rate is high
/// (Polyak and Juditsky, 1992). Early on β is held below 1 − 10 / (9 + t) after t steps, so that the start is forgotten.
public final class ParameterAverage {
  /// Every how many steps the mean is updated.
  public static let interval = 8

  /// The means, in the order of the parameters.
  public private(set) var values: [Matrix]
  /// Whether there is a mean yet; until then ``values`` are where training started.
  public private(set) var hasValues = false
  private let decay: Float
  private let context: ComputeContext
  private var noMoments = Moments(count: 0, rowCount: 0, columnCount: 0)

  /// Creates a mean of parameters of the shapes of `parameters`.
  ///
  /// - Parameters:
  ///   - parameters: Where training starts.
  ///   - decay: β for one step, in 0 ..< 1.
  ///   - context: Where to compute.
  public init(_ parameters: [Matrix], decay: Float, context: ComputeContext) {
    precondition(decay >= 0 && decay < 1, "ParameterAverage: decay is \(decay), expected 0 ..< 1")
    values = parameters
    self.decay = decay
    self.context = context
  }

  /// Whether the mean is updated after step `step`, from 1.
  public func isDue(step: Int) -> Bool { step % Self.interval == 0 }

  /// Takes the parameters after step `step` into the mean.
  public func update(_ parameters: [Matrix], step: Int) {
    precondition(
      parameters.count == values.count,
      "ParameterAverage: \(parameters.count) matrices, expected \(values.count)")
    hasValues = true
    let early = 1 - 10 / Float(9 + step)
    var power: Float = 1
    for _ in 0..<Self.interval { power *= min(decay, max(early, 0)) }
    // A step of gradient descent with decay does just that, taking the parameter for the gradient.
    var rule = UpdateRule(formula: .gradientDescent, rate: power - 1)
    rule.decay = 1 - power
    for index in values.indices {
      context.update(&values[index], &noMoments, by: rule, gradient: parameters[index])
    }
  }

  /// Takes back means that were saved after step `step`.
  public func restore(_ saved: [Matrix], step: Int) {
    precondition(
      saved.count == values.count,
      "ParameterAverage: \(saved.count) matrices, expected \(values.count)")
    values = saved
    hasValues = step >= Self.interval
  }
}
