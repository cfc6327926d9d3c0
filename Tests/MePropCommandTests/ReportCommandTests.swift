import Foundation
import Testing

@Suite struct ReportCommandTests {
  private func page(_ tool: Tool, _ path: String) throws -> String {
    try String(contentsOf: tool(path), encoding: .utf8)
  }

  @Test("A finished run has a report, which shows what was counted")
  func finishedRun() throws {
    let tool = try Tool()
    let trained = try tool.train(["--epochs", "2", "--run", "run"])
    #expect(trained.status == 0, "\(trained.error)")
    #expect(trained.output.hasSuffix("report: \(tool("run/report.html").path)\n"))
    let html = try page(tool, "run/report.html")
    for words in [
      "layers.0, 12 units", "layers.1, 8 units", "Confusion matrix, test data",
      "2 epochs, finished",
      ">dW<",
    ] {
      #expect(html.contains(words), "\(words)")
    }
    #expect(!html.contains("not counted") && !html.contains("missing"))
    try FileManager.default.removeItem(at: tool("run/report.html"))
    let outcome = try tool.run(["report", "run"])
    #expect(outcome.status == 0 && outcome.error.isEmpty)
    #expect(outcome.output == tool("run/report.html").path + "\n")
    #expect(try page(tool, "run/report.html") == html)
  }

  @Test("With --json the report is written and standard output is one object")
  func json() throws {
    let tool = try Tool()
    let trained = try tool.train(["--epochs", "1", "--run", "run", "--json"])
    #expect(trained.json != nil)
    #expect(FileManager.default.fileExists(atPath: tool("run/report.html").path))
  }

  @Test("Several runs are compared in one page")
  func severalRuns() throws {
    let tool = try Tool()
    let k = try #require(tool.small.firstIndex(of: "--k"))
    var settings = tool.small
    settings.removeSubrange(k...(k + 1))
    for (name, flags) in [
      ("dense", ["--select", "dense"]), ("a", ["--k", "2"]), ("b", ["--k", "3"]),
    ] {
      let trained = try tool.run(
        ["train", "digits"] + settings + flags + ["--epochs", "2", "--run", name])
      #expect(trained.status == 0, "\(trained.error)")
    }
    let outcome = try tool.run(["report", "dense", "a", "b"])
    #expect(outcome.status == 0 && outcome.output == tool("report.html").path + "\n")
    let html = try page(tool, "report.html")
    for words in ["3 runs compared", "Effect of k", "× dense, back propagation"] {
      #expect(html.contains(words), "\(words)")
    }
    let named = try tool.run(["report", "a", "b", "--out", "pages/x.html"])
    #expect(named.status == 1 && named.errorLines.count == 1)
    #expect(named.lastLine.contains("pages"), "\(named.error)")
    #expect(try tool.run(["report", "a", "b", "--out", "x.html"]).status == 0)
    #expect(try page(tool, "x.html").contains("2 runs compared"))
  }

  @Test("An interrupted run and a torn last line are reported on")
  func interruptedRun() throws {
    let tool = try Tool(trainingCount: 3000)
    let running = try tool.start(
      ["train", "digits"] + tool.small + ["--epochs", "1000", "--run", "run"])
    #expect(running.waits(for: "epoch 2/1000  loss"))
    kill(running.process.processIdentifier, SIGTERM)
    #expect(try running.finish().status == 128 + SIGTERM)
    #expect(try page(tool, "run/report.html").contains("The run was interrupted"))
    let metrics = try Data(contentsOf: tool("run/metrics.jsonl"))
    try metrics.dropLast(9).write(to: tool("run/metrics.jsonl"))
    #expect(try tool.run(["report", "run"]).status == 0)
    #expect(try page(tool, "run/report.html").contains("is torn"))
  }

  @Test("What is no run is an error of one line, and nothing is written")
  func badInput() throws {
    let tool = try Tool()
    try FileManager.default.createDirectory(
      at: tool("begun"), withIntermediateDirectories: false)
    try Data("select: dense\n".utf8).write(to: tool("begun/config.yaml"))
    for (run, words) in [
      ("nowhere", "nowhere: expected the folder of a run"),
      ("data", "data: expected the folder of a run"),
      ("begun", "begun/metrics.jsonl: expected a row for each epoch"),
    ] {
      let outcome = try tool.run(["report", run, "--out", "page.html"])
      #expect(outcome.status == 1 && outcome.output.isEmpty)
      #expect(outcome.errorLines.count == 1 && outcome.lastLine.contains(words), "\(outcome.error)")
    }
    #expect(!FileManager.default.fileExists(atPath: tool("page.html").path))
    #expect(try tool.run(["report"]).status == 64)
    #expect(try tool.run(["report", ""]).status == 64)
  }
}
