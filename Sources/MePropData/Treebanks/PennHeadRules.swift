// Which child of a constituent is its head: the table of Magerman and Collins.

/// Head rules for the categories of the Penn Treebank.
///
/// The table is that of Collins (1999), *Head-Driven Statistical Models for Natural Language
/// Parsing*, appendix A, which goes back to Magerman (1995). As in the conversion by Yamada and
/// Matsumoto (2003), it is used as it stands, without Collins's special rule for coordination, and
/// the head of a clause is found in its verb phrase, that of a verb phrase in its first finite
/// verb, modal or `to`.
enum PennHeadRules {
  /// One look over the children.
  private struct Pass {
    /// Whether it starts at the last child.
    var fromRight: Bool
    /// Any of these is the head.
    var categories: Set<String>
  }

  /// Finds the head of a constituent.
  ///
  /// - Parameters:
  ///   - category: The category of the constituent, without functions.
  ///   - children: The categories of its children, of which there is one or more.
  /// - Returns: The place of the head among the children.
  static func head(of category: String, children: [String]) -> Int {
    if ["NP", "NX", "NML", "NAC"].contains(category), children.last == "POS" {
      return children.count - 1
    }
    for pass in passes[category] ?? [] {
      let isHead = { (child: String) in pass.categories.contains(child) }
      if let found = pass.fromRight
        ? children.lastIndex(where: isHead) : children.firstIndex(where: isHead)
      {
        return found
      }
    }
    let isWord = { (child: String) in !punctuation.contains(child) }
    if lastByDefault.contains(category) {
      return children.lastIndex(where: isWord) ?? children.count - 1
    }
    return children.firstIndex(where: isWord) ?? 0
  }

  /// The parts of speech of punctuation.
  static let punctuation: Set<String> = ["``", "''", ",", ".", ":", "-LRB-", "-RRB-"]

  private static let lastByDefault: Set<String> = [
    "NP", "NX", "NML", "NAC", "ADVP", "CONJP", "FRAG", "LST", "PP", "PRT", "RRC", "UCP", "WHADVP",
    "WHPP",
  ]

  private static let passes: [String: [Pass]] = {
    var passes: [String: [Pass]] = [:]
    for (category, fromRight, order) in byPriority {
      passes[category] = order.split(separator: " ").map {
        Pass(fromRight: fromRight, categories: [String($0)])
      }
    }
    let noun = [
      (true, "NN NNP NNPS NNS NX NML POS JJR"), (false, "NP"), (true, "$ ADJP PRN"), (true, "CD"),
      (true, "JJ JJS RB QP"),
    ].map { Pass(fromRight: $0.0, categories: Set($0.1.split(separator: " ").map(String.init))) }
    for category in ["NP", "NX", "NML"] { passes[category] = noun }
    return passes
  }()

  /// Categories in which the first of a list of categories is looked for, then the second, …:
  /// whether the last child with it is the head rather than the first, and the list.
  private static let byPriority: [(category: String, fromRight: Bool, order: String)] = [
    (
      "ADJP", false,
      "NNS QP NN $ ADVP JJ VBN VBG ADJP JJR NP JJS DT FW RBR RBS SBAR RB"
    ),
    ("ADVP", true, "RB RBR RBS FW ADVP TO CD JJR JJ IN NP JJS NN"),
    ("CONJP", true, "CC RB IN"),
    ("LST", true, "LS :"),
    (
      "NAC", false,
      "NN NNS NNP NNPS NP NAC EX $ CD QP PRP VBG JJ JJS JJR ADJP FW"
    ),
    ("PP", true, "IN TO VBG VBN RP FW"),
    ("PRT", true, "RP"),
    ("QP", false, "$ IN NNS NN JJ RB DT CD NCD QP JJR JJS"),
    ("RRC", true, "VP NP ADVP ADJP PP"),
    ("S", false, "TO IN VP S SBAR ADJP UCP NP"),
    ("SBAR", false, "WHNP WHPP WHADVP WHADJP IN DT S SQ SINV SBAR FRAG"),
    ("SBARQ", false, "SQ S SINV SBARQ FRAG"),
    ("SINV", false, "VBZ VBD VBP VB MD VP S SINV ADJP NP"),
    ("SQ", false, "VBZ VBD VBP VB MD VP SQ"),
    ("VP", false, "TO VBD VBN MD VBZ VB VBG VBP VP ADJP NN NNS NP"),
    ("WHADJP", false, "CC WRB JJ ADJP"),
    ("WHADVP", true, "CC WRB"),
    ("WHNP", false, "WDT WP WP$ WHADJP WHPP WHNP"),
    ("WHPP", true, "IN TO FW"),
  ]
}
