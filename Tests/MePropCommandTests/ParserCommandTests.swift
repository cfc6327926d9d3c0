// The parser from the command line: train, evaluate, predict, and what users get wrong.

import Foundation
import Testing

@Suite("Parser command")
struct ParserCommandTests {
  /// A treebank of short sentences in the folder of a tool.
  private func tool() throws -> Tool {
    let tool = try Tool(trainingCount: 1)
    let folder = tool("bank")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    for (part, count) in [("train", 40), ("dev", 5), ("test", 5)] {
      try Self.text(count).write(
        to: folder.appendingPathComponent("x-\(part).conllu"), atomically: true, encoding: .utf8)
    }
    return tool
  }

  private static func text(_ count: Int) -> String {
    (0..<count).map { index in
      """
      1\tthe\t_\tDET\tD\t_\t2\tdet\t_\t_
      2\tdog\(index % 3)\t_\tNOUN\tN\t_\t3\tnsubj\t_\t_
      3\tbarks\t_\tVERB\tV\t_\t0\troot\t_\t_
      4\t.\t_\tPUNCT\t.\t_\t3\tpunct\t_\t_


      """
    }.joined()
  }

  private static let small = [
    "train", "parser", "--data", "bank", "--hidden", "16", "--k", "4", "--batch", "10",
    "--embedding-size", "8", "--learning-rate", "0.01", "--epochs", "4", "--threads", "1",
  ]

  @Test(
    "Jackknifed tags are kept for a run that is resumed, and computed again where they are damaged")
  func jackknifedTags() throws {
    let tool = try tool()
    let tagger = try tool.run([
      "train", "tagger", "--data", "bank", "--epochs", "1", "--hidden", "8", "--k", "2",
      "--threads",
      "1", "--run", "t",
    ])
    #expect(tagger.status == 0, "\(tagger.error)")
    let training = Self.small + ["--tagger", "t", "--folds", "2", "--run", "r"]
    let first = try tool.run(training)
    #expect(first.status == 0 && first.error.contains("tagger for fold 2 of 2"), "\(first.error)")
    let file = tool("r/jackknifed-tags.json")
    let saved = try Data(contentsOf: file)
    let resumed = try tool.run(["train", "parser", "--run", "r", "--resume"])
    #expect(resumed.status == 0, "\(resumed.error)")
    #expect(!resumed.error.contains("tagger for fold"))
    #expect(resumed.error.contains("jackknifed-tags.json"))
    // Another tag with the old digest.
    let text = String(decoding: saved, as: UTF8.self)
    let damaged = text.replacing("[\"", with: "[\"X", maxReplacements: 1)
    #expect(damaged != text)
    try damaged.write(to: file, atomically: true, encoding: .utf8)
    let again = try tool.run(["train", "parser", "--run", "r", "--resume"])
    #expect(again.status == 0 && again.error.contains("tagger for fold 2 of 2"), "\(again.error)")
    #expect(try Data(contentsOf: file) == saved)
  }

