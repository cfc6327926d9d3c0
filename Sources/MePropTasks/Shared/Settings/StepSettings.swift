// How a task trains, as values of the layers below: the same for every task.

import MePropCore
import MePropNN
import MePropTraining

/// What the keys of `SharedSettings` say of runs, selection and steps.
public struct StepSettings: Sendable, Equatable {
  /// When the run ends.
  public var stopping: StoppingRule
  /// Examples a step.
  public var batchSize: Int
  /// What backward keeps in hidden layers.
  public var selection: SelectionPolicy
  /// When selection departs from it.
  public var schedule: SelectionSchedule
  /// How parameters follow their gradients.
  public var optimizer: Optimizer
  /// How the learning rate falls over the run.
  public var learningRateSchedule: LearningRateSchedule
  /// The decay of the running mean of all parameters that is evaluated and saved; 0: none.
  public var averageDecay: Float
  /// What is cut while it trains; `nil` for nothing.
  public var simplification: SimplificationPolicy?
  /// Which easy examples epochs leave out; `nil` for none.
  public var pruning: ExamplePruning?
  /// The seed of all randomness.
  public var seed: UInt64
  /// The number of threads; `nil` to measure.
  public var threadCount: Int?

  /// Reads checked settings out of a configuration, with `auto` values decided.
  init(resolved configuration: Configuration) {
    stopping = configuration.stoppingRule
    batchSize = configuration.int("batch")
    selection = configuration.selectionPolicy
    if let first = configuration.kByEpoch.first { selection = selection.with(k: .count(first)) }
    schedule = configuration.selectionSchedule
    optimizer = configuration.stepOptimizer
    learningRateSchedule = configuration.learningRateSchedule
    averageDecay = Float(configuration.double("average"))
    simplification = configuration.simplification
    pruning = configuration.pruning
    seed = UInt64(configuration.int("seed"))
    threadCount = configuration.optionalInt("threads")
  }

  /// Makes a trainer of a network at the start of a run.
  func makeTrainer<Model: Layer, TaskLoss: Loss>(
    _ network: Model, loss: TaskLoss, context: ComputeContext
  ) -> Trainer<Model, TaskLoss> {
    let trainer = Trainer(
      network, loss: loss, optimizer: optimizer, selection: selection, schedule: schedule,
      averageDecay: averageDecay, seed: seed, context: context)
    if let simplification { trainer.simplify(by: simplification, epochs: stopping.epochs) }
    return trainer
  }

  /// The order of so many examples at the start of a run.
  func makeOrder(exampleCount: Int) -> ExampleOrder {
    ExampleOrder(exampleCount: exampleCount, seed: seed, pruning: pruning)
  }

  /// The steps of an epoch over so many examples, the short one included.
  func stepsPerEpoch(exampleCount: Int) -> Int { (exampleCount + batchSize - 1) / batchSize }

  /// The places, in the order of an epoch of so many, of the examples of a step, from 0.
  func examples(ofStep step: Int, of count: Int) -> Range<Int> {
    let start = step * batchSize
    return start..<min(start + batchSize, count)
  }

  /// What the learning rate is multiplied by in a step (from 0) of an epoch (from 1).
  func learningRateFactor(step: Int, epoch: Int, stepsPerEpoch: Int) -> Float {
    learningRateSchedule.factor(
      progress: Double((epoch - 1) * stepsPerEpoch + step)
        / Double(stopping.epochs * stepsPerEpoch))
  }
}

extension ArraySlice {
  /// The elements of a part of it, counted from its own start.
  subscript(from part: Range<Int>) -> ArraySlice {
    self[startIndex + part.lowerBound..<startIndex + part.upperBound]
  }
}
