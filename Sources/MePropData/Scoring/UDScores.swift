// The CoNLL 2018 evaluation of a system's CoNLL-U against gold, word by word and tree by tree.

/// The metrics of the CoNLL 2018 shared task, in the order of its table.
public enum UDMetric: String, Sendable, CaseIterable {
  /// Tokens that cover the same characters.
  case tokens = "Tokens"
  /// Sentences that cover the same characters.
  case sentences = "Sentences"
  /// Words that can be aligned.
  case words = "Words"
  /// Aligned words with the same universal part of speech.
  case upos = "UPOS"
  /// Aligned words with the same language-specific part of speech.
  case xpos = "XPOS"
  /// Aligned words with the same universal features.
  case ufeats = "UFeats"
  /// Aligned words with the same UPOS, XPOS and universal features.
  case allTags = "AllTags"
  /// Aligned words with the same lemma; where gold has none, any lemma is the same.
  case lemmas = "Lemmas"
  /// Aligned words whose heads are aligned.
  case uas = "UAS"
  /// Aligned words whose heads are aligned, with the same universal relation.
  case las = "LAS"
  /// LAS of words whose relation is one of ``UDRelations/content``.
  case clas = "CLAS"
  /// CLAS with the same UPOS and universal features, and functional children for which all agrees.
  case mlas = "MLAS"
  /// CLAS with the same lemma.
  case blex = "BLEX"
}

/// How much of gold a system found.
public struct UDScore: Sendable, Equatable {
  /// The number of items in gold.
  public var goldCount: Int
  /// The number of items of the system.
  public var systemCount: Int
  /// The number of items that agree.
  public var correctCount: Int
  /// The number of aligned words; `nil` for tokens, sentences and words.
  public var alignedCount: Int?

  /// Creates a score from its counts.
  public init(goldCount: Int, systemCount: Int, correctCount: Int, alignedCount: Int? = nil) {
    self.goldCount = goldCount
    self.systemCount = systemCount
    self.correctCount = correctCount
    self.alignedCount = alignedCount
  }

  /// `correctCount / systemCount`, in 0...1; 0 where there is nothing.
  public var precision: Double { Self.ratio(correctCount, systemCount) }
  /// `correctCount / goldCount`, in 0...1; 0 where there is nothing.
  public var recall: Double { Self.ratio(correctCount, goldCount) }
  /// `2 correctCount / (systemCount + goldCount)`, in 0...1; 0 where there is nothing.
  public var f1: Double { Self.ratio(2 * correctCount, systemCount + goldCount) }
  /// `correctCount / alignedCount`, in 0...1; `nil` for tokens, sentences and words.
  public var alignedAccuracy: Double? { alignedCount.map { Self.ratio(correctCount, $0) } }

  private static func ratio(_ part: Int, _ whole: Int) -> Double {
    whole == 0 ? 0 : Double(part) / Double(whole)
  }
}

/// The scores of a system's output against gold.
///
/// Equal to `conll18_ud_eval.py` of the shared task (D. Zeman et al., CoNLL 2018 Shared Task:
/// Multilingual Parsing from Raw Text to Universal Dependencies) as PyPI's `udtools` has it, to the
/// last digit, and refuses what it refuses. Time is linear in the words, but for spans of multiword
/// tokens, whose words are aligned in quadratic time.
public struct UDScores: Sendable, Equatable {
  private var scores: [UDMetric: UDScore] = [:]

  /// The score of a metric.
  public subscript(metric: UDMetric) -> UDScore {
    scores[metric] ?? UDScore(goldCount: 0, systemCount: 0, correctCount: 0)
  }

  /// Scores one file against another.
  ///
  /// - Parameters:
  ///   - gold: CoNLL-U with what is right.
  ///   - system: CoNLL-U of the same text with what was found; words and sentences may differ.
  /// - Throws: `CoNLLUError`, `DependencyTreeError`, `ScoringError`, `DataFormatError`, naming file
  ///   and line.
  public init(gold: InputFile, system: InputFile) throws {
    var numbers = FieldNumbers()
    let goldFile = try ScoredFileReader.read(gold, numbers: &numbers)
    let systemFile = try ScoredFileReader.read(system, numbers: &numbers)
    if let error = Self.difference(goldFile, systemFile) { throw error }
    let alignment = WordAlignment(gold: goldFile, system: systemFile, numbers: &numbers)
    scores[.tokens] = Self.spanScore(goldFile.tokens, systemFile.tokens)
    scores[.sentences] = Self.spanScore(goldFile.sentences, systemFile.sentences)
    scores[.words] = UDScore(
      goldCount: goldFile.words.count, systemCount: systemFile.words.count,
      correctCount: alignment.pairs.count)
    let comparison = WordComparison(
      gold: goldFile, system: systemFile, goldOfSystem: alignment.goldOfSystem,
      underscore: numbers.underscore)
    for metric in UDMetric.allCases where scores[metric] == nil {
      let isContentOnly = [.clas, .mlas, .blex].contains(metric)
      let isCounted = { (word: ScoredFile.Word) in !isContentOnly || word.isContent }
      var (aligned, correct) = (0, 0)
      for pair in alignment.pairs where isCounted(goldFile.words[pair.gold]) {
        aligned += 1
        correct += comparison.agrees(on: metric, gold: pair.gold, system: pair.system) ? 1 : 0
      }
      scores[metric] = UDScore(
        goldCount: goldFile.words.count(where: isCounted),
        systemCount: systemFile.words.count(where: isCounted), correctCount: correct,
        alignedCount: aligned)
    }
  }

