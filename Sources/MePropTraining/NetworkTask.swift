// What every task whose model is trained by a `Trainer` does in the same way.

import Foundation
import MePropCore
import MePropData
import MePropNN

/// A task that trains one network with one `Trainer`.
///
/// Steps, reports of layers and checkpoints come with it; a task gathers batches and evaluates.
public protocol NetworkTask: TrainingTask {
  /// What is trained.
  associatedtype Network: Layer
  /// What is made small.
  associatedtype NetworkLoss: Loss
  /// Trains the network.
  var trainer: Trainer<Network, NetworkLoss> { get }
  /// A number that differs for other training data, so that a run is not resumed on other data.
  var fingerprint: Int { get }
  /// The order of its examples, where checkpoints are to hold it: where easy ones are left out.
  var exampleOrder: ExampleOrder? { get set }
}

extension NetworkTask {
  /// None.
  public var exampleOrder: ExampleOrder? {
    get { nil }
    set {}
  }
}

extension NetworkTask {
  /// Does a step, on a batch or on the shards of it that are this process's, and cuts units if it
  /// is time.
  ///
  /// - Parameters:
  ///   - exampleCount: The examples of the whole batch.
  ///   - isWeighted: Whether weights of rows or classes are not all 1: the loss is then reported as
  ///     their mean times the number of examples; else the sum of the losses is reported.
  ///   - step: The step of the epoch, from 0.
  ///   - epoch: The epoch, from 1.
  ///   - learningRateFactor: Multiplies the learning rate.
  ///   - start: When the step began, by the monotonic clock.
  ///   - gather: Makes the batch of some neighboring examples: of all, where it is not cut.
  /// - Returns: What the loop wants to know.
  /// - Throws: `NonFiniteError`, and what `gather` throws.
  package func trainStep(
    ofExamples exampleCount: Int, isWeighted: Bool = false, step: Int, epoch: Int,
    learningRateFactor: Float, since start: Double,
    gather: (Range<Int>) throws -> TrainingBatch<Network.Input, NetworkLoss.Targets>
  ) throws -> StepReport {
    try trainStep(
      exampleCount, isWeighted: isWeighted, step: step, learningRateFactor: learningRateFactor,
      since: start
    ) {
      guard trainer.shardCount == nil else {
        return try trainer.train(shardsOf: exampleCount, epoch: epoch, gather: gather)
      }
      let batch = try gather(0..<exampleCount)
      trainer.times.data = Clock.now() - start
      return try trainer.train(
        batch.input, batch.targets, weights: batch.weights, packing: batch.packing, epoch: epoch)
    }
  }

  /// Does a step on shards that have their own examples, and cuts units if it is time.
  ///
  /// - Parameters:
  ///   - exampleCounts: The examples of each shard, of all processes.
  ///   - isWeighted: As above, and so all others.
  ///   - step: The step of the epoch, from 0.
  ///   - epoch: The epoch, from 1.
  ///   - learningRateFactor: Multiplies the learning rate.
  ///   - start: When the step began, by the monotonic clock.
  ///   - gather: Makes the batch of a shard of this process.
  /// - Returns: What the loop wants to know.
  /// - Throws: `NonFiniteError`, and what `gather` throws.
  package func trainStep(
    onShards exampleCounts: [Int], isWeighted: Bool = false, step: Int, epoch: Int,
    learningRateFactor: Float, since start: Double,
    gather: (Int) throws -> TrainingBatch<Network.Input, NetworkLoss.Targets>
  ) throws -> StepReport {
    try trainStep(
      exampleCounts.reduce(0, +), isWeighted: isWeighted, step: step,
      learningRateFactor: learningRateFactor, since: start
    ) { try trainer.train(shards: exampleCounts.count, epoch: epoch, gather: gather) }
  }

  private func trainStep(
    _ exampleCount: Int, isWeighted: Bool, step: Int, learningRateFactor: Float,
    since start: Double, train: () throws -> LossSum
  ) throws -> StepReport {
    trainer.times = PhaseSeconds()
    trainer.times.data = Clock.now() - start
    trainer.learningRateFactor = learningRateFactor
    let loss = try train()
    var report = StepReport(
      lossSum: isWeighted ? loss.mean * Double(exampleCount) : loss.sum,
      exampleCount: isWeighted ? exampleCount : Int(loss.weight), seconds: trainer.times)
    report.bytesSent = trainer.bytesSent
    report.cuts = trainer.cutUnits(afterStep: step + 1, of: stepsPerEpoch)
    return report
  }

  /// Starts from the parameters of a model, before the first step.
  ///
  /// - Throws: `ModelStateError`.
  package func start(from parameters: [NamedTensor]) throws {
    try trainer.start(from: parameters)
  }

