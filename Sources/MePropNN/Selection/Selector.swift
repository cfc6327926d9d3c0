import MePropCore

/// Turns the gradient at a layer's outputs into its ``Support``: policy, schedule and memory.
///
/// Every layer with products has one, as wide as its pre-activations. A layer calls
/// ``select(_:output:activation:dropout:into:_:)`` first in its backward pass and takes both
/// products from the support then; all policies, memories, schedules and counting come with it.
public struct Selector: Sendable, Equatable {
  /// What is kept; `nil`: what the trainer is given for all layers.
  public var policy: SelectionPolicy?
  /// Where random selection draws from; `nil`: the trainer numbers all places of a model.
  public var site: RandomSite?
  /// The number of outputs that are selected from, padding included.
  public private(set) var outputSize: Int
  /// How outputs lie among zeros, where they do.
  package private(set) var padding: Parameter.Padding.Block?
  /// The outputs without padding that there were before any was cut.
  package private(set) var fullUnitCount: Int
  /// What was left out so far: one row, or one a place in the batch; no rows without memory.
  package var memory: Matrix
  /// What sampling carries from step to step: for each block of outputs the threshold as a share of
  /// what would keep the budget if no entry reached it; 0 before the first step, none without
  /// sampling.
  package var shares: [Float] = []
  /// How many rows the memory is a mean over, in a shard of a batch.
  package var memoryRowCount = 0
  /// The place among the selectors of a model in training.
  package var index = 0
  /// At how many positions of an image the same units stand; 1 where outputs are no images.
  package var positionCount = 1
  /// What k as a share is one of, where that is not the number of outputs.
  package var wholeSize: Int?

  /// Creates the selector of a layer with `outputSize` outputs.
  ///
  /// - Parameters:
  ///   - outputSize: How many, padding included.
  ///   - policy: What is kept; `nil`: what the trainer is given for all layers.
  ///   - padding: How outputs lie among zeros; `nil`: there are none.
  public init(
    outputSize: Int, policy: SelectionPolicy? = nil, padding: Parameter.Padding.Block? = nil
  ) {
    self.outputSize = outputSize
    self.policy = policy
    self.padding = padding
    memory = Matrix(rowCount: 0, columnCount: outputSize)
    fullUnitCount = padding?.count(ofPadded: outputSize) ?? outputSize
  }

  /// Chooses from the outputs at these places only, −1 for new ones; memory follows.
  mutating func rearrange(_ places: [Int], padding: Parameter.Padding.Block?) {
    memory = memory.rearranged(rows: Array(0..<memory.rowCount), columns: places)
    outputSize = places.count
    self.padding = padding
  }

  /// The number of outputs without padding.
  package var unitCount: Int {
    padding?.count(ofPadded: outputSize) ?? outputSize / positionCount
  }
  /// The blocks of outputs that are selected from each for itself: the gates of an LSTM.
  package var blockCount: Int { padding.map { outputSize / $0.paddedSize } ?? 1 }
  /// The policy, dense where nobody gave one.
  package var decidedPolicy: SelectionPolicy { policy ?? .dense }
  /// Whether anything is carried from step to step.
  ///
  /// Also where k covers the layer: the schedule may set a smaller one.
  package var usesMemory: Bool { decidedPolicy.memory > 0 }

  /// Whether thresholds of sampling are carried from step to step.
  package var usesShares: Bool {
    if case .sampled = decidedPolicy { true } else { false }
  }

  /// Makes room for the memory, of so many examples or sentences where it is by slots; it will be
  /// a mean over `rowCount` rows.
  package mutating func prepareMemory(slotCount: Int, rowCount: Int = 0) {
    guard usesMemory else { return }
    memoryRowCount = rowCount
    let count = decidedPolicy.memoryScope == .slot ? max(slotCount, 1) : 1
    if memory.rowCount < count { memory = memory.extended(toRowCount: count) }
  }

  /// What holds in a step, after the schedule.
  ///
  /// Where units were cut a count k is as much less, and at least 1, so that k is no floor under
  /// the width.
  package func policy(in step: Step) -> SelectionPolicy {
    let policy = step.schedule.policy(decidedPolicy, step: step.number, epoch: step.epoch)
    if let wholeSize, let k = policy.k {
      if case .unified = policy {
        return k.resolved(outputSize: unitCount) >= unitCount ? .dense : policy
      }
      return policy.with(k: .count(k.resolved(outputSize: wholeSize)))
    }
    let (now, before) = (unitCount, fullUnitCount)
    guard now < before, case .count(let k) = policy.k else { return policy }
    return policy.with(k: .count(max(1, (2 * k * now + before) / (2 * before))))
  }

  /// Back propagates through activation and dropout, and chooses what the products take.
  ///
  /// `d ← dy ⊙ dropout ⊙ activation′ + β · memory`, in place of `dy`; then the support is
  /// what the policy keeps of d, and the memory what it leaves out. Bias gradients are Σ d, exact.
  ///
  /// - Parameters:
  ///   - gradient: dy, shape `[rows, outputSize]`; becomes d.
  ///   - output: The layer's output.
  ///   - activation: As in the forward pass.
  ///   - dropout: As in the forward pass.
  ///   - support: Takes the result.
  ///   - step: The pass.
  /// - Throws: ``NonFiniteError`` if an entry is NaN.
  public mutating func select(
    _ gradient: inout Matrix, output: Matrix, activation: Activation, dropout: Dropout = .none,
    into support: Support, _ step: inout Step
  ) throws {
    let context = step.context
    prepareMemory(slotCount: gradient.rowCount, rowCount: gradient.rowCount)
    support.prepare(rowCount: gradient.rowCount)
    context.differentiate(
      &gradient, output: output, activation: activation, dropout: dropout,
      memory: usesMemory ? memory : nil, beta: decidedPolicy.memory,
      partialSums: &support.partialSums, columnSums: &support.columnSums, norms: &support.norms)
    let policy = policy(in: step)
    if policy.isDense(outputSize: outputSize) {
      if usesMemory { memory.setToZero() }
      support.takeAll(of: gradient)
      step.ledger.countDense(self, rowCount: gradient.rowCount)
      return
    }
    let start = Clock.now()
    do {
      try support.select(
        policy, of: gradient, shares: &shares, stream: stream(in: step), step)
    } catch is NaNGradientError {
      throw nanError(step)
    }
    if usesMemory {
      switch decidedPolicy.memoryScope {
      case .unit: support.entries.storeRemainder(in: &memory, columnSums: support.columnSums)
      case .slot: support.entries.storeRemainders(in: &memory, of: gradient)
      }
    }
    if support.hasProducts {
      step.ledger.countSelected(
        self, support.entries, of: support.magnitude(rowCount: gradient.rowCount),
        step: step.number)
    }
    step.times.selection += Clock.now() - start
  }

  /// The sequence that random selection draws from.
  package func stream(in step: Step) -> UInt64 {
    (site ?? RandomSite(offset: 0, stride: 1)).stream(.selection, in: step)
  }

  /// The error of a NaN among the gradients.
  package func nanError(_ step: Step) -> NonFiniteError {
    NonFiniteError(
      layer: step.ledger.name(of: self), step: step.number, quantity: .gradient)
  }
}
