/// How many entries of an output gradient are kept: a count, or a share of the layer's outputs.
public enum SelectionCount: Sendable, Equatable {
  /// That many, whatever the width.
  case count(Int)
  /// That share of the outputs, in 0 < ratio ≤ 1, rounded to the nearest count and at least 1.
  case ratio(Double)

  /// The number of entries kept of `outputSize`; may exceed `outputSize` if it is a count.
  public func resolved(outputSize: Int) -> Int {
    switch self {
    case .count(let count): count
    case .ratio(let ratio): max(1, Int((ratio * Double(outputSize)).rounded()))
    }
  }

  /// Whether the number makes sense: a count of at least 1, or a share in 0 < ratio ≤ 1.
  public var isValid: Bool {
    switch self {
    case .count(let count): count >= 1
    case .ratio(let ratio): ratio > 0 && ratio <= 1
    }
  }
}

/// What the numbers of a memory belong to: what selection left out is carried over to the next step
/// in them.
public enum MemoryScope: String, Sendable, CaseIterable {
  /// One number for each output unit, the mean over the batch (unit memory).
  case unit
  /// One number for each output unit and place in the batch: example i of a step gets what example
  /// i of the step before left out.
  ///
  /// A control for experiments, after the memory for each position of Memorized Sparse
  /// Backpropagation (arXiv 1905.10194): the examples of one place have nothing in common, and it
  /// takes `batchSize · outputSize` numbers. With a batch of one it is unit memory.
  case slot
}

/// Which entries of the gradient at a layer's outputs take part in back propagation.
///
/// The gradient `dy` is that of the loss with respect to the layer's pre-activations, exact up to
/// this layer. Kept values are neither changed nor rescaled (Sun et al., ICML 2017, equations 9 and
/// 10), but by sampling. A layer at most as wide as k is dense. Bias gradients stay dense.
public enum SelectionPolicy: Sendable, Equatable {
  /// All of them: ordinary back propagation.
  case dense
  /// Per example the `k` of largest magnitude, with a memory if `memory` is above 0.
  case top(k: SelectionCount, memory: Float = 0, scope: MemoryScope = .unit)
  /// For all examples of a group the `k` outputs whose magnitudes add up to most over the group,
  /// with unit memory if `memory` is above 0. `groupSize` `nil`: the whole batch is one group.
  case unified(k: SelectionCount, groupSize: Int? = nil, memory: Float = 0)
  /// For the whole batch the entries of largest magnitude, `k` an example on average, with unit
  /// memory if `memory` is above 0.
  ///
  /// The same number of entries as ``top(k:memory:scope:)`` keeps, but where the gradient is:
  /// examples that are already right keep few or none.
  case batchTop(k: SelectionCount, memory: Float = 0)
  /// For the whole batch by threshold sampling, about `k` an example on average: large entries are
  /// kept, others with a probability in proportion to their magnitude, and then made as large as
  /// the threshold. The gradient is the exact one in expectation. With unit memory if `memory` is
  /// above 0.
  ///
  /// The only policy that changes values; see `GradientSupport.selectSampled`.
  case sampled(k: SelectionCount, memory: Float = 0)
  /// Per example `k` chosen uniformly at random: a control, which loses accuracy.
  case random(k: SelectionCount)

  /// The number of entries kept, or `nil` if all are.
  public var k: SelectionCount? {
    switch self {
    case .dense: nil
    case .top(let k, _, _), .unified(let k, _, _), .batchTop(let k, _), .sampled(let k, _),
      .random(let k):
      k
    }
  }

  /// How much of the memory is added back at each step: β, from 0 (no memory) to 1.
  ///
  /// With memory m of one number a unit, 0 at first: `dᵢ = dyᵢ + β m`, `sᵢ = select(dᵢ)`,
  /// `m ← meanᵢ(dᵢ − sᵢ)`; products use s, the bias gradient is Σ d. With a memory of
  /// one row a place in the batch, `mᵢ ← dᵢ − sᵢ`.
  public var memory: Float {
    switch self {
    case .dense, .random: 0
    case .top(_, let memory, _), .unified(_, _, let memory), .batchTop(_, let memory),
      .sampled(_, let memory):
      memory
    }
  }

  /// What the numbers of the memory belong to.
  public var memoryScope: MemoryScope {
    switch self {
    case .top(_, _, let scope): scope
    case .dense, .random, .unified, .batchTop, .sampled: .unit
    }
  }

  /// The same policy with another number of entries kept; dense stays dense.
  public func with(k: SelectionCount) -> SelectionPolicy {
    switch self {
    case .dense: .dense
    case .top(_, let memory, let scope): .top(k: k, memory: memory, scope: scope)
    case .unified(_, let groupSize, let memory):
      .unified(k: k, groupSize: groupSize, memory: memory)
    case .batchTop(_, let memory): .batchTop(k: k, memory: memory)
    case .sampled(_, let memory): .sampled(k: k, memory: memory)
    case .random: .random(k: k)
    }
  }

  /// Whether entries are chosen over the whole batch at once.
  public var isOverBatch: Bool {
    switch self {
    case .batchTop, .sampled: true
    case .dense, .top, .unified, .random: false
    }
  }

  /// Whether a layer of `outputSize` outputs is dense under this policy.
  public func isDense(outputSize: Int) -> Bool {
    guard let k else { return true }
    return k.resolved(outputSize: outputSize) >= outputSize
  }
}
