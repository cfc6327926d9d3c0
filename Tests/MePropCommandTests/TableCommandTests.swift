// Tables through the built command.

import Foundation
import MePropCore
import Testing

@Suite("The command on tables")
struct TableCommandTests {
  /// A table of rows whose class follows from their numbers, in the tool's folder.
  private func write(_ name: String, count: Int, seed: UInt64, to tool: Tool) throws {
    var random = Philox(seed: seed)
    var text = "id,width,color,kind\n"
    for row in 0..<count {
      let width = Double(random.next(below: 1000)) / 10
      let color = ["red", "green"][Int(random.next(below: 2))]
      let kind = (width > 50) == (color == "red") ? "near" : "far"
      text += "key-\(row),\(width),\(color),\(kind)\n"
    }
    try Data(text.utf8).write(to: tool(name))
  }

  private let small = ["--hidden", "16", "--threads", "1", "--epochs", "24", "--batch", "16"]

  @Test("A file is checked, trained on, evaluated, explained and predicted")
  func wholeWay() throws {
    let tool = try Tool()
    try write("train.csv", count: 800, seed: 1, to: tool)
    try write("new.csv", count: 200, seed: 2, to: tool)
    let checked = try tool.run(["check", "table", "train.csv", "--target", "kind", "--json"])
    #expect(checked.status == 0, "\(checked.error)")
    #expect((checked.json?["columns"] as? [Any])?.count == 4)
    let trained = try tool.run(
      ["train", "table", "train.csv", "--target", "kind", "--balanced", "--run", "run", "--json"]
        + small)
    #expect(trained.status == 0, "\(trained.error)")
    let best = try #require(trained.json?["best"] as? [String: Any])
    let dev = try #require(best["dev"] as? [String: Double])
    #expect(Set(dev.keys) == ["accuracy", "balancedAccuracy", "logLoss", "auc", "f1"])
    #expect((dev["accuracy"] ?? 0) > 90 && best["test"] is NSNull)
    let evaluated = try tool.run(["evaluate", "run", "new.csv", "--json"])
    let json = try #require(evaluated.json, "\(evaluated.error)")
    for key in ["count", "accuracy", "balancedAccuracy", "logLoss", "auc", "perClass"] {
      #expect(json[key] != nil, "\(key)")
    }
    #expect(json["count"] as? Int == 200 && (json["accuracy"] as? Double ?? 0) > 90)
    #expect(evaluated.error.isEmpty, "\(evaluated.error)")
    let known = try tool.run(["evaluate", "run", "train.csv"])
    #expect(known.lastLine.contains("was trained on these rows"), "\(known.error)")
    let importance = try tool.run(["importance", "run", "new.csv", "--json"])
    let columns = try #require(importance.json?["columns"] as? [[String: Any]])
    #expect(Set(columns.compactMap { $0["name"] as? String }) == ["width", "color"])
    let page = try String(contentsOf: tool("run/report.html"), encoding: .utf8)
    for text in ["Calibration, development rows", "What columns add", "predicted worst"] {
      #expect(page.contains(text), "\(text)")
    }
    let input = try Data(contentsOf: tool("new.csv"))
    let predicted = try tool.run(["predict", "run", "--keep", "id"], input: input)
    #expect(predicted.output.hasPrefix("id,prediction,probability\nkey-0,"))
    #expect(predicted.output.split(separator: "\n").count == 201)
    let resumed = try tool.run(["train", "table", "--run", "run", "--resume"])
    #expect(resumed.status == 0, "\(resumed.error)")
    for aim in [["--target", "8"], ["--tolerance", "1"]] {
      let cut = try tool.run(["simplify", "run"] + aim)
      #expect(cut.status == 64 && cut.lastLine.contains("no units that can be cut"), "\(cut.error)")
    }
  }

  @Test("Dates that can be read in two ways are told, unless one of them decides")
  func undecidedDates() throws {
    let tool = try Tool()
    for (days, isUndecided) in [("01/02/2024,03/04/2024", true), ("01/02/2024,13/04/2024", false)] {
      let dates = days.split(separator: ",")
      let rows = (0..<20).map { "\(dates[$0 % 2]),\($0 % 3)" }
      try Data(("day,kind\n" + rows.joined(separator: "\n") + "\n").utf8)
        .write(to: tool("days.csv"))
      let outcome = try tool.run(["check", "table", "days.csv", "--target", "kind"])
      let text = outcome.output + outcome.error
      #expect(text.contains("none that tells which") == isUndecided, "\(text)")
    }
  }

  @Test("A folder has parts, and a number has its own figures")
  func folder() throws {
    let tool = try Tool()
    try FileManager.default.createDirectory(
      at: tool("parts"), withIntermediateDirectories: true)
    try write("parts/train.csv", count: 400, seed: 1, to: tool)
    try write("parts/dev.csv", count: 100, seed: 2, to: tool)
    try write("parts/test.csv", count: 90, seed: 3, to: tool)
    let trained = try tool.run(
      ["train", "table", "--data", "parts", "--target", "width", "--run", "run", "--json"] + small)
    #expect(trained.status == 0, "\(trained.error)")
    let best = try #require(trained.json?["best"] as? [String: Any])
    #expect(Set((best["test"] as? [String: Any])?.keys.map { $0 } ?? []) == ["r2", "rmse", "mae"])
    for (split, count) in [("test", 90), ("dev", 100)] {
      let json = try tool.run(["evaluate", "run", "--split", split, "--json"]).json
      #expect(json?["count"] as? Int == count)
    }
  }

  @Test("What is wrong is a line with the file's name, and no run is left")
  func errors() throws {
    let tool = try Tool()
    try Data("a,b\n1,x\n2\n".utf8).write(to: tool("ragged.csv"))
    try Data().write(to: tool("empty.csv"))
    for (arguments, status, text) in [
      (["ragged.csv", "--target", "b"], 1, "ragged.csv:3: expected 2 fields"),
      (["empty.csv", "--target", "b"], 1, "empty.csv: is empty"),
      (["ragged.csv"], 64, "expected the name of the column to be predicted"),
      (["none.csv", "--target", "b"], 64, "'none.csv' is no file"),
      (["--target", "b"], 64, "expected a CSV file"),
      (["empty.csv", "--data", "ragged.csv", "--target", "b"], 64, "leave one out"),
    ] as [([String], Int32, String)] {
      let outcome = try tool.run(["train", "table", "--run", "run"] + arguments)
      #expect(outcome.status == status, "\(arguments): \(outcome.error)")
      #expect(outcome.lastLine.hasPrefix("error: ") && outcome.lastLine.contains(text))
      #expect(!FileManager.default.fileExists(atPath: tool("run").path))
    }
  }
}
