// Random CoNLL-U that says the same text in different ways, and ways to break it.

import Foundation
import MePropCore

/// A text split into sentences, tokens and words with trees.
struct SampleTreebank {
  struct Word {
    var form: String
    var lemma: String
    var upos: String
    var xpos: String
    var feats: String
    /// The number of the head in the sentence, from 1; 0 for the root.
    var head: Int
    var relation: String
  }

  /// A token; a multiword token if it `isRange`, with any number of words.
  struct Token {
    var form: String
    var isRange: Bool
    var words: [Word]
  }

  var sentences: [[Token]]

  /// The file.
  var text: String {
    sentences.map { sentence in
      var lines = ["# text = …"]
      var number = 0
      for token in sentence {
        if token.isRange {
          lines.append(
            "\(number + 1)-\(number + token.words.count)\t\(token.form)"
              + String(repeating: "\t_", count: 8))
        }
        for word in token.words {
          number += 1
          let form = token.isRange ? word.form : token.form
          lines.append(
            "\(number)\t\(form)\t\(word.lemma)\t\(word.upos)\t\(word.xpos)\t\(word.feats)\t"
              + "\(word.head)\t\(word.relation)\t\(word.head):\(word.relation)\t_")
        }
      }
      return (lines + ["", ""]).joined(separator: "\n")
    }.joined()
  }
}

/// Makes treebanks of one text, alike but not the same.
struct SampleMaker {
  private var random: Philox
  private let characters: [Character]

  private static let alphabet: [Character] = [
    "a", "A", "b", "c", "B", "Σ", "σ", "ς", "é", "e\u{301}", "İ", "ß", "ẞ", "中", "𐐀",
    "\u{2d}", "'",
  ]
  private static let relations = [
    "nsubj", "obj", "nsubj:pass", "case", "det", "det:poss", "cc", "aux", "punct", "conj", "mark",
    "root", "nmod:ö", "dep", "x",
  ]
  private static let feats = [
    "_", "Number=Sing", "Number=Sing|Case=Nom", "Case=Nom|Number=Sing", "Case=Nom|Own=Yes",
    "Own=Yes", "Number[psor]=Sing|Tense=Past", "Tense=Past|Mood=Ind",
  ]

  init(seed: UInt64) {
    var random = Philox(seed: seed)
    let count = 10 + Int(random.next(below: 60))
    characters = (0..<count).map { _ in
      Self.alphabet[Int(random.next(below: UInt32(Self.alphabet.count)))]
    }
    self.random = random
  }

  private mutating func chance(_ percent: UInt32) -> Bool { random.next(below: 100) < percent }
  private mutating func pick<T>(_ items: [T]) -> T {
    items[Int(random.next(below: UInt32(items.count)))]
  }

  /// A treebank of the text; `rangePercent` of the tokens are multiword tokens.
  mutating func treebank(rangePercent: UInt32) -> SampleTreebank {
    var sentences: [[SampleTreebank.Token]] = []
    var rest = characters[...]
    while !rest.isEmpty {
      var tokens: [SampleTreebank.Token] = []
      for _ in 0..<(1 + random.next(below: 8)) where !rest.isEmpty {
        let piece = rest.prefix(1 + Int(random.next(below: 4)))
        rest = rest.dropFirst(piece.count)
        tokens.append(token(of: Array(piece), isRange: chance(rangePercent)))
      }
      sentences.append(withTree(tokens))
    }
    return SampleTreebank(sentences: sentences)
  }

  private mutating func token(of piece: [Character], isRange: Bool) -> SampleTreebank.Token {
    var form = String(piece)
    if chance(10) { form.insert(pick([" ", "\u{a0}", "\u{3000}"]), at: form.startIndex) }
    let count = isRange ? 1 + Int(random.next(below: 4)) : 1
    let words = (0..<count).map { index in
      // Words of a range are often letters of the token, in another case.
      let letter = String(piece[min(index, piece.count - 1)])
      let form =
        chance(50) ? letter.lowercased() : chance(50) ? letter : pick(["a b", "aΣ", "AΣ"])
      return SampleTreebank.Word(
        form: form, lemma: pick(["_", "a", "b"]), upos: pick(["X", "Y"]), xpos: pick(["x", "y"]),
        feats: pick(Self.feats), head: 0, relation: pick(Self.relations))
    }
    return .init(form: form, isRange: isRange, words: words)
  }

