import CMePropKernels

/// How many entries of a batch are kept in all: k an example on average.
public struct BatchBudget: Sendable, Equatable {
  /// The number of entries.
  public let count: Int

  /// Creates a budget of so many entries, 1 or more.
  public init(_ count: Int) {
    precondition(count >= 1, "BatchBudget: \(count) entries, expected 1 or more")
    self.count = count
  }

  /// The budget of `k` an example: a count times the examples; or a share of all entries, rounded
  /// to the nearest number and at least 1.
  public init(_ k: SelectionCount, outputSize: Int, batchSize: Int) {
    switch k {
    case .count(let count): self.init(max(1, min(count, outputSize) * batchSize))
    case .ratio(let ratio):
      self.init(max(1, Int((ratio * Double(outputSize * batchSize)).rounded())))
    }
  }
}

/// What selections over a whole batch keep from step to step: where they start to look.
///
/// It decides nothing but the time that they take.
final class BatchSelectionWorkspace {
  /// For each block of columns what share of the last threshold candidates must reach in the next
  /// step.
  var margins: [Float] = []
  /// For each block of columns the threshold of the last step.
  var thresholds: [Float] = []
  let before = ScratchBuffer<UInt32>()
  let candidates = ScratchBuffer<UInt32>()
  let sums = ScratchBuffer<Float>()
}

extension GradientSupport {
  /// Keeps the entries of largest magnitude of the whole batch: batch top-k.
  ///
  /// Of equal magnitudes the lower example is kept, then the lower output; zeros never are. Values
  /// are not rescaled. The matrix is read once where the threshold of the step before is a good
  /// guess, as it mostly is, and again with a lower one where it is not. The result is exact, and
  /// the same for any number of threads. O(*batchSize · outputSize*).
  ///
  /// - Parameters:
  ///   - budget: How many entries each block of outputs keeps.
  ///   - d: Output gradients, shape `[batchSize, outputSize]`.
  ///   - blockCount: Outputs lie in so many blocks of equal size, a multiple of 16 where there are
  ///     several, each with a budget of its own: the gates of an LSTM.
  ///   - given: Σ|d| of each example where known, which saves computing them.
  ///   - context: Where to compute.
  /// - Throws: ``NaNGradientError`` if an example has a NaN.
  public func selectBatchTop(
    _ budget: BatchBudget, of d: Matrix, blockCount: Int = 1, norms given: [Float]? = nil,
    context: ComputeContext
  ) throws {
    let norms = checked(given, of: d)
    try norms.withUnsafeBufferPointer { norms in
      try selectBatchTop(
        budget, of: d, blockCount: blockCount, norms: norms.baseAddress, context: context)
    }
  }

  /// The same with Σ|d| of each example at `norms`.
  package func selectBatchTop(
    _ budget: BatchBudget, of d: Matrix, blockCount: Int, norms: UnsafePointer<Float>?,
    context: ComputeContext
  ) throws {
    guard let norms else { return }
    let whole = try prepareBatch(budget, d, blockCount, norms)
    let width = d.columnCount / blockCount
    let mean = whole / Double(max(d.rowCount * d.columnCount, 1))
    for block in 0..<blockCount {
      let goal = min(budget.count, d.rowCount * width)
      var low = firstGuess(block, mean: mean)
      var found = 0
      while true {
        list(reaching: low, of: d, norms, block * width..<(block + 1) * width, context)
        found = countListed()
        if found >= goal || low == 1 { break }
        low = lowered(low, block, mean: mean)
      }
      settle(block, found: found, goal: goal)
      if found > goal {
        var equals = 0
        let threshold = meprop_batch_threshold(
          values.base, listStride, batch.before.base, counts.base, batchSize, goal,
          low, batch.candidates.base, &equals)
        keep(reaching: threshold, equals: equals)
        remember(Float(bitPattern: threshold), block)
      } else {
        remember(Float(bitPattern: low), block)
      }
      finishBlock()
    }
  }

