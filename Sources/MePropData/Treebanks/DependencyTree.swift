// A sentence with the head and the relation of each word: what parsers learn and scorers compare.

/// The words of a sentence as a dependency tree.
///
/// Words count from 1, as in CoNLL-U, and 0 is the root: `heads[w - 1]` is the head of word `w`.
/// Values made from files are trees; values made from numbers may be any graph with one head a
/// word, and ``defects`` says what keeps them from being trees.
public struct DependencyTree: Sendable, Equatable {
  /// The words as they are written.
  public let forms: [String]
  /// Their universal parts of speech, `_` where there is none.
  public let upos: [String]
  /// Their parts of speech in the language's own tag set, `_` where there is none.
  public let xpos: [String]
  /// Their morphological features, `_` where there are none.
  public let feats: [String]
  /// The number of each word's head, 0 for the root.
  public let heads: [Int]
  /// Each word's relation to its head, with subtypes such as `nsubj:pass`.
  public let relations: [String]

  /// The number of words.
  public var wordCount: Int { heads.count }

  /// Creates a graph of words; all arrays have one element a word, and heads are in
  /// `0...wordCount`.
  public init(
    forms: [String], upos: [String], xpos: [String], feats: [String], heads: [Int],
    relations: [String]
  ) {
    for (name, count) in [
      ("upos", upos.count), ("xpos", xpos.count), ("feats", feats.count),
      ("heads", heads.count), ("relations", relations.count),
    ] {
      precondition(
        count == forms.count, "DependencyTree: \(count) \(name) for \(forms.count) forms")
    }
    for head in heads {
      precondition(
        head >= 0 && head <= forms.count,
        "DependencyTree: head \(head), expected 0...\(forms.count)")
    }
    self.forms = forms
    self.upos = upos
    self.xpos = xpos
    self.feats = feats
    self.heads = heads
    self.relations = relations
  }

  /// Reads the tree of a sentence.
  ///
  /// - Parameters:
  ///   - sentence: A sentence with words.
  ///   - path: The name of its file, for messages.
  ///   - allowsSeveralRoots: Whether more than one word may have the head 0, as in treebanks other
  ///     than those of Universal Dependencies.
  /// - Throws: `DependencyTreeError` for the first thing that keeps it from being a tree.
  public init(
    _ sentence: CoNLLUSentence, path: String, allowsSeveralRoots: Bool = false
  ) throws {
    let count = sentence.wordCount
    var heads: [Int] = []
    heads.reserveCapacity(count)
    for word in 0..<count {
      let line = sentence.line(ofWord: word)
      guard let head = sentence.head(ofWord: word) else {
        throw DependencyTreeError.badHead(
          path: path, line: line, found: sentence.field(.head, ofWord: word))
      }
      guard head <= count else {
        throw DependencyTreeError.headOutOfRange(
          path: path, line: line, found: head, wordCount: count)
      }
      guard !sentence.range(of: .deprel, ofWord: word).isEmpty else {
        throw DependencyTreeError.emptyRelation(path: path, line: line)
      }
      heads.append(head)
    }
    for defect in Self.defects(ofHeads: heads) {
      switch defect {
      case .cycle(let words):
        throw DependencyTreeError.cycle(
          path: path, line: sentence.line(ofWord: words[0] - 1), words: words)
      case .severalRoots(let words) where !allowsSeveralRoots:
        throw DependencyTreeError.severalRoots(
          path: path, line: sentence.line(ofWord: words[1] - 1), words: words)
      case .severalRoots: continue
      }
    }
    self.init(
      forms: sentence.forms, upos: sentence.values(of: .upos), xpos: sentence.values(of: .xpos),
      feats: sentence.values(of: .feats), heads: heads,
      relations: sentence.values(of: .deprel))
  }

  /// The same words with one root: further words with the head 0 depend on the first of them.
  ///
  /// Treebanks other than those of Universal Dependencies often attach punctuation to the root.
  public var withOneRoot: DependencyTree {
    guard let root = heads.firstIndex(of: 0), heads[(root + 1)...].contains(0) else { return self }
    let attached = heads.indices.map { heads[$0] == 0 && $0 != root ? root + 1 : heads[$0] }
    return replacing(heads: attached, relations: relations)
  }

