import CMePropKernels

/// A NaN in an output gradient, found while selecting.
public struct NaNGradientError: Error, Equatable, Sendable {
  /// The row of the batch, from 0.
  public let example: Int
}

/// Which entries of a batch of output gradients are kept, and their values: the support of a sparse
/// gradient.
///
/// One support serves all products of a layer's backward pass. It is a workspace: memory is kept
/// from step to step.
public final class GradientSupport {
  /// The number of examples.
  public private(set) var batchSize = 0
  /// The most entries that an example keeps; of a selection over the whole batch the mean, rounded
  /// up.
  public private(set) var k = 0
  /// The number of outputs that they are selected from.
  public private(set) var outputSize = 0
  /// If all examples keep the same outputs: these, in increasing order (`k` of them or fewer);
  /// otherwise `nil`.
  public private(set) var sharedOutputs: Range<Int>?

  /// The room that the list of each example has.
  private(set) var listStride = 0
  // Per example: the entries of example i are from i * listStride on, counts[i] of them, outputs
  // ascending.
  let indices = ScratchBuffer<UInt32>()
  let values = ScratchBuffer<Float>()
  let counts = ScratchBuffer<UInt32>()
  // Regrouped by output: entries starts[t] ..< starts[t + 1] belong to rows[t], examples ascending.
  private(set) var rows: [UInt32] = []
  let starts = ScratchBuffer<UInt32>()
  private let examples = ScratchBuffer<UInt32>()
  let weights = ScratchBuffer<Float>()
  let batch = BatchSelectionWorkspace()
  /// The number of outputs that any example keeps, or of all outputs if regrouped so.
  public private(set) var rowCount = 0
  private(set) var isRegrouped = false
  private var listsEveryOutput = false
  private var touchedCount = 0
  private let cursor = ScratchBuffer<UInt32>()
  private var norms: [Float] = []
  var magnitudes = Matrix(rowCount: 0, columnCount: 0)
  private var chosen: [UInt64] = []
  private var sharedRows: [UInt32] = []

  /// Creates an empty support.
  public init() {}

  /// The entries that example `example` keeps: outputs in increasing order, with their values.
  public func entries(ofExample example: Int) -> [(output: Int, value: Float)] {
    precondition(
      example >= 0 && example < batchSize,
      "GradientSupport: example \(example) of a batch of \(batchSize)")
    return (0..<Int(counts.base[example])).map {
      (Int(indices.base[example * listStride + $0]), values.base[example * listStride + $0])
    }
  }

  /// The outputs that any example keeps, in increasing order.
  public var touchedOutputs: [Int] {
    var touched = Set<UInt32>()
    for example in 0..<batchSize {
      for entry in 0..<Int(counts.base[example]) {
        touched.insert(indices.base[example * listStride + entry])
      }
    }
    return touched.sorted().map(Int.init)
  }

  /// The number of entries that are kept of the whole batch.
  public var entryCount: Int { (0..<batchSize).reduce(0) { $0 + Int(counts.base[$1]) } }

  /// Σ|s| over all kept entries.
  package var keptMagnitude: Double {
    var kept = 0.0
    for example in 0..<batchSize {
      for entry in 0..<Int(counts.base[example]) {
        kept += Double(abs(values.base[example * listStride + entry]))
      }
    }
    return kept
  }

  /// Makes room for entries that somebody else chooses and writes.
  ///
  /// - Parameters:
  ///   - batchSize: The number of examples.
  ///   - k: The most entries that an example keeps, or the mean.
  ///   - outputSize: The number of outputs.
  ///   - listStride: The room of each list; `nil`: k.
  func prepare(batchSize: Int, k: Int, outputSize: Int, listStride: Int? = nil) {
    precondition(
      k >= 1 && k <= outputSize,
      "GradientSupport: k is \(k) of \(outputSize) outputs, expected 1 to all of them")
    self.batchSize = batchSize
    self.k = k
    self.outputSize = outputSize
    sharedOutputs = nil
    rowCount = 0
    isRegrouped = false
    self.listStride = listStride ?? k
    indices.reserve(batchSize * self.listStride)
    values.reserve(batchSize * self.listStride)
    reserveRegrouped(batchSize * k)
    counts.reserve(batchSize)
    if norms.count < batchSize { norms = Array(repeating: 0, count: batchSize) }
    if rows.count < outputSize {
      rows = Array(repeating: 0, count: outputSize)
      starts.reserve(outputSize + 1)
      cursor.reserve(outputSize + 1)
    }
  }
}

