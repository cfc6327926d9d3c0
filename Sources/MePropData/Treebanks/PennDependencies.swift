// From phrase structure trees to dependency trees with twelve relations.

/// Converts trees of the Penn Treebank.
///
/// Empty elements (`-NONE-`) and constituents that hold nothing else are dropped. Every child of a
/// constituent but its head (``PennHeadRules``) depends, by its own head word, on the
/// constituent's. The relation is the first of these that fits; M is the category of the
/// constituent and D that of the dependent child. The scheme is that of Penn2Malt (J. Nivre), on
/// whose twelve labels figures for the Penn Treebank are commonly given; its rules are ours.
///
/// | relation | where |
/// |---|---|
/// | `ROOT` | the head of the sentence |
/// | `P` | D is punctuation |
/// | `SUB` | D has the function `SBJ` |
/// | `PRD` | D has the function `PRD` |
/// | `VC` | M is `VP`, `SQ` or `SINV`, D is `VP`, and the head is a verb, a modal or `to` |
/// | `OBJ` | M is `VP`, D is `NP` without an adverbial function |
/// | `SBAR` | M is `SBAR`, D is `S`, `SQ` or `SINV` |
/// | `VMOD` | M is `VP`, `S`, `SQ`, `SINV`, `SBAR` or `SBARQ` |
/// | `NMOD` | M is `NP`, `NX`, `NML`, `NAC` or `WHNP` |
/// | `AMOD` | M is `ADJP`, `ADVP`, `QP`, `WHADJP` or `WHADVP` |
/// | `PMOD` | M is `PP` or `WHPP` |
/// | `DEP` | all else |
enum PennDependencies {
  /// The words of a tree as fields of CoNLL-U, the part of speech as XPOS; `nil` if it has none.
  static func sentence(_ tree: PennTree) -> CoNLLUSentence? {
    let nodes = tree.nodes
    var children = [[Int]](repeating: [], count: nodes.count)
    var headWord = [Int](repeating: 0, count: nodes.count)
    // Words in their order, and the number of each, from 1.
    var words: [Int] = []
    for (place, node) in nodes.enumerated() where node.word != nil && node.label != "-NONE-" {
      words.append(place)
      headWord[place] = words.count
    }
    if words.isEmpty { return nil }
    var heads = [Int](repeating: 0, count: words.count)
    var relations = [String](repeating: "ROOT", count: words.count)
    for place in nodes.indices.reversed() where nodes[place].word == nil {
      children[place] = nodes[place].children.filter { headWord[$0] > 0 }
      if children[place].isEmpty { continue }
      let categories = children[place].map { nodes[$0].category }
      let head = PennHeadRules.head(of: nodes[place].category, children: categories)
      headWord[place] = headWord[children[place][head]]
      for (index, child) in children[place].enumerated() where index != head {
        heads[headWord[child] - 1] = headWord[place]
        relations[headWord[child] - 1] = relation(
          mother: nodes[place].category, head: categories[head], dependent: nodes[child])
      }
    }
    let rows = words.indices.map { word in
      let node = nodes[words[word]]
      return [
        "\(word + 1)", node.word ?? "_", "_", "_", node.label, "_", "\(heads[word])",
        relations[word], "_", "_",
      ]
    }
    return CoNLLUSentence(rows: rows, lines: words.map { nodes[$0].line })
  }

  private static func relation(
    mother: String, head: String, dependent: PennTree.Node
  ) -> String {
    let category = dependent.category
    if PennHeadRules.punctuation.contains(category) { return "P" }
    if dependent.functions.contains("SBJ") { return "SUB" }
    if dependent.functions.contains("PRD") { return "PRD" }
    switch mother {
    case "VP", "SQ", "SINV":
      if category == "VP", head.hasPrefix("VB") || head == "MD" || head == "TO" { return "VC" }
      let isAdverbial = !adverbial.isDisjoint(with: dependent.functions)
      return mother == "VP" && category == "NP" && !isAdverbial ? "OBJ" : "VMOD"
    case "SBAR": return ["S", "SQ", "SINV"].contains(category) ? "SBAR" : "VMOD"
    case "S", "SBARQ": return "VMOD"
    case "NP", "NX", "NML", "NAC", "WHNP": return "NMOD"
    case "ADJP", "ADVP", "QP", "WHADJP", "WHADVP": return "AMOD"
    case "PP", "WHPP": return "PMOD"
    default: return "DEP"
    }
  }

  private static let adverbial: Set<String> = [
    "ADV", "BNF", "CLR", "DIR", "EXT", "LOC", "MNR", "PRP", "TMP", "TTL", "VOC",
  ]
}
