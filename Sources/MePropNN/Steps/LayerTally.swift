// What is counted in a layer while it is trained: how often units are kept, arithmetic, bytes.

/// The multiply-adds and bytes of one phase in one layer, done and as they would be densely.
public struct PhaseCost: Sendable, Codable, Equatable {
  /// Multiply-adds done.
  public var multiplyAdds = 0
  /// Multiply-adds of the dense phase.
  public var denseMultiplyAdds = 0
  /// Bytes that have to be read or written.
  public var bytes = 0
  /// Bytes of the dense phase.
  public var denseBytes = 0

  /// Creates a phase that costs nothing.
  public init() {}

  /// Adds the costs of another phase to this one's; sums stop at the largest number, because the
  /// other may be read from a file.
  public static func += (sum: inout PhaseCost, other: PhaseCost) {
    func add(_ count: Int, to total: inout Int) {
      let (result, overflow) = total.addingReportingOverflow(count)
      total = overflow ? .max : result
    }
    add(other.multiplyAdds, to: &sum.multiplyAdds)
    add(other.denseMultiplyAdds, to: &sum.denseMultiplyAdds)
    add(other.bytes, to: &sum.bytes)
    add(other.denseBytes, to: &sum.denseBytes)
  }

  /// Adds what was done and what the dense phase would have done.
  mutating func add(
    multiplyAdds done: Int, of dense: Int, bytes doneBytes: Int, of denseBytes: Int
  ) {
    multiplyAdds += done
    denseMultiplyAdds += dense
    bytes += doneBytes
    self.denseBytes += denseBytes
  }
}

/// What the products of a layer and its update cost, counted from shapes and supports.
///
/// For a batch of B, n outputs, m inputs, E kept entries in R rows, U rows updated, and an
/// optimizer with M moments a weight, in multiply-adds and numbers of four bytes, as which they are
/// stored also where products round them:
///
///     phase       multiply-adds   dense   read and written once           dense
///     forward     Bnm             Bnm     nm + Bm + Bn                    the same
///     dW          Em              Bnm     2E + Bm (+ Rm if stored)        Bn + Bm + nm
///     dx          Em              Bnm     2E + Rm + Bm                    Bn + nm + Bm
///     optimizer   (1 + 2M)Um      … nm    (2 + 2M)Um (+ Rm if stored)     (3 + 2M)nm
///
/// A kept entry is a value and an index. dW is not stored where its rows are applied as they are
/// computed. Biases, activations and selection are left out, and so are zeros that the forward
/// product skips.
public struct LayerCosts: Sendable, Codable, Equatable {
  /// The forward product.
  public var forward = PhaseCost()
  /// The product that gives the gradient of the weights.
  public var weightGradient = PhaseCost()
  /// The product that gives the gradient of the input.
  public var inputGradient = PhaseCost()
  /// The update of the weights.
  public var optimizer = PhaseCost()

  /// Creates costs of nothing.
  public init() {}

  /// Adds the costs of another layer, phase by phase.
  public static func += (sum: inout LayerCosts, other: LayerCosts) {
    sum.forward += other.forward
    sum.weightGradient += other.weightGradient
    sum.inputGradient += other.inputGradient
    sum.optimizer += other.optimizer
  }
}

/// The sizes that the costs of a step depend on.
public struct ProductShape: Sendable, Equatable {
  /// The number of examples of the step.
  public var batchSize: Int
  /// The number of rows of the weights.
  public var outputSize: Int
  /// The number of columns of the weights.
  public var inputSize: Int
  /// The number of moments of a weight.
  public var momentCount: Int
  /// Whether the gradient of the input is computed.
  public var hasInputGradient: Bool

  /// Creates the shape of a step.
  public init(
    batchSize: Int, outputSize: Int, inputSize: Int, momentCount: Int, hasInputGradient: Bool
  ) {
    self.batchSize = batchSize
    self.outputSize = outputSize
    self.inputSize = inputSize
    self.momentCount = momentCount
    self.hasInputGradient = hasInputGradient
  }
}

extension LayerCosts {
  /// Adds a step whose backward pass is dense, in O(1).
  public mutating func addDense(_ shape: ProductShape) {
    let (batch, m) = (shape.batchSize, shape.inputSize)
    let weights = shape.outputSize * m
    let all = batch * weights
    let operands = 4 * (batch * shape.outputSize + batch * m + weights)
    forward.add(multiplyAdds: all, of: all, bytes: operands, of: operands)
    weightGradient.add(multiplyAdds: all, of: all, bytes: operands, of: operands)
    if shape.hasInputGradient {
      inputGradient.add(multiplyAdds: all, of: all, bytes: operands, of: operands)
    }
    let updates = (1 + 2 * shape.momentCount) * weights
    let moved = 4 * (3 + 2 * shape.momentCount) * weights
    optimizer.add(multiplyAdds: updates, of: updates, bytes: moved, of: moved)
  }

