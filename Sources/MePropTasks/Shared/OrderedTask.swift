// Steps of tasks whose examples are all in memory.

import MePropCore
import MePropNN
import MePropTraining

/// A task whose examples are all in memory, in an order that may leave out easy ones.
protocol OrderedTask: NetworkTask {
  /// The order.
  var order: ExampleOrder { get set }
}

extension OrderedTask {
  /// Does a step on the examples that the order of the epoch gives it, and tells the order their
  /// losses.
  ///
  /// - Parameters:
  ///   - step: The step of the epoch, from 0.
  ///   - epoch: The epoch, from 1.
  ///   - settings: How the task trains.
  ///   - gather: Makes the batch of some examples, the first of which is a certain number of the
  ///     step's, and which have certain weights: of all, or of a shard.
  /// - Returns: What the loop wants to know.
  /// - Throws: `NonFiniteError`, and what `gather` throws.
  func trainStep(
    _ step: Int, ofEpoch epoch: Int, _ settings: StepSettings,
    gather: (ArraySlice<UInt32>, _ start: Int, _ weights: [Float]) throws -> TrainingBatch<
      Network.Input, NetworkLoss.Targets
    >
  ) throws -> StepReport {
    let start = Clock.now()
    let places = settings.examples(ofStep: step, of: order.examples.count)
    let report = try trainStep(
      ofExamples: places.count, isWeighted: order.hasWeights, step: step,
      epoch: epoch,
      learningRateFactor: settings.learningRateFactor(
        step: step, epoch: epoch, stepsPerEpoch: stepsPerEpoch), since: start
    ) { part in
      let part = places.lowerBound + part.lowerBound..<places.lowerBound + part.upperBound
      let weights = order.weights(of: part)
      return try gather(
        order.examples[part], part.lowerBound - places.lowerBound, weights)
    }
    order.record(trainer.rowLosses, from: places.lowerBound)
    return report
  }
}

extension DigitsTask: OrderedTask {}
extension ImagesTask: OrderedTask {}
