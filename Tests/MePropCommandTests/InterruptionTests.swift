// Signals, kills and two runs in one folder: nothing is lost, and a resumed run is the same run.

import Foundation
import MePropCore
import Testing

@Suite("Interruptions", .serialized)
struct InterruptionTests {
  private static let files = [
    "model/model.safetensors", "model/model.json", "checkpoints/last/tensors.safetensors",
    "checkpoints/best/tensors.safetensors", "config.yaml",
  ]
  private static let recipe = [
    "--hidden", "150,80", "--k", "12", "--batch", "4", "--dropout", "0.2", "--epochs", "8",
  ]

  private func expectSameRun(_ tool: Tool, _ first: String, _ second: String) throws {
    for file in Self.files {
      let a = try Data(contentsOf: tool(first).appendingPathComponent(file))
      let b = try Data(contentsOf: tool(second).appendingPathComponent(file))
      #expect(a == b, "\(file) differs")
    }
    let rows = try [first, second].map { run in
      try String(contentsOf: tool(run).appendingPathComponent("metrics.jsonl"), encoding: .utf8)
        .split(separator: "\n").map { line in
          let row = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
          let figures = row?.filter { ["epoch", "train", "dev", "test"].contains($0.key) } ?? [:]
          return try JSONSerialization.data(withJSONObject: figures, options: .sortedKeys)
        }
    }
    #expect(rows[0].count == 8)
    #expect(rows[0] == rows[1])
  }

  @Test("Killed at any moment, a run goes on as if nothing had been", .timeLimit(.minutes(3)))
  func kills() throws {
    let tool = try Tool(trainingCount: 3000)
    #expect(try tool.train(Self.recipe + ["--run", "whole"]).status == 0)
    var random = Philox(seed: UInt64(getpid()))
    var kills = 0
    var resume: [String] = []
    for attempt in 0..<400 {
      let running = try tool.start(
        ["train", "digits"] + tool.small + Self.recipe + ["--run", "killed"] + resume)
      // Later attempts live longer, so that the run ends.
      let delay = Double(random.nextUniform()) * (0.15 + 0.02 * Double(attempt))
      Thread.sleep(forTimeInterval: delay)
      kill(running.process.processIdentifier, SIGKILL)
      let outcome = try running.finish()
      if FileManager.default.fileExists(atPath: tool("killed").path) { resume = ["--resume"] }
      if !outcome.wasKilled {
        #expect(outcome.status == 0, "\(outcome.error)")
        break
      }
      kills += 1
    }
    print("killed \(kills) times")
    #expect(kills > 0)
    try expectSameRun(tool, "whole", "killed")
  }

  @Test("Ctrl-C and SIGTERM save a checkpoint", arguments: [SIGINT, SIGTERM])
  func signals(number: Int32) throws {
    let tool = try Tool(trainingCount: 3000)
    #expect(try tool.train(Self.recipe + ["--run", "whole"]).status == 0)
    let running = try tool.start(
      ["train", "digits"] + tool.small + Self.recipe + ["--run", "stopped", "--json"])
    #expect(running.waits(for: "epoch 1/8  loss"))
    Thread.sleep(forTimeInterval: 0.02)
    kill(running.process.processIdentifier, number)
    let outcome = try running.finish()
    #expect(outcome.status == 128 + number && !outcome.wasKilled)
    #expect(outcome.lastLine.contains("continue with --resume"))
    #expect(outcome.json != nil)
    let resumed = try tool.run(["train", "digits", "--run", "stopped", "--resume", "--json"])
    #expect(resumed.status == 0, "\(resumed.error)")
    #expect((resumed.json?["epochs"] as? [Any])?.count == 8)
    try expectSameRun(tool, "whole", "stopped")
  }

  @Test("Two runs do not share a folder")
  func twoRuns() throws {
    let tool = try Tool(trainingCount: 3000)
    let first = try tool.start(
      ["train", "digits"] + tool.small + Self.recipe + ["--epochs", "1000", "--run", "run"])
    #expect(first.waits(for: "epoch 1/1000  loss"))
    for flags in [[], ["--resume"]] {
      let second = try tool.train(Self.recipe + ["--epochs", "1000", "--run", "run"] + flags)
      #expect(second.status == 1)
      #expect(second.lastLine.contains("another run is using this folder"), "\(second.error)")
      #expect(second.errorLines.count == 1)
    }
    #expect(first.process.isRunning)
    kill(first.process.processIdentifier, SIGTERM)
    #expect(try first.finish().status == 128 + SIGTERM)
  }

  @Test("A run is resumed with the settings it was started with, on the same data")
  func otherSettings() throws {
    let tool = try Tool()
    #expect(try tool.train(["--epochs", "1", "--run", "run"]).status == 0)
    let outcome = try tool.run(["train", "digits", "--run", "run", "--resume", "--seed", "4"])
    #expect(outcome.status == 1)
    #expect(outcome.lastLine.contains("seed = 1, found 4"))
    #expect(try tool.run(["train", "digits", "--resume"]).lastLine.contains("no run to resume"))
    let other = try Tool(trainingCount: 239)
    try FileManager.default.removeItem(at: tool("data"))
    try FileManager.default.copyItem(at: other("data"), to: tool("data"))
    let changed = try tool.run(["train", "digits", "--run", "run", "--resume", "--epochs", "2"])
    #expect(changed.status == 1)
    #expect(changed.lastLine.contains("training images"), "\(changed.error)")
  }
}
