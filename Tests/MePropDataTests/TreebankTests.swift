import Foundation
import MePropData
import Testing

@Suite struct TreebankTests {
  private static let trees = """
    ( (S
        (NP-SBJ-1 (DT The) (NN girl) (POS 's) (NN dog))
        (VP (MD will)
          (VP (VB give)
            (NP (PRP him))
            (NP (NP (DT the) (NNS bones))
              (SBAR (WHNP-2 (WDT that))
                (S (NP-SBJ (PRP she))
                  (VP (VBD saw)
                    (NP (-NONE- *T*-2))
                    (PP-LOC (IN in) (NP (NN town)))))))
            (NP-TMP (NN today))))
        (: ;) (-LRB- -LRB-)
        (. .)) )
    (S (NP (-NONE- *)))
    (NP (NNP Rex))

    """

  private func sentences(_ texts: [String: String], part: String = "train") throws -> [(
    CoNLLUSentence, TreebankFormat?
  )] {
    let folder = try folder(of: texts)
    let reader = TreebankReader(try Treebank(folder: folder.url).required(part))
    var found: [(CoNLLUSentence, TreebankFormat?)] = []
    while let sentence = try reader.next() { found.append((sentence, reader.format)) }
    return found
  }

  private func folder(of texts: [String: String]) throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    for (name, text) in texts {
      let url = folder.file(name)
      try FileManager.default.createDirectory(
        at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
      let bytes = Array(text.utf8)
      try Data(name.hasSuffix(".gz") ? try gzip(bytes) : bytes).write(to: url)
    }
    return folder
  }

