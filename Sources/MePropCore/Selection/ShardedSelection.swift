// Selections over a whole batch whose shards are in several places: all agree on what is kept.

import CMePropKernels

extension GradientSupport {
  /// As ``selectUnified(_:of:groupSize:context:)`` over the examples of all shards: the `k` outputs
  /// whose magnitudes add up to most, each shard's sum first and these in the shards' order.
  ///
  /// - Throws: ``NaNGradientError``, ``ShardFailure``.
  package func selectUnified(
    _ k: Int, of d: Matrix, peers: ShardPeers, context: ComputeContext
  ) throws {
    prepare(batchSize: d.rowCount, k: k, outputSize: d.columnCount)
    let norm = addMagnitudes(of: d, context)
    guard !norm.isNaN else { throw NaNGradientError(example: 0) }
    let all = try peers.gather(magnitudes.withRow(0) { Array($0) })
    let whole = magnitudes.withMutableRow(0) { sums in
      for place in sums.indices {
        var sum: Float = 0
        for shard in all { sum += shard[place] }
        sums[place] = sum
      }
      return sums.reduce(0, +)
    }
    try shareLargest(k, of: d, norm: whole, context)
  }

  /// As ``selectBatchTop(_:of:blockCount:norms:context:)`` over the examples of all shards: of
  /// equal magnitudes the lower shard, then the lower example, then the lower output is kept.
  ///
  /// The threshold is found digit by digit: shards count candidates by eight bits of their
  /// magnitudes, four times.
  ///
  /// - Parameters:
  ///   - k: Entries an example on average.
  ///   - unitCount: The outputs of a block that are no padding.
  ///   - d: Output gradients of this shard.
  ///   - blockCount: The blocks that outputs lie in.
  ///   - norms: Σ|d| of each example.
  ///   - peers: The other shards.
  ///   - context: Where to compute.
  /// - Throws: ``NaNGradientError``, ``ShardFailure``.
  package func selectBatchTop(
    _ k: SelectionCount, unitCount: Int, of d: Matrix, blockCount: Int,
    norms: UnsafePointer<Float>?, peers: ShardPeers, context: ComputeContext
  ) throws {
    guard let norms else { return }
    let batch = try wholeBatch(k, unitCount, d, blockCount, norms, peers)
    let width = d.columnCount / blockCount
    let mean = batch.magnitude / Double(max(batch.rowCount * d.columnCount, 1))
    for block in 0..<blockCount {
      let goal = min(batch.budget.count, batch.rowCount * width)
      let columns = block * width..<(block + 1) * width
      var low = try peers.gather([firstGuess(block, mean: mean)]).map { $0[0] }.min() ?? 1
      var found = 0
      while true {
        list(reaching: low, of: d, norms, columns, context)
        found = try peers.gather([countListed()]).reduce(0) { $0 + $1[0] }
        if found >= goal || low == 1 { break }
        low = lowered(low, block, mean: mean)
      }
      settle(block, found: found, goal: goal)
      if found > goal {
        let (threshold, equals) = try threshold(keeping: goal, peers)
        keep(reaching: threshold, equals: equals)
        remember(Float(bitPattern: threshold), block)
      } else {
        remember(Float(bitPattern: low), block)
      }
      finishBlock()
    }
  }

  /// As ``selectSampled(_:of:blockCount:shares:seed:stream:norms:context:)`` over the examples of
  /// all shards: one threshold, corrected by what all expect to keep.
  ///
  /// - Parameters:
  ///   - k: Entries an example on average.
  ///   - unitCount: The outputs of a block that are no padding.
  ///   - d: Output gradients of this shard.
  ///   - blockCount: The blocks that outputs lie in.
  ///   - shares: For each block, the same in all shards; stays so.
  ///   - seed: Of the random numbers.
  ///   - stream: Their sequence, of this shard alone.
  ///   - norms: Σ|d| of each example.
  ///   - peers: The other shards.
  ///   - context: Where to compute.
  /// - Throws: ``NaNGradientError``, ``ShardFailure``.
  package func selectSampled(
    _ k: SelectionCount, unitCount: Int, of d: Matrix, blockCount: Int, shares: inout [Float],
    seed: UInt64, stream: UInt64, norms: UnsafePointer<Float>?, peers: ShardPeers,
    context: ComputeContext
  ) throws {
    guard let norms else { return }
    let batch = try wholeBatch(k, unitCount, d, blockCount, norms, peers)
    let width = d.columnCount / blockCount
    for block in 0..<blockCount {
      let goal = Double(min(batch.budget.count, batch.rowCount * width))
      try sampleBlock(
        block * width..<(block + 1) * width, of: d, norms,
        unit: batch.magnitude / (goal * Double(blockCount)), goal: goal, share: &shares[block],
        seed, stream, context
      ) { try peers.gather([$0]).reduce(0) { $0 + $1[0] } }
    }
  }

  /// What all shards' examples are together.
  private func wholeBatch(
    _ k: SelectionCount, _ unitCount: Int, _ d: Matrix, _ blockCount: Int,
    _ norms: UnsafePointer<Float>, _ peers: ShardPeers
  ) throws -> (budget: BatchBudget, rowCount: Int, magnitude: Double) {
    let own = BatchBudget(k, outputSize: unitCount, batchSize: d.rowCount)
    let magnitude = try prepareBatch(own, d, blockCount, norms)
    let all = try peers.gather([Double(d.rowCount), magnitude])
    let rowCount = all.reduce(0) { $0 + Int($1[0]) }
    return (
      BatchBudget(k, outputSize: unitCount, batchSize: rowCount), rowCount,
      all.reduce(0) { $0 + $1[1] }
    )
  }

  /// The bit pattern that `goal` listed entries of all shards reach, and how many of this shard's
  /// that equal it are among them.
  private func threshold(keeping goal: Int, _ peers: ShardPeers) throws -> (UInt32, equals: Int) {
    var prefix: UInt32 = 0
    var left = goal
    var equals = 0
    for shift in [UInt32(24), 16, 8, 0] {
      let all = try peers.gather(histogram(prefix: prefix, shift: shift))
      var digit = 255
      while true {
        let count = all.reduce(0) { $0 + Int($1[digit]) }
        if count >= left || digit == 0 { break }
        left -= count
        digit -= 1
      }
      prefix |= UInt32(digit) << shift
      // Shards before this one take theirs first.
      let before = all[..<peers.shard].reduce(0) { $0 + Int($1[digit]) }
      equals = max(0, min(left - before, Int(all[peers.shard][digit])))
    }
    return (prefix, equals)
  }
}
