// meprop train digits --select auto: what a plan decides is in the run's configuration, and repeats
// exactly.

import Foundation
import Testing

@Suite("Train with a plan")
struct TrainAutoTests {
  /// The plan measures for eight seconds.
  @Test("The choice of --select auto is kept, and the run repeats from it", .timeLimit(.minutes(2)))
  func automaticSelection() throws {
    let tool = try Tool()
    let first = try tool.run(
      ["train", "digits"] + tool.small
        + ["--select", "auto", "--batch", "40", "--epochs", "1", "--run", "a", "--json"])
    #expect(first.status == 0, "\(first.error)")
    #expect((first.json?["epochs"] as? [Any])?.count == 1)
    let saved = try String(contentsOf: tool("a/config.yaml"), encoding: .utf8)
    let lines = saved.split(separator: "\n")
    let select = try #require(lines.first { $0.hasPrefix("select:") })
    #expect(["batch-top-k", "dense"].contains { select.hasPrefix("select: \($0)") })

    let second = try tool.run(
      ["train", "digits", "--config", "a/config.yaml", "--run", "b", "--json"])
    #expect(second.status == 0, "\(second.error)")
    for file in ["config.yaml", "model/model.safetensors", "checkpoints/last/tensors.safetensors"] {
      let same = try Data(contentsOf: tool("a/" + file)) == Data(contentsOf: tool("b/" + file))
      #expect(same, "\(file) differs")
    }
    func best(_ outcome: Outcome) throws -> Data {
      let object = try #require(outcome.json?["best"] as? [String: Any])
      return try JSONSerialization.data(withJSONObject: object, options: .sortedKeys)
    }
    #expect(try best(first) == best(second))
  }
}
