// meprop reproduce on the small data set: from start to results, going on, signals, and what is
// refused.

import Foundation
import Testing

@Suite("Reproduce command")
struct ReproduceCommandTests {
  /// Two experiments of one network, each of less than a second.
  private func small(_ tool: Tool) -> [String] {
    [
      "reproduce", "table2", "--task", "digits", "--quick", "--threads", "1",
      "--set", "digits.data=\(tool.url.path)/data", "--set", "digits.classes=4",
      "--set", "digits.dev-count=60", "--set", "digits.hidden=24,24",
      "--set", "digits.epochs=1",
    ]
  }

  private func exists(_ url: URL) -> Bool { FileManager.default.fileExists(atPath: url.path) }

  @Test("From start to results, and going on does nothing again")
  func everything() throws {
    let tool = try Tool()
    let outcome = try tool.run(small(tool) + ["--seeds", "2", "--run", "rep", "--json"])
    #expect(outcome.status == 0, "\(outcome.error)")
    #expect(outcome.error.contains("4 runs (2 experiments, 2 seeds), 0 finished before"))
    #expect(outcome.error.contains("this takes about"))
    #expect(outcome.output.split(separator: "\n").count == 1)
    let json = try #require(outcome.json, "\(outcome.output)")
    #expect(Set(json.keys) == ["description", "margin", "tables"])
    let tables = try #require(json["tables"] as? [[String: Any]])
    #expect(tables.count == 1 && tables[0]["id"] as? String == "table2")
    let rows = try #require(tables[0]["rows"] as? [[String: Any]])
    #expect(rows.map { $0["experiment"] as? String } == ["digits-dense", "digits-k20"])
    for row in rows {
      let ours = try #require(row["ours"] as? [String: Any])
      #expect(ours["seeds"] as? Int == 2)
      let times = try #require(row["times"] as? [String: Any])
      for name in ["products", "backward", "forward", "whole"] {
        let time = try #require(times[name] as? [String: Any], "\(name)")
        #expect((time["seconds"] as? Double ?? 0) > 0)
        #expect(time["timesTorch"] is NSNull)
      }
    }
    for name in [
      "request.json", "results.json", "results.md", "index.html",
      "digits-dense/seed-1/report.html", "digits-k20/seed-2/model/model.json",
    ] { #expect(exists(tool("rep/" + name)), "\(name)") }
    #expect(!exists(tool("rep/.estimate")))
    #expect(!exists(tool("rep/digits-dense/seed-1/checkpoints")))

    let metrics = tool("rep/digits-k20/seed-2/metrics.jsonl")
    let before = try Data(contentsOf: metrics)
    let again = try tool.run(["reproduce", "--resume", "--run", "rep", "--json"])
    #expect(again.status == 0, "\(again.error)")
    #expect(again.error.contains("4 finished before"))
    #expect(!again.error.contains("this takes about") && !again.error.contains("estimating"))
    #expect(try Data(contentsOf: metrics) == before)
    func tableText(_ outcome: Outcome) throws -> Substring {
      let start = try #require(outcome.output.range(of: "\"tables\":"))
      return outcome.output[start.lowerBound...]
    }
    #expect(try tableText(again) == tableText(outcome))
    let text = try tool.run(["reproduce", "--resume", "--run", "rep"])
    #expect(text.output.contains("## Table 2") && text.output.contains("| MNIST, k = 20 |"))

    // All seeds that there are stay in the results.
    let fewer = try tool.run(["reproduce", "--resume", "--run", "rep", "--seeds", "1"])
    #expect(fewer.status == 64)
    #expect(fewer.lastLine.contains("--seeds: found 1, expected 2 or more"), "\(fewer.lastLine)")
    #expect(try tool.run(small(tool) + ["--run", "rep"]).lastLine.contains("already holds a run"))
  }

  @Test("A signal stops it wherever it is, with a hint how to go on", arguments: [SIGINT, SIGTERM])
  func signals(number: Int32) throws {
    let tool = try Tool(trainingCount: 2000)
    let running = try tool.start(
      small(tool) + ["--set", "digits.epochs=3", "--seeds", "1", "--run", "rep"])
    #expect(running.waits(for: "estimating the time"), "\(running.errorSoFar)")
    kill(running.process.processIdentifier, number)
    let outcome = try running.finish()
    #expect(outcome.status == 128 + number && !outcome.wasKilled, "\(outcome.error)")
    #expect(
      outcome.lastLine == "interrupted; go on with: meprop reproduce --resume --run "
        + tool("rep").path, "\(outcome.error)")
    let resumed = try tool.run(["reproduce", "--resume", "--run", "rep", "--json"])
    #expect(resumed.status == 0, "\(resumed.error)")
    #expect((resumed.json?["tables"] as? [Any])?.count == 1)
  }