  /// The same words with a random tree.
  private mutating func withTree(_ tokens: [SampleTreebank.Token]) -> [SampleTreebank.Token] {
    let count = tokens.reduce(0) { $0 + $1.words.count }
    var order = Array(1...count)
    for place in order.indices {
      order.swapAt(place, place + Int(random.next(below: UInt32(count - place))))
    }
    var heads = [Int](repeating: 0, count: count)
    for place in 1..<max(count, 1) {
      heads[order[place] - 1] = order[Int(random.next(below: UInt32(place)))]
    }
    var tokens = tokens
    var number = 0
    for token in tokens.indices {
      for word in tokens[token].words.indices {
        tokens[token].words[word].head = heads[number]
        number += 1
      }
    }
    return tokens
  }

  /// The same treebank with `percent` of its sentences and fields changed.
  mutating func changed(_ treebank: SampleTreebank, percent: UInt32) -> SampleTreebank {
    var treebank = treebank
    for s in treebank.sentences.indices {
      for t in treebank.sentences[s].indices {
        if treebank.sentences[s][t].isRange, chance(percent) {
          let form = treebank.sentences[s][t].form.filter { !$0.isWhitespace }
          treebank.sentences[s][t] = token(of: Array(form), isRange: chance(50))
        }
        for w in treebank.sentences[s][t].words.indices {
          if chance(percent) { treebank.sentences[s][t].words[w].upos = pick(["X", "Y"]) }
          if chance(percent) { treebank.sentences[s][t].words[w].xpos = pick(["x", "y"]) }
          if chance(percent) { treebank.sentences[s][t].words[w].lemma = pick(["_", "a", "b"]) }
          if chance(percent) { treebank.sentences[s][t].words[w].feats = pick(Self.feats) }
          if chance(percent) { treebank.sentences[s][t].words[w].relation = pick(Self.relations) }
        }
      }
      let count = treebank.sentences[s].reduce(0) { $0 + $1.words.count }
      let highest = treebank.sentences[s].flatMap(\.words).map(\.head).max() ?? 0
      if chance(percent) || highest > count || hasNoTree(treebank.sentences[s]) {
        treebank.sentences[s] = withTree(treebank.sentences[s])
      }
    }
    return treebank
  }

  private func hasNoTree(_ tokens: [SampleTreebank.Token]) -> Bool {
    let heads = tokens.flatMap(\.words).map(\.head)
    return heads.indices.contains { start in
      var word = start + 1
      for _ in heads.indices where word != 0 { word = heads[word - 1] }
      return word != 0
    } || heads.count { $0 == 0 } != 1
  }
}

/// Files that may be wrong: what the official evaluation says of them, ours must say.
enum BrokenSamples {
  private static let word = "1\ta\t_\t_\t_\t_\t0\troot\t_\t_\n"
  private static let tail = "\t_\t_\t_\t_\t0\troot\t_\t_\n"

  /// Pairs of a gold and a system file.
  static var pairs: [(gold: [UInt8], system: [UInt8])] {
    let good = Array((word + "\n").utf8)
    let mark: [UInt8] = [0xef, 0xbb, 0xbf]
    let comment = Array("# ".utf8)
    let newline = Array("\n".utf8)
    let surrogate: [UInt8] = [0xed, 0xa0, 0x80]
    var pairs: [(gold: [UInt8], system: [UInt8])] = [
      ([], []), (newline, newline), (comment + newline, []), (good, []), (good, mark + good),
      (good, mark + comment + newline + good), (good, comment + [0xff] + newline + good),
      (good, comment + surrogate + newline + good),
    ]
    for text in fieldTexts + lineTexts + rangeTexts { pairs.append((good, Array(text.utf8))) }
    return pairs
  }

