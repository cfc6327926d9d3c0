/// How sentences of different lengths lie in one matrix without padding.
///
/// Sentences are sorted by falling length (of equal lengths in the order given). Position
/// `starts[t] + i` is word t of the i-th of them, so that the sentences that have a word t are the
/// first `activeCount(atStep: t)` ones and their words are neighbors.
public struct SentencePacking: Sendable, Equatable {
  /// The place in the order given of each sentence, longest first.
  public let order: [Int]
  /// The length of each sentence, longest first.
  public let lengths: [Int]
  package let starts: [UInt32]

  /// Creates the packing of sentences of `lengths` words, each 1 or more.
  public init(lengths given: [Int]) {
    precondition(
      given.allSatisfy { $0 >= 1 },
      "SentencePacking: lengths are \(given), expected 1 or more each")
    // Equal lengths in the order given: `sorted` alone does not promise it.
    order = given.indices.sorted { (given[$1], $0) < (given[$0], $1) }
    lengths = order.map { given[$0] }
    var starts: [UInt32] = [0]
    var active = given.count
    for step in 0..<(lengths.first ?? 0) {
      while lengths[active - 1] <= step { active -= 1 }
      starts.append(starts[step] + UInt32(active))
    }
    self.starts = starts
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
