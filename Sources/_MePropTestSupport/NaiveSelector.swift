import MePropCore
import MePropNN

/// What a layer keeps of the gradient at its sums, and what it remembers of the rest.
package final class NaiveSelector {
  /// `nil`: what the whole network takes.
  package var policy: SelectionPolicy?
  package let outputSize: Int
  /// One row, or one a place in the batch; none before the first step.
  package var memory: [[Double]] = []
  /// Thresholds of sampling, as shares of what would keep the budget if no entry reached it.
  package var shares: [Double] = []
  package var (offset, stride) = (0, 1)

  package init(_ outputSize: Int, _ policy: SelectionPolicy? = nil) {
    self.outputSize = outputSize
    self.policy = policy
  }

  /// The share of the memory that comes back.
  package var beta: Double { Double(policy?.memory ?? 0) }

  package func stream(_ step: NaiveStep) -> UInt64 {
    RandomPurpose.selection.stream(step.number * stride + offset)
  }

  /// Adds the memory to d, and returns what is kept of it and the rows that anybody keeps.
  package func select(
    _ d: inout DoubleMatrix, _ step: NaiveStep
  ) -> (kept: DoubleMatrix, rows: Set<Int>?) {
    let policy = policy ?? .dense
    let bySlot = policy.memoryScope == .slot
    if beta > 0 {
      let rows = bySlot ? d.rowCount : 1
      while memory.count < rows { memory.append(Array(repeating: 0, count: outputSize)) }
      for row in 0..<d.rowCount {
        for column in 0..<outputSize { d[row, column] += beta * memory[bySlot ? row : 0][column] }
      }
    }
    guard let k = policy.k?.resolved(outputSize: outputSize), k < outputSize else {
      for row in memory.indices { memory[row] = Array(repeating: 0, count: outputSize) }
      return (d, nil)
    }
    let lists: [[Int]]
    switch policy {
    case .dense: lists = []
    case .batchTop:
      lists = batchLists(of: d, policy, step)
    case .sampled:
      let kept = sampled(d, policy, step)
      if beta > 0 { memory[0] = NaiveReference.remainder(of: d, kept: kept) }
      let rows = (0..<outputSize).filter { column in
        (0..<d.rowCount).contains { kept[$0, column] != 0 }
      }
      return (kept, Set(rows))
    case .top:
      lists = NaiveReference.topIndices(of: d, count: k)
      for row in 0..<d.rowCount { noteTies(of: d.row(row), k: k, step) }
    case .unified(_, let groupSize, _):
      let size = groupSize ?? d.rowCount
      lists = NaiveReference.unifiedIndices(of: d, count: k, groupSize: size)
      for first in Swift.stride(from: 0, to: d.rowCount, by: size) {
        var sums = [Double](repeating: 0, count: outputSize)
        for row in first..<min(first + size, d.rowCount) {
          for column in 0..<outputSize { sums[column] += abs(d[row, column]) }
        }
        noteTies(of: sums, k: k, step)
      }
    case .random: lists = randomLists(rowCount: d.rowCount, k: k, step)
    }
    let kept = NaiveReference.masked(d, keeping: lists)
    if beta > 0, bySlot {
      for row in 0..<d.rowCount {
        memory[row] = (0..<outputSize).map { d[row, $0] - kept[row, $0] }
      }
    } else if beta > 0 {
      memory[0] = NaiveReference.remainder(of: d, kept: kept)
    }
    return (kept, Set(lists.flatMap { $0 }))
  }

  /// Notes if the last that is kept and the first that is not are nearly equal.
  package func noteTies(of values: [Double], k: Int, _ step: NaiveStep) {
    let magnitudes = values.map { abs($0) }.sorted(by: >)
    let (last, next) = (magnitudes[k - 1], magnitudes[k])
    guard last > 0 else { return }
    // What is a hundredth of the largest or less is as exact as that hundredth only.
    if last - next < NaiveStep.tieMargin * max(last, 0.01 * magnitudes[0]) { step.isNearTie = true }
  }

  /// The entries of largest magnitude of the batch; of equals the first.
  package func batchLists(
    of d: DoubleMatrix, _ policy: SelectionPolicy, _ step: NaiveStep
  ) -> [[Int]] {
    guard let k = policy.k, d.rowCount > 0 else { return [] }
    let width = d.columnCount
    let budget = BatchBudget(k, outputSize: width, batchSize: d.rowCount).count
    if budget < d.elements.count { noteTies(of: d.elements, k: budget, step) }
    let kept = Set(NaiveReference.topIndices(of: d.elements, count: budget))
    return (0..<d.rowCount).map { row in
      (0..<width).filter { kept.contains(row * width + $0) }
    }
  }

  /// Threshold sampling, with a threshold that follows the budget from step to step.
  ///
  /// - Parameters:
  ///   - d: The gradient of a block of outputs.
  ///   - policy: Says k.
  ///   - step: The pass.
  ///   - whole: Σ|d| that the block is taken to have; `nil`: its own.
  ///   - block: Which block.
  ///   - first: The column, padding included, that the block begins at.
  /// - Returns: What is kept of d, among zeros.
  package func sampled(
    _ d: DoubleMatrix, _ policy: SelectionPolicy, _ step: NaiveStep, whole: Double? = nil,
    block: Int = 0, first: Int = 0
  ) -> DoubleMatrix {
    guard let k = policy.k, d.rowCount > 0 else { return d }
    while shares.count <= block { shares.append(0) }
    let width = d.columnCount
    let budget = BatchBudget(k, outputSize: width, batchSize: d.rowCount).count
    let goal = Double(min(budget, d.elements.count))
    let unit = (whole ?? d.elements.reduce(0) { $0 + abs($1) }) / goal
    guard unit > 0 else { return d.map { _ in 0 } }
    if shares[block] == 0 { shares[block] = 1 }
    var threshold = 0.0
    for pass in 1...4 {
      threshold = unit * shares[block]
      let expected = d.elements.reduce(0) { $0 + min(abs($1) / threshold, 1) }
      shares[block] = min(max(shares[block] * expected / goal, 1e-6), 1e3)
      let error = abs(expected - goal) / goal
      if abs(error - 0.02) < 1e-5 { step.isNearTie = true }
      if error <= 0.02 || pass == 4 { break }
    }
    var kept = d
    for row in 0..<d.rowCount {
      let numbers = NaiveReference.sampleNumbers(
        seed: step.seed, stream: stream(step), row: row, first: first, count: width)
      for column in 0..<width {
        let (size, limit) = (abs(d[row, column]), threshold * numbers[column])
        // A number of 24 bits is as near to a tie as its last bit.
        if abs(size - limit) < threshold * (NaiveStep.tieMargin + 0x1p-23) { step.isNearTie = true }
        kept[row, column] =
          size > limit ? (d[row, column] < 0 ? -1 : 1) * max(size, threshold) : 0
      }
    }
    return kept
  }

  /// Floyd's method, example by example.
  private func randomLists(rowCount: Int, k: Int, _ step: NaiveStep) -> [[Int]] {
    var random = Philox(seed: step.seed, stream: stream(step))
    return (0..<rowCount).map { _ in
      var chosen: Set<Int> = []
      for last in (outputSize - k)..<outputSize {
        let pick = Int(random.next(below: UInt32(last + 1)))
        chosen.insert(chosen.contains(pick) ? last : pick)
      }
      return chosen.sorted()
    }
  }
}