  /// The word with one field, or part of it, replaced.
  private static let fieldTexts: [String] = replacements.map {
    word.replacing($0.0, with: $0.1) + "\n"
  }

  private static let replacements: [(String, String)] = [
    ("root", "ro\rot"),
    ("\t_\n", "\n"),
    ("\t_\n", "\t_\t_\n"),
    ("1\t", "2\t"),
    ("1\t", "x\t"),
    ("1\t", "\t"),
    ("1\t", " 1 \t"),
    ("1\t", "+1\t"),
    ("1\t", "1_\t"),
    ("1\t", "0_1\t"),
    ("1\t", "١\t"),
    ("1\t", "-1\t"),
    ("1\t", "1.0\t"),
    ("\ta\t", "\tb\t"),
    ("\ta\t", "\t\t"),
    ("\ta\t", "\t \u{a0}\t"),
    ("\ta\t", "\t\u{2009}a \t"),
    ("\ta\t", "\taa\t"),
    ("\t0\t", "\t1\t"),
    ("\t0\t", "\t2\t"),
    ("\t0\t", "\t_\t"),
    ("\t0\t", "\t-1\t"),
    ("\t0\t", "\t\t"),
    ("\t0\t", "\t00\t"),
    ("\t0\t", "\t-0\t"),
    ("\t0\t", "\t99999999999999999999\t"),
    ("root", ""),
    ("root\t_", "root\t0:root"),
    ("root\t_", "root\t1:dep|0:root"),
    ("root\t_", "root\t0"),
    ("root\t_", "root\t0:root|"),
    ("root\t_", "root\tx:root"),
    ("root\t_", "root\t7.1:root"),
    ("root\t_", "root\t7:root"),
    ("root\t_", "root\t"),
  ]

  private static let lineTexts: [String] = [
    "\(word)\n",
    word,
    "",
    "\n",
    "\n" + "\(word)\n",
    "\(word)\n\n",
    "\(word) \n",
    "\(word)\t\n",
    "# c\n" + "\(word)\n",
    "\(word)# c\n\n",
    "\(word)\n# c\n",
    "\(word)\n# c",
    word.replacing("\n", with: "\r\n") + "\r\n",
    word.replacing("\n", with: "\r") + "\r",
    "\(word)\r\r\n",
    "\(word)1.1\tx\n\n",
  ]

  /// Multiword tokens and empty nodes.
  private static let rangeTexts: [String] = [
    "1-1\ta\(tail)\(word)\n",
    "1-2\ta\(tail)\(word)\n",
    "1-2\ta\(tail)\(word)",
    "1-2\ta\(tail)",
    "1-\ta\(tail)\(word)\n",
    "1-1-1\ta\(tail)\(word)\n",
    "3-3\ta\(tail)\(word)\n",
    "1-0\ta\(tail)\n",
    "2-1\ta\(tail)\(word)\n",
    "1-2\ta\(tail)\(word)1.1\tx\(tail)2\ty\t_\t_\t_\t_\t1\tx\t_\t_\n\n",
    "1-2\ta\(tail)\(word)# c\n2\ty\t_\t_\t_\t_\t1\tx\t_\t_\n\n",
    "1-2\ta\(tail)\(word)9\t\t_\t_\t_\t_\t1\tx\t_\t_\n\n",
    "1-2\ta\(tail)\(word)2\ty\t_\t_\t_\t_\t-1\tx\t_\t_\n\n",
    "1-2\ta\(tail)\(word)2\ty\t_\t_\t_\t_\t2\tx\t_\t_\n\n",
    "1-2\ta\(tail)\(word)2\ty\t_\t_\t_\t_\t0\tx\t_\t_\n\n",
    "1-2\t\(tail)\(word)\n",
    "0.1\tx\(tail)\(word)\n",
    "0.1\tx\(tail)\n",
  ]
}
