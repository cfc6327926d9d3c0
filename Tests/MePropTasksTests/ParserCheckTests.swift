import Foundation
import MePropTasks
import Testing

@Suite struct ParserCheckTests {
  private func row(_ id: Int, _ head: String, _ relation: String, form: String = "w") -> String {
    "\(id)\t\(form)\(id)\t_\t_\t_\t_\t\(head)\t\(relation)\t_\t_\n"
  }

  private func check(_ texts: [String: [UInt8]]) throws -> ParserCheck {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("meprop-tests-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    for (name, bytes) in texts {
      try Data(bytes).write(to: folder.appendingPathComponent(name))
    }
    return ParserCheck(try Treebank(folder: folder))
  }

  private func lines(_ lines: [String]) -> [String] {
    lines.map { $0.replacing(/\/[^ :,]*\//, with: "") }
  }

  private var good: String {
    (1...5).map { row($0, $0 == 1 ? "0" : "1", $0 == 1 ? "root" : "dep") }.joined() + "\n"
  }

  @Test func countsWhatWouldHurt() throws {
    let crossing = row(1, "3", "a") + row(2, "4", "b") + row(3, "0", "root") + row(4, "3", "dep")
    let train = good + crossing + "\n" + row(1, "0", "root") + row(2, "0", "root") + "\n"
    let dev = good + row(1, "0", "root") + row(2, "1", "new") + "\n"
    let check = try check([
      "train.conllu": Array(train.utf8), "x-dev.conllu": Array(dev.utf8),
    ])
    #expect(check.errors.isEmpty)
    #expect(check.parts.map(\.name) == ["train", "dev"])
    #expect(check.parts[0].format == .conllu)
    #expect(check.parts[0].sentences == 3 && check.parts[0].words == 11)
    #expect(check.parts[0].longest == 5)
    #expect(check.parts[0].crossingArcs == 3 && check.parts[0].nonProjectiveSentences == 1)
    #expect(check.parts[0].severalRoots == 1)
    #expect(check.parts[0].emptyColumns == ["lemma", "upos", "xpos", "feats"])
    #expect(check.parts[1].repeatedSentences == 1)
    #expect(check.relationCount == 4)
    #expect(check.relationsSeenOnce == ["a", "b"])
    #expect(
      lines(check.warnings).filter { !$0.hasPrefix("no file *-test.conllu") } == [
        "train: 1 of 3 sentences have several roots, the first at train.conllu:13; for training "
          + "all but the first depend on it, and the CoNLL evaluation refuses such trees",
        "train: 3 of 11 arcs cross others, in 1 of 3 sentences, the first at train.conllu:7; only "
          + "a system for non-projective trees can find them",
        "train: there are no tags, neither upos nor xpos; trees are much harder to find without "
          + "them",
        "dev: there are no tags, neither upos nor xpos; trees are much harder to find without them",
        "dev: 1 of 2 sentences, of five words or more, are in train as well",
        "train: 2 relations are seen once and can hardly be learned: a, b",
        "dev: 1 relations are not in train and cannot be found: new",
      ])
    #expect(check.warnings.contains { $0.hasPrefix("no file *-test.conllu or the like in /") })
  }

  @Test func whatIsNoTreeIsAnError() throws {
    let text =
      good + row(1, "0", "root") + row(2, "2", "dep") + "\n" + row(1, "0", "root")
      + row(2, "9", "dep") + "\n" + row(1, "_", "_") + row(2, "_", "") + "\n"
    let check = try check(["train.conllu": Array(text.utf8)])
    #expect(
      lines(check.errors) == [
        "train: 2 words have no head, the first at train.conllu:13",
        "train: 1 heads are beyond the end of the sentence, the first at train.conllu:11",
        "train: 1 sentences have heads that go round in a cycle, the first at train.conllu:8",
      ])
    #expect(check.parts[0].missingHeads == 2 && check.parts[0].cycles == 1)
    #expect(check.parts[0].headsOutOfRange == 1 && check.parts[0].missingRelations == 2)
  }

  @Test func damagedBytesAreNamedWithTheirLine() throws {
    let check = try check([
      "train.conllu": Array(good.utf8) + [0x31, 9, 0xff, 10],
      "dev.conllu": Array("1\ta\n".utf8), "test.conllu": [],
    ])
    #expect(
      lines(check.errors) == [
        "train.conllu:7: not UTF-8 text; convert the file",
        "dev.conllu:1: expected 10 fields with tabs between, found 2; separate fields by single "
          + "tabs",
      ])
    #expect(
      lines(check.warnings).contains(
        "test.conllu: has no words, expected sentences in CoNLL-U; training goes without it"))
    #expect(check.parts[0].sentences == 1)
  }

  @Test func theObjectHasTheFigures() throws {
    let check = try check(["train.conllu": Array(good.utf8), "dev.mrg": Array("(NP (NN a))".utf8)])
    let json = check.json.description
    #expect(json.contains("\"format\":\"conllu\",\"sentences\":1,\"words\":5,\"longest\":5"))
    #expect(json.contains("\"format\":\"penn\",\"sentences\":1"))
    #expect(json.contains("\"relations\":2,\"relationsSeenOnce\":[\"root\"]"))
    #expect(json.contains("\"unseenRelations\":{\"dev\":[\"ROOT\"]}"))
  }
}
