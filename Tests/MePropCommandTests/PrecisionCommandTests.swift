// --precision from training to use.

import Foundation
import Testing

@Suite("Precision")
struct PrecisionCommandTests {
  @Test(
    "A model trained with rounded products is used with them unless told otherwise",
    arguments: ["bf16", "int8"])
  func precision(name: String) throws {
    let tool = try Tool()
    let trained = try tool.train([
      "--epochs", "2", "--precision", name, "--hidden", "40,40", "--run", "run", "--json",
    ])
    #expect(trained.status == 0, "\(trained.error)")
    #expect(trained.error.contains("precision=\(name)"))
    let architecture = try String(contentsOf: tool("run/model/model.json"), encoding: .utf8)
    #expect(architecture.contains("\"precision\" : \"\(name)\""))
    func loss(_ options: [String]) throws -> Double? {
      try tool.run(["evaluate", "run", "--json", "--data", "data"] + options).json?["loss"]
        as? Double
    }
    let asTrained = try #require(try loss([]))
    #expect(try loss(["--precision", name]) == asTrained)
    let f32 = try #require(try loss(["--precision", "f32"]))
    #expect(f32 != asTrained && abs(f32 - asTrained) < 0.05 * f32)
    #expect(try tool.run(["evaluate", "run", "--precision", "f16"]).status == 64)
    #expect(try tool.train(["--precision", "f16"]).status == 64)
  }

  @Test("A model folder without a precision, or with another word for it, is refused")
  func otherModels() throws {
    let tool = try Tool()
    #expect(
      try tool.train(["--epochs", "1", "--precision", "f32", "--run", "run"]).status == 0)
    let file = tool("run/model/model.json")
    let text = try String(contentsOf: file, encoding: .utf8)
    let evaluate = ["evaluate", "run", "--json", "--data", "data"]
    #expect(try tool.run(evaluate).status == 0)
    let without = text.split(separator: "\n").filter { !$0.contains("precision") }
    try without.joined(separator: "\n").write(to: file, atomically: true, encoding: .utf8)
    let missing = try tool.run(evaluate)
    #expect(missing.status == 1 && missing.error.contains("no key 'precision'"))
    try text.replacingOccurrences(of: "f32", with: "f99").write(
      to: file, atomically: true, encoding: .utf8)
    let wrong = try tool.run(evaluate)
    #expect(wrong.status == 1 && wrong.error.contains("precision") && wrong.error.contains("f99"))
  }
}
