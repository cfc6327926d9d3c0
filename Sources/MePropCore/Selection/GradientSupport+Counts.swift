// How often units are kept, for reports and for cutting those that hardly ever are.

extension GradientSupport {
  /// Adds to each output's count the number of examples that keep it.
  ///
  /// Regroups the entries by output where that was not done before. O(touched outputs), and
  /// allocates nothing.
  ///
  /// - Parameters:
  ///   - keptCounts: One an output, padding left out; or none, which stay none.
  ///   - blockSize: Outputs lie in blocks of so many, among zeros; `nil`: there is no padding.
  ///   - paddedSize: The outputs of a block with its zeros.
  package func addKeptCounts(
    to keptCounts: inout [UInt32], blockSize: Int? = nil, paddedSize: Int? = nil
  ) {
    let size = blockSize ?? outputSize
    let padded = paddedSize ?? outputSize
    guard !keptCounts.isEmpty else { return }
    precondition(
      keptCounts.count == outputSize / padded * size,
      "addKeptCounts: \(keptCounts.count) counts for \(outputSize) outputs")
    if sharedOutputs == nil && !isRegrouped { regroup(everyOutput: false) }
    keptCounts.withUnsafeMutableBufferPointer { keptCounts in
      func add(_ count: UInt32, to output: Int) {
        // Rows of the padding may be listed, but they are no units.
        guard output % padded < size else { return }
        keptCounts[output / padded * size + output % padded] &+= count
      }
      if let sharedOutputs {
        for entry in sharedOutputs { add(UInt32(batchSize), to: Int(indices.base[entry])) }
      } else {
        rows.withUnsafeBufferPointer { rows in
          for place in 0..<rowCount {
            add(starts.base[place + 1] &- starts.base[place], to: Int(rows[place]))
          }
        }
      }
    }
  }

  /// Adds to the count of each output, padding left out, the examples that keep an entry of it
  /// that is not zero; or, with `asMagnitudes`, the sum of their magnitudes.
  ///
  /// Regroups the entries by output where that was not done before. O(kept entries), and
  /// allocates nothing.
  ///
  /// - Returns: The number of entries that are not zero.
  package func addHits(
    to hits: inout [Float], asMagnitudes: Bool, blockSize: Int?, paddedSize: Int?
  ) -> Int {
    let size = blockSize ?? outputSize
    let padded = paddedSize ?? outputSize
    precondition(
      hits.count == outputSize / padded * size,
      "addHits: \(hits.count) counts for \(outputSize) outputs")
    if !isRegrouped { regroup(everyOutput: false) }
    var count = 0
    hits.withUnsafeMutableBufferPointer { hits in
      for place in 0..<rowCount {
        let output = Int(rows[place])
        guard output % padded < size else { continue }
        var sum: Float = 0
        for entry in Int(starts.base[place])..<Int(starts.base[place + 1]) {
          let magnitude = abs(weights.base[entry])
          guard magnitude > 0 else { continue }
          count += 1
          sum += asMagnitudes ? magnitude : 1
        }
        hits[output / padded * size + output % padded] += sum
      }
    }
    return count
  }
}
