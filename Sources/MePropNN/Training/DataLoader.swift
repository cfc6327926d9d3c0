import MePropCore

/// Batches of examples in memory, in a new random order each epoch.
///
/// The order is a function of seed and epoch. The last batch of an epoch is short where `batchSize`
/// does not divide the number of examples. Batches are filled again and again: no memory is taken
/// once the largest has been seen.
public struct DataLoader<Inputs: ExampleSource, Targets: ExampleSource> {
  /// The examples.
  public let inputs: Inputs
  /// What their outputs should be.
  public let targets: Targets
  /// The weight of each example; empty: all 1.
  public let weights: [Float]
  /// Examples a batch.
  public let batchSize: Int
  /// Decides the order.
  public let seed: UInt64

  private var order: ExampleOrder
  fileprivate var batch: (inputs: Inputs.Batch, targets: Targets.Batch, weights: [Float])

  /// Creates a loader.
  ///
  /// - Parameters:
  ///   - inputs: The examples, at least one.
  ///   - targets: As many.
  ///   - weights: As many, 0 or more; or none.
  ///   - batchSize: Examples a batch, at least 1.
  ///   - seed: Decides the order.
  public init(
    _ inputs: Inputs, _ targets: Targets, weights: [Float] = [], batchSize: Int, seed: UInt64 = 1
  ) {
    let count = inputs.exampleCount
    precondition(
      count >= 1 && targets.exampleCount == count && batchSize >= 1
        && (weights.isEmpty || weights.count == count),
      "DataLoader: \(targets.exampleCount) targets and \(weights.count) weights for \(count) "
        + "examples, batches of \(batchSize)")
    self.inputs = inputs
    self.targets = targets
    self.weights = weights
    self.batchSize = batchSize
    self.seed = seed
    order = ExampleOrder(exampleCount: count, seed: seed)
    batch = (inputs.makeBatch(), targets.makeBatch(), [])
  }

  /// The number of batches of an epoch.
  public var batchCount: Int { (order.exampleCount + batchSize - 1) / batchSize }

  /// Calls `body` with each batch of an epoch, from 1: inputs, targets, weights.
  public mutating func forEachBatch(
    ofEpoch epoch: Int, _ body: (Inputs.Batch, Targets.Batch, [Float]) throws -> Void
  ) rethrows {
    order.begin(epoch)
    for start in stride(from: 0, to: order.exampleCount, by: batchSize) {
      gather(start..<min(start + batchSize, order.exampleCount))
      try body(batch.inputs, batch.targets, batch.weights)
    }
  }

  /// Makes the batch of some places in the order.
  mutating func gather(_ places: Range<Int>) {
    let examples = order.examples[places]
    inputs.gather(examples, into: &batch.inputs)
    targets.gather(examples, into: &batch.targets)
    if !weights.isEmpty {
      batch.weights.removeAll(keepingCapacity: true)
      for example in examples { batch.weights.append(weights[Int(example)]) }
    }
  }

  /// Calls `body` with the places of each batch of an epoch, from 1.
  mutating func forEachRange(
    ofEpoch epoch: Int, _ body: (inout DataLoader, Range<Int>) throws -> Void
  ) rethrows {
    order.begin(epoch)
    for start in stride(from: 0, to: order.exampleCount, by: batchSize) {
      try body(&self, start..<min(start + batchSize, order.exampleCount))
    }
  }
}

extension Trainer {
  /// Trains for whole epochs on examples in memory.
  ///
  /// - Parameters:
  ///   - inputs: The examples, at least one.
  ///   - targets: As many.
  ///   - weights: The weight of each example, 0 or more; empty: all 1.
  ///   - batchSize: Examples a step, at least 1.
  ///   - epochs: Passes over the examples, at least 1.
  ///   - schedule: How the learning rate falls over them.
  ///   - afterEpoch: Called with each epoch, from 1, and its loss while the parameters changed.
  /// - Returns: The mean loss of each epoch.
  /// - Throws: ``NonFiniteError``, and what `afterEpoch` throws.
  @discardableResult
  public func fit<Inputs: ExampleSource, Targets: ExampleSource>(
    _ inputs: Inputs, _ targets: Targets, weights: [Float] = [], batchSize: Int = 32, epochs: Int,
    schedule: LearningRateSchedule = .constant,
    afterEpoch: (_ epoch: Int, _ loss: Double) throws -> Void = { _, _ in }
  ) throws -> [Double] where Inputs.Batch == Model.Input, Targets.Batch == L.Targets {
    precondition(epochs >= 1, "Trainer.fit: \(epochs) epochs, expected 1 or more")
    var loader = DataLoader(inputs, targets, weights: weights, batchSize: batchSize, seed: seed)
    let steps = Double(epochs * loader.batchCount)
    var done = 0
    return try (1...epochs).map { epoch in
      var sum = LossSum(sum: 0, weight: 0)
      try loader.forEachRange(ofEpoch: epoch) { loader, places in
        learningRateFactor = schedule.factor(progress: Double(done) / steps)
        let part = try train(places, of: &loader, epoch: epoch)
        sum.sum += part.sum
        sum.weight += part.weight
        done += 1
      }
      try afterEpoch(epoch, sum.mean)
      return sum.mean
    }
  }

  /// A step on a batch of a loader, in shards where batches are cut.
  private func train<Inputs: ExampleSource, Targets: ExampleSource>(
    _ places: Range<Int>, of loader: inout DataLoader<Inputs, Targets>, epoch: Int
  ) throws -> LossSum where Inputs.Batch == Model.Input, Targets.Batch == L.Targets {
    guard sharding != nil else {
      loader.gather(places)
      return try train(
        loader.batch.inputs, loader.batch.targets, weights: loader.batch.weights, epoch: epoch)
    }
    return try train(shardsOf: places.count, epoch: epoch) { part in
      loader.gather(places.lowerBound + part.lowerBound..<places.lowerBound + part.upperBound)
      return TrainingBatch(
        loader.batch.inputs, loader.batch.targets, weights: loader.batch.weights)
    }
  }

  /// The mean loss of ``model`` on examples that are not trained on.
  ///
  /// - Parameters:
  ///   - inputs: The examples.
  ///   - targets: As many.
  ///   - weights: The weight of each example, 0 or more; empty: all 1.
  /// - Returns: The mean.
  public func evaluate<Inputs: ExampleSource, Targets: ExampleSource>(
    _ inputs: Inputs, _ targets: Targets, weights: [Float] = []
  ) -> Double where Inputs.Batch == Model.Input, Targets.Batch == L.Targets {
    let predictor = Predictor(model, context: context)
    var loader = DataLoader(inputs, targets, weights: weights, batchSize: 256)
    var gradient = Matrix(rowCount: 0, columnCount: predictor.model.outputSize)
    var losses = [Float](repeating: 0, count: 256)
    var scratch = loss.makeScratch()
    var sum = LossSum(sum: 0, weight: 0)
    loader.forEachBatch(ofEpoch: 1) { input, targets, weights in
      predictor.withOutput(of: input) { output in
        gradient.setRowCount(output.rowCount)
        if losses.count < output.rowCount {
          losses = Array(repeating: 0, count: output.rowCount)
        }
        let part = loss.differentiate(
          output, targets, weights: weights, into: &gradient, losses: &losses, &scratch,
          context: context)
        sum.sum += part.sum
        sum.weight += part.weight
      }
    }
    return sum.mean
  }
}