  /// The same words with other heads and relations.
  public func replacing(heads: [Int], relations: [String]) -> DependencyTree {
    DependencyTree(
      forms: forms, upos: upos, xpos: xpos, feats: feats, heads: heads, relations: relations)
  }
}

extension DependencyTree {
  /// What keeps heads from forming a tree with one root.
  public enum Defect: Sendable, Equatable {
    /// Words each of which is the head of the one before, and the first of the last.
    ///
    /// Where no word has the head 0 there is always such a cycle.
    case cycle(words: [Int])
    /// Several words have the head 0.
    case severalRoots(words: [Int])
  }

  /// What keeps the heads from forming a tree with one root; empty for a tree.
  public var defects: [Defect] { Self.defects(ofHeads: heads) }

  /// The cycles among heads, by their first word, then several roots.
  ///
  /// Heads are in `0...heads.count`; time and space are linear.
  public static func defects(ofHeads heads: [Int]) -> [Defect] {
    var defects: [Defect] = []
    // 0: not seen; otherwise the number of the walk that came by.
    var walks = [Int](repeating: 0, count: heads.count + 1)
    for start in heads.indices where walks[start + 1] == 0 {
      var word = start + 1
      while word != 0, walks[word] == 0 {
        walks[word] = start + 1
        word = heads[word - 1]
      }
      if word != 0, walks[word] == start + 1 {
        var cycle = [word]
        while heads[cycle[cycle.count - 1] - 1] != word {
          cycle.append(heads[cycle[cycle.count - 1] - 1])
        }
        let least = cycle.indices.min { cycle[$0] < cycle[$1] } ?? 0
        defects.append(.cycle(words: Array(cycle[least...] + cycle[..<least])))
      }
    }
    let roots = heads.indices.filter { heads[$0] == 0 }.map { $0 + 1 }
    if roots.count > 1 { defects.append(.severalRoots(words: roots)) }
    return defects
  }

  /// Whether no two arcs cross, with the root to the left of the first word.
  ///
  /// For trees that is the usual definition: every word between a head and its dependent descends
  /// from the head. A transition system without swaps or lifting can only make such trees.
  public var isProjective: Bool { Self.isProjective(heads: heads) }

  /// Whether no two arcs cross, for heads alone.
  ///
  /// Heads are in `0...heads.count`; time is linear.
  public static func isProjective(heads: [Int]) -> Bool {
    let count = heads.count
    // The right ends of arcs by their left ends, falling: arcs from a head, then the one to it.
    var rightEnds = [[Int]](repeating: [], count: count + 1)
    for word in stride(from: count, through: 1, by: -1) where heads[word - 1] < word {
      rightEnds[heads[word - 1]].append(word)
    }
    for word in 1..<(count + 1) where heads[word - 1] > word {
      let head = heads[word - 1]
      let place = rightEnds[word].firstIndex { $0 <= head } ?? rightEnds[word].count
      rightEnds[word].insert(head, at: place)
    }
    var open: [Int] = []
    for place in 0...count {
      while open.last == place { open.removeLast() }
      // An arc that ends here or has ended lies below one that goes on: they cross.
      for end in rightEnds[place] {
        if let last = open.last, last < end { return false }
        open.append(end)
      }
    }
    return true
  }

  /// The words whose arc to the head crosses another arc.
  ///
  /// Time is quadratic in the number of words.
  public var crossingWords: [Int] { Self.crossingWords(heads: heads) }

  /// The words whose arc to the head crosses another arc, for heads alone.
  ///
  /// Heads are in `0...heads.count`; time is quadratic.
  public static func crossingWords(heads: [Int]) -> [Int] {
    let arcs = heads.enumerated().map { (min($1, $0 + 1), max($1, $0 + 1)) }
    return arcs.indices.filter { word in
      let (left, right) = arcs[word]
      return arcs.contains { other in
        (left < other.0 && other.0 < right && right < other.1)
          || (other.0 < left && left < other.1 && other.1 < right)
      }
    }.map { $0 + 1 }
  }
}
