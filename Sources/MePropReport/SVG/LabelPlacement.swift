// Labels beside points, moved as little as possible so that they do not cover each other.

/// Places labels along a line.
public enum LabelPlacement {
  /// Returns where labels go that would like to be at `wanted`.
  ///
  /// The order of labels is kept, neighbors are at least `spacing` apart, and the sum of squared
  /// distances to the places wanted is least: labels that touch form a block about the mean of
  /// their places (pool adjacent violators). Where the range is too short for all, spacing shrinks.
  ///
  /// - Parameters:
  ///   - wanted: The middles of labels, in any order.
  ///   - spacing: The least distance between middles.
  ///   - range: Where middles may lie.
  /// - Returns: The middles, in the order of `wanted`. O(*n* log *n*).
  public static func spread(
    _ wanted: [Double], spacing: Double, in range: ClosedRange<Double>
  ) -> [Double] {
    guard wanted.count > 1 else {
      return wanted.map { min(max($0, range.lowerBound), range.upperBound) }
    }
    let room = (range.upperBound - range.lowerBound) / Double(wanted.count - 1)
    let spacing = min(spacing, room)
    let order = wanted.indices.sorted { (wanted[$0], $0) < (wanted[$1], $1) }
    // With the n-th label's own share of spacing taken off, "apart" becomes "not decreasing".
    var blocks: [(sum: Double, count: Int)] = []
    for (rank, index) in order.enumerated() {
      var block = (sum: wanted[index] - Double(rank) * spacing, count: 1)
      while let last = blocks.last, last.sum / Double(last.count) > block.sum / Double(block.count)
      {
        blocks.removeLast()
        block = (block.sum + last.sum, block.count + last.count)
      }
      blocks.append(block)
    }
    let highest = range.upperBound - Double(wanted.count - 1) * spacing
    var result = wanted
    var rank = 0
    for block in blocks {
      let mean = block.sum / Double(block.count)
      let base = min(max(mean, range.lowerBound), max(highest, range.lowerBound))
      for _ in 0..<block.count {
        result[order[rank]] = base + Double(rank) * spacing
        rank += 1
      }
    }
    return result
  }

  /// Returns every how many ticks a label is shown so that neighbors keep `gap` between them.
  ///
  /// - Parameters:
  ///   - places: The middles of labels, in increasing or decreasing order.
  ///   - widths: Their widths.
  ///   - gap: The least space between two.
  /// - Returns: 1 for all of them, 2 for every second, and so on.
  public static func stride(places: [Double], widths: [Double], gap: Double) -> Int {
    for step in 1...max(1, places.count) {
      let shown = Swift.stride(from: 0, to: places.count, by: step).map { $0 }
      let fits = zip(shown, shown.dropFirst()).allSatisfy { first, second in
        abs(places[second] - places[first]) >= (widths[first] + widths[second]) / 2 + gap
      }
      if fits { return step }
    }
    return max(1, places.count)
  }
}