  private static func spanScore(
    _ gold: [ScoredFile.Span], _ system: [ScoredFile.Span]
  ) -> UDScore {
    var (g, s, correct) = (0, 0, 0)
    while g < gold.count, s < system.count {
      if system[s].start < gold[g].start {
        s += 1
      } else if gold[g].start < system[s].start {
        g += 1
      } else {
        correct += gold[g].end == system[s].end ? 1 : 0
        g += 1
        s += 1
      }
    }
    return UDScore(goldCount: gold.count, systemCount: system.count, correctCount: correct)
  }

  /// The error for files that are not the same text.
  private static func difference(_ gold: ScoredFile, _ system: ScoredFile) -> ScoringError? {
    if gold.characters == system.characters { return nil }
    let shared = zip(gold.characters, system.characters).prefix { $0 == $1 }.count
    func place(_ file: ScoredFile) -> (line: Int, text: String) {
      var start = shared
      while start > 0, start < file.characters.count, file.characters[start] & 0xc0 == 0x80 {
        start -= 1
      }
      let line = (file.tokens.first { $0.end > start } ?? file.tokens.last)?.line ?? 1
      let text = String(decoding: file.characters[start...].prefix(80), as: UTF8.self)
      return (line, start == file.characters.count ? "" : String(text.prefix(20)))
    }
    let (goldPlace, systemPlace) = (place(gold), place(system))
    return .textDiffers(
      goldPath: gold.path, goldLine: goldPlace.line, goldText: goldPlace.text,
      systemPath: system.path, systemLine: systemPlace.line, systemText: systemPlace.text)
  }
}

/// Compares aligned words.
private struct WordComparison {
  let gold: ScoredFile
  let system: ScoredFile
  let goldOfSystem: [Int]
  let underscore: Int32
  private let goldChildren: [[Int]]
  private let systemChildren: [[Int]]

  init(gold: ScoredFile, system: ScoredFile, goldOfSystem: [Int], underscore: Int32) {
    self.gold = gold
    self.system = system
    self.goldOfSystem = goldOfSystem
    self.underscore = underscore
    goldChildren = gold.functionalChildren()
    systemChildren = system.functionalChildren()
  }

  func agrees(on metric: UDMetric, gold goldIndex: Int, system systemIndex: Int) -> Bool {
    let a = gold.words[goldIndex]
    let b = system.words[systemIndex]
    var hasSameHead: Bool {
      a.head == (b.head == ScoredFile.root ? ScoredFile.root : goldOfSystem[b.head])
    }
    var hasSameArc: Bool { hasSameHead && a.relation == b.relation }
    var hasSameLemma: Bool { a.lemma == underscore || a.lemma == b.lemma }
    switch metric {
    case .tokens, .sentences, .words: return true
    case .upos: return a.upos == b.upos
    case .xpos: return a.xpos == b.xpos
    case .ufeats: return a.feats == b.feats
    case .allTags: return a.upos == b.upos && a.xpos == b.xpos && a.feats == b.feats
    case .lemmas: return hasSameLemma
    case .uas: return hasSameHead
    case .las, .clas: return hasSameArc
    case .mlas:
      return hasSameArc && a.upos == b.upos && a.feats == b.feats
        && haveSameChildren(goldIndex, systemIndex)
    case .blex: return hasSameArc && hasSameLemma
    }
  }

  private func haveSameChildren(_ goldIndex: Int, _ systemIndex: Int) -> Bool {
    goldChildren[goldIndex].elementsEqual(systemChildren[systemIndex]) { goldChild, systemChild in
      let a = gold.words[goldChild]
      let b = system.words[systemChild]
      return goldOfSystem[systemChild] == goldChild && a.relation == b.relation
        && a.upos == b.upos && a.feats == b.feats
    }
  }
}