extension GradientSupport {
  /// Makes room for so many entries of the whole batch, regrouped.
  func reserveRegrouped(_ count: Int) {
    examples.reserve(count)
    weights.reserve(count)
  }

  /// Keeps, per example, the `k` entries of largest magnitude.
  ///
  /// Of equal magnitudes the lower output is kept, zeros never are; values are not rescaled.
  /// O(*batchSize · outputSize*).
  ///
  /// - Parameters:
  ///   - k: Entries to keep, in 1 ... outputSize.
  ///   - d: Output gradients, shape `[batchSize, outputSize]`.
  ///   - given: Σ|d| of each example where known, which saves computing them; at least `batchSize`
  ///     of them.
  ///   - context: Where to compute.
  /// - Throws: ``NaNGradientError`` if an example has a NaN.
  public func selectTop(
    _ k: Int, of d: Matrix, norms given: [Float]? = nil, context: ComputeContext
  ) throws {
    prepare(batchSize: d.rowCount, k: k, outputSize: d.columnCount)
    if let given {
      precondition(
        given.count >= d.rowCount,
        "selectTop: \(given.count) norms for shape \(d.shape), expected one a row")
      try runSelection(of: d, k: k, norms: given, context: context)
    } else {
      for row in 0..<d.rowCount { norms[row] = d.withRow(row) { $0.reduce(0) { $0 + abs($1) } } }
      try runSelection(of: d, k: k, norms: norms, context: context)
    }
  }

  /// Keeps, for each group of `groupSize` examples, the `k` outputs whose magnitudes add up to most
  /// over the group.
  ///
  /// Of equal sums the lower output is kept; outputs that are zero for the whole group never are.
  /// The last group may be short. O(*batchSize · outputSize*).
  ///
  /// - Throws: ``NaNGradientError`` (naming the first example of the group) if a group has a NaN.
  public func selectUnified(_ k: Int, of d: Matrix, groupSize: Int? = nil, context: ComputeContext)
    throws
  {
    prepare(batchSize: d.rowCount, k: k, outputSize: d.columnCount)
    let group = min(groupSize ?? d.rowCount, max(d.rowCount, 1))
    precondition(group >= 1, "selectUnified: group size is \(group), expected at least 1")
    let groups = (d.rowCount + group - 1) / group
    addMagnitudes(of: d, group: group, groups, context)
    do {
      try runSelection(of: magnitudes, k: k, norms: norms, context: context)
    } catch let error as NaNGradientError {
      throw NaNGradientError(example: error.example * group)
    }
    shareSelection(k, of: d, group: group)
  }

  /// Σ|d| of each output over each group of examples.
  private func addMagnitudes(of d: Matrix, group: Int, _ groups: Int, _ context: ComputeContext) {
    if magnitudes.columnCount != d.columnCount {
      magnitudes = Matrix(rowCount: groups, columnCount: d.columnCount)
    }
    magnitudes.setRowCount(groups)
    norms.withUnsafeMutableBufferPointer { norms in
      var arguments = meprop_group_magnitudes_arguments(
        d: d.unsafeFloats, stride: d.stride, rows: d.rowCount, columns: d.columnCount, group: group,
        magnitudes: magnitudes.unsafeMutableFloats(), norms: norms.baseAddress)
      context.run(
        context.kernels.groupMagnitudes, &arguments, count: groups,
        work: d.rowCount * d.columnCount)
    }
    withExtendedLifetime(d) {}
  }

  /// Σ|d| of each output over all examples, in ``magnitudes``; returns their sum.
  func addMagnitudes(of d: Matrix, _ context: ComputeContext) -> Float {
    addMagnitudes(of: d, group: max(d.rowCount, 1), 1, context)
    return norms[0]
  }

  /// All examples keep the `k` outputs of largest ``magnitudes``, whose sum is `norm`.
  func shareLargest(_ k: Int, of d: Matrix, norm: Float, _ context: ComputeContext) throws {
    norms[0] = norm
    try runSelection(of: magnitudes, k: k, norms: norms, context: context)
    shareSelection(k, of: d, group: max(d.rowCount, 1))
  }

  /// From one list a group to one an example.
  private func shareSelection(_ k: Int, of d: Matrix, group: Int) {
    meprop_share_selection(
      d.unsafeFloats, d.stride, d.rowCount, k, group, indices.base, values.base, counts.base)
    withExtendedLifetime(d) {}
    if d.rowCount > 0 && group >= d.rowCount {
      sharedOutputs = 0..<Int(counts.base[0])
      sharedRows.removeAll(keepingCapacity: true)
      sharedRows.reserveCapacity(k)
      for place in 0..<Int(counts.base[0]) { sharedRows.append(indices.base[place]) }
    }
  }

