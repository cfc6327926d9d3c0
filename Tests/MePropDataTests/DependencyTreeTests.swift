import Foundation
import MePropCore
import MePropData
import Testing

@Suite struct DependencyTreeTests {
  private func sentence(heads: [String], end: String = "\n") throws -> CoNLLUSentence {
    let folder = try TemporaryFolder()
    let lines = heads.enumerated().map { "\($0 + 1)\tw\($0)\tl\tX\tx\tA=b\t\($1)\tr:s\t_\tM" }
    let text = (["# text"] + lines + ["", ""]).joined(separator: end)
    let url = try folder.write(text, to: "a.conllu")
    return try #require(try CoNLLUReader(path: url.path).next())
  }

  private func failure(_ heads: [String], allowsSeveralRoots: Bool = false) throws -> String {
    let sentence = try sentence(heads: heads)
    do {
      let tree = try DependencyTree(
        sentence, path: "a", allowsSeveralRoots: allowsSeveralRoots)
      return "no error: \(tree.heads)"
    } catch {
      return "\(error)"
    }
  }

  private func tree(_ heads: [Int]) -> DependencyTree {
    let column = [String](repeating: "_", count: heads.count)
    return DependencyTree(
      forms: column, upos: column, xpos: column, feats: column, heads: heads, relations: column)
  }

  @Test func readsTheColumns() throws {
    let tree = try DependencyTree(try sentence(heads: ["2", "0", "2"]), path: "a")
    #expect(tree.heads == [2, 0, 2])
    #expect(tree.forms == ["w0", "w1", "w2"])
    #expect(tree.upos == ["X", "X", "X"])
    #expect(tree.xpos == ["x", "x", "x"])
    #expect(tree.feats == ["A=b", "A=b", "A=b"])
    #expect(tree.relations == ["r:s", "r:s", "r:s"])
    #expect(tree.defects.isEmpty)
    #expect(tree.replacing(heads: [0, 1, 2], relations: ["a", "b", "c"]).forms == tree.forms)
  }

  @Test func whatIsNoTreeNamesTheLine() throws {
    #expect(
      try failure(["0", "3"])
        == "a:3: the head is 3, expected 0...2, as the sentence has 2 words; end each sentence by "
        + "a blank line")
    #expect(try failure(["0", "_"]).hasPrefix("a:3: the head is _, expected the number"))
    #expect(try failure(["0", "-1"]).hasPrefix("a:3: the head is \"-1\", expected"))
    #expect(try failure(["0", "2"]).hasPrefix("a:3: word 2 is its own head"))
    #expect(
      try failure(["0", "3", "4", "2"]).hasPrefix("a:3: the heads of words 2, 3, 4 go round"))
    #expect(try failure(["2", "1"]).hasPrefix("a:2: the heads of words 1, 2 go round"))
    #expect(try failure(["0", "1", "0"]).hasPrefix("a:4: words 1, 3 have the head 0"))
    #expect(try failure(["0", "1", "0"], allowsSeveralRoots: true) == "no error: [0, 1, 0]")
    #expect(try failure(["0", "2"], allowsSeveralRoots: true).hasPrefix("a:3: word 2"))
  }

  @Test func findsAllDefects() {
    #expect(
      tree([0, 3, 2, 5, 6, 4, 0, 3]).defects
        == [.cycle(words: [2, 3]), .cycle(words: [4, 5, 6]), .severalRoots(words: [1, 7])])
    #expect(tree([]).defects.isEmpty)
  }

  @Test func furtherRootsDependOnTheFirst() {
    #expect(tree([2, 0, 0, 3, 0]).withOneRoot.heads == [2, 0, 2, 3, 2])
    #expect(tree([2, 0, 2]).withOneRoot == tree([2, 0, 2]))
    #expect(tree([]).withOneRoot == tree([]))
  }

  @Test func projectivity() {
    #expect(tree([]).isProjective)
    #expect(tree([0]).isProjective)
    #expect(tree([2, 0, 2]).isProjective)
    #expect(!tree([3, 4, 0, 3]).isProjective)
    #expect(tree([3, 4, 0, 3]).crossingWords == [1, 2, 3])
    // An arc over the root crosses the arc that leads to it.
    #expect(!tree([3, 0, 2, 1]).isProjective)
    #expect(!tree([4, 0, 2, 2]).isProjective)
  }

  /// Against the definition, on random trees of up to nine words.
  @Test func projectivityAgreesWithItsDefinition() {
    var random = Philox(seed: 7)
    var found = [true: 0, false: 0]
    for _ in 0..<4_000 {
      let count = Int(random.next(below: 9)) + 1
      var heads = [Int](repeating: 0, count: count)
      // Each word of a random order has a head among those before it.
      var order = Array(1...count)
      for place in order.indices {
        order.swapAt(place, place + Int(random.next(below: UInt32(count - place))))
      }
      for place in 1..<max(count, 1) {
        heads[order[place] - 1] = order[Int(random.next(below: UInt32(place)))]
      }
      func descends(_ word: Int, from ancestor: Int) -> Bool {
        var word = word
        while word != 0, word != ancestor { word = heads[word - 1] }
        return word == ancestor
      }
      let expected = (1...count).allSatisfy { word in
        let head = heads[word - 1]
        return (min(word, head)...max(word, head)).dropFirst().dropLast().allSatisfy {
          descends($0, from: head)
        }
      }
      #expect(tree(heads).isProjective == expected, "\(heads)")
      #expect(tree(heads).crossingWords.isEmpty == expected, "\(heads)")
      #expect(tree(heads).defects.isEmpty)
      found[expected, default: 0] += 1
    }
    #expect(found.values.allSatisfy { $0 > 500 })
  }

  @Test(arguments: ["\n", "\r\n"])
  func headsAndRelationsAreWrittenBack(end: String) throws {
    let sentence = try sentence(heads: ["_", "7"], end: end)
    var bytes: [UInt8] = []
    sentence.append(heads: [2, 0], relations: ["é", "root"], to: &bytes)
    let expected = String(decoding: sentence.text, as: UTF8.self)
      .replacing("\t_\tr:s\t", with: "\t2\té\t").replacing("\t7\tr:s\t", with: "\t0\troot\t")
    #expect(String(decoding: bytes, as: UTF8.self) == expected)
  }
}
