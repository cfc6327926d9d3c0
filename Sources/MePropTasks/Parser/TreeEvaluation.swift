// How good predicted trees are: all words, without punctuation, by relation, by distance, by
// length.

import MePropData
import MePropTraining

/// What a parser found against gold trees of the same words.
///
/// Attachment scores are in percent and compare relations without subtypes, as the CoNLL 2018
/// evaluation does; by relation, subtypes count. Time is linear in the words.
public struct TreeEvaluation: Sendable, Equatable {
  /// Attachment over some words.
  public struct Attachment: Sendable, Equatable {
    /// The number of words.
    public var count = 0
    /// The number of words whose head was found.
    public var correctHeads = 0
    /// The number of words whose head and universal relation were found.
    public var correctArcs = 0

    /// Creates figures from counts.
    public init(count: Int = 0, correctHeads: Int = 0, correctArcs: Int = 0) {
      self.count = count
      self.correctHeads = correctHeads
      self.correctArcs = correctArcs
    }

    /// The share of words whose head was found, in percent; 0 of no words.
    public var uas: Double { percent(correctHeads, of: count) }
    /// The share of words whose head and universal relation were found, in percent; 0 of no words.
    public var las: Double { percent(correctArcs, of: count) }

    mutating func add(hasHead: Bool, hasArc: Bool) {
      count += 1
      correctHeads += hasHead ? 1 : 0
      correctArcs += hasArc ? 1 : 0
    }
  }

  /// Attachment in sentences of a range of lengths.
  public struct LengthFigures: Sendable, Equatable {
    /// The range, for example `11-20`.
    public var name: String
    /// The number of sentences.
    public var sentences = 0
    /// The attachment of their words.
    public var attachment = Attachment()
  }

  /// All words.
  public private(set) var all = Attachment()
  /// Words that are no punctuation: UPOS is not `PUNCT`; where there is no UPOS, XPOS is none of
  /// the Penn Treebank's quotes, comma, full stop and colon.
  public private(set) var withoutPunctuation = Attachment()
  /// CLAS: attachment of words with content relations; `nil` where gold has none of them.
  public private(set) var clas: UDScore?
  /// MLAS: CLAS with tags, features and functional children; `nil` where gold has no UPOS.
  public private(set) var mlas: UDScore?
  /// Head and relation, by relation with its subtype, the most frequent first.
  public private(set) var byRelation: [ClassFigures] = []
  /// Heads, by the number of words from head to dependent; arcs to the root are apart.
  public private(set) var byDistance: [ClassFigures] = []
  /// Attachment, by the number of words in the sentence; without ranges that do not occur.
  public private(set) var byLength: [LengthFigures] = []

  /// Compares trees; both arrays are the same sentences in the same order.
  public init(gold: [DependencyTree], found: [DependencyTree]) {
    precondition(
      gold.count == found.count,
      "TreeEvaluation: \(found.count) trees found for \(gold.count) gold trees")
    var relations: [String: ClassFigures] = [:]
    var distances = Self.distances.map { ClassFigures(name: $0.name) }
    var lengths = Self.lengths.map { LengthFigures(name: $0.name) }
    var content = ContentScores()
    for (gold, found) in zip(gold, found) {
      precondition(
        gold.wordCount == found.wordCount,
        "TreeEvaluation: tree of \(found.wordCount) words found for one of \(gold.wordCount)")
      let length = Self.lengths.firstIndex { $0.range.contains(gold.wordCount) } ?? 0
      if gold.wordCount > 0 { lengths[length].sentences += 1 }
      for word in 0..<gold.wordCount {
        let hasHead = gold.heads[word] == found.heads[word]
        let hasArc =
          hasHead
          && UDRelations.universal(gold.relations[word])
            == UDRelations.universal(found.relations[word])
        all.add(hasHead: hasHead, hasArc: hasArc)
        lengths[length].attachment.add(hasHead: hasHead, hasArc: hasArc)
        if !Self.isPunctuation(gold, word) {
          withoutPunctuation.add(hasHead: hasHead, hasArc: hasArc)
        }
        for (tree, count) in [(gold, \ClassFigures.goldCount), (found, \ClassFigures.foundCount)] {
          let relation = tree.relations[word]
          relations[relation, default: ClassFigures(name: relation)][keyPath: count] += 1
          distances[Self.distance(tree, word)][keyPath: count] += 1
        }
        if hasHead {
          distances[Self.distance(gold, word)].correctCount += 1
          if gold.relations[word] == found.relations[word] {
            relations[gold.relations[word]]?.correctCount += 1
          }
        }
      }
      content.add(gold: gold, found: found)
    }
    clas = content.clas.goldCount > 0 ? content.clas : nil
    mlas = content.hasTags ? clas.map { _ in content.mlas } : nil
    byRelation = relations.values.sorted {
      (-$0.goldCount, -$0.foundCount, $0.name) < (-$1.goldCount, -$1.foundCount, $1.name)
    }
    byDistance = distances.filter { $0.goldCount + $0.foundCount > 0 }
    byLength = lengths.filter { $0.sentences > 0 }
  }