  @Test("Wide layers are measured until a signal comes, too")
  func wideLayers() throws {
    let tool = try Tool()
    let running = try tool.start(["reproduce", "table7", "--quick", "--run", "wide"])
    #expect(running.waits(for: "table7: layers of 2048 units"), "\(running.errorSoFar)")
    #expect(running.errorSoFar.contains("this takes about"))
    kill(running.process.processIdentifier, SIGINT)
    let outcome = try running.finish()
    #expect(outcome.status == 128 + SIGINT && !outcome.wasKilled, "\(outcome.error)")
    #expect(outcome.lastLine.contains("meprop reproduce --resume --run "), "\(outcome.error)")
  }

  @Test(
    "What cannot be done leaves no folder behind",
    arguments: [
      (["table9"], 64, "'table9'"), (["--seeds", "0"], 64, "--seeds"),
      (["--set", "digits.epoch=3"], 64, "did you mean 'epochs'"),
      (["--set", "digits.data=/no/such/folder"], 1, "/no/such/folder"),
      (["--set", "digits.hidden=5,5"], 64, "20"),
      (["--ptb", "nowhere"], 64, "--ptb"),
      (["--torch", "/nonexistent/python"], 1, "--torch"),
    ])
  func refusals(arguments: [String], status: Int, text: String) throws {
    let tool = try Tool()
    let task = arguments[0] == "--ptb" ? "tagger" : "digits"
    let common = ["reproduce", "table2", "--task", task, "--quick", "--run", "rep"]
    let data = [
      "--set", "digits.data=\(tool.url.path)/data", "--set", "digits.classes=4",
      "--set", "digits.dev-count=60", "--set", "digits.hidden=24,24",
    ]
    let outcome = try tool.run(common + (task == "digits" ? data : []) + arguments)
    #expect(Int(outcome.status) == status, "\(outcome.error)")
    #expect(outcome.output.isEmpty)
    #expect(outcome.errorLines.filter { $0.hasPrefix("error: ") }.count == 1)
    #expect(outcome.error.contains(text), "\(outcome.error)")
    #expect(!exists(tool("rep")))
  }

  @Test("Sections of the Penn Treebank that are missing are named")
  func missingSections() throws {
    let tool = try Tool()
    for section in 0...24 where section != 20 {
      let name = section < 10 ? "0\(section)" : "\(section)"
      let folder = tool("ptb/\(name)")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      try "(S (NP (NN dog)) (VP (VBZ barks)))\n".write(
        to: folder.appendingPathComponent("wsj.mrg"), atomically: true, encoding: .utf8)
    }
    // A folder that was there before stays.
    try FileManager.default.createDirectory(at: tool("mine"), withIntermediateDirectories: true)
    let outcome = try tool.run([
      "reproduce", "table2", "--task", "tagger", "--quick", "--ptb", "ptb", "--run", "mine",
    ])
    #expect(outcome.status == 1)
    #expect(outcome.errorLines.count == 1)
    #expect(outcome.lastLine.contains("ptb: missing section 20 of the Penn Treebank"))
    #expect(outcome.lastLine.hasSuffix("with --ptb") && !outcome.lastLine.contains("--data"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: tool("mine").path).isEmpty)
  }
}
