// meprop train images, evaluate, predict and inspect, as a process.

import Foundation
import MePropData
import Testing

@Suite("The images task from the shell")
struct ImagesCommandTests {
  private static let layers = "conv 6 3x3 padding 1 pool 2, dense 8"

  @Test("Trains, evaluates on the same data and names them, predicts, inspects")
  func trainsAndIsUsed() throws {
    let tool = try Tool()
    let run = tool("run").path
    let trained = try tool.run([
      "train", "images", "--data", tool("data").path, "--layers", Self.layers, "--epochs", "6",
      "--batch", "10", "--learning-rate", "0.01", "--threads", "1", "--run", run, "--json",
    ])
    #expect(trained.status == 0, "\(trained.error)")
    #expect(
      trained.error.contains("Conv2D(4x4x1 → 2x2x6, 3x3, padding 1x1, max pooling 2x2, relu)"))
    let evaluated = try tool.run(["evaluate", run, "--json"])
    let json = try #require(evaluated.json, "\(evaluated.error)")
    #expect(json["count"] as? Int == 50 && json["data"] as? String == tool("data").path)
    #expect(try #require(json["accuracy"] as? Double) > 60)
    let dev = try tool.run(["evaluate", run, "--split", "dev"])
    #expect(dev.output.contains("data \(tool("data").path)"), "\(dev.output)")
    let predicted = try tool.run([
      "predict", run, tool("data/t10k-images-idx3-ubyte").path,
    ])
    #expect(predicted.output.split(separator: "\n").count == 50, "\(predicted.error)")
    let missing = try tool.run(["predict", run], input: Data("nowhere.png\n".utf8))
    #expect(missing.status == 1 && missing.lastLine.contains("standard input:1: no file"))

    let inspected = try tool.run(["inspect", run, "--json"])
    let layers = try #require(inspected.json?["layers"] as? [[String: Any]], "\(inspected.error)")
    #expect(layers.map { $0["name"] as? String } == ["layers.0", "layers.1", "layers.2"])
    // Weights and biases.
    #expect(inspected.json?["parameters"] as? Int == 60 + 200 + 36)
    #expect(inspected.json?["bytes"] as? Int == 4 * 296)
    #expect(inspected.json?["flopsPerExample"] as? Int == 2 * (16 * 54 + 192 + 32))
    let config = try tool.run(["inspect", run + "/config.yaml", "--json"])
    #expect(config.output == inspected.output, "\(config.error)")
    let table = try tool.run(["inspect", run])
    #expect(table.output.contains("296 parameters, 1184 bytes"))
  }

  @Test("Models of digits are inspected too, and wrong uses told")
  func inspectsOthers() throws {
    let tool = try Tool()
    _ = try tool.train(["--run", tool("run").path, "--epochs", "1"])
    let inspected = try tool.run(["inspect", tool("run").path, "--json"])
    #expect(inspected.json?["task"] as? String == "digits", "\(inspected.error)")
    #expect(inspected.json?["parameters"] as? Int == 17 * 12 + 13 * 8 + 9 * 4)
    let nothing = try tool.run(["inspect", "nowhere"])
    #expect(nothing.status == 64 && nothing.lastLine.contains("no such file"))
    try Data("epochs: 3\n".utf8).write(to: tool("any.yaml"))
    let any = try tool.run(["inspect", tool("any.yaml").path])
    #expect(any.status == 64 && any.lastLine.contains("several tasks; name one with --task"))
  }

  @Test("Bad images are told with file and remedy")
  func badImages() throws {
    let tool = try Tool()
    let files = FileManager.default
    for name in ["a", "b"] {
      try files.createDirectory(
        at: tool("photos/\(name)"), withIntermediateDirectories: true)
      try Data("no image".utf8).write(to: tool("photos/\(name)/1.png"))
    }
    let outcome = try tool.run(["train", "images", "--data", tool("photos").path])
    #expect(outcome.status == 1)
    #expect(
      outcome.lastLine.contains("photos/a/1.png: expected a PNG or JPEG file, found bytes"),
      "\(outcome.error)")
    let classes = try tool.run([
      "train", "images", "--data", tool("data").path, "--classes", "3",
    ])
    #expect(classes.status == 1 && classes.lastLine.contains("expected 0...2"))
  }
}
