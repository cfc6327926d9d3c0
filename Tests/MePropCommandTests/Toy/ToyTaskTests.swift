// A task that this package does not have, through the commands' own code.

import Foundation
import MePropCommands
import MePropExperiments
import MePropProgram
import MePropTasks
import Synchronization
import Testing

@Suite("A fourth task")
struct ToyTaskTests {
  /// The tasks of this package and one more: the line that a new task takes.
  private static let tasks = TaskRegistry(TaskRegistry.standard.tasks + [Points.self])

  /// A folder with points, removed with the object.
  private final class Folder {
    let url = FileManager.default.temporaryDirectory
      .appendingPathComponent("meprop-points-\(UUID().uuidString)", isDirectory: true)

    init() throws {
      try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
      for (name, count) in [("train", 200), ("dev", 40), ("test", 30)] {
        let lines = (0..<count).map { number in
          let (x, y) = ((number * 37) % 101 - 50, (number * 53) % 97 - 48)
          return "\(Double(x) / 50) \(Double(y) / 50) \(x + y > 0 ? 1 : 0)\n"
        }
        try Data(lines.joined().utf8).write(to: url.appendingPathComponent(name + ".txt"))
      }
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    func path(_ name: String) -> String { url.appendingPathComponent(name).path }
  }

  private struct Result {
    var status: Int32
    var output: String
    var error: String
    var json: [String: Any]? {
      (try? JSONSerialization.jsonObject(with: Data(output.utf8))) as? [String: Any]
    }
  }

  /// Runs the command in this process.
  private func run(_ arguments: [String]) -> Result {
    let output = Mutex<[UInt8]>([])
    let error = Mutex<[UInt8]>([])
    let streams = OutputStreams(
      results: { bytes in output.withLock { $0 += bytes } },
      messages: { bytes in error.withLock { $0 += bytes } })
    let status = OutputStreams.$current.withValue(streams) {
      MePropTool.run(arguments, tasks: Self.tasks)
    }
    return Result(
      status: status, output: output.withLock { String(decoding: $0, as: UTF8.self) },
      error: error.withLock { String(decoding: $0, as: UTF8.self) })
  }

  @Test("It is trained, resumed, evaluated and used")
  func wholeWay() throws {
    let folder = try Folder()
    let run = folder.path("run")
    let trained = self.run(
      ["train", "points", "--data", folder.url.path, "--epochs", "2", "--run", run, "--json"])
    #expect(trained.status == 0, "\(trained.error)")
    #expect(trained.json?["task"] as? String == "points")
    #expect((trained.json?["epochs"] as? [Any])?.count == 2)
    let resumed = self.run(["train", "points", "--run", run, "--resume", "--epochs", "4"])
    #expect(resumed.status == 0 && resumed.output.contains("best"), "\(resumed.error)")
    #expect(resumed.output.contains("report: "))
    let evaluated = self.run(["evaluate", run, "--json", "--threads", "1"])
    let json = try #require(evaluated.json, "\(evaluated.error)")
    #expect(Set(json.keys) == ["task", "split", "data", "count", "predict", "accuracy"])
    #expect(json["count"] as? Int == 30 && (json["accuracy"] as? Double ?? 0) > 90)
    #expect((json["predict"] as? [String: Any])?["pointsPerSecond"] as? Int == 30)
    let text = self.run(["evaluate", run, "--split", "dev"])
    #expect(text.output.hasPrefix("dev: accuracy ") && text.output.contains("\nWeights\nx"))
    let drawn = self.run(["evaluate", run, "--svg", folder.path("a.svg")])
    #expect(drawn.status == 64 && drawn.error.contains("points has no drawing"))
    try Data("1 1\n-1 -1\n".utf8).write(to: folder.url.appendingPathComponent("new.txt"))
    #expect(self.run(["predict", run, folder.path("new.txt")]).output == "1\n0\n")
    let shifted = self.run(["predict", run, folder.path("new.txt"), "--shift", "100", "--json"])
    #expect(shifted.output == "{\"predictions\":[{\"kind\":1},{\"kind\":1}]}\n")
  }

