// meprop bench: what it refuses, and whole runs to an accuracy beside a script instead of PyTorch.

import Foundation
import MePropData
import Testing
import _MePropTestSupport

@Suite("bench")
struct BenchCommandTests {
  /// A tool that finds a data set of the name `mnist`, and whose temporary folder is empty.
  private func makeTool() throws -> Tool {
    let tool = try Tool()
    for name in ["all/mnist", "temporary"] {
      try FileManager.default.createDirectory(at: tool(name), withIntermediateDirectories: true)
    }
    // The first 5,000 are for development.
    let count = 5_200
    let labels = (0..<count).map { UInt8($0 % 10) }
    let pixels: [UInt8] = labels.flatMap { label in (0..<16).map { $0 == label ? 255 : 0 } }
    for prefix in ["train", "t10k"] {
      try IDX(dimensions: [count, 4, 4], bytes: pixels)
        .write(to: tool("all/mnist/\(prefix)-images-idx3-ubyte"))
      try IDX(dimensions: [count], bytes: labels)
        .write(to: tool("all/mnist/\(prefix)-labels-idx1-ubyte"))
    }
    tool.environment["MEPROP_DATA"] = tool("all").path
    tool.environment["TMPDIR"] = tool("temporary").path
    return tool
  }

  /// A script that says it has torch, and does something else instead of training.
  private func writePython(_ script: String, _ tool: Tool) throws -> String {
    let path = tool("python").path
    try ScriptFile.write(
      """
      # Asked whether there is torch it is given a program and nothing else.
      if [ $# -eq 2 ]; then echo ready; exit 0; fi
      \(script)
      """, to: path)
    return path
  }

  private func temporaryFiles(_ tool: Tool) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: tool("temporary").path)
  }

  @Test("It is a command with help")
  func help() throws {
    let tool = try Tool()
    let help = try tool.run(["bench", "--help"])
    #expect(help.status == 0 && help.output.contains("--precision <f32|bf16>"))
    #expect(help.output.contains("parser") && help.output.contains("accuracy"))
    #expect(try tool.run(["--help"]).output.contains("bench"))
  }

  @Test(
    "Groups and tasks that there are not, and options that nothing reads, are refused",
    arguments: [
      ("nothing", "'nothing', expected one of kernels"),
      ("--threads 0", "--threads"),
      ("lstm --precision f32", "--precision"),
      ("lstm --torch python3", "--torch"),
      ("accuracy steps", "'steps', expected tasks"),
      ("accuracy digits --precision f32", "--precision: accuracy"),
      ("accuracy digits --target 101", "--target"),
      ("accuracy digits --seeds 0", "--seeds"),
      ("accuracy digits --threads 300", "--threads"),
      ("accuracy --target 90", "--target"),
      ("accuracy digits parser --target 90", "--target"),
      ("steps --target 90", "--target"),
      ("kernels --seeds 2", "--seeds"),
    ])
  func refusals(arguments: String, message: String) throws {
    let outcome = try Tool().run(["bench"] + arguments.split(separator: " ").map(String.init))
    #expect(outcome.status == 64, "\(outcome.error)")
    #expect(outcome.error.contains(message) && outcome.output.isEmpty, "\(outcome.error)")
  }

  @Test("MEPROP_SIMD holds the libraries of PyTorch as well, unless they are told otherwise")
  func libraries() throws {
    let tool = try makeTool()
    let python = try writePython("exit 1", tool)
    let script = "#!/bin/sh\necho $ONEDNN_MAX_CPU_ISA $ATEN_CPU_CAPABILITY > seen; exit 1\n"
    // In place, so that it stays executable.
    try script.write(toFile: python, atomically: false, encoding: .utf8)
    func seen() throws -> String {
      #expect(try tool.run(["bench", "steps", "--torch", python]).status == 1)
      return try String(contentsOf: tool("seen"), encoding: .utf8)
    }
    #expect(try seen() == "\n")
    tool.environment["MEPROP_SIMD"] = "portable"
    #expect(try seen() == "SSE41 default\n")
    tool.environment["ONEDNN_MAX_CPU_ISA"] = "AVX"
    #expect(try seen() == "AVX default\n")
  }

  @Test("Time to an accuracy is that of whole runs, whose folders are removed")
  func accuracy() throws {
    let tool = try makeTool()
    let python = try writePython("echo 'epoch 1/3  dev 50' >&2; echo reached 2", tool)
    let arguments = ["bench", "accuracy", "digits", "--target", "50", "--seeds", "2"]
    let outcome = try tool.run(arguments + ["--torch", python, "--json"])
    #expect(outcome.status == 0, "\(outcome.error)")
    for key in ["rows", "rowsAsItComes"] {
      let rows = try #require(outcome.json?[key] as? [[String: Any]])
      #expect(rows.map { $0["seed"] as? Int } == [1, 2])
      for row in rows {
        #expect(row["task"] as? String == "digits" && row["target"] as? Double == 50)
        #expect(row["torchEpochs"] as? Int == 2)
        let epochs = try #require(row["epochs"] as? Int)
        #expect((1...3).contains(epochs))
        #expect(try #require(row["seconds"] as? Double) > 0)
        #expect(try #require(row["ratioTorch"] as? Double) > 0)
      }
    }
    let best = try #require(outcome.json?["torchBest"] as? [[String: Any]])
    #expect(best.count == 1 && best.first?["task"] as? String == "digits")
    #expect(outcome.error.contains("PyTorch at its best: batches of"))
    #expect(outcome.error.contains("epoch 1/3  dev 50"))
    #expect(try temporaryFiles(tool).isEmpty)
    let alone = try tool.run(arguments)
    #expect(alone.status == 0 && alone.output.contains("digits"), "\(alone.error)")
    #expect(!alone.output.contains("torch"))
  }

  @Test("Data that are missing are told before anything is measured")
  func missingData() throws {
    let outcome = try Tool().run(["bench", "accuracy", "digits"])
    #expect(outcome.status == 1 && outcome.output.isEmpty)
    #expect(outcome.lastLine.contains("data set mnist not found"), "\(outcome.error)")
  }

  @Test("Ctrl-C ends it at once and leaves nothing", arguments: [SIGINT, SIGTERM])
  func interruption(number: Int32) throws {
    let tool = try makeTool()
    let python = try writePython("echo $$ > \(tool("process").path); exec sleep 60", tool)
    let running = try tool.start(["bench", "accuracy", "digits", "--torch", python])
    #expect(running.waits(for: "PyTorch, batches of"))
    for _ in 0..<1_000 where !FileManager.default.fileExists(atPath: tool("process").path) {
      Thread.sleep(forTimeInterval: 0.005)
    }
    let start = Date.now
    kill(running.process.processIdentifier, number)
    let outcome = try running.finish()
    #expect(Date.now.timeIntervalSince(start) < 10)
    #expect(outcome.status == 128 + number && outcome.lastLine == "bench: interrupted")
    let text = try String(contentsOf: tool("process"), encoding: .utf8)
    let process = try #require(pid_t(text.trimmingCharacters(in: .whitespacesAndNewlines)))
    #expect(kill(process, 0) != 0)
    #expect(try temporaryFiles(tool).isEmpty)
  }
}