  /// Cuts batches into shards from now on; see `Trainer.shard(into:communicator:)`.
  ///
  /// - Throws: `ShardingError`.
  public func shard(into count: Int, communicator: any Communicator) throws {
    trainer.keepsRowLosses = exampleOrder?.pruning != nil
    try trainer.shard(into: count, communicator: communicator)
  }

  /// One entry a layer with products, under the layer's path.
  public func takeLayerReports() -> [LayerReport] {
    trainer.takeStatistics().map { name, statistics in
      LayerReport(
        name: name, touchedRows: statistics.meanTouchedRows,
        keptMagnitude: statistics.meanKeptMagnitude)
    }
  }

  /// One entry a layer with products, under the layer's path.
  public func takeTallies() -> [LayerTally] { trainer.takeTallies() }

  /// Writes the model of the current weights; where units were cut, also that with all units, each
  /// number as it was when its unit was cut, in the folder `uncut` within, from which `meprop
  /// simplify --undo` takes it.
  ///
  /// - Parameters:
  ///   - folder: An empty folder.
  ///   - write: Writes the model of a network into a folder.
  /// - Throws: What `write` throws, `FileWriteError`.
  package func writeModels(to folder: URL, _ write: (Network, URL) throws -> Void) throws {
    try write(trainer.model, folder)
    guard trainer.layerWidths.contains(where: { $0.width < $0.originalWidth }) else { return }
    let whole = folder.appendingPathComponent(SavedModel.uncutName, isDirectory: true)
    try FileSystem().createFolder(whole)
    try write(trainer.uncutModel, whole)
    try FileSystem().write(
      FolderDigests.contents(of: whole), to: whole.appendingPathComponent(FolderDigests.fileName))
  }

  /// The trainer's state, its step, the fingerprint of the data, and which examples are left out.
  public func checkpointTensors() -> (tensors: [NamedTensor], counters: [String: Int]) {
    var counters = ["step": trainer.stepCount, "data": fingerprint]
    guard let order = exampleOrder, order.pruning != nil else { return (trainer.state, counters) }
    let state = order.state
    counters[Self.orderCounter] = state.epoch
    return (trainer.state + state.tensors, counters)
  }

  private static var orderCounter: String { "examples" }

  /// Takes such a state back.
  ///
  /// - Throws: `CheckpointError`.
  public func restore(tensors: [NamedTensor], counters: [String: Int]) throws {
    try restoreTrainer(tensors, counters)
  }

  /// Takes back the trainer's state and step, if they are of the same data.
  ///
  /// - Throws: `CheckpointError`.
  package func restoreTrainer(_ tensors: [NamedTensor], _ counters: [String: Int]) throws {
    let step = try CheckpointError.count("step", in: counters)
    let data = try CheckpointError.counter("data", in: counters)
    guard data == fingerprint else {
      throw CheckpointError(.otherData(unit: exampleUnit))
    }
    do {
      var order = exampleOrder
      if order?.pruning != nil {
        let epoch = try CheckpointError.count(Self.orderCounter, in: counters)
        try order?.restore(tensors, epoch: epoch)
      }
      try trainer.restore(tensors.filter { !ExampleOrder.owns($0) }, stepCount: step)
      exampleOrder = order
    } catch let error as ModelStateError {
      throw CheckpointError(state: error)
    }
  }
}

extension CheckpointError {
  /// What does not fit in a saved state.
  package init(state error: ModelStateError) {
    switch error {
    case .missing(let name): self.init(.missingTensor(name))
    case .unexpected(let name): self.init(.unexpectedTensor(name))
    case .wrongUnits(let name, let width):
      self.init(
        .corrupt(
          expected: "increasing numbers of units below \(width) in tensor '\(name)'",
          found: "others"))
    case .shapeMismatch(let name, let expected, let found):
      self.init(.shapeMismatch(name: name, expected: expected, found: found))
    }
  }

  /// A counter that must be there, and 0 or more.
  ///
  /// - Throws: `CheckpointError`.
  package static func counter(_ name: String, in counters: [String: Int]) throws -> Int {
    guard let value = counters[name] else { throw CheckpointError(.missingCounter(name)) }
    guard value >= 0 else {
      throw CheckpointError(.invalidCounter(name: name, expected: "0 or more", found: value))
    }
    return value
  }

  /// A counter of steps or epochs, which is added to.
  ///
  /// - Throws: `CheckpointError`.
  package static func count(_ name: String, in counters: [String: Int]) throws -> Int {
    let value = try counter(name, in: counters)
    guard FileNumber.counts.contains(value) else {
      throw CheckpointError(
        .invalidCounter(
          name: name, expected: "0 to \(FileNumber.counts.upperBound)", found: value))
    }
    return value
  }
}
