/// The order in which numbers of the shards of a batch are added: a binary tree that depends on
/// their count alone.
///
/// A sum over `low ..< high` is the sum over its first half plus that over its second one. Ranks
/// own neighboring shards. What a rank can add up without the others are the largest parts of the
/// tree within its shards; where the others' parts are known, the rest of the tree gives the same
/// bits for any number of ranks.
package struct ShardTree: Sendable, Equatable {
  /// The number of shards, at least 1.
  package let count: Int

  /// Creates the tree of `count` shards.
  package init(count: Int) {
    precondition(count >= 1, "ShardTree: \(count) shards, expected 1 or more")
    self.count = count
  }

  /// The shards that a rank owns; none where there are more ranks than shards, for some of them.
  package func shards(ofRank rank: Int, of size: Int) -> Range<Int> {
    Self.share(of: count, rank, size)
  }

  /// The pieces, of so many, of a rank: neighboring ones.
  static func share(of count: Int, _ rank: Int, _ size: Int) -> Range<Int> {
    count * rank / size..<count * (rank + 1) / size
  }

  /// The largest parts of the tree within `shards`, from left to right.
  package func parts(within shards: Range<Int>) -> [Range<Int>] {
    var parts: [Range<Int>] = []
    func collect(_ part: Range<Int>) {
      guard part.overlaps(shards) else { return }
      if shards.lowerBound <= part.lowerBound && part.upperBound <= shards.upperBound {
        return parts.append(part)
      }
      let (first, second) = Self.halves(part)
      collect(first)
      collect(second)
    }
    collect(0..<count)
    return parts
  }

  /// Both halves of a part of two shards or more.
  package static func halves(_ part: Range<Int>) -> (first: Range<Int>, second: Range<Int>) {
    let middle = (part.lowerBound + part.upperBound) / 2
    return (part.lowerBound..<middle, middle..<part.upperBound)
  }

  /// Adds up `part` into the first `width` numbers of `target`.
  ///
  /// - Parameters:
  ///   - part: Of the tree.
  ///   - width: How many numbers each shard has.
  ///   - target: Takes the sum.
  ///   - spare: Room for sums on the way: `width` numbers for each level of the tree.
  ///   - known: Returns where the sum of a part lies, which may be the room that it is given and
  ///     has written it to; `nil` for a part whose sum is not known. Of a single shard it is.
  package func add(
    _ part: Range<Int>, width: Int, into target: UnsafeMutablePointer<Float>,
    spare: UnsafeMutablePointer<Float>,
    known: (Range<Int>, UnsafeMutablePointer<Float>) -> UnsafePointer<Float>?
  ) {
    if let sum = known(part, target) {
      if sum != UnsafePointer(target) { target.update(from: sum, count: width) }
      return
    }
    func sum(
      of half: Range<Int>, _ room: UnsafeMutablePointer<Float>, _ spare: UnsafeMutablePointer<Float>
    ) -> UnsafePointer<Float> {
      if let sum = known(half, room) { return sum }
      add(half, width: width, into: room, spare: spare, known: known)
      return UnsafePointer(room)
    }
    let (first, second) = Self.halves(part)
    let left = sum(of: first, target, spare)
    let right = sum(of: second, spare, spare + width)
    for place in 0..<width { target[place] = left[place] + right[place] }
  }

  /// How many sums on the way there are at once.
  package var depth: Int {
    var depth = 0
    while 1 << depth < count { depth += 1 }
    return depth + 1
  }
}
