import MePropCore

/// The memory of a layer's selection after a shard's backward pass.
struct ShardMemory {
  /// The place among the selectors.
  var index: Int
  /// How many rows it is a mean over.
  var rowCount: Int
  var values: [Float]
  /// Thresholds of sampling, the same in all shards.
  var shares: [Float]
}

/// What is added up over shards.
protocol ShardPart: AnyObject {
  /// The gradient of the parameter of an index, once it is laid down.
  func gradient(of index: Int) -> WeightGradient
  /// Memories, of selectors that have one.
  var memories: [ShardMemory] { get }
}

/// The passes of one shard: its own scratch, random numbers and gradients, and a copy of the model,
/// which shares the weights until the pass is over.
///
/// Used by one thread at a time.
final class ShardWorker<Model: Layer, L: Loss>: ShardPart, @unchecked Sendable {
  var shard = 0
  /// Whether others count on what it computes; if not, another rank does the same.
  var counts = true
  var model: Model?
  var batch: TrainingBatch<Model.Input, L.Targets>?
  private(set) var sum = LossSum(sum: 0, weight: 0)
  private(set) var memories: [ShardMemory] = []
  private(set) var rowCount = 0
  private let loss: L
  private let makeStep: () -> Step
  private var step: Step?
  private var scratch: Model.Scratch?
  private var lossScratch: L.Scratch
  private var output: Matrix
  private var gradient: Matrix
  private var losses: [Float] = []
  private var inputGradient = InputGradient.none
  private let delivery = ShardDelivery()

  /// Creates a worker; `makeStep` is called on the thread that computes.
  init(_ loss: L, outputSize: Int, makeStep: @escaping () -> Step) {
    self.loss = loss
    self.makeStep = makeStep
    lossScratch = loss.makeScratch()
    output = Matrix(rowCount: 0, columnCount: outputSize)
    gradient = output
  }

  func gradient(of index: Int) -> WeightGradient { delivery.gradient(of: index) }
  /// The loss of each row of the last pass, not weighted.
  var rowLosses: ArraySlice<Float> { losses[..<rowCount] }

  /// Forgets what was left of the last batch.
  func releaseMemory() {
    scratch = nil
    batch = nil
    output = Matrix(rowCount: 0, columnCount: output.columnCount)
    gradient = output
    step?.gradients = []
    delivery.releaseMemory()
  }

  /// Computes outputs and losses.
  func forward(as whole: Step) {
    guard let model, let batch else { return }
    var step = self.step ?? makeStep()
    self.step = nil
    var scratch = self.scratch ?? model.makeScratch()
    self.scratch = nil
    step.follow(whole, shard: shard)
    step.packing = batch.packing
    let start = Clock.now()
    model.forward(batch.input, into: &output, &scratch, &step)
    rowCount = output.rowCount
    precondition(rowCount >= 1, "Trainer.train: \(model) gives no rows")
    gradient.setRowCount(rowCount)
    if losses.count < rowCount { losses = Array(repeating: 0, count: rowCount) }
    sum = loss.differentiate(
      output, batch.targets, weights: batch.weights, into: &gradient, losses: &losses,
      &lossScratch, context: step.context)
    step.times.forward += Clock.now() - start
    self.step = step
    self.scratch = scratch
  }

  /// The layer whose output was the first that is not finite; computes the outputs again.
  func brokenLayer() -> String? {
    guard let model, let batch, var scratch, var step else { return nil }
    step.brokenLayer = Step.BrokenLayer()
    step.packing = batch.packing
    model.forward(batch.input, into: &output, &scratch, &step)
    return step.brokenLayer?.name
  }

  /// Computes gradients of the loss of the whole batch, of which this shard's mean has a share, and
  /// lays them down.
  func backward(
    share: Float, parameterCount: Int, _ desk: GradientDesk, _ meeting: ShardMeeting
  ) {
    guard var model = model.take(), let batch = batch.take(), var step = step.take(),
      var scratch = scratch.take()
    else { return }
    meeting.join()
    step.packing = batch.packing ?? step.packing
    step.peers = ShardPeers(meeting, shard: shard, posts: counts)
    delivery.begin(
      &step.gradients, parameterCount: parameterCount, at: counts ? desk : nil, meeting)
    step.delivery = delivery
    gradient.multiplyRows { _ in share }
    let start = Clock.now()
    var failure: String?
    do {
      try model.backward(batch.input, output, &gradient, into: &inputGradient, &scratch, &step)
    } catch let error as NonFiniteError {
      failure = error.layer
    } catch is ShardFailure {
      // The others know.
    } catch {
      failure = String(describing: error)
    }
    step.times.backward += Clock.now() - start
    step.peers = nil
    step.packing = nil
    step.delivery = nil
    // Also after a failure: others wait for them, and forget them.
    delivery.finish(&step.gradients)
    var collection = MemoryCollection()
    model.visit(&collection)
    memories = collection.memories
    self.step = step
    self.scratch = scratch
    meeting.leave(failure: failure)
  }

  /// Adds what was counted and timed to the whole step's, and starts afresh.
  func report(to whole: inout Step, timesToo: Bool) {
    guard var step = step.take() else { return }
    if timesToo {
      whole.times.selection += step.times.selection
      whole.times.products += step.times.products
    }
    step.times = PhaseSeconds()
    whole.ledger.take(&step.ledger)
    self.step = step
  }
}

extension Step {
  /// Becomes the pass of a shard in a whole step.
  fileprivate mutating func follow(_ whole: Step, shard: Int) {
    self.shard = shard
    number = whole.number
    epoch = whole.epoch
    isTraining = true
    schedule = whole.schedule
    updates = whole.updates
    updates.storesGradients = true
    // Rows without a gradient are updated when all gradients are added up.
    updates.updatesEveryRow = false
  }
}

/// Reads the memories of selectors.
private struct MemoryCollection: LayerVisitor {
  var path = LayerPath(keepsNames: false)
  var memories: [ShardMemory] = []

  mutating func visit(_ selector: inout Selector) {
    guard selector.usesMemory || selector.usesShares else { return }
    memories.append(
      ShardMemory(
        index: selector.index, rowCount: selector.memoryRowCount,
        values: selector.usesMemory ? selector.memory.withRow(0) { Array($0) } : [],
        shares: selector.shares))
  }
}