  @Test("A parser is trained, evaluated and used")
  func wholeWay() throws {
    let tool = try tool()
    let trained = try tool.run(Self.small + ["--run", "r", "--json"])
    #expect(trained.status == 0, "\(trained.error)")
    let epochs = try #require(trained.json?["epochs"] as? [[String: Any]])
    #expect(epochs.count == 4)
    #expect(epochs[0]["transitionsPerSecond"] is NSNumber)
    let dev = try #require(epochs[3]["dev"] as? [String: Any])
    #expect((dev["uas"] as? Double ?? 0) > 90 && (dev["las"] as? Double ?? 0) > 90)
    let evaluated = try tool.run(["evaluate", "r", "--json"])
    #expect(evaluated.status == 0, "\(evaluated.error)")
    let predict = try #require(evaluated.json?["predict"] as? [String: Any])
    #expect((predict["wordsPerSecond"] as? Double ?? 0) > 0)
    #expect(evaluated.json?["task"] as? String == "parser")
    #expect(evaluated.json?["uas"] is NSNumber && evaluated.json?["las"] is NSNumber)
    #expect(evaluated.json?["byRelation"] is [[String: Any]])
    #expect(evaluated.json?["withoutPunctuation"] is [String: Any])
    let table = try tool.run(["evaluate", "r", "--split", "dev", "--beam", "3", "--svg", "a.svg"])
    #expect(table.status == 0 && table.output.contains("UAS"))
    #expect(table.output.contains("Heads, by distance in words"))
    let drawing = try String(contentsOf: tool("a.svg"), encoding: .utf8)
    #expect(drawing.contains("<title id=\"attachment-title\">dev: UAS"))
    for heading in ["by relation", "by distance in words", "LAS, by words in the sentence"] {
      #expect(drawing.contains(heading), "\(heading)")
    }
    let nowhere = try tool.run(["evaluate", "r", "--svg", "none/a.svg"])
    #expect(
      nowhere.status == 1 && nowhere.output.isEmpty && nowhere.lastLine.contains("none/a.svg"))
    let predicted = try tool.run(["predict", "r", "bank/x-test.conllu"])
    #expect(predicted.status == 0, "\(predicted.error)")
    #expect(predicted.output == Self.text(5))
    let json = try tool.run(["predict", "r", "bank/x-test.conllu", "--json"])
    let trees = try #require(json.json?["predictions"] as? [[String: Any]], "\(json.error)")
    #expect(trees.count == 5 && trees[0]["heads"] as? [Int] == [2, 3, 0, 3])
    #expect(trees[0]["relations"] as? [String] == ["det", "nsubj", "root", "punct"])
    #expect(trees[0]["tokens"] as? [String] == ["the", "dog0", "barks", "."])
    let piped = try tool.run(
      ["predict", "r/model", "-", "--beam", "2"], input: Data(Self.text(5).utf8))
    #expect(piped.output == Self.text(5))
  }

  @Test("A plan is measured, and --select auto follows it")
  func plan() throws {
    let tool = try tool()
    let settings = Array(Self.small.dropFirst(2))
    let planned = try tool.run(["plan", "parser"] + settings + ["--json"])
    #expect(planned.status == 0, "\(planned.error)")
    #expect(planned.json?["task"] as? String == "parser")
    let rows = try #require(planned.json?["settings"] as? [[String: Any]])
    #expect(rows.count > 1 && rows[0]["select"] as? String == "dense")
    #expect(rows.allSatisfy { ($0["secondsPerEpoch"] as? Double ?? 0) > 0 })
    let trained = try tool.run(
      ["train", "parser"] + settings + ["--select", "auto", "--run", "r"])
    #expect(trained.status == 0, "\(trained.error)")
    let saved = try String(contentsOf: tool("r/config.yaml"), encoding: .utf8)
    #expect(!saved.contains("select: auto"))
  }

  @Test("Wrong use and damaged treebanks are named")
  func badInput() throws {
    let tool = try tool()
    func expectError(_ arguments: [String], _ status: Int32, _ text: String) throws {
      let outcome = try tool.run(arguments)
      #expect(outcome.status == status, "\(arguments): \(outcome.error)")
      #expect(outcome.output.isEmpty)
      #expect(outcome.lastLine.contains(text), "\(arguments): \(outcome.lastLine)")
    }
    try expectError(Self.small + ["--system", "arc-eager"], 64, "arc-hybrid")
    try expectError(Self.small + ["--k", "99"], 64, "99")
    try expectError(Self.small + ["--select", "dense"], 64, "leave k out")
    try expectError(["train", "parser", "--data", "nowhere"], 64, "nowhere")
    try expectError(["predict", "nowhere", "bank/x-test.conllu"], 1, "nowhere")
    try expectError(["evaluate", "bank", "--beam", "0"], 64, "--beam")
    let file = tool("bank/x-train.conllu")
    let whole = try String(contentsOf: file, encoding: .utf8)
    for (old, new, text) in [
      ("\t3\tnsubj", "\tx\tnsubj", ":2"), ("\t3\tnsubj", "\t9\tnsubj", ":2"),
      ("\t0\troot", "\t2\troot", "cycle"), ("1\tthe\t_", "1\tthe", "10 fields"),
    ] {
      try whole.replacing(old, with: new).write(to: file, atomically: true, encoding: .utf8)
      try expectError(Self.small, 1, text)
      #expect(!FileManager.default.fileExists(atPath: tool("runs").path))
    }
  }
}
