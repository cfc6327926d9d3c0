// Models and checkpoints of version 0.1: one line that says who wrote them.

import Foundation
import Testing

@Suite("Files of other versions")
struct OldVersionTests {
  /// One line on standard error that ends so.
  private func expectError(
    _ outcome: Outcome, _ text: String, at location: SourceLocation = #_sourceLocation
  ) {
    #expect(outcome.status == 1 && !outcome.wasKilled, sourceLocation: location)
    #expect(outcome.output.isEmpty, sourceLocation: location)
    #expect(outcome.errorLines.count == 1, "\(outcome.error)", sourceLocation: location)
    #expect(outcome.lastLine.hasSuffix(text), "\(outcome.lastLine)", sourceLocation: location)
  }

  private static let refusal =
    "run/model/model.json: a model of format 1, written by meprop 0.1; this version reads format "
    + "2: train the model again, or use the version that wrote it"

  @Test("Models of version 0.1 are refused", arguments: ["digits", "tagger", "parser"])
  func models(task: String) throws {
    let tool = try Tool()
    try FileManager.default.createDirectory(
      at: tool("run/model"), withIntermediateDirectories: true)
    try Data("{\"format\": \"meprop-model\", \"version\": 1, \"task\": \"\(task)\"}".utf8)
      .write(to: tool("run/model/model.json"))
    try Data().write(to: tool("input"))
    for run in ["run", "run/model"] {
      expectError(try tool.run(["evaluate", run]), Self.refusal)
      expectError(try tool.run(["predict", run, "input"]), Self.refusal)
    }
  }

  @Test("Checkpoints of version 0.1 are refused, and stay as they were")
  func checkpoints() throws {
    let tool = try Tool()
    #expect(try tool.train(["--epochs", "2", "--run", "run"]).status == 0)
    for folder in ["last", "best"] {
      let file = tool("run/checkpoints/\(folder)/state.json")
      let text = try String(contentsOf: file, encoding: .utf8)
      #expect(text.contains("\"version\" : 3"))
      // The two folders may share one file.
      try text.replacing("\"version\" : 3", with: "\"version\" : 1")
        .write(to: file, atomically: true, encoding: .utf8)
    }
    let before = try Data(contentsOf: tool("run/checkpoints/last/state.json"))
    expectError(
      try tool.run(["train", "digits", "--run", "run", "--resume"]),
      "last/state.json: expected checkpoint format 3, found 1, written by meprop 0.1; use the "
        + "version of meprop that wrote it, or start the run again")
    #expect(try Data(contentsOf: tool("run/checkpoints/last/state.json")) == before)
  }
}