  /// Adds a step whose backward pass follows a support, in O(1).
  ///
  /// - Parameters:
  ///   - shape: The sizes of the step.
  ///   - entries: Kept entries, over all examples.
  ///   - rows: Rows with any.
  ///   - updatedRows: Rows that the optimizer visits.
  ///   - storesGradient: Whether gradient rows are written before they are applied.
  public mutating func addSparse(
    _ shape: ProductShape, entries: Int, rows: Int, updatedRows: Int, storesGradient: Bool
  ) {
    let (batch, m) = (shape.batchSize, shape.inputSize)
    let weights = shape.outputSize * m
    let all = batch * weights
    let operands = 4 * (batch * shape.outputSize + batch * m + weights)
    let stored = storesGradient ? rows * m : 0
    forward.add(multiplyAdds: all, of: all, bytes: operands, of: operands)
    weightGradient.add(
      multiplyAdds: entries * m, of: all, bytes: 4 * (2 * entries + batch * m + stored),
      of: operands)
    if shape.hasInputGradient {
      inputGradient.add(
        multiplyAdds: entries * m, of: all, bytes: 4 * (2 * entries + rows * m + batch * m),
        of: operands)
    }
    let moments = shape.momentCount
    optimizer.add(
      multiplyAdds: (1 + 2 * moments) * updatedRows * m, of: (1 + 2 * moments) * weights,
      bytes: 4 * ((2 + 2 * moments) * updatedRows * m + stored),
      of: 4 * (3 + 2 * moments) * weights)
  }

  /// Adds a step of a layer on rows that are mostly zeros, in O(1).
  ///
  /// What is dense is the same layer with all gradients of its outputs kept and all rows updated;
  /// products skip zeros of the input in both, so selection saves none of their arithmetic.
  ///
  /// - Parameters:
  ///   - shape: The sizes of the step.
  ///   - inputs: Entries of the input, over all examples.
  ///   - rows: Inputs with any.
  ///   - updatedRows: Inputs whose weights the optimizer visits.
  ///   - storesGradient: Whether gradient rows are written before they are applied.
  public mutating func addSparseInput(
    _ shape: ProductShape, inputs: Int, rows: Int, updatedRows: Int, storesGradient: Bool
  ) {
    let n = shape.outputSize
    let operands = 4 * (2 * inputs + rows * n + shape.batchSize * n)
    let stored = storesGradient ? 4 * rows * n : 0
    forward.add(multiplyAdds: inputs * n, of: inputs * n, bytes: operands, of: operands)
    weightGradient.add(
      multiplyAdds: inputs * n, of: inputs * n,
      bytes: 4 * (2 * inputs + shape.batchSize * n) + stored,
      of: 4 * (2 * inputs + shape.batchSize * n) + stored)
    let moments = shape.momentCount
    optimizer.add(
      multiplyAdds: (1 + 2 * moments) * updatedRows * n,
      of: (1 + 2 * moments) * shape.inputSize * n,
      bytes: 4 * (2 + 2 * moments) * updatedRows * n + stored,
      of: 4 * (3 + 2 * moments) * shape.inputSize * n)
  }
}

/// What was counted in a layer over some steps.
public struct LayerTally: Sendable, Equatable {
  /// The layer's dotted name.
  public var name: String
  /// The number of rows of its weights.
  public var outputSize: Int
  /// The number of examples (images, words) that `keptCounts` counts.
  public var exampleCount = 0
  /// In how many examples each unit was kept; empty for a layer that is always dense.
  public var keptCounts: [UInt32]
  /// Arithmetic and bytes.
  public var costs = LayerCosts()

  /// Creates a tally of nothing.
  ///
  /// - Parameters:
  ///   - name: The layer's dotted name.
  ///   - outputSize: The number of rows of its weights.
  ///   - countsUnits: Whether the layer may be sparse, so that units are counted.
  public init(name: String, outputSize: Int, countsUnits: Bool) {
    self.name = name
    self.outputSize = outputSize
    keptCounts = countsUnits ? Array(repeating: 0, count: outputSize) : []
  }

  /// Counts every unit of `count` examples as kept, if units are counted.
  package mutating func keepAll(ofExamples count: Int) {
    guard !keptCounts.isEmpty else { return }
    exampleCount += count
    keptCounts.withUnsafeMutableBufferPointer { counts in
      for unit in counts.indices { counts[unit] &+= UInt32(truncatingIfNeeded: count) }
    }
  }

  /// Adds what was counted elsewhere in the same layer.
  mutating func add(_ other: LayerTally) {
    exampleCount += other.exampleCount
    costs += other.costs
    for unit in keptCounts.indices { keptCounts[unit] &+= other.keptCounts[unit] }
  }

  /// Returns the tally and starts afresh.
  public mutating func take() -> LayerTally {
    let taken = self
    self = LayerTally(name: name, outputSize: outputSize, countsUnits: !keptCounts.isEmpty)
    return taken
  }
}
