// Networks that lose units, through the built command: what is cut, put back, resumed and refused.

import Foundation
import Testing

@Suite("Simplify command")
struct SimplifyCommandTests {
  /// A task with hidden layers, and the flags of a run of less than a second.
  struct TinyTask: Sendable, CustomTestStringConvertible {
    var name: String
    var flags: [String]
    var testDescription: String { name }

    func train(_ tool: Tool, _ arguments: [String]) throws -> Outcome {
      try tool.run(["train", name] + (name == "digits" ? tool.small : []) + flags + arguments)
    }
  }

  static let tasks = [
    TinyTask(name: "digits", flags: ["--hidden", "24,16", "--batch", "20"]),
    TinyTask(
      name: "tagger",
      flags: [
        "--data", "bank", "--hidden", "20,12", "--layers", "2", "--word-size", "8",
        "--feature-size", "4", "--k", "3", "--threads", "1",
      ]),
    TinyTask(
      name: "parser",
      flags: [
        "--data", "bank", "--hidden", "24,16", "--embedding-size", "8", "--k", "4", "--batch", "20",
        "--threads", "1",
      ]),
  ]

  private static func sentences(_ count: Int, verb: String = "barks") -> String {
    (0..<count).map { index in
      """
      1\tthe\t_\tDET\tD\t_\t2\tdet\t_\t_
      2\tdog\(index % 3)\t_\tNOUN\tN\t_\t3\tnsubj\t_\t_
      3\t\(verb)\t_\tVERB\tV\t_\t0\troot\t_\t_
      4\t.\t_\tPUNCT\t.\t_\t3\tpunct\t_\t_


      """
    }.joined()
  }

  /// The command with a small data set and a small treebank.
  private func makeTool() throws -> Tool {
    let tool = try Tool(trainingCount: 200)
    for (bank, verb) in [("bank", "barks"), ("other", "sees cats")] {
      try FileManager.default.createDirectory(at: tool(bank), withIntermediateDirectories: true)
      for (part, count) in [("train", 40), ("dev", 6), ("test", 5)] {
        let text =
          verb == "barks"
          ? Self.sentences(count) : Self.sentences(count) + Self.sentences(1, verb: verb)
        try text.write(
          to: tool("\(bank)/x-\(part).conllu"), atomically: true, encoding: .utf8)
      }
    }
    return tool
  }

  private func parameters(_ tool: Tool, _ run: String) throws -> Data {
    try Data(contentsOf: tool("\(run)/model/model.safetensors"))
  }

  private func inspect(_ tool: Tool, _ run: String) throws -> [String: Any] {
    let outcome = try tool.run(["inspect", run, "--json"])
    #expect(outcome.status == 0, "\(outcome.error)")
    return try #require(outcome.json)
  }

  /// The figures of a model on test data, but for how fast it was.
  private func figures(_ tool: Tool, _ run: String) throws -> NSDictionary {
    let outcome = try tool.run(["evaluate", run, "--json", "--threads", "1"])
    #expect(outcome.status == 0, "\(outcome.error)")
    var json = try #require(outcome.json)
    json["predict"] = nil
    return json as NSDictionary
  }