  private static let distances: [(name: String, range: ClosedRange<Int>)] = [
    ("root", 0...0), ("1", 1...1), ("2", 2...2), ("3", 3...3), ("4-6", 4...6), ("7-10", 7...10),
    ("11-20", 11...20), ("21+", 21...Int.max),
  ]
  private static let lengths: [(name: String, range: ClosedRange<Int>)] = [
    ("1-10", 0...10), ("11-20", 11...20), ("21-30", 21...30), ("31-40", 31...40),
    ("41-50", 41...50), ("51+", 51...Int.max),
  ]

  /// The place of an arc among the ranges of distances.
  private static func distance(_ tree: DependencyTree, _ word: Int) -> Int {
    let head = tree.heads[word]
    let distance = head == 0 ? 0 : abs(head - word - 1)
    return distances.firstIndex { $0.range.contains(distance) } ?? 0
  }

  private static func isPunctuation(_ tree: DependencyTree, _ word: Int) -> Bool {
    if tree.upos[word] != "_" { return tree.upos[word] == "PUNCT" }
    return ["``", "''", ",", ".", ":"].contains(tree.xpos[word])
  }
}

/// CLAS and MLAS of trees over the same words.
private struct ContentScores {
  var clas = UDScore(goldCount: 0, systemCount: 0, correctCount: 0)
  var mlas = UDScore(goldCount: 0, systemCount: 0, correctCount: 0)
  /// Whether any gold word has UPOS.
  var hasTags = false

  mutating func add(gold: DependencyTree, found: DependencyTree) {
    let goldRelations = gold.relations.map { UDRelations.universal($0) }
    let foundRelations = found.relations.map { UDRelations.universal($0) }
    let goldChildren = functionalChildren(gold, goldRelations)
    let foundChildren = functionalChildren(found, foundRelations)
    func agreesOnTags(_ word: Int) -> Bool {
      gold.upos[word] == found.upos[word]
        && (gold.feats[word] == found.feats[word]
          || UDRelations.universal(features: gold.feats[word])
            == UDRelations.universal(features: found.feats[word]))
    }
    for word in 0..<gold.wordCount {
      if gold.upos[word] != "_" { hasTags = true }
      let isContent = UDRelations.content.contains(goldRelations[word])
      clas.goldCount += isContent ? 1 : 0
      clas.systemCount += UDRelations.content.contains(foundRelations[word]) ? 1 : 0
      guard isContent, gold.heads[word] == found.heads[word],
        goldRelations[word] == foundRelations[word]
      else { continue }
      clas.correctCount += 1
      let hasSameChildren =
        goldChildren[word] == foundChildren[word]
        && goldChildren[word].allSatisfy { child in
          goldRelations[child] == foundRelations[child] && agreesOnTags(child)
        }
      mlas.correctCount += agreesOnTags(word) && hasSameChildren ? 1 : 0
    }
    mlas.goldCount = clas.goldCount
    mlas.systemCount = clas.systemCount
  }

  private func functionalChildren(_ tree: DependencyTree, _ relations: [String]) -> [[Int]] {
    var children = [[Int]](repeating: [], count: tree.wordCount)
    for word in 0..<tree.wordCount
    where tree.heads[word] > 0 && UDRelations.functional.contains(relations[word]) {
      children[tree.heads[word] - 1].append(word)
    }
    return children
  }
}