  /// Keeps, per example, `k` outputs chosen uniformly without replacement (Floyd's method),
  /// whatever their values.
  ///
  /// All draws come from sequence `stream` of `seed`, example by example. O(*batchSize* · (*k* +
  /// *outputSize*/64)).
  ///
  /// - Throws: ``NaNGradientError`` if a chosen entry is NaN.
  public func selectRandom(_ k: Int, of d: Matrix, seed: UInt64, stream: UInt64) throws {
    prepare(batchSize: d.rowCount, k: k, outputSize: d.columnCount)
    let words = (d.columnCount + 63) / 64
    if chosen.count < words { chosen = Array(repeating: 0, count: words) }
    var random = Philox(seed: seed, stream: stream)
    for example in 0..<d.rowCount {
      for word in 0..<words { chosen[word] = 0 }
      for last in (d.columnCount - k)..<d.columnCount {
        let pick = Int(random.next(below: UInt32(last + 1)))
        let taken = chosen[pick / 64] >> UInt64(pick % 64) & 1 == 1
        let output = taken ? last : pick
        chosen[output / 64] |= 1 << UInt64(output % 64)
      }
      var entry = example * k
      let isNaN = d.withRow(example) { row in
        var isNaN = false
        for word in 0..<words {
          var bits = chosen[word]
          while bits != 0 {
            let output = word * 64 + bits.trailingZeroBitCount
            bits &= bits - 1
            indices.base[entry] = UInt32(output)
            values.base[entry] = row[output]
            isNaN = isNaN || row[output].isNaN
            entry += 1
          }
        }
        return isNaN
      }
      counts.base[example] = UInt32(k)
      if isNaN { throw NaNGradientError(example: example) }
    }
  }

  /// Keeps all entries: the products of the support are then those of the whole gradient.
  ///
  /// O(*batchSize · outputSize*).
  ///
  /// - Parameter d: Output gradients, shape `[batchSize, outputSize]`.
  public func keepAll(of d: Matrix) {
    prepare(batchSize: d.rowCount, k: d.columnCount, outputSize: d.columnCount)
    for example in 0..<batchSize {
      counts.base[example] = UInt32(k)
      d.withRow(example) { row in
        for output in 0..<k {
          indices.base[example * k + output] = UInt32(output)
          values.base[example * k + output] = row[output]
        }
      }
    }
  }

  /// Takes entries that somebody else chose: those of rows that are mostly zeros.
  ///
  /// - Parameters:
  ///   - columns: The outputs of entries; those of row i begin at `i · entryLimit`, none twice.
  ///   - given: The values of entries, in the same places.
  ///   - rowCounts: The number of entries of each row.
  ///   - rowCount: The number of rows.
  ///   - entryLimit: The most entries of a row.
  ///   - columnCount: Outputs are below this.
  package func take(
    columns: [UInt32], values given: [Float], counts rowCounts: [UInt32], rowCount: Int,
    entryLimit: Int, columnCount: Int
  ) {
    precondition(
      columns.count >= rowCount * entryLimit && given.count >= rowCount * entryLimit
        && rowCounts.count >= rowCount,
      "GradientSupport.take: \(columns.count) columns, \(given.count) values and "
        + "\(rowCounts.count) counts for \(rowCount) rows of up to \(entryLimit) entries")
    prepare(batchSize: rowCount, k: entryLimit, outputSize: columnCount)
    for row in 0..<rowCount {
      let count = Int(rowCounts[row])
      precondition(
        count <= entryLimit,
        "GradientSupport.take: row \(row) has \(count) entries, at most \(entryLimit)")
      self.counts.base[row] = UInt32(count)
      for entry in row * entryLimit..<row * entryLimit + count {
        precondition(
          columns[entry] < columnCount,
          "GradientSupport.take: column \(columns[entry]) of \(columnCount)")
        indices.base[entry] = columns[entry]
        values.base[entry] = given[entry]
      }
    }
  }

  /// Writes the kept entries among zeros.
  ///
  /// - Parameter matrix: Becomes of shape `[batchSize, outputSize]`; has that many columns already.
  package func scatter(into matrix: inout Matrix) {
    precondition(
      matrix.columnCount == outputSize,
      "GradientSupport.scatter: \(outputSize) outputs into \(matrix.shape)")
    matrix.setRowCount(batchSize)
    matrix.setToZero()
    let stride = matrix.stride
    let floats = matrix.unsafeMutableFloats()
    for example in 0..<batchSize {
      let from = example * listStride
      for entry in from..<(from + Int(counts.base[example])) {
        floats[example * stride + Int(indices.base[entry])] = values.base[entry]
      }
    }
  }

