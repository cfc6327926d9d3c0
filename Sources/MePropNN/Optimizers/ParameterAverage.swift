import MePropCore

/// A running mean of parameters over the steps of training: `m ← β m + (1 − β) w`, every few
/// steps.
///
/// The mean of the last steps does better on new data than the last step alone, above all while the
/// learning rate is high (Polyak and Juditsky, 1992). Early on β is held below 1 − 10 / (9 + t)
/// after t steps, so that the start is forgotten.
final class ParameterAverage {
  /// Every how many steps the mean is updated.
  static let interval = 8

  /// The means, in the order of the parameters.
  var values: [Matrix]
  /// Whether there is a mean yet; until then ``values`` are where training started.
  private(set) var hasValues = false
  private let decay: Float
  private let context: ComputeContext
  private var noMoments = Moments(count: 0, rowCount: 0, columnCount: 0)
  private var rule = UpdateRule(formula: .gradientDescent, rate: 0)

  /// Creates a mean of a model's parameters.
  ///
  /// - Parameters:
  ///   - model: Where training starts; not changed.
  ///   - decay: β for one step, in 0 ..< 1.
  ///   - context: Where to compute.
  init(of model: inout some Layer, decay: Float, context: ComputeContext) {
    precondition(decay >= 0 && decay < 1, "averageDecay is \(decay), expected 0 ..< 1")
    self.decay = decay
    self.context = context
    values = []
    var collection = Collection(values: [])
    model.visit(&collection)
    values = collection.values
  }

  /// Takes the parameters of a model for where training starts.
  func start(from model: inout some Layer) {
    var collection = Collection(values: [])
    model.visit(&collection)
    values = collection.values
  }

  /// Whether the mean is updated after step `step`, from 1.
  func isDue(step: Int) -> Bool { step % Self.interval == 0 }

  /// Takes the parameters after step `step` into the mean.
  func update(from model: inout some Layer, step: Int) {
    hasValues = true
    let early = 1 - 10 / Float(9 + step)
    var power: Float = 1
    for _ in 0..<Self.interval { power *= min(decay, max(early, 0)) }
    // A step of gradient descent with decay does just that, taking the parameter for the gradient.
    rule = UpdateRule(formula: .gradientDescent, rate: power - 1)
    rule.decay = 1 - power
    var update = Update(average: self)
    model.visit(&update)
  }

  /// Makes a model's parameters the means, if there are any yet.
  func write(to model: inout some Layer) {
    guard hasValues else { return }
    var writing = Writing(average: self)
    model.visit(&writing)
  }

  /// Takes back means that were saved after step `step`.
  func restore(_ saved: [Matrix], step: Int) {
    precondition(
      saved.count == values.count,
      "ParameterAverage: \(saved.count) matrices, expected \(values.count)")
    values = saved
    hasValues = step >= Self.interval
  }

  private struct Collection: LayerVisitor {
    var path = LayerPath(keepsNames: false)
    var values: [Matrix]
    mutating func visit(_ parameter: inout Parameter) { values.append(parameter.value) }
  }

  private struct Update: LayerVisitor {
    var path = LayerPath(keepsNames: false)
    let average: ParameterAverage
    mutating func visit(_ parameter: inout Parameter) {
      average.context.update(
        &average.values[parameter.index], &average.noMoments, by: average.rule,
        gradient: parameter.value)
    }
  }

  private struct Writing: LayerVisitor {
    var path = LayerPath(keepsNames: false)
    let average: ParameterAverage
    mutating func visit(_ parameter: inout Parameter) {
      parameter.replace(with: average.values[parameter.index])
    }
  }
}
