import Foundation
import MePropData
import Testing

@Suite struct ScoringTests {
  /// Tokens such as `a`, or a multiword token and its words such as `ab a b`.
  private func text(_ tokens: [String]) -> String {
    var number = 0
    let lines = tokens.flatMap { token in
      let parts = token.split(separator: " ")
      let words = parts.count == 1 ? parts : Array(parts.dropFirst())
      var lines: [String] = []
      if parts.count > 1 {
        lines.append(
          "\(number + 1)-\(number + words.count)\t\(parts[0])" + String(repeating: "\t_", count: 8))
      }
      for word in words {
        number += 1
        lines.append("\(number)\t\(word)\t_\t_\t_\t_\t\(number > 1 ? 1 : 0)\t_\t_\t_")
      }
      return lines
    }
    return (lines + ["", ""]).joined(separator: "\n")
  }

  private func scores(gold: String, system: String) throws -> UDScores {
    let folder = try TemporaryFolder()
    return try UDScores(
      gold: InputFile(path: folder.write(gold, to: "gold").path),
      system: InputFile(path: folder.write(system, to: "system").path))
  }

  /// The alignments that the official evaluation tests itself with.
  @Test(
    arguments: [
      (["a"], ["a"], 1), (["a", "b", "c"], ["a", "b", "c"], 3),
      (["abc a b c"], ["a", "b", "c"], 3), (["a", "bc b c", "d"], ["a", "b", "c", "d"], 4),
      (["abcd a b c d"], ["ab a b", "cd c d"], 4),
      (["abc a b c", "de d e"], ["a", "bcd b c d", "e"], 5), (["abcd"], ["a", "b", "c", "d"], 0),
      (["abc", "d"], ["a", "b", "c", "d"], 1), (["a", "bc", "d"], ["a", "b", "c", "d"], 2),
      (["a", "bc b c", "d"], ["a", "b", "cd"], 2),
      (["abc a BX c", "def d EX f"], ["ab a b", "cd c d", "ef e f"], 4),
      (["ab a b", "cd bc d"], ["a", "bc", "d"], 2),
      (["a", "bc b c", "d"], ["ab AX BX", "cd CX a"], 1),
    ])
  func alignsWords(gold: [String], system: [String], aligned: Int) throws {
    for (gold, system) in [(gold, system), (system, gold)] {
      let score = try scores(gold: text(gold), system: text(system))[.words]
      #expect(score.correctCount == aligned)
      #expect(score.alignedAccuracy == nil)
    }
  }

  @Test func ratios() {
    let score = UDScore(goldCount: 3, systemCount: 7, correctCount: 2, alignedCount: 0)
    #expect(score.precision == 2.0 / 7)
    #expect(score.recall == 2.0 / 3)
    #expect(score.f1 == 0.4)
    #expect(score.alignedAccuracy == 0)
    let nothing = UDScore(goldCount: 0, systemCount: 0, correctCount: 0)
    #expect(nothing.precision == 0 && nothing.recall == 0 && nothing.f1 == 0)
  }

  private func failure(gold: String? = nil, system: String) -> String {
    do {
      return "no error: \(try scores(gold: gold ?? text(["ab", "cd"]), system: system))"
    } catch {
      return "\(error)".replacing(/\/[^ :]*\//, with: "")
    }
  }

  @Test func errorsNameFileAndLine() {
    #expect(
      failure(system: text(["ab", "cde"]))
        == "system:2: the text goes on with \"e\", expected \"\" as in gold:2; the words of both "
        + "files must be the same text but for blanks")
    #expect(
      failure(gold: text(["ab", "é", "cd"]), system: text(["ab", "è", "cd"]))
        .hasPrefix(
          "system:2: the text goes on with \"ècd\", expected \"écd\" as in gold:2 "
            + "(U+00E8 U+0063 U+0064, expected U+00E9 U+0063 U+0064);"))
    let good = text(["ab", "cd"])
    #expect(
      failure(system: good + "\n").hasPrefix("system:4: a blank line ends a sentence without"))
    #expect(failure(system: String(good.dropLast())).hasPrefix("system:2: the file ends within a"))
    #expect(
      failure(system: good.replacing("\t1\t", with: "\t2\t"))
        .hasPrefix("system:2: word 2 is its own head"))
    #expect(
      failure(system: good.replacing("\t1\t", with: "\t0\t"))
        .hasPrefix("system:2: words 1, 2 have the head 0, expected one root"))
    #expect(
      failure(system: good.replacing("\t1\t", with: "\t3\t"))
        .hasPrefix("system:2: the head is 3, expected 0...2"))
    #expect(
      failure(system: good.replacing("1\tab", with: "1-2\tab"))
        .hasPrefix("system:3: the sentence ends before the last word of the multiword token 1-2"))
    #expect(failure(system: "\u{feff}" + good).hasPrefix("system:1: starts with a byte-order mark"))
    #expect(
      failure(system: good.replacing("\t1\t_\t_", with: "\t1\t_\t1")).hasPrefix(
        "system:2: the ninth field is \"1\", expected _ or a list such as 2:nsubj|4:nsubj"))
  }

  @Test func readsGzip() throws {
    let folder = try TemporaryFolder()
    let bytes = Array(text(["a", "bc b c"]).utf8)
    let scores = try UDScores(
      gold: InputFile(path: folder.write(gzip(bytes), to: "a.gz").path),
      system: InputFile(path: folder.write(bytes, to: "a").path))
    #expect(scores[.las].f1 == 1)
  }

  @Test(
    arguments: [
      ("caf\u{e9}", "cafe\u{301}", "(U+0065 U+0301, expected U+00E9)"),
      ("ab", "a\u{200b}b", "(U+200B U+0062, expected U+0062)"),
      ("cafe", "cafe\u{301}", "(U+0301, expected nothing)"),
    ])
  func differencesThatCannotBeSeenAreShownAsCodePoints(
    gold: String, system: String, message: String
  ) {
    #expect { _ = try scores(gold: text([gold]), system: text([system])) } throws: {
      "\($0)".contains(message)
    }
  }
}
