import Foundation
import MePropCore
import MePropTasks
import Testing

@Suite struct TreeEvaluationTests {
  private func tree(
    heads: [Int], relations: [String], upos: [String]? = nil, xpos: [String]? = nil,
    feats: [String]? = nil
  ) -> DependencyTree {
    let none = [String](repeating: "_", count: heads.count)
    return DependencyTree(
      forms: none, upos: upos ?? none, xpos: xpos ?? none, feats: feats ?? none, heads: heads,
      relations: relations)
  }

  @Test func countsWhatAgrees() {
    let gold = tree(
      heads: [2, 0, 2, 3, 2], relations: ["det", "root", "obj", "nmod:of", "punct"],
      upos: ["DET", "VERB", "NOUN", "NOUN", "PUNCT"])
    let found = gold.replacing(
      heads: [2, 0, 2, 3, 3], relations: ["det", "root", "nsubj", "nmod", "punct"])
    let evaluation = TreeEvaluation(gold: [gold], found: [found])
    #expect(evaluation.all == .init(count: 5, correctHeads: 4, correctArcs: 3))
    #expect(evaluation.all.uas == 80 && evaluation.all.las == 60)
    #expect(evaluation.withoutPunctuation == .init(count: 4, correctHeads: 4, correctArcs: 3))
    // Content: root, obj, nmod; found as content: root, nsubj, nmod.
    #expect(evaluation.clas == UDScore(goldCount: 3, systemCount: 3, correctCount: 2))
    #expect(evaluation.mlas == UDScore(goldCount: 3, systemCount: 3, correctCount: 2))
    let subject = evaluation.byRelation.first { $0.name == "nsubj" }
    #expect(subject == .init(name: "nsubj", goldCount: 0, foundCount: 1, correctCount: 0))
    #expect(subject?.recall == 0 && subject?.precision == 0 && subject?.f1 == 0)
    // By relation, subtypes count.
    #expect(evaluation.byRelation.first { $0.name == "nmod:of" }?.correctCount == 0)
    #expect(
      evaluation.byDistance == [
        .init(name: "root", goldCount: 1, foundCount: 1, correctCount: 1),
        .init(name: "1", goldCount: 3, foundCount: 3, correctCount: 3),
        .init(name: "2", goldCount: 0, foundCount: 1, correctCount: 0),
        .init(name: "3", goldCount: 1, foundCount: 0, correctCount: 0),
      ])
    #expect(evaluation.byLength.map(\.name) == ["1-10"])
    #expect(evaluation.byLength[0].sentences == 1)
  }

  @Test func treebanksWithoutSomeColumns() {
    let gold = tree(heads: [0, 1], relations: ["SUB", "P"], xpos: ["NN", "."])
    let evaluation = TreeEvaluation(gold: [gold], found: [gold])
    #expect(evaluation.clas == nil && evaluation.mlas == nil)
    #expect(evaluation.withoutPunctuation.count == 1)
    let noTags = tree(heads: [0, 1], relations: ["root", "obj"])
    #expect(TreeEvaluation(gold: [noTags], found: [noTags]).clas?.f1 == 1)
    #expect(TreeEvaluation(gold: [noTags], found: [noTags]).mlas == nil)
    let nothing = TreeEvaluation(gold: [], found: [])
    #expect(nothing.all.uas == 0 && nothing.byRelation.isEmpty && nothing.byLength.isEmpty)
  }

  /// On random trees the figures are those of the CoNLL 2018 evaluation.
  @Test func agreesWithTheScorer() throws {
    var random = Philox(seed: 11)
    func pick(_ items: [String]) -> String { items[Int(random.next(below: UInt32(items.count)))] }
    func randomHeads(_ count: Int) -> [Int] {
      var heads = [Int](repeating: 0, count: count)
      for word in 1..<max(count, 1) { heads[word] = 1 + Int(random.next(below: UInt32(word))) }
      return heads
    }
    let relations = ["nsubj", "nsubj:pass", "case", "det:a", "det", "punct", "aux", "conj", "cc"]
    let tags = ["NOUN", "VERB", "PUNCT"]
    let feats = ["_", "Number=Sing|Own=1", "Number=Sing", "Case=Nom|Number=Sing"]
    func sample(_ heads: [Int]) -> DependencyTree {
      tree(
        heads: heads, relations: heads.map { _ in pick(relations) },
        upos: heads.map { _ in pick(tags) }, feats: heads.map { _ in pick(feats) })
    }
    var gold: [DependencyTree] = []
    var found: [DependencyTree] = []
    for _ in 0..<200 {
      let heads = randomHeads(1 + Int(random.next(below: 60)))
      let tree = sample(heads)
      let other = sample(random.next(below: 2) == 0 ? heads : randomHeads(heads.count))
      gold.append(tree)
      // Much is the same, or no word with its children would be.
      let keeps = random.next(below: 3) > 0
      found.append(
        DependencyTree(
          forms: tree.forms, upos: keeps ? tree.upos : other.upos, xpos: tree.xpos,
          feats: keeps ? tree.feats : other.feats, heads: other.heads,
          relations: keeps ? tree.relations : other.relations))
    }
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("meprop-tests-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    func file(_ trees: [DependencyTree], _ name: String) throws -> InputFile {
      let text = trees.map { tree in
        tree.heads.indices.map { word in
          "\(word + 1)\ta\t_\t\(tree.upos[word])\t_\t\(tree.feats[word])\t\(tree.heads[word])\t"
            + "\(tree.relations[word])\t_\t_\n"
        }.joined() + "\n"
      }.joined()
      let url = folder.appendingPathComponent(name)
      try text.write(to: url, atomically: true, encoding: .utf8)
      return try InputFile(path: url.path)
    }
    let scores = try UDScores(gold: file(gold, "gold"), system: file(found, "found"))
    let evaluation = TreeEvaluation(gold: gold, found: found)
    #expect(evaluation.all.correctHeads == scores[.uas].correctCount)
    #expect(evaluation.all.correctArcs == scores[.las].correctCount)
    #expect(evaluation.all.count == scores[.las].goldCount)
    for (mine, official) in [(evaluation.clas, scores[.clas]), (evaluation.mlas, scores[.mlas])] {
      #expect(mine?.correctCount == official.correctCount)
      #expect(mine?.goldCount == official.goldCount)
      #expect(mine?.systemCount == official.systemCount)
      #expect(official.correctCount > 100)
    }
    #expect(evaluation.byLength.reduce(0) { $0 + $1.attachment.count } == evaluation.all.count)
    #expect(evaluation.byDistance.reduce(0) { $0 + $1.goldCount } == evaluation.all.count)
    #expect(evaluation.byRelation.reduce(0) { $0 + $1.foundCount } == evaluation.all.count)
    #expect(
      evaluation.byDistance.reduce(0) { $0 + $1.correctCount } == evaluation.all.correctHeads)
  }

  @Test func tablesAndJSONHaveTheFigures() throws {
    let gold = tree(heads: [0, 1], relations: ["root", "obj"], upos: ["VERB", "NOUN"])
    let evaluation = TreeEvaluation(gold: [gold], found: [gold])
    #expect(
      evaluation.tables.map(\.title) == [
        "Attachment", "Content words", "Head and relation, by relation",
        "Heads, by distance in words", "Attachment, by words in the sentence",
      ])
    #expect(evaluation.tables[0].rows[1] == ["all", "2", "100.00", "100.00"])
    for table in evaluation.tables {
      #expect(table.rows.allSatisfy { $0.count == table.rows[0].count })
    }
    #expect(
      JSONValue.object(evaluation.jsonMembers).description == """
        {"uas":100,"las":100,"count":2,"clas":100,"mlas":100,\
        "withoutPunctuation":{"uas":100,"las":100,"count":2},\
        "byRelation":[{"relation":"obj","precision":100,"recall":100,"f1":100,"gold":1,"found":1},\
        {"relation":"root","precision":100,"recall":100,"f1":100,"gold":1,"found":1}],\
        "byDistance":[{"distance":"root","precision":100,"recall":100,"f1":100,"gold":1,"found":1},\
        {"distance":"1","precision":100,"recall":100,"f1":100,"gold":1,"found":1}],\
        "bySentenceLength":[{"length":"1-10","sentences":1,"uas":100,"las":100,"count":2}]}
        """)
  }
}