  /// Keeps entries by threshold sampling (Duffield, Lund and Thorup's priority sampling with a
  /// given threshold; Wangni et al., NeurIPS 2018, for gradients): E[s] = d for every entry.
  ///
  /// With a threshold t and a number u, uniform in [0, 1), for each entry: it is kept if |d| > t u,
  /// as sign(d) · max(|d|, t). So entries of at least t are kept as they are, and others with
  /// probability |d| / t as ±t. t is given as a share of `Σ|d| / budget`, with which the budget
  /// would be kept if no entry were as large as that; the share that fits is carried from step to
  /// step.
  ///
  /// The numbers u of an example go in equal steps modulo 1 from a random start, so that their
  /// spread is even; start and step come from Philox by `seed`, `stream` and the place of the
  /// example. One pass over the matrix, which also sums up how many entries the threshold lets
  /// expect; up to three more, with a corrected one, where that is off by more than 2 %, as in the
  /// first step. O(*batchSize · outputSize*).
  ///
  /// - Parameters:
  ///   - budget: How many entries each block of outputs keeps, about.
  ///   - d: Output gradients, shape `[batchSize, outputSize]`.
  ///   - blockCount: As in ``selectBatchTop(_:of:blockCount:norms:context:)``.
  ///   - shares: For each block the share, 0 before the first step; corrected towards the budget.
  ///   - seed: Of the numbers.
  ///   - stream: Their sequence.
  ///   - given: Σ|d| of each example where known.
  ///   - context: Where to compute.
  /// - Throws: ``NaNGradientError`` if an example has a NaN.
  public func selectSampled(
    _ budget: BatchBudget, of d: Matrix, blockCount: Int = 1, shares: inout [Float],
    seed: UInt64, stream: UInt64, norms given: [Float]? = nil, context: ComputeContext
  ) throws {
    let norms = checked(given, of: d)
    try norms.withUnsafeBufferPointer { norms in
      try selectSampled(
        budget, of: d, blockCount: blockCount, shares: &shares, seed: seed, stream: stream,
        norms: norms.baseAddress, context: context)
    }
  }

  /// By what share of the budget the number of entries that a threshold lets expect may be off.
  private static let sampledTolerance = 0.02

  /// The same with Σ|d| of each example at `norms`.
  package func selectSampled(
    _ budget: BatchBudget, of d: Matrix, blockCount: Int, shares: inout [Float],
    seed: UInt64, stream: UInt64, norms: UnsafePointer<Float>?, context: ComputeContext
  ) throws {
    precondition(
      shares.count == blockCount,
      "selectSampled: \(shares.count) shares for \(blockCount) blocks of outputs")
    guard let norms else { return }
    let whole = try prepareBatch(budget, d, blockCount, norms)
    let width = d.columnCount / blockCount
    for block in 0..<blockCount {
      let goal = Double(min(budget.count, d.rowCount * width))
      // Of several blocks the whole of all is split evenly: the share makes up for the rest.
      let unit = whole / (goal * Double(blockCount))
      sampleBlock(
        block * width..<(block + 1) * width, of: d, norms, unit: unit, goal: goal,
        share: &shares[block], seed, stream, context
      ) { $0 }
    }
  }

  private func checked(_ norms: [Float]?, of d: Matrix) -> [Float] {
    guard let norms else {
      return (0..<d.rowCount).map { d.withRow($0) { $0.reduce(0) { $0 + abs($1) } } }
    }
    precondition(
      norms.count >= d.rowCount,
      "batch selection: \(norms.count) norms for shape \(d.shape), expected one a row")
    return norms
  }

  /// Samples from one block of outputs, and corrects its share.
  ///
  /// - Parameters:
  ///   - columns: The block.
  ///   - d: Output gradients.
  ///   - norms: Σ|d| of each example.
  ///   - unit: What the share is one of.
  ///   - goal: How many entries are to be kept, of all that take part.
  ///   - share: Of the block.
  ///   - seed: Of the numbers.
  ///   - stream: Their sequence.
  ///   - context: Where to compute.
  ///   - total: From the sum over these examples to that over all that take part.
  func sampleBlock(
    _ columns: Range<Int>, of d: Matrix, _ norms: UnsafePointer<Float>, unit: Double, goal: Double,
    share: inout Float, _ seed: UInt64, _ stream: UInt64, _ context: ComputeContext,
    total: (Double) throws -> Double
  ) rethrows {
    guard unit > 0 else { return }
    batch.sums.reserve(batchSize)
    if share == 0 { share = 1 }
    for pass in 1...4 {
      let limit = Float.greatestFiniteMagnitude
      let threshold = min(max(Float(unit) * share, .leastNormalMagnitude), limit)
      sample(threshold, of: d, norms, columns, seed, stream, context)
      var expected = 0.0
      for row in 0..<batchSize { expected += Double(batch.sums.base[row]) }
      expected = try total(expected)
      expected /= Double(threshold)
      share = min(max(share * Float(expected / goal), 1e-6), 1e3)
      // Again where too many or too few were expected, whatever the numbers made of it: a
      // threshold that knew them would have a bias.
      if abs(expected - goal) <= Self.sampledTolerance * goal || pass == 4 { break }
    }
    finishBlock()
  }