  @Test("A model is cut to a width, told as it was, and put back", arguments: tasks)
  func cutAndUndone(task: TinyTask) throws {
    let tool = try makeTool()
    let trained = try task.train(tool, ["--epochs", "2", "--run", "r"])
    #expect(trained.status == 0, "\(trained.error)")
    let (whole, before, right) = (
      try parameters(tool, "r"), try inspect(tool, "r"), try figures(tool, "r")
    )
    #expect(before["before"] == nil)
    let cut = try tool.run([
      "simplify", "r", "--target", "8", "--epochs", "2", "--run", "s", "--json",
    ])
    #expect(cut.status == 0, "\(cut.error)")
    #expect(cut.json?["stages"] as? Int == 1 && cut.json?["task"] as? String == task.name)
    let layers = try #require(cut.json?["layers"] as? [[String: Any]])
    #expect(layers.count == (task.name == "tagger" ? 4 : 2))
    for layer in layers {
      #expect(layer["width"] as? Int == 8 && (layer["originalWidth"] as? Int ?? 0) > 8, "\(layer)")
    }
    // The model itself stays as it is.
    #expect(try parameters(tool, "r") == whole)
    let after = try inspect(tool, "s")
    let told = try #require(after["before"] as? [String: Any])
    for key in ["parameters", "bytes", "flopsPerExample"] {
      let (old, new) = (before[key] as? Int ?? 0, after[key] as? Int ?? 0)
      #expect(new < old && told[key] as? Int == old, "\(key): \(old) to \(new)")
    }
    #expect(try parameters(tool, "s").count < whole.count)
    #expect(try Data(contentsOf: tool("s/model/uncut/model.safetensors")) == whole)
    #expect(try figures(tool, "s")["count"] as? Int == right["count"] as? Int)

    let undone = try tool.run(["simplify", "s", "--undo"])
    #expect(undone.status == 0 && undone.output.contains("'simplified'"), "\(undone.error)")
    #expect(try parameters(tool, "s") == whole)
    #expect(try figures(tool, "s") == right)
    let again = try tool.run(["simplify", "s", "--undo", "--json"])
    #expect(again.status == 64 && again.output.isEmpty, "\(again.output)")
    #expect(again.lastLine.contains("no folder 'uncut'"), "\(again.error)")
  }

  @Test("A model is cut as far as a tolerance allows", arguments: tasks)
  func cutWithinATolerance(task: TinyTask) throws {
    let tool = try makeTool()
    #expect(try task.train(tool, ["--epochs", "2", "--run", "r"]).status == 0)
    func simplify(_ tolerance: String) throws -> (stages: Int, widths: [Int], lost: Double) {
      let outcome = try tool.run([
        "simplify", "r", "--tolerance", tolerance, "--epochs", "2", "--run", "s\(tolerance)",
        "--json",
      ])
      #expect(outcome.status == 0, "\(outcome.error)")
      let json = try #require(outcome.json)
      let dev = try #require(json["dev"] as? [String: Double])
      let layers = try #require(json["layers"] as? [[String: Any]])
      return (
        try #require(json["stages"] as? Int), layers.compactMap { $0["width"] as? Int },
        (dev["before"] ?? 0) - (dev["after"] ?? 0)
      )
    }
    // Whatever it loses, down to one unit a layer.
    let all = try simplify("100")
    #expect(all.stages > 3 && all.widths.allSatisfy { $0 <= 2 }, "\(all)")
    #expect(try tool.run(["evaluate", "s100"]).status == 0)
    let strict = try simplify("0")
    #expect(strict.lost <= 0 && strict.stages <= all.stages, "\(strict)")
  }

  @Test("A run that cuts goes on bit for bit", arguments: tasks)
  func resumed(task: TinyTask) throws {
    let tool = try makeTool()
    let recipe = ["--epochs", "4", "--target-width", "8", "--cycle", "2", "--average", "0.9"]
    let whole = try task.train(tool, recipe + ["--run", "whole"])
    #expect(whole.status == 0, "\(whole.error)")
    // Stops after the first epoch, which has cuts.
    let target = ["--target", "0"]
    #expect(try task.train(tool, recipe + target + ["--run", "parts"]).status == 0)
    let log = tool("parts/metrics.jsonl")
    let rows = try String(contentsOf: log, encoding: .utf8)
    #expect(rows.contains("\"event\":\"cut\"") && !rows.contains("\"epoch\":2"), "\(rows)")
    let resumed = try tool.run([
      "train", task.name, "--run", "parts", "--resume", "--target", "none",
    ])
    #expect(resumed.status == 0, "\(resumed.error)")
    for file in [
      "model/model.safetensors", "model/model.json", "model/uncut/model.safetensors",
      "checkpoints/last/tensors.safetensors", "config.yaml",
    ] {
      let files = try ["whole", "parts"].map { try Data(contentsOf: tool("\($0)/\(file)")) }
      #expect(files[0] == files[1], "\(file) differs")
    }
    let layers = try #require(inspect(tool, "parts")["layers"] as? [[String: Any]])
    #expect(layers.contains { $0["width"] as? Int != $0["originalWidth"] as? Int })
  }