/// A place where numbers are dropped.
package final class NaiveDropout {
  package let rate: Float
  package var (offset, stride) = (0, 1)

  package init(_ rate: Float) { self.rate = rate }

  /// 0 or 1 / (1 − rate) for each number.
  package func factors(_ rowCount: Int, _ columnCount: Int, _ step: NaiveStep) -> DoubleMatrix {
    guard rate > 0, step.isTraining else {
      return DoubleMatrix(rowCount: rowCount, columnCount: columnCount).map { _ in 1 }
    }
    let stream = RandomPurpose.dropout.stream(step.number * stride + offset)
    return NaiveReference.dropoutFactors(
      Dropout(rate: rate, seed: step.seed, stream: stream), rowCount: rowCount,
      columnCount: columnCount)
  }
}

extension DoubleMatrix {
  /// The products of the elements of two matrices of one shape.
  package func times(_ other: DoubleMatrix) -> DoubleMatrix { zipped(other, *) }
  /// The sums of the elements of two matrices of one shape.
  package func plus(_ other: DoubleMatrix) -> DoubleMatrix { zipped(other, +) }

  private func zipped(
    _ other: DoubleMatrix, _ body: (Double, Double) -> Double
  ) -> DoubleMatrix {
    precondition(
      rowCount == other.rowCount && columnCount == other.columnCount,
      "DoubleMatrix: [\(rowCount), \(columnCount)] and [\(other.rowCount), \(other.columnCount)]")
    return DoubleMatrix(
      rowCount: rowCount, columnCount: columnCount,
      elements: zip(elements, other.elements).map(body))
  }

  /// The columns in a range.
  package func columns(_ range: Range<Int>) -> DoubleMatrix {
    DoubleMatrix(
      rowCount: rowCount, columnCount: range.count,
      elements: (0..<rowCount).flatMap { Array(row($0)[range]) })
  }

  /// The columns of two matrices side by side.
  package func beside(_ other: DoubleMatrix) -> DoubleMatrix {
    DoubleMatrix(
      rowCount: rowCount, columnCount: columnCount + other.columnCount,
      elements: (0..<rowCount).flatMap { row($0) + other.row($0) })
  }

  /// One row.
  package init(row: [Double]) {
    self.init(rowCount: 1, columnCount: row.count, elements: row)
  }
}