  private func failure(_ texts: [String: String]) -> String {
    do {
      return "no error: \(try sentences(texts))"
    } catch {
      return "\(error)".replacing(/\/[^ :]*\//, with: "")
    }
  }

  @Test func bracketedTreesBecomeDependencies() throws {
    let found = try sentences(["train.mrg": Self.trees])
    #expect(found.count == 2)
    let tree = try DependencyTree(found[0].0, path: "train.mrg")
    let expected = """
      1 The DT 4 NMOD
      2 girl NN 4 NMOD
      3 's POS 4 NMOD
      4 dog NN 5 SUB
      5 will MD 0 ROOT
      6 give VB 5 VC
      7 him PRP 6 OBJ
      8 the DT 9 NMOD
      9 bones NNS 6 OBJ
      10 that WDT 9 NMOD
      11 she PRP 12 SUB
      12 saw VBD 10 SBAR
      13 in IN 12 VMOD
      14 town NN 13 PMOD
      15 today NN 6 VMOD
      16 ; : 5 P
      17 -LRB- -LRB- 5 P
      18 . . 5 P
      """
    let lines = tree.forms.indices.map {
      "\($0 + 1) \(tree.forms[$0]) \(tree.xpos[$0]) \(tree.heads[$0]) \(tree.relations[$0])"
    }
    #expect(lines.joined(separator: "\n") == expected)
    #expect(tree.upos.allSatisfy { $0 == "_" })
    #expect(found[0].0.line(ofWord: 6) == 5)
    #expect(found[0].1 == .penn)
    #expect(found[1].0.forms == ["Rex"])
    #expect(found[1].0.line(ofWord: 0) == 16)
  }

  /// The bytes of a converted sentence are the CoNLL-U that they say they are.
  @Test func convertedSentencesAreCoNLLU() throws {
    let sentence = try #require(try sentences(["train.mrg": Self.trees]).first).0
    let folder = try TemporaryFolder()
    let copy = try CoNLLUReader(path: folder.write(sentence.text, to: "a").path).next()
    #expect(copy?.text == sentence.text)
    #expect(copy?.forms == sentence.forms)
    #expect(copy?.values(of: .deprel) == sentence.values(of: .deprel))
    #expect(copy?.values(of: .misc) == sentence.values(of: .misc))
  }

  @Test(
    arguments: [
      ("(NP (NNP Ann) (POS 's))", [2, 0]),
      ("(NP (JJ old) (NNS dogs) (CC and) (NNS cats))", [4, 4, 4, 0]),
      ("(NP (NP (DT a) (NN b)) (PP (IN of) (NP (NN c))))", [2, 0, 2, 3]),
      ("(VP (TO to) (VP (VB go)))", [0, 1]), ("(PP (IN in) (NP (NN c)) (PRN (: -)))", [0, 1, 1]),
      ("(S (`` ``) (VP (VBG going)) ('' ''))", [2, 0, 2]),
      ("(SBARQ (WHNP (WP Who)) (SQ (VP (VBZ is) (NP-PRD (PRP it)))) (. ?))", [2, 0, 2, 2]),
      ("(ADJP (RB very) (JJ old))", [2, 0]), ("(QP (IN about) (CD 3) (CD 4))", [0, 1, 1]),
      ("(FRAG (NP (NN c)) (. .))", [0, 1]), ("(NEW (, ,) (XX a) (XX b))", [2, 0, 2]),
      ("((S (NP-SBJ (PRP I)) (VP (VBP go))) (. .))", [2, 0, 2]), ("(. .)", [0]),
    ])
  func heads(tree: String, heads: [Int]) throws {
    let sentence = try #require(try sentences(["train.mrg": tree]).first).0
    #expect(try DependencyTree(sentence, path: "").heads == heads)
  }

  @Test func damagedTreesNameTheLine() {
    #expect(
      failure(["train.mrg": "(S (NN a))\n(S (NN a)))\n"])
        == "train.mrg:2: found \")\", expected (, the start of a tree; is a bracket missing or one "
        + "too many?")
    #expect(failure(["train.mrg": "(S (NN a)\n\n"]).hasPrefix("train.mrg:1: the tree that starts"))
    #expect(
      failure(["train.mrg": "(S\n(NN))"]).hasPrefix("train.mrg:2: found \")\", expected a word"))
    #expect(
      failure(["train.mrg": "(S (NN a) b)"]).hasPrefix("train.mrg:1: found \"b\", expected ( or"))
    #expect(
      failure(["train.mrg": "(S (NN a b))"]).hasPrefix("train.mrg:1: found \"b\", expected ( or"))
    #expect(
      failure(["train.mrg": "(S (NN a (X y)))"]).hasPrefix("train.mrg:1: found \"(\", expected )"))
    #expect(
      failure(["train.mrg": "()"]).hasPrefix("train.mrg:1: found \")\", expected a word or (,"))
    // Depth is no matter of the stack.
    let deep = String(repeating: "(X ", count: 200_000)
    #expect(failure(["train.mrg": deep]).hasPrefix("train.mrg:1: the tree that starts"))
    #expect(
      failure(["train.mrg": deep + "(NN a)" + String(repeating: ")", count: 200_000)])
        .hasPrefix("no error"))
  }

  private static let conllx = """
    1\tDer\tder\tART\tART\t_\t2\tNK\t2\tNK
    2\tHund\tHund\tNN\tNN\t_\t3\tSB\t3\tSB
    3\tbellt\tbellen\tV\tVVFIN\t_\t0\tROOT\t0\tROOT
    4\t.\t.\t$.\t$.\t_\t0\tPUNC\t0\tPUNC


    """

  @Test func readsCoNLLX() throws {
    let found = try sentences(["german_x_train.conll": Self.conllx])
    let (sentence, format) = try #require(found.first)
    #expect(format == .conllx)
    #expect(sentence.values(of: .xpos) == ["ART", "NN", "VVFIN", "$."])
    #expect(throws: DependencyTreeError.self) { try DependencyTree(sentence, path: "a") }
    let tree = try DependencyTree(sentence, path: "a", allowsSeveralRoots: true)
    #expect(tree.heads == [2, 3, 0, 0])
    #expect(tree.relations == ["NK", "SB", "ROOT", "PUNC"])
  }

  @Test func formatsAreToldByContent() {
    func format(_ text: String) -> TreebankFormat { TreebankFormat(ofStart: Array(text.utf8)) }
    #expect(format(Self.conllx) == .conllx)
    #expect(format(Self.conllx.replacing("\n", with: "\r\n")) == .conllx)
    #expect(format(" \n( (S") == .penn)
    #expect(format("\u{feff}(S") == .penn)
    #expect(format("# (S\n1\ta\t_\t_\t_\t_\t0\troot\t_\t_\n") == .conllu)
    #expect(format("1\ta\t_\t_\t_\t_\t0\troot\t0:root\t_\n") == .conllu)
    #expect(format("") == .conllu)
  }

  @Test func sectionsOfTheWallStreetJournal() throws {
    var texts: [String: String] = [:]
    for section in ["00", "02", "09", "21", "22", "23", "24"] {
      texts["\(section)/wsj_\(section)00.mrg"] = "(NN a\(section))"
      texts["\(section)/wsj_\(section)01.mrg.gz"] = "(NN b\(section))"
      texts["\(section)/readme"] = "no tree"
    }
    func words(_ part: String) throws -> [String] {
      try sentences(texts, part: part).flatMap(\.0.forms)
    }
    #expect(try words("train") == ["a02", "b02", "a09", "b09", "a21", "b21"])
    #expect(try words("dev") == ["a22", "b22"])
    #expect(try words("test") == ["a23", "b23"])
    // For tagging they are divided otherwise.
    let folder = try folder(of: texts)
    let tagging = try Treebank(folder: folder.url, sections: .tagging)
    func sections(_ part: TreebankPart?) -> [String] {
      (part?.files ?? []).map { $0.deletingLastPathComponent().lastPathComponent }
    }
    #expect(sections(tagging.training) == ["00", "00", "02", "02", "09", "09"])
    #expect(sections(tagging.development) == ["21", "21"])
    #expect(sections(tagging.test) == ["22", "22", "23", "23", "24", "24"])
  }

  @Test func namesOfFiles() throws {
    let word = "1\ta\t_\t_\t_\t_\t0\troot\t_\t_\n\n"
    for name in [
      "en_x-ud-train.conllu", "train.conllu", "x_train.conll.gz", "x.train.conllx", "train.mrg",
    ] {
      #expect(try sentences([name: word, "x-test.conllu": word]).count == 1)
    }
    #expect(
      failure(["a-train.conllu": word, "train.conll": word]).contains(
        "found a-train.conllu, train.conll; put treebanks into folders of their own"))
    for name in ["strain.conllu", "train.txt", ".train.conllu", "train"] {
      #expect(failure([name: word]).contains("expected a file *-train.conllu"), "\(name)")
    }
  }
}