  @Test("What is wrong is said, and leaves nothing behind")
  func wrongCalls() throws {
    let tool = try makeTool()
    let (digits, tagger) = (Self.tasks[0], Self.tasks[1])
    #expect(try digits.train(tool, ["--epochs", "1", "--run", "r"]).status == 0)
    #expect(try tagger.train(tool, ["--epochs", "1", "--run", "t"]).status == 0)
    let rows = (0..<60).map { "\($0 % 7),\($0 % 3 == 0 ? "yes" : "no")\n" }.joined()
    try ("a,b\n" + rows).write(to: tool("a.csv"), atomically: true, encoding: .utf8)
    let table = try tool.run([
      "train", "table", "a.csv", "--target", "b", "--epochs", "1", "--hidden", "8", "--threads",
      "1", "--run", "table",
    ])
    #expect(table.status == 0, "\(table.error)")
    try FileManager.default.copyItem(at: tool("r/model"), to: tool("alone"))
    func names() throws -> [String] {
      try FileManager.default.contentsOfDirectory(atPath: tool.url.path)
        .filter { !$0.hasPrefix(".") }.sorted()
    }
    let before = try names()
    let calls: [(arguments: [String], status: Int32, says: String)] = [
      (["r"], 64, "expected one of --target, --tolerance and --undo, found none"),
      (["r", "--target", "4", "--tolerance", "1"], 64, "found several"),
      (["r", "--target", "0"], 64, "expected 1 or more"),
      (["r", "--tolerance", "nan"], 64, "expected 0 to 100"),
      (["r", "--target", "4", "--epochs", "1"], 64, "expected 2 to 1000000"),
      (["r", "--target", "4", "--run", ""], 64, "expected a folder"),
      (["r", "--undo", "--run", "s"], 64, "leave out --data and --run"),
      (["r", "--undo"], 64, "found no folder 'uncut'"),
      (["none", "--target", "4"], 1, "none"),
      (["r", "--target", "24"], 64, "24 is not below the widths of the layers, 24, 16"),
      (["alone", "--target", "4"], 64, "found no config.yaml beside the model"),
      (["table", "--target", "4"], 64, "models of table have no units that can be cut"),
      (["t", "--target", "4", "--data", "other"], 64, "the data make another network"),
      (["t", "--target", "4", "--data", "nowhere"], 64, "nowhere"),
      (["r", "--target", "4", "--run", "a.csv/s"], 1, "a.csv"),
      (["r", "--target", "4", "--run", "t"], 1, "t"),
    ]
    for (arguments, status, says) in calls {
      let outcome = try tool.run(["simplify"] + arguments)
      #expect(outcome.status == status, "\(arguments): \(outcome.error)")
      #expect(outcome.output.isEmpty && outcome.error.contains(says), "\(outcome.error)")
    }
    #expect(try names() == before)
    #expect(!FileManager.default.fileExists(atPath: tool("t/stages").path))
    guard geteuid() != 0 else {
      print("skipped: a folder that cannot be written, as root writes everywhere")
      return
    }
    chmod(tool.url.path, 0o500)
    defer { chmod(tool.url.path, 0o700) }
    let outcome = try tool.run(["simplify", "r", "--target", "4", "--run", "s"])
    #expect(outcome.status == 1 && outcome.error.contains("/s"), "\(outcome.error)")
  }

  @Test("Widths of a tagger's layers are one for all or one each")
  func widthsOfATagger() throws {
    let tool = try makeTool()
    let flags = [
      "train", "tagger", "--data", "bank", "--layers", "3", "--k", "2", "--word-size", "8",
      "--feature-size", "4", "--epochs", "1", "--threads", "1", "--run", "r", "--hidden",
    ]
    let wrong = try tool.run(flags + ["9,8"])
    #expect(wrong.status == 64 && wrong.error.contains("one for each of 3, found 2"), "\(wrong)")
    let trained = try tool.run(flags + ["9,8,20"])
    #expect(trained.status == 0, "\(trained.error)")
    #expect((trained.output + trained.error).contains("9, 8, 20 units"), "\(trained.error)")
    let layers = try #require(inspect(tool, "r")["layers"] as? [[String: Any]])
    let widths = layers.compactMap { layer in
      (layer["name"] as? String)?.hasPrefix("lstm") == true ? layer["width"] as? Int : nil
    }
    #expect(widths == [18, 16, 40], "\(widths)")
    #expect(try tool.run(["evaluate", "r"]).status == 0)
  }
}
