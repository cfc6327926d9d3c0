// A small language whose tags follow from words, endings and neighbors.

import Foundation
import MePropCore
import MePropData
import MePropTasks

/// Sentences of made-up words; the word `that` is DET before a noun and PRON before a verb.
struct SyntheticTreebank {
  static func sentences(_ count: Int, seed: UInt64) -> [TaggedSentence] {
    var random = Philox(seed: seed)
    return (0..<count).map { _ in
      var forms: [String] = []
      var tags: [String] = []
      for _ in 0..<(1 + random.next(below: 4)) {
        let stem = String((0..<3).map { _ in "abcdefgh".randomElement(using: &random) ?? "a" })
        switch random.next(below: 3) {
        case 0:
          forms += ["that", stem + "ness"]
          tags += ["DET", "NOUN"]
        case 1:
          forms += ["that", stem + "ify"]
          tags += ["PRON", "VERB"]
        default:
          forms.append(String(random.next(below: 1000)))
          tags.append("NUM")
        }
      }
      return TaggedSentence(forms: forms, tags: tags)
    }
  }

  static func conllu(_ sentences: [TaggedSentence]) -> String {
    sentences.map { sentence in
      zip(sentence.forms, sentence.tags).enumerated().map { index, word in
        "\(index + 1)\t\(word.0)\t_\t\(word.1)\t_\t_\t0\t_\t_\t_\n"
      }.joined() + "\n"
    }.joined()
  }

  static let data = TaggerData(
    training: sentences(300, seed: 1), development: sentences(60, seed: 2),
    test: sentences(60, seed: 3))
}
