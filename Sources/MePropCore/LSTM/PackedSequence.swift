/// How sentences of different lengths lie in one matrix without padding.
///
/// Sentences are sorted by falling length (of equal lengths in the order given). Position
/// `starts[t] + i` is word t of the i-th of them, so that the sentences that have a word t are the
/// first `activeCount(atStep: t)` ones and their words are neighbors.
public struct PackedSequence: Sendable, Equatable {
  /// The place in the order given of each sentence, longest first.
  public private(set) var order: [Int] = []
  /// The length of each sentence, longest first.
  public private(set) var lengths: [Int] = []
  package private(set) var starts: [UInt32] = [0]
  /// The number of sentences by length, and then where each length begins.
  private var byLength: [Int] = []

  /// Packs sentences of `lengths` words, each 1 or more.
  public init(lengths: [Int]) { repack(count: lengths.count) { lengths[$0] } }

  /// Packs other sentences, without taking memory unless there are more or longer ones.
  ///
  /// - Parameters:
  ///   - count: How many.
  ///   - length: The words of each, 1 or more.
  package mutating func repack(count: Int, _ length: (Int) -> Int) {
    var longest = 0
    for sentence in 0..<count {
      let words = length(sentence)
      precondition(
        words >= 1, "PackedSequence: sentence \(sentence) has \(words) words, expected 1 or more")
      longest = max(longest, words)
    }
    byLength.removeAll(keepingCapacity: true)
    for _ in 0...longest { byLength.append(0) }
    for sentence in 0..<count { byLength[length(sentence)] += 1 }
    var place = 0
    for words in (0...longest).reversed() {
      let number = byLength[words]
      byLength[words] = place
      place += number
    }
    order.removeAll(keepingCapacity: true)
    lengths.removeAll(keepingCapacity: true)
    for _ in 0..<count {
      order.append(0)
      lengths.append(0)
    }
    for sentence in 0..<count {
      let words = length(sentence)
      order[byLength[words]] = sentence
      lengths[byLength[words]] = words
      byLength[words] += 1
    }
    starts.removeAll(keepingCapacity: true)
    starts.append(0)
    var active = count
    for step in 0..<longest {
      while lengths[active - 1] <= step { active -= 1 }
      starts.append(starts[step] + UInt32(active))
    }
  }

  /// The number of sentences.
  public var sentenceCount: Int { order.count }
  /// The length of the longest sentence.
  public var stepCount: Int { starts.count - 1 }
  /// The number of words of all sentences.
  public var positionCount: Int { Int(starts[stepCount]) }

  /// The number of sentences with more than `step` words.
  public func activeCount(atStep step: Int) -> Int { Int(starts[step + 1] - starts[step]) }

  /// The position of word `word` of the `sentence`-th longest sentence.
  public func position(ofWord word: Int, inSorted sentence: Int) -> Int {
    Int(starts[word]) + sentence
  }
}