  /// Regroups the entries by output, which products that write weight rows need.
  ///
  /// - Parameter everyOutput: List outputs too that nobody keeps, with no entries.
  package func regroup(everyOutput: Bool) {
    guard !isRegrouped || listsEveryOutput != everyOutput else { return }
    rowCount = meprop_regroup(
      indices.base, values.base, counts.base, batchSize, listStride, outputSize,
      everyOutput ? 1 : 0,
      cursor.base, &rows, starts.base, examples.base, weights.base, &touchedCount)
    isRegrouped = true
    listsEveryOutput = everyOutput
  }

  private func runSelection(of d: Matrix, k: Int, norms: [Float], context: ComputeContext) throws {
    var nanRow: Int32 = 0
    withUnsafeMutablePointer(to: &nanRow) { nanRow in
      norms.withUnsafeBufferPointer { norms in
        var arguments = meprop_select_arguments(
          d: d.unsafeFloats, stride: d.stride, columns: d.columnCount, k: k,
          norms: norms.baseAddress, indices: indices.base, values: values.base,
          counts: counts.base, nan_row: nanRow)
        context.run(
          context.kernels.select, &arguments, count: d.rowCount,
          work: d.rowCount * d.columnCount * 12)
      }
    }
    if nanRow != 0 { throw NaNGradientError(example: Int(nanRow) - 1) }
  }
}

extension GradientSupport {
  /// `memory ← (columnSums − Σᵢ sᵢ) / batchSize`: the mean over the batch of what
  /// selection left out.
  ///
  /// Regroups the entries by output where that was not done before.
  ///
  /// - Parameters:
  ///   - memory: Shape `[1, outputSize]`, overwritten.
  ///   - columnSums: Σᵢ dᵢ, shape `[1, outputSize]`.
  public func storeRemainder(in memory: inout Matrix, columnSums: Matrix) {
    precondition(
      memory.columnCount == outputSize && columnSums.columnCount == outputSize,
      "storeRemainder: memory is \(memory.shape), sums are \(columnSums.shape), expected [1, "
        + "\(outputSize)]"
    )
    guard batchSize > 0 else { return }
    if !isRegrouped { regroup(everyOutput: false) }
    let target = memory.unsafeMutableFloats()
    withRegrouped { regrouped in
      var regrouped = regrouped
      meprop_remainder(&regrouped, columnSums.unsafeFloats, batchSize, outputSize, target)
    }
    withExtendedLifetime(columnSums) {}
  }

  /// `memory[i] ← dᵢ − sᵢ`: what selection left out of each example; rows beyond the batch
  /// stay.
  ///
  /// - Parameters:
  ///   - memory: Shape `[at least batchSize, outputSize]`.
  ///   - d: What was selected from, shape `[batchSize, outputSize]`.
  public func storeRemainders(in memory: inout Matrix, of d: Matrix) {
    precondition(
      memory.rowCount >= batchSize && memory.columnCount == outputSize
        && d.rowCount == batchSize && d.columnCount == outputSize,
      "storeRemainders: memory is \(memory.shape), gradient \(d.shape), expected [\(batchSize), "
        + "\(outputSize)]"
    )
    for example in 0..<batchSize {
      memory.withMutableRow(example) { target in
        d.withRow(example) { source in
          for output in source.indices { target[output] = source[output] }
        }
        // d − s is 0 where an entry was kept.
        for entry in 0..<Int(counts.base[example]) {
          target[Int(indices.base[example * listStride + entry])] = 0
        }
      }
    }
  }

  /// The number of outputs that any example keeps.
  ///
  /// Regroups the entries by output where that was not done before.
  package func countTouchedOutputs() -> Int {
    if let sharedOutputs { return sharedOutputs.count }
    if !isRegrouped { regroup(everyOutput: false) }
    return touchedCount
  }

  /// The outputs that any example keeps, in increasing order, without computing them anew.
  package var touchedRows: ArraySlice<UInt32> {
    if let sharedOutputs { return sharedRows[sharedOutputs] }
    if !isRegrouped || listsEveryOutput { regroup(everyOutput: false) }
    return rows[..<rowCount]
  }

  /// Calls `body` with the entries as kernels take them, regrouped by output.
  func withRegrouped(_ body: (meprop_support) -> Void) {
    rows.withUnsafeBufferPointer { rows in
      body(
        meprop_support(
          row_count: rowCount, rows: rows.baseAddress, starts: starts.base,
          examples: examples.base, weights: weights.base))
    }
  }
}
