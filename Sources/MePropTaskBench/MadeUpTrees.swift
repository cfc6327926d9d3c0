// Sentences with trees that look like a treebank to the arithmetic, for machines that have none.

import MePropCore
import MePropData
import MePropTasks

/// Random projective trees whose words are as unequally frequent as those of a language.
///
/// How often a word is at the same place of many states decides how much a sum over features saves.
/// Words follow Zipf's law over 20,000 forms, each of which has one of 50 tags; sentences have 1 to
/// 31 words; heads are mostly near.
struct MadeUpTrees {
  private static let formCount = 20_000
  private static let tagCount = 50
  private static let relationCount = 40
  private var random = Philox(seed: 17)
  private let cumulative: [Float]

  init() {
    var sum: Float = 0
    let sums = (1...Self.formCount).map { rank -> Float in
      sum += 1 / Float(rank)
      return sum
    }
    cumulative = sums.map { $0 / sum }
  }

  /// Data of `count` training sentences and a tenth of that for development.
  static func data(count: Int) -> ParserData {
    var trees = MadeUpTrees()
    return ParserData(
      training: (0..<count).map { _ in trees.next() },
      development: (0..<max(1, count / 10)).map { _ in trees.next() }, test: [])
  }

  private mutating func next() -> DependencyTree {
    let count = 1 + Int(random.next(below: 31))
    let words = (0..<count).map { _ in word() }
    var heads = [Int](repeating: 0, count: count)
    attach(0..<count, to: 0, &heads)
    return DependencyTree(
      forms: words.map { "w\($0)" }, upos: words.map { "U\($0 % 12)" },
      xpos: words.map { "T\(Self.tag($0))" }, feats: words.map { _ in "_" }, heads: heads,
      relations: zip(words, heads).map { word, head in
        head == 0 ? "root" : "r\((Self.tag(word) + (head % 3)) % Self.relationCount)"
      })
  }

  private static func tag(_ word: Int) -> Int { word * 7 % tagCount }

  private mutating func word() -> Int {
    let value = random.nextUniform()
    var (low, high) = (0, Self.formCount - 1)
    while low < high {
      let middle = (low + high) / 2
      if cumulative[middle] < value { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// Gives the words of a range, from 0, a tree whose root has head `head`: some word of the range,
  /// and what is left and right of it in parts of a few words.
  private mutating func attach(_ words: Range<Int>, to head: Int, _ heads: inout [Int]) {
    guard !words.isEmpty else { return }
    let top = words.lowerBound + Int(random.next(below: UInt32(words.count)))
    heads[top] = head
    for side in [words.lowerBound..<top, top + 1..<words.upperBound] {
      var start = side.lowerBound
      while start < side.upperBound {
        let length = min(side.upperBound - start, 1 + Int(random.next(below: 6)))
        attach(start..<start + length, to: top + 1, &heads)
        start += length
      }
    }
  }
}
