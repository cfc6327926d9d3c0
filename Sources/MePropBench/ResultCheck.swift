// Comparing results of kernels with plain references, before they are timed.

import MePropCore

/// A weight matrix and what an optimizer remembers of it, before or after a step.
package struct ParameterState {
  /// The weights.
  package var weights: Matrix
  /// Their moments.
  package var moments: Moments

  /// Creates a state.
  package init(_ weights: Matrix, _ moments: Moments) {
    self.weights = weights
    self.moments = moments
  }

  fileprivate func number(_ row: Int, _ column: Int, momentCount: Int) -> ReferenceNumber {
    ReferenceNumber(
      weight: Double(weights[row, column]),
      first: momentCount > 0 ? Double(moments.first[row, column]) : 0,
      second: momentCount > 1 ? Double(moments.second[row, column]) : 0)
  }
}

/// Comparisons that throw ``WrongResultError``.
package enum ResultCheck {
  /// How many roundings a sum of floats may be off (see ``ReferenceSum/rounding``).
  package static let allowedRoundings = 4.0

  /// Throws unless all differences are below `limit`.
  package static func require(
    _ difference: Double, below limit: Double, _ operation: @autoclosure () -> String
  ) throws {
    // Written so that NaN is not below.
    guard difference < limit else {
      throw WrongResultError(operation: operation(), difference: difference, allowed: limit)
    }
  }

  /// About `count` of the numbers below `size`, evenly spread, the first and the last among them.
  ///
  /// Distances are odd, so that all places within a vector have their turn.
  package static func places(_ size: Int, about count: Int = 40) -> [Int] {
    guard size > 0 else { return [] }
    var places = Array(stride(from: 0, to: size, by: size / max(count, 1) | 1))
    if places.last != size - 1 { places.append(size - 1) }
    return places
  }

  /// Compares elements of a result with sums in double precision.
  package static func sums(
    _ operation: String, _ found: Matrix, rows: [Int], columns: [Int],
    _ expected: (_ row: Int, _ column: Int) -> ReferenceSum
  ) throws {
    var worst = WorstDifference()
    for row in rows {
      for column in columns {
        worst.add(expected(row, column).roundings(to: found[row, column]))
      }
    }
    try require(worst.value, below: allowedRoundings, operation)
  }

  /// Compares what is kept of each example with a plain sort of all its entries: of equal
  /// magnitudes the lower output, zeros never, values to the bit.
  package static func selection(_ support: GradientSupport, of d: Matrix, k: Int) throws {
    for example in 0..<d.rowCount {
      let row = d.withRow(example) { Array($0) }
      let order = row.indices.sorted { a, b in
        abs(row[a]) == abs(row[b]) ? a < b : abs(row[a]) > abs(row[b])
      }
      let kept = order.prefix(k).filter { row[$0] != 0 }.sorted()
      try requireEntries(
        support.entries(ofExample: example), outputs: kept, of: row,
        "selection, example \(example)")
    }
  }

  /// Compares what is kept of all examples with the sums of magnitudes: no output that is left out
  /// may have a larger one, but for the rounding of sums, and values are those of the gradient to
  /// the bit.
  package static func unifiedSelection(_ support: GradientSupport, of d: Matrix, k: Int) throws {
    var sums = [Double](repeating: 0, count: d.columnCount)
    for example in 0..<d.rowCount {
      d.withRow(example) { row in
        for output in row.indices { sums[output] += Double(abs(row[output])) }
      }
    }
    let kept = d.rowCount > 0 ? support.entries(ofExample: 0).map(\.output) : []
    let isKept = Set(kept)
    let least = kept.map { sums[$0] }.min() ?? 0
    let most = sums.indices.filter { !isKept.contains($0) }.map { sums[$0] }.max() ?? 0
    let expectedCount = min(k, sums.count { $0 > 0 })
    try require(
      kept.count == expectedCount ? most - least : .infinity, below: 1e-5 * least + 1e-30,
      "unified selection, k = \(k)")
    for example in 0..<d.rowCount {
      try requireEntries(
        support.entries(ofExample: example), outputs: kept, of: d.withRow(example) { Array($0) },
        "unified selection, k = \(k), example \(example)")
    }
  }

  /// Compares what is kept of the whole batch with a full sort, to the bit.
  package static func batchSelection(
    _ support: GradientSupport, of d: Matrix, count: Int
  ) throws {
    let width = d.columnCount
    let values = (0..<d.rowCount).flatMap { row in d.withRow(row) { Array($0) } }
    let order = values.indices.sorted { a, b in
      abs(values[a]) == abs(values[b]) ? a < b : abs(values[a]) > abs(values[b])
    }
    var kept = [[Int]](repeating: [], count: d.rowCount)
    for place in order.prefix(count).filter({ values[$0] != 0 }).sorted() {
      kept[place / width].append(place % width)
    }
    for example in 0..<d.rowCount {
      try requireEntries(
        support.entries(ofExample: example), outputs: kept[example],
        of: d.withRow(example) { Array($0) }, "batch selection, example \(example)")
    }
  }

  /// Checks what sampling keeps: values are those of the gradient or the threshold with the sign of
  /// the gradient; everything that reaches the threshold is there; and the number of entries is
  /// within a tenth, or ten, of `count`.
  package static func sampledSelection(
    _ support: GradientSupport, of d: Matrix, count: Int
  ) throws {
    var kept = 0
    var threshold: Float = .infinity
    for example in 0..<d.rowCount {
      for entry in support.entries(ofExample: example) {
        kept += 1
        threshold = min(threshold, abs(entry.value))
      }
    }
    for example in 0..<d.rowCount {
      let entries = support.entries(ofExample: example)
      let outputs = Set(entries.map(\.output))
      let isRight =
        entries.allSatisfy { entry in
          let value = d[example, entry.output]
          return abs(value) > threshold
            ? entry.value == value
            : abs(entry.value) == threshold && (entry.value < 0) == (value < 0)
        }
        && (0..<d.columnCount).allSatisfy {
          abs(d[example, $0]) <= threshold || outputs.contains($0)
        }
      try require(isRight ? 0 : 1, below: 0.5, "sampled selection, example \(example)")
    }
    let nonzeros = d.elements.count { $0 != 0 }
    try require(
      Double(abs(kept - min(count, nonzeros))), below: max(Double(count) / 10, 10),
      "sampled selection, number of entries")
  }

  private static func requireEntries(
    _ entries: [(output: Int, value: Float)], outputs: [Int], of row: [Float],
    _ operation: @autoclosure () -> String
  ) throws {
    let isRight =
      entries.count == outputs.count
      && zip(entries, outputs).allSatisfy { entry, output in
        entry.output == output && entry.value.bitPattern == row[output].bitPattern
      }
    try require(isRight ? 0 : 1, below: 0.5, operation())
  }

  /// Compares an optimizer's step with its formula in double precision, moments included.
  ///
  /// Differences are shares of what is allowed: what ``allowedRoundings`` of the gradient make of
  /// the result, 10⁻⁵ of the change, and the rounding of the result.
  ///
  /// - Parameters:
  ///   - operation: What is checked.
  ///   - before: The state before the step.
  ///   - after: The state after it.
  ///   - rule: The step.
  ///   - rows: Which rows are compared.
  ///   - columns: Which columns.
  ///   - gradient: The gradient at a place; `nil` where nothing may have changed.
  /// - Throws: ``WrongResultError``.
  package static func update(
    _ operation: String, from before: ParameterState, to after: ParameterState,
    by rule: UpdateRule, rows: [Int], columns: [Int],
    gradient: (_ row: Int, _ column: Int) -> ReferenceSum?
  ) throws {
    let places: [KeyPath<ReferenceNumber, Double>] = [\.weight, \.first, \.second]
    var worst = WorstDifference()
    for row in rows {
      for column in columns {
        let old = before.number(row, column, momentCount: rule.momentCount)
        let new = after.number(row, column, momentCount: rule.momentCount)
        guard let sum = gradient(row, column) else {
          worst.add(new == old ? 0 : .infinity)
          continue
        }
        let expected = old.updated(by: rule, gradient: sum.value)
        let slack = allowedRoundings * sum.rounding
        let low = old.updated(by: rule, gradient: sum.value - slack)
        let high = old.updated(by: rule, gradient: sum.value + slack)
        for place in places {
          let wanted = expected[keyPath: place]
          let spread = max(abs(low[keyPath: place] - wanted), abs(high[keyPath: place] - wanted))
          let change = abs(wanted - old[keyPath: place])
          let allowed = spread + 1e-5 * change + 0x1p-22 * abs(wanted) + .leastNormalMagnitude
          worst.add(abs(new[keyPath: place] - wanted) / allowed)
        }
      }
    }
    try require(worst.value, below: 1, operation)
  }
}
