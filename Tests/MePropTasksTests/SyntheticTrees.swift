// Trees to parse: random ones, and a small language whose trees follow from its words.

import Foundation
import MePropCore
import MePropData
import MePropTasks

enum SyntheticTrees {
  /// Heads by node (the root's own entry is 0) of a random tree of `count` words with one root.
  static func heads(_ count: Int, projective: Bool, _ random: inout Philox) -> [Int32] {
    var heads = [Int32](repeating: 0, count: count + 1)
    if projective {
      fill(1...count, head: 0, &heads, &random)
      return heads
    }
    // Each word in a random order hangs on one of those before it.
    var order = (1...count).map(UInt32.init)
    random.shuffle(&order)
    for place in 1..<count {
      heads[Int(order[place])] = Int32(order[Int(random.next(below: UInt32(place)))])
    }
    return heads
  }

  /// Makes a random word of `range` a dependent of `head`, and cuts what is left on both sides into
  /// subtrees of it.
  private static func fill(
    _ range: ClosedRange<Int>, head: Int, _ heads: inout [Int32], _ random: inout Philox
  ) {
    let top = range.lowerBound + Int(random.next(below: UInt32(range.count)))
    heads[top] = Int32(head)
    for side in [
      range.lowerBound...max(top - 1, range.lowerBound),
      min(top + 1, range.upperBound)...range.upperBound,
    ]
    where !side.contains(top) {
      var first = side.lowerBound
      while first <= side.upperBound {
        let length = 1 + Int(random.next(below: UInt32(side.upperBound - first + 1)))
        fill(first...(first + length - 1), head: top, &heads, &random)
        first += length
      }
    }
  }

  /// A tree with these heads, words numbered.
  static func tree(_ heads: [Int32]) -> DependencyTree {
    let words = heads.indices.dropFirst()
    return DependencyTree(
      forms: words.map { "w\($0 % 5)" }, upos: words.map { $0 % 2 == 0 ? "A" : "B" },
      xpos: words.map { _ in "_" }, feats: words.map { _ in "_" },
      heads: words.map { Int(heads[$0]) },
      relations: words.map { heads[$0] == 0 ? "root" : $0 % 3 == 0 ? "x:y" : "x" })
  }

  /// Sentences such as "the dog sees a cat in the house ".
  static func sentences(_ count: Int, seed: UInt64) -> [DependencyTree] {
    var random = Philox(seed: seed)
    return (0..<count).map { _ in
      var rows: [(form: String, tag: String, head: Int, relation: String)] = []
      func noun(_ relation: String) -> Int {
        let first = rows.count + 1
        let hasAdjective = random.next(below: 2) == 0
        let place = first + (hasAdjective ? 2 : 1)
        rows.append((["the", "a"][Int(random.next(below: 2))], "DET", place, "det"))
        if hasAdjective { rows.append(("adj\(random.next(below: 9))", "ADJ", place, "amod")) }
        rows.append(("noun\(random.next(below: 30))", "NOUN", 0, relation))
        return place
      }
      let subject = noun("nsubj")
      let verb = rows.count + 1
      rows.append(("verb\(random.next(below: 9))", "VERB", 0, "root"))
      rows[subject - 1].head = verb
      var last = verb
      if random.next(below: 2) == 0 {
        last = noun("obj")
        rows[last - 1].head = verb
      }
      for _ in 0..<random.next(below: 3) {
        // "of" belongs to the noun before, "with" to the verb.
        let isOf = random.next(below: 2) == 0 && last != verb
        let preposition = rows.count + 1
        rows.append((isOf ? "of" : "with", "ADP", 0, "case"))
        let place = noun(isOf ? "nmod" : "obl:with")
        rows[preposition - 1].head = place
        rows[place - 1].head = isOf ? last : verb
        last = place
      }
      rows.append((".", "PUNCT", verb, "punct"))
      return DependencyTree(
        forms: rows.map(\.form), upos: rows.map(\.tag), xpos: rows.map { _ in "_" },
        feats: rows.map { _ in "_" }, heads: rows.map(\.head), relations: rows.map(\.relation))
    }
  }

  static let data = ParserData(
    training: sentences(200, seed: 1), development: sentences(60, seed: 2),
    test: sentences(60, seed: 3))

  static func conllu(_ trees: [DependencyTree]) -> String {
    trees.map { tree in
      (0..<tree.wordCount).map { word in
        "\(word + 1)\t\(tree.forms[word])\t_\t\(tree.upos[word])\t\(tree.xpos[word])\t_\t"
          + "\(tree.heads[word])\t\(tree.relations[word])\t_\t_\n"
      }.joined() + "\n"
    }.joined()
  }
}