  /// Makes room, and throws where there is a NaN; returns Σ|d| of the batch.
  func prepareBatch(
    _ budget: BatchBudget, _ d: Matrix, _ blockCount: Int, _ norms: UnsafePointer<Float>
  ) throws -> Double {
    let width = d.columnCount / blockCount
    precondition(
      blockCount == 1 || d.columnCount == blockCount * width && width % Int(MEPROP_LINE) == 0,
      "batch selection: \(blockCount) blocks of shape \(d.shape), expected a multiple of 16 each")
    let rows = max(d.rowCount, 1)
    let kept = min(budget.count, rows * width) * blockCount
    prepare(
      batchSize: d.rowCount, k: max(1, (kept + rows - 1) / rows), outputSize: d.columnCount,
      listStride: (d.lineCount + 1) * Int(MEPROP_LINE))
    batch.before.reserve(d.rowCount)
    // For all entries, which takes no memory until it is written: how many are candidates, and how
    // many are sampled, changes from step to step.
    reserveRegrouped(d.rowCount * d.columnCount)
    batch.candidates.reserve(d.rowCount * d.columnCount)
    for row in 0..<d.rowCount {
      batch.before.base[row] = 0
      counts.base[row] = 0
    }
    var whole = 0.0
    for row in 0..<d.rowCount {
      guard !norms[row].isNaN else { throw NaNGradientError(example: row) }
      whole += Double(norms[row])
    }
    return whole
  }

  /// The bit pattern that candidates of a block must reach first.
  func firstGuess(_ block: Int, mean: Double) -> UInt32 {
    while batch.margins.count <= block {
      batch.margins.append(0.9)
      batch.thresholds.append(0)
    }
    let guess = batch.thresholds[block] > 0 ? batch.thresholds[block] : Float(2 * mean)
    // As bit patterns, as denormal numbers may count as zero in arithmetic.
    return max((guess * batch.margins[block]).bitPattern, 1)
  }

  /// A lower bit pattern, where too few reached the last one.
  func lowered(_ low: UInt32, _ block: Int, mean: Double) -> UInt32 {
    batch.margins[block] = max(batch.margins[block] * 0.8, 0.05)
    let lower = Float(bitPattern: low) * 0.4
    return lower > Float(mean) * 1e-3 ? max(lower.bitPattern, 1) : 1
  }

  /// Makes the next guess closer where far too many were found.
  func settle(_ block: Int, found: Int, goal: Int) {
    if found * 2 > goal * 3 { batch.margins[block] = min(batch.margins[block] * 1.02, 0.98) }
  }

  /// The next guess starts from this threshold.
  func remember(_ threshold: Float, _ block: Int) { batch.thresholds[block] = threshold }

  /// Takes entries below a threshold off the lists, and all but `equals` of those that equal it.
  func keep(reaching threshold: UInt32, equals: Int) {
    meprop_keep_reaching(
      indices.base, values.base, listStride, batch.before.base, counts.base, batchSize,
      threshold, equals)
  }

  /// What is on the lists now belongs to the blocks that are done.
  func finishBlock() { batch.before.copy(from: counts, count: batchSize) }

  /// How many listed entries have each value of the eight bits of their magnitude from `shift` on,
  /// of those whose higher bits are those of `prefix`.
  func histogram(prefix: UInt32, shift: UInt32) -> [UInt32] {
    var result = [UInt32](repeating: 0, count: 256)
    let higher = UInt64(shift) + 8
    for row in 0..<batchSize {
      for entry in Int(batch.before.base[row])..<Int(counts.base[row]) {
        let bits = values.base[row * listStride + entry].magnitude.bitPattern
        guard UInt64(bits) >> higher == UInt64(prefix) >> higher else { continue }
        result[Int(bits >> shift & 255)] += 1
      }
    }
    return result
  }

  func list(
    reaching low: UInt32, of d: Matrix, _ norms: UnsafePointer<Float>, _ columns: Range<Int>,
    _ context: ComputeContext
  ) {
    var arguments = meprop_list_largest_arguments(
      d: d.unsafeFloats, stride: d.stride, first: columns.lowerBound, columns: columns.count,
      threshold: low, norms: norms, before: batch.before.base,
      indices: indices.base, values: values.base, list_stride: listStride, counts: counts.base)
    context.run(
      context.kernels.listLargest, &arguments, count: d.rowCount, grain: 4,
      work: d.rowCount * columns.count * 2)
    withExtendedLifetime(d) {}
  }

  private func sample(
    _ threshold: Float, of d: Matrix, _ norms: UnsafePointer<Float>, _ columns: Range<Int>,
    _ seed: UInt64,
    _ stream: UInt64, _ context: ComputeContext
  ) {
    var arguments = meprop_list_sampled_arguments(
      d: d.unsafeFloats, stride: d.stride, first: columns.lowerBound, columns: columns.count,
      threshold: threshold, norms: norms, seed: seed, stream: stream,
      before: batch.before.base, indices: indices.base, values: values.base,
      list_stride: listStride, counts: counts.base, sums: batch.sums.base)
    context.run(
      context.kernels.listSampled, &arguments, count: d.rowCount, grain: 4,
      work: d.rowCount * columns.count * 3)
    withExtendedLifetime(d) {}
  }

  func countListed() -> Int {
    var count = 0
    for row in 0..<batchSize { count += Int(counts.base[row] &- batch.before.base[row]) }
    return count
  }
}

extension ScratchBuffer {
  fileprivate func copy(from other: ScratchBuffer, count: Int) {
    base.update(from: other.base, count: count)
  }
}
