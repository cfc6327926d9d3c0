// Which words of a system are which gold words, also where the two split the text differently.

/// The pairs of words that two files with the same characters share.
///
/// Words that are tokens are paired where they cover the same characters. A span of characters with
/// a multiword token of either file, extended until no multiword token sticks out, is aligned by
/// the longest common subsequence of the lower-cased forms of the words in it (Zeman et al., 2018,
/// CoNLL 2018 shared task, section 4).
struct WordAlignment {
  /// The value of `goldOfSystem` for words without a partner.
  static let notAligned = -2

  /// The pairs, in their order.
  private(set) var pairs: [(gold: Int, system: Int)] = []
  /// The gold word of each word of the system, or `notAligned`.
  private(set) var goldOfSystem: [Int]

  private let gold: ScoredFile
  private let system: ScoredFile

  /// Aligns two files whose characters are equal.
  init(gold: ScoredFile, system: ScoredFile, numbers: inout FieldNumbers) {
    self.gold = gold
    self.system = system
    goldOfSystem = [Int](repeating: Self.notAligned, count: system.words.count)
    var (g, s) = (0, 0)
    while g < gold.words.count, s < system.words.count {
      if gold.words[g].isMultiword || system.words[s].isMultiword {
        let (golds, systems) = multiwordSpan(atGold: g, system: s)
        alignBySubsequence(golds, systems, numbers: &numbers)
        g = golds.upperBound
        s = systems.upperBound
        continue
      }
      let goldSpan = gold.span(ofWord: g)
      let systemSpan = system.span(ofWord: s)
      if goldSpan.start == systemSpan.start, goldSpan.end == systemSpan.end {
        pair(g, s)
        g += 1
        s += 1
      } else if goldSpan.start <= systemSpan.start {
        g += 1
      } else {
        s += 1
      }
    }
  }

  private mutating func pair(_ goldWord: Int, _ systemWord: Int) {
    pairs.append((goldWord, systemWord))
    goldOfSystem[systemWord] = goldWord
  }

  /// The words of both files in the least span that holds the multiword token at hand entirely.
  private func multiwordSpan(
    atGold goldStart: Int, system systemStart: Int
  ) -> (Range<Int>, Range<Int>) {
    var (g, s) = (goldStart, systemStart)
    var end: Int
    let goldSpan = gold.span(ofWord: g)
    let systemSpan = system.span(ofWord: s)
    if gold.words[g].isMultiword {
      end = goldSpan.end
      if !system.words[s].isMultiword, systemSpan.start < goldSpan.start { s += 1 }
    } else {
      end = systemSpan.end
      if goldSpan.start < systemSpan.start { g += 1 }
    }
    let (firstGold, firstSystem) = (g, s)
    func isBeyond(_ file: ScoredFile, _ word: Int) -> Bool {
      guard word < file.words.count else { return true }
      let span = file.span(ofWord: word)
      return file.words[word].isMultiword ? span.start >= end : span.end > end
    }
    func extend(over file: ScoredFile, _ word: Int) {
      if file.words[word].isMultiword { end = max(end, file.span(ofWord: word).end) }
    }
    while !isBeyond(gold, g) || !isBeyond(system, s) {
      if g < gold.words.count,
        s >= system.words.count || gold.span(ofWord: g).start <= system.span(ofWord: s).start
      {
        extend(over: gold, g)
        g += 1
      } else {
        extend(over: system, s)
        s += 1
      }
    }
    return (firstGold..<g, firstSystem..<s)
  }

  private mutating func alignBySubsequence(
    _ golds: Range<Int>, _ systems: Range<Int>, numbers: inout FieldNumbers
  ) {
    if golds.isEmpty || systems.isEmpty { return }
    let goldForms = golds.map { numbers.lowercase(of: gold.words[$0].form) }
    let systemForms = systems.map { numbers.lowercase(of: system.words[$0].form) }
    // common[g][s]: the length of the longest common subsequence of what follows from g and s.
    var common = [[Int32]](
      repeating: [Int32](repeating: 0, count: systems.count + 1), count: golds.count + 1)
    for g in goldForms.indices.reversed() {
      for s in systemForms.indices.reversed() {
        let both = goldForms[g] == systemForms[s] ? 1 + common[g + 1][s + 1] : 0
        common[g][s] = max(both, common[g + 1][s], common[g][s + 1])
      }
    }
    var (g, s) = (0, 0)
    while g < golds.count, s < systems.count {
      if goldForms[g] == systemForms[s] {
        pair(golds.lowerBound + g, systems.lowerBound + s)
        g += 1
        s += 1
      } else if common[g][s] == common[g + 1][s] {
        g += 1
      } else {
        s += 1
      }
    }
  }
}
