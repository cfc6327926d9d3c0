// What the commands print, on which stream, and with which exit code.

import Foundation
import Testing

@Suite("Commands")
struct TrainCommandTests {
  private static let epochKeys: Set = [
    "epoch", "seconds", "train", "dev", "test", "touchedRows", "keptMagnitude",
  ]

  @Test("train --json prints one object with the promised keys")
  func trainJSON() throws {
    let tool = try Tool()
    let outcome = try tool.train(["--epochs", "3", "--run", "run", "--json"])
    #expect(outcome.status == 0, "\(outcome.error)")
    let json = try #require(outcome.json, "\(outcome.output)")
    #expect(outcome.output.split(separator: "\n").count == 1)
    #expect(Set(json.keys) == ["task", "run", "threads", "best", "epochs"])
    #expect(json["task"] as? String == "digits")
    #expect(json["run"] as? String == tool("run").path)
    #expect(json["threads"] as? Int == 1)
    let best = try #require(json["best"] as? [String: Any])
    #expect(Set(best.keys) == ["epoch", "dev", "test"])
    for split in ["dev", "test"] {
      let figures = try #require(best[split] as? [String: Double])
      #expect(Set(figures.keys) == ["accuracy", "loss"])
      #expect((0...100).contains(figures["accuracy"] ?? -1))
    }
    let epochs = try #require(json["epochs"] as? [[String: Any]])
    #expect(epochs.count == 3)
    for epoch in epochs {
      #expect(Set(epoch.keys).isSuperset(of: Self.epochKeys))
      let seconds = try #require(epoch["seconds"] as? [String: Double])
      #expect(
        Set(seconds.keys)
          == ["total", "forward", "backward", "selection", "products", "optimizer", "data"])
      #expect((epoch["touchedRows"] as? [Double])?.count == 3)
      #expect((epoch["keptMagnitude"] as? [Double])?.allSatisfy { $0 > 0 && $0 <= 1 } == true)
    }
    #expect(outcome.error.contains("seed=1"))
    for name in ["config.yaml", "metrics.jsonl", "checkpoints/last/state.json", "model/model.json"]
    {
      #expect(FileManager.default.fileExists(atPath: tool("run/" + name).path), "\(name)")
    }
  }

  @Test("train prints tables of 80 columns, and its run goes to runs/ by default")
  func trainText() throws {
    let tool = try Tool()
    let outcome = try tool.train(["--epochs", "2"])
    #expect(outcome.status == 0, "\(outcome.error)")
    let lines = outcome.output.split(separator: "\n")
    let titles = lines.compactMap { $0.split(separator: " ").first }
    #expect(
      titles == [
        "epoch", "accuracy", "loss", "training", "forward", "backward", "selection", "products",
        "optimizer", "data", "all", "model:", "report:",
      ])
    #expect(lines[0].hasPrefix("epoch 1 of 2, the best") || lines[0].hasPrefix("epoch 2 of 2"))
    #expect(lines.dropLast(2).allSatisfy { $0.count <= 80 }, "\(outcome.output)")
    let runs = try FileManager.default.contentsOfDirectory(atPath: tool("runs").path)
    #expect(runs.count == 1 && runs[0].hasPrefix("digits-"))
    #expect(outcome.output.contains("\(runs[0])/model"))
    let again = try tool.run(["train", "digits", "--resume", "--epochs", "3", "--json"])
    #expect((again.json?["epochs"] as? [Any])?.count == 3, "\(again.error)")
  }

  @Test("The saved configuration trains the same run again, file, --set and flags alike")
  func configuration() throws {
    let tool = try Tool()
    let first = try tool.train([
      "--epochs", "2", "--select", "unified", "--group", "8", "--run", "a",
    ])
    #expect(first.status == 0, "\(first.error)")
    let second = try tool.run(["train", "digits", "--config", "a/config.yaml", "--run", "b"])
    #expect(second.status == 0, "\(second.error)")
    for file in ["config.yaml", "model/model.safetensors"] {
      #expect(try Data(contentsOf: tool("a/" + file)) == Data(contentsOf: tool("b/" + file)))
    }
    let third = try tool.run([
      "train", "digits", "--config", "a/config.yaml", "--run", "c", "--set", "epochs=9",
      "--set", "seed=5", "--epochs", "1", "--json",
    ])
    #expect((third.json?["epochs"] as? [Any])?.count == 1)
    #expect(try String(contentsOf: tool("c/config.yaml"), encoding: .utf8).contains("seed: 5"))
  }

  @Test("Every key of the configuration is a flag")
  func flags() throws {
    let tool = try Tool()
    let help = try tool.run(["train", "digits", "--help"])
    let yaml = try tool.run(["config", "digits"])
    #expect(help.status == 0 && yaml.status == 0)
    let keys = yaml.output.split(separator: "\n").filter { !$0.hasPrefix("#") }
      .compactMap { $0.split(separator: ":").first }
    #expect(keys.count > 20)
    for key in keys { #expect(help.output.contains("--\(key) <"), "\(key)") }
    try yaml.output.write(to: tool("all.yaml"), atomically: true, encoding: .utf8)
    let trained = try tool.train(["--config", "all.yaml", "--epochs", "1"])
    #expect(trained.status == 0, "\(trained.error)")
  }

  @Test("evaluate prints the promised keys, from the run or its model folder")
  func evaluate() throws {
    let tool = try Tool()
    #expect(try tool.train(["--epochs", "3", "--run", "run"]).status == 0)
    let data = ["--data", "data"]
    let test = try tool.run(["evaluate", "run", "--json"] + data)
    let json = try #require(test.json, "\(test.error)")
    #expect(
      Set(json.keys) == [
        "task", "split", "data", "accuracy", "loss", "count", "confusion", "perClass",
        "predict",
      ])
    #expect(json["task"] as? String == "digits")
    #expect((json["predict"] as? [String: Any])?["imagesPerSecond"] is NSNumber)
    #expect(json["split"] as? String == "test")
    #expect(json["count"] as? Int == 50)
    #expect((json["confusion"] as? [[Int]])?.count == 4)
    let dev = try tool.run(["evaluate", "run/model", "--split", "dev", "--json"] + data)
    #expect(dev.json?["count"] as? Int == 60)
    let threads = try tool.run(["evaluate", "run", "--json", "--threads", "2"] + data)
    #expect(threads.json?["loss"] as? Double == json["loss"] as? Double, "\(threads.error)")
    let beam = try tool.run(["evaluate", "run", "--beam", "2"] + data)
    #expect(beam.status == 64 && beam.lastLine.contains("--beam is for parser"))
    let text = try tool.run(["evaluate", "run"] + data)
    #expect(text.output.contains("precision") && text.output.contains("accuracy"))
    #expect(try tool.run(["evaluate", "run", "--split", "x"] + data).status == 64)
  }

  @Test("predict reads idx files and text, from a file or standard input")
  func predict() throws {
    let tool = try Tool()
    #expect(try tool.train(["--epochs", "1", "--run", "run"]).status == 0)
    let file = tool("data/t10k-images-idx3-ubyte")
    let fromFile = try tool.run(["predict", "run", file.path])
    #expect(fromFile.output.split(separator: "\n").count == 50)
    let threads = try tool.run(["predict", "run", file.path, "--threads", "2"])
    #expect(threads.output == fromFile.output)
    let fromInput = try tool.run(["predict", "run", "-"], input: Data(contentsOf: file))
    #expect(fromInput.output == fromFile.output)
    let row = (0..<16).map { String($0 * 10) }.joined(separator: ",")
    let json = try tool.run(["predict", "run", "--json"], input: Data("\(row)\n\(row)\n".utf8))
    let predictions = try #require(json.json?["predictions"] as? [[String: Double]])
    #expect(predictions.count == 2 && predictions[0] == predictions[1])
    #expect(Set(predictions[0].keys) == ["label", "probability"])
    let empty = try tool.run(["predict", "run"], input: Data())
    #expect(empty.output == "" && empty.status == 0)
    #expect(empty.lastLine == "notice: standard input: holds nothing to predict")
  }

  @Test("Data sets are listed and checked")
  func data() throws {
    let tool = try Tool()
    let list = try tool.run(["data", "list"])
    #expect(list.output.contains("mnist:") && list.output.contains("fashion-mnist:"))
    let check = try tool.run(["data", "check", "mnist", "--folder", "data"])
    #expect(check.status == 1)
    #expect(check.output.contains("wrong contents"))
    #expect(check.lastLine.contains("4 of 4 files"))
    #expect(try tool.run(["data", "get", "nothing"]).status == 64)
  }

  @Test("Help, version and completions go to standard output")
  func help() throws {
    let tool = try Tool()
    for arguments in [
      ["--help"], ["--version"], ["help", "train"], ["train", "digits", "--help"], ["data"],
      ["--generate-completion-script", "bash"], ["demo", "--help"],
    ] {
      let outcome = try tool.run(arguments)
      #expect(outcome.status == 0, "\(arguments)")
      #expect(!outcome.output.isEmpty && outcome.error.isEmpty, "\(arguments)")
    }
  }

  @Test("The demo compares two runs")
  func demo() throws {
    let tool = try Tool()
    // The data set must have the layout of the catalogue's, with 5,000 images to hold out.
    let outcome = try tool.run(["demo", "--data", "data", "--epochs", "1"])
    #expect(outcome.status == 1)
    #expect(outcome.lastLine.contains("examples, expected"))
  }
}