  @Test("It is planned, configured and checked, and the tool's help has it")
  func otherCommands() throws {
    let folder = try Folder()
    let planned = run(
      ["plan", "points", "--data", folder.url.path, "--threads", "1", "--k", "1", "--json"])
    #expect(planned.status == 0, "\(planned.error)")
    #expect(planned.json?["task"] as? String == "points")
    #expect((planned.json?["settings"] as? [Any])?.count == 2)
    let decided = run(
      ["train", "points", "--data", folder.url.path, "--select", "auto", "--threads", "1"]
        + ["--run", folder.path("auto"), "--epochs", "1"])
    #expect(decided.status == 0, "\(decided.error)")
    let yaml = run(["config", "points"]).output
    let help = run(["train", "points", "--help"]).output
    for key in Points.schema.keys {
      #expect(yaml.contains("\n\(key.name): ") && help.contains("--\(key.name) <"), "\(key.name)")
    }
    let checked = run(["check", "points", "--data", folder.url.path])
    #expect(checked.status == 0 && checked.output.contains("train     200"), "\(checked.output)")
    try Data().write(to: folder.url.appendingPathComponent("dev.txt"))
    let empty = run(["check", "points", "--data", folder.url.path, "--json"])
    #expect(empty.status == 1 && empty.json?["errors"] as? [String] == ["dev: no points"])
    for command in ["train", "plan", "config", "check"] {
      #expect(run([command, "--help"]).output.contains("  points "), "\(command)")
    }
    #expect(run(["evaluate", "--help"]).output.contains("For points: the accuracy."))
    let completions = run(["--generate-completion-script", "bash"]).output
    #expect(completions.contains("_meprop_train_points"))
  }

  @Test("Steps in PyTorch are those that a task names, and none for a task that names none")
  func torch() throws {
    func request(_ task: String, _ schema: ConfigurationSchema) throws -> String {
      try TaskRegistry.$current.withValue(Self.tasks) {
        try TorchSteps.request(
          for: Experiment(id: "a", task: task, settings: []), Configuration(schema: schema))
      }
    }
    #expect(try request("digits", Digits.schema) == "images 100 500,500 adam")
    #expect(try request("tagger", Tagger.schema) == "words 8 500 adam")
    #expect(try request("parser", Parser.schema) == "symbols 800 500 adam")
    #expect(throws: UsageError.self) { try request("points", Points.schema) }
    #expect(throws: ReproductionError.self) { try request("lines", Points.schema) }
  }

  @Test("What it does not take is refused by name")
  func refusals() throws {
    let folder = try Folder()
    let run = folder.path("run")
    let train = ["train", "points", "--data", folder.url.path, "--run", run, "--epochs", "1"]
    for (arguments, text) in [
      (train + ["--dropout", "0.1"], "--dropout"), (train + ["--set", "bach=3"], "'batch'"),
      (train + ["--select", "random-k", "--memory", "0.5"], "memory"),
      (["train", "lines"], "lines"),
      (["reproduce", "--task", "points", "--run", folder.path("r")], "points"),
      (["reproduce", "--task", "lines", "--run", folder.path("r")], "table, points"),
      (["reproduce", "table1", "--set", "points.bach=3", "--run", folder.path("r")], "'batch'"),
    ] {
      let refused = self.run(arguments)
      #expect(refused.status == 64 && refused.error.contains(text), "\(refused.error)")
    }
    #expect(self.run(train).status == 0)
    let beam = self.run(["evaluate", run, "--beam", "2"])
    #expect(beam.status == 64 && beam.error.contains("--beam is for parser"), "\(beam.error)")
    let shift = self.run(["evaluate", run, "--shift", "much"])
    #expect(shift.status == 64 && shift.error.contains("--shift: expected a finite number"))
    let other = MePropTool.run(["--version"], tasks: TaskRegistry([Points.self]))
    #expect(other == 0)
    // A model of a task that the list does not have.
    let file = folder.url.appendingPathComponent("run/model/model.json")
    let text = try String(contentsOf: file, encoding: .utf8)
    try text.replacing("\"points\"", with: "\"circles\"")
      .write(to: file, atomically: true, encoding: .utf8)
    let unknown = self.run(["evaluate", run])
    #expect(unknown.status == 1 && unknown.error.split(separator: "\n").count == 1)
    let names = Self.tasks.names.joined(separator: ", ")
    #expect(unknown.error.contains("expected one of \(names), found circles"))
  }
}
