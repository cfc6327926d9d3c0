// Work whose results all ranks need, and of which each does a share.

extension Communicator {
  /// The pieces of work, of so many, that this rank does: neighboring ones.
  package func share(of count: Int) -> Range<Int> { ShardTree.share(of: count, rank, size) }

  /// Fills in what other ranks computed.
  ///
  /// - Parameters:
  ///   - results: The results of all pieces, one after the other; this rank has written those of
  ///     its ``share(of:)``.
  ///   - starts: Where the results of each piece start, and the end of the last; the same in all
  ///     ranks.
  package func complete<Result: BitwiseCopyable>(_ results: inout [Result], starts: [Int]) {
    precondition(
      starts.last == results.count,
      "complete: \(results.count) results, expected \(starts.last ?? 0)")
    guard size > 1 else { return }
    let ranges = (0..<size).map { rank in
      let share = ShardTree.share(of: starts.count - 1, rank, size)
      return starts[share.lowerBound]..<starts[share.upperBound]
    }
    let own = Array(results[ranges[rank]])
    let stride = MemoryLayout<Result>.stride
    own.withUnsafeBytes { own in
      results.withUnsafeMutableBytes {
        allGather(own, counts: ranges.map { $0.count * stride }, into: $0)
      }
    }
  }

  /// Returns the elements of all ranks, one after the other, of which each has any number.
  package func gather<Element: BitwiseCopyable>(elements: [Element]) -> [Element] {
    guard size > 1 else { return elements }
    var counts = Array(repeating: 0, count: size)
    counts[rank] = elements.count
    complete(&counts, starts: Array(0...size))
    let stride = MemoryLayout<Element>.stride
    return [Element](unsafeUninitializedCapacity: counts.reduce(0, +)) { target, count in
      elements.withUnsafeBytes {
        allGather(
          $0, counts: counts.map { $0 * stride }, into: UnsafeMutableRawBufferPointer(target))
      }
      count = counts.reduce(0, +)
    }
  }
}
