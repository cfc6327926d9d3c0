import Foundation
import Testing

@Suite struct ScoreCommandTests {
  private static let gold = """
    # text = don't go now
    1-2\tdon't\t_\t_\t_\t_\t_\t_\t_\t_
    1\tdo\tdo\tAUX\tVBP\tMood=Ind\t3\taux\t_\t_
    2\tn't\tnot\tPART\tRB\t_\t3\tadvmod\t_\t_
    3\tgo\tgo\tVERB\tVB\tVerbForm=Inf\t0\troot\t_\t_
    4\tnow\tnow\tADV\tRB\t_\t3\tadvmod\t_\t_


    """
  private static let system = """
    1\tdon\tdo\tAUX\tVBP\tMood=Ind\t3\taux\t_\t_
    2\t't\tnot\tPART\tRB\t_\t3\tadvmod\t_\t_
    3\tgo\tgo\tVERB\tVBP\tVerbForm=Inf|Own=1\t0\troot\t_\t_
    4\tnow\tsoon\tADV\tRB\t_\t3\tadvmod:x\t_\t_


    """

  private func tool() throws -> Tool {
    let tool = try Tool(trainingCount: 1)
    try Data(Self.gold.utf8).write(to: tool("gold.conllu"))
    try Data(Self.system.utf8).write(to: tool("system.conllu"))
    return tool
  }

  /// The tables that `udtools` 0.2.9 prints for these files.
  @Test func printsTheOfficialTables() throws {
    let tool = try tool()
    #expect(
      try tool.run(["score", "gold.conllu", "system.conllu"]).output == """
        Metric     | Precision |    Recall |  F1 Score | AligndAcc
        -----------+-----------+-----------+-----------+-----------
        Tokens     |     50.00 |     66.67 |     57.14 |
        Sentences  |    100.00 |    100.00 |    100.00 |
        Words      |     50.00 |     50.00 |     50.00 |
        UPOS       |     50.00 |     50.00 |     50.00 |    100.00
        XPOS       |     25.00 |     25.00 |     25.00 |     50.00
        UFeats     |     50.00 |     50.00 |     50.00 |    100.00
        AllTags    |     25.00 |     25.00 |     25.00 |     50.00
        Lemmas     |     25.00 |     25.00 |     25.00 |     50.00
        UAS        |     50.00 |     50.00 |     50.00 |    100.00
        LAS        |     50.00 |     50.00 |     50.00 |    100.00
        CLAS       |     66.67 |     66.67 |     66.67 |    100.00
        MLAS       |     33.33 |     33.33 |     33.33 |     50.00
        BLEX       |     33.33 |     33.33 |     33.33 |     50.00

        """)
    #expect(
      try tool.run(["score", "gold.conllu", "system.conllu", "--counts"]).output == """
        Metric     | Correct   |      Gold | Predicted | Aligned
        -----------+-----------+-----------+-----------+-----------
        Tokens     |         2 |         3 |         4 |          
        Sentences  |         1 |         1 |         1 |          
        Words      |         2 |         4 |         4 |         2
        UPOS       |         2 |         4 |         4 |         2
        XPOS       |         1 |         4 |         4 |         2
        UFeats     |         2 |         4 |         4 |         2
        AllTags    |         1 |         4 |         4 |         2
        Lemmas     |         1 |         4 |         4 |         2
        UAS        |         2 |         4 |         4 |         2
        LAS        |         2 |         4 |         4 |         2
        CLAS       |         2 |         3 |         3 |         2
        MLAS       |         1 |         3 |         3 |         2
        BLEX       |         1 |         3 |         3 |         2

        """)
  }

  @Test func printsOneObject() throws {
    let tool = try tool()
    let outcome = try tool.run(
      ["score", "gold.conllu", "-", "--json"], input: Data(Self.system.utf8))
    #expect(outcome.status == 0 && outcome.error.isEmpty)
    let json = try #require(outcome.json as? [String: [String: Double]])
    #expect(json.count == 13)
    #expect(json["Tokens"]?.keys.sorted() == ["f1", "precision", "recall"])
    #expect(json["Tokens"]?["f1"] == 4.0 / 7)
    #expect(
      json["Lemmas"] == ["precision": 0.25, "recall": 0.25, "f1": 0.25, "alignedAccuracy": 0.5])
    let counts = try tool.run(["score", "gold.conllu", "system.conllu", "--json", "--counts"])
    #expect(
      counts.output.contains(
        "\"MLAS\":{\"correct\":1,\"gold\":3,\"system\":3,\"aligned\":2}"), "\(counts.output)")
  }

  @Test func refusals() throws {
    let tool = try tool()
    let twice = try tool.run(["score", "-", "-"])
    #expect(twice.status == 64)
    let missing = try tool.run(["score", "gold.conllu", "none.conllu", "--json"])
    #expect(missing.status == 1 && missing.output.isEmpty)
    #expect(missing.lastLine.hasPrefix("error: none.conllu: cannot be opened"))
    try Data(Self.gold.replacing("\t3\taux", with: "\t0\taux").utf8).write(to: tool("two.conllu"))
    let roots = try tool.run(["score", "gold.conllu", "two.conllu"])
    #expect(roots.status == 1)
    #expect(roots.lastLine.hasPrefix("error: two.conllu:5: words 1, 3 have the head 0"))
  }
}
