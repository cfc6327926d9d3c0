// The tagger through the built command: training, kills, pipes, wrong input.

import Foundation
import MePropCore
import Testing

@Suite("Tagger command", .serialized)
struct TaggerCommandTests {
  private static let small = [
    "--hidden", "20", "--word-size", "8", "--feature-size", "4", "--k", "3", "--threads", "1",
    "--learning-rate", "0.01", "--dropout", "0.1",
  ]

  /// Words ending in `s` are VERB, others NOUN; XPOS has the same in lower case.
  private static func conllu(_ count: Int, seed: UInt64) -> String {
    var random = Philox(seed: seed)
    return (0..<count).map { _ in
      (1...(2 + Int(random.next(below: 5)))).map { number in
        let stem = "w\(random.next(below: 40))"
        let isVerb = random.next(below: 2) == 1
        let tag = isVerb ? "VERB" : "NOUN"
        return
          "\(number)\t\(stem)\(isVerb ? "s" : "")\t_\t\(tag)\t\(tag.lowercased())\t_\t0\t_\t_\t_\n"
      }.joined() + "\n"
    }.joined()
  }

  private func makeTool() throws -> Tool {
    let tool = try Tool()
    try FileManager.default.createDirectory(
      at: tool("bank"), withIntermediateDirectories: true)
    for (part, count, seed) in [("train", 300, 1), ("dev", 40, 2), ("test", 40, 3)] {
      try Self.conllu(count, seed: UInt64(seed)).write(
        to: tool("bank/x-\(part).conllu"), atomically: true, encoding: .utf8)
    }
    return tool
  }

  private func train(_ tool: Tool, _ arguments: [String]) throws -> Outcome {
    try tool.run(["train", "tagger", "--data", "bank"] + Self.small + arguments)
  }

  @Test("Train, evaluate and predict")
  func everything() throws {
    let tool = try makeTool()
    let trained = try train(tool, ["--epochs", "3", "--run", "run", "--json"])
    #expect(trained.status == 0, "\(trained.error)")
    let epochs = try #require(trained.json?["epochs"] as? [[String: Any]])
    #expect(epochs.count == 3)
    #expect(epochs.allSatisfy { $0["wordsPerSecond"] is NSNumber })
    let best = try #require(trained.json?["best"] as? [String: Any])
    for part in ["dev", "test"] {
      let figures = try #require(best[part] as? [String: Any])
      #expect(Set(figures.keys) == ["accuracy", "unknownAccuracy"])
    }
    let evaluated = try tool.run(["evaluate", "run", "--json"])
    let accuracy = try #require(evaluated.json?["accuracy"] as? Double)
    let test = try #require(best["test"] as? [String: Any])
    // The figure of training is rounded.
    #expect(abs(accuracy - (test["accuracy"] as? Double ?? 0)) < 1e-4)
    #expect(accuracy > 95)
    #expect((evaluated.json?["predict"] as? [String: Any])?["wordsPerSecond"] is NSNumber)
    #expect(evaluated.json?["task"] as? String == "tagger")
    for precision in ["int8", "f32", "bf16"] {
      #expect(try tool.run(["evaluate", "run", "--precision", precision]).status == 0)
    }
    #expect(try tool.run(["evaluate", "run", "--svg", "a.svg"]).status == 0)
    #expect(try String(contentsOf: tool("a.svg"), encoding: .utf8).contains("F1 by tag"))
    let wrong = try tool.run(["evaluate", "run", "--precision", "auto"])
    #expect(wrong.status == 64 && wrong.lastLine.contains("f32, bf16, int8"))

    let input = Data(
      ("# text = w1 w2s\r\n1-2\tw1w2s\t_\t_\t_\t_\t_\t_\t_\t_\r\n1\tw1\t_\tX\t?\t_\t0\t_\t_\t_\r\n"
        + "1.1\t_\t_\t_\t_\t_\t_\t_\t_\t_\r\n2\tw2s\t_\tX\t?\t_\t0\t_\t_\tSpaceAfter=No").utf8)
    let tagged = try tool.run(["predict", "run", "-"], input: input)
    let expected = String(decoding: input, as: UTF8.self)
      .replacing("w1\t_\tX\t?", with: "w1\t_\tX\tnoun").replacing(
        "w2s\t_\tX\t?", with: "w2s\t_\tX\tverb")
    #expect(tagged.output == expected)
    let text = try tool.run(["predict", "run", "--format", "text"], input: Data("w1 w2s\n".utf8))
    #expect(text.output == "w1_noun w2s_verb\n")
    // CoNLL-U is told by its first line.
    for start in ["", "# newpar\n", "# sent_id = 1\n"] {
      let sentence = start + "1\tw1\t_\tX\t?\t_\t0\t_\t_\t_\n\n# end = 2\n"
      let lines = try tool.run(
        ["predict", "run", "--format", "jsonl"], input: Data(sentence.utf8))
      #expect(lines.output == "{\"tokens\":[\"w1\"],\"tags\":[\"noun\"]}\n")
    }
    let json = try tool.run(["predict", "run", "--json"], input: Data("w1 w2s\nw2s\n".utf8))
    #expect(
      json.output == """
        {"predictions":[{"tokens":["w1","w2s"],"tags":["noun","verb"]},\
        {"tokens":["w2s"],"tags":["verb"]}]}

        """)
    let hash = try tool.run(["predict", "run", "--format", "text"], input: Data("# w1\n".utf8))
    #expect(hash.output.hasPrefix("#_"))
    for arguments in [
      ["--json", "--format", "text"], ["--threads", "0"], ["--precision", "f16"],
      ["--format", "x"], ["--beam", "2"],
    ] {
      #expect(try tool.run(["predict", "run", "-"] + arguments, input: input).status == 64)
    }
  }

  @Test("Killed at any moment, a run goes on as if nothing had been", .timeLimit(.minutes(3)))
  func kills() throws {
    let tool = try makeTool()
    let recipe = ["--epochs", "5", "--batch", "2", "--memory", "0.3"]
    #expect(try train(tool, recipe + ["--run", "whole"]).status == 0)
    var random = Philox(seed: UInt64(getpid()))
    var kills = 0
    var resume: [String] = []
    for attempt in 0..<200 {
      let running = try tool.start(
        ["train", "tagger", "--data", "bank"] + Self.small + recipe + ["--run", "killed"] + resume)
      Thread.sleep(forTimeInterval: Double(random.nextUniform()) * (0.1 + 0.03 * Double(attempt)))
      kill(running.process.processIdentifier, SIGKILL)
      let outcome = try running.finish()
      if FileManager.default.fileExists(atPath: tool("killed").path) { resume = ["--resume"] }
      if !outcome.wasKilled {
        #expect(outcome.status == 0, "\(outcome.error)")
        break
      }
      kills += 1
    }
    #expect(kills > 0)
    for file in ["model/model.safetensors", "checkpoints/last/tensors.safetensors"] {
      let same =
        try Data(contentsOf: tool("whole/" + file)) == Data(contentsOf: tool("killed/" + file))
      #expect(same, "\(file) differs")
    }
  }

  @Test("Each sentence of a pipe is answered before the next comes", .timeLimit(.minutes(1)))
  func pipes() throws {
    let tool = try makeTool()
    #expect(try train(tool, ["--epochs", "1", "--run", "run"]).status == 0)
    for (format, sentence) in [
      ("conllu", "1\tw1\t_\t_\t_\t_\t0\t_\t_\t_\n\n"), ("text", "w1 w2s\n"), ("jsonl", "w1 w2s\n"),
    ] {
      let process = Process()
      process.executableURL = URL(fileURLWithPath: tool.path)
      process.arguments = ["predict", "run", "-", "--format", format]
      process.currentDirectoryURL = tool.url
      let (input, output) = (Pipe(), Pipe())
      process.standardInput = input
      process.standardOutput = output
      try process.run()
      for _ in 0..<3 {
        try input.fileHandleForWriting.write(contentsOf: Data(sentence.utf8))
        var answer = ""
        let end = format == "conllu" ? "\n\n" : "\n"
        while !answer.hasSuffix(end) {
          let bytes = output.fileHandleForReading.availableData
          if bytes.isEmpty { break }
          answer += String(decoding: bytes, as: UTF8.self)
        }
        #expect(answer.contains("w1") && answer.contains("noun"), "\(format): \(answer)")
      }
      try input.fileHandleForWriting.close()
      process.waitUntilExit()
      #expect(process.terminationStatus == 0)
    }
  }

  @Test("Word vectors start embeddings, and bring words of their own")
  func vectors() throws {
    let tool = try makeTool()
    let lines = (["new", "w1", "W1"] + (2..<30).map { "w\($0)s" }).map { "\($0) 1 2 3 4 5 6 7 8\n" }
    try lines.joined().write(to: tool("v.txt"), atomically: true, encoding: .utf8)
    let trained = try train(tool, ["--epochs", "1", "--run", "run", "--vectors", "v.txt"])
    #expect(trained.status == 0, "\(trained.error)")
    #expect(trained.error.contains("v.txt: of 29 of "))
    let model = try String(contentsOf: tool("run/model/vocabularies.json"), encoding: .utf8)
    #expect(model.contains("\"new\""))
    // A word that only the vectors have is unknown all the same.
    let evaluated = try tool.run(["evaluate", "run", "--json"])
    #expect(evaluated.status == 0, "\(evaluated.error)")
    let none = try train(
      tool, ["--epochs", "1", "--run", "b", "--vectors", "v.txt", "--vector-limit", "0"])
    #expect(none.error.contains("and of 0 other words"))
    for (file, arguments, message) in [
      ("missing.txt", [], "missing.txt: cannot be opened"),
      ("v.txt", ["--word-size", "9"], "v.txt: vectors have 8 numbers, word embeddings 9"),
    ] {
      let wrong = try tool.run(
        ["train", "tagger", "--data", "bank"]
          + Self.small.filter { !["--word-size", "8"].contains($0) }
          + ["--word-size", "8"] + ["--run", "c", "--vectors", file] + arguments)
      #expect(wrong.status != 0 && wrong.lastLine.contains(message), "\(wrong.lastLine)")
    }
  }

  @Test("Treebanks of other languages, with what they lack")
  func otherTreebanks() throws {
    let tool = try makeTool()
    let words = ["con người", "10 000", "_", "日本", "नमस्ते", "e\u{301}", "🙂"]
    func sentences(_ length: Int, _ count: Int) -> String {
      (0..<count).map { sentence in
        (0..<length).map { word in
          let place = (sentence + word) % words.count
          return "\(word + 1)\t\(words[place])\t_\tT\(place % 3)\t_\t_\t0\t_\t_\t_\r\n"
        }.joined() + "\r\n"
      }.joined()
    }
    func write(_ text: String, _ name: String) throws {
      let url = tool("other").appendingPathComponent(name)
      try FileManager.default.createDirectory(at: tool("other"), withIntermediateDirectories: true)
      try Data(text.utf8).write(to: url)
    }
    let arguments = ["train", "tagger", "--data", "other", "--run", "r", "--column", "upos"]
    // Sentences of 150 words, and neither dev nor test.
    try write(sentences(150, 6) + sentences(1, 4), "a-train.conllu")
    let alone = try tool.run(arguments + Self.small + ["--epochs", "20"])
    #expect(alone.status == 0, "\(alone.error)")
    let input = Data(sentences(9, 2).utf8)
    let tagged = try tool.run(["predict", "r"], input: input)
    let tag = /\tT[012]\t/
    #expect(
      tagged.output.replacing(tag, with: "\t?\t")
        == String(decoding: input, as: UTF8.self).replacing(tag, with: "\t?\t"))
    let column = try tool.run(["train", "tagger", "--data", "other"])
    #expect(column.lastLine.contains("choose a column that has tags with --column upos"))
    // Nothing is unknown here, and there is no test.
    try write(sentences(5, 2), "a-dev.conllu")
    let test = try tool.run(["evaluate", "r", "--data", "other"])
    #expect(test.status != 0 && test.lastLine.contains("--split dev"), "\(test.lastLine)")
    let dev = try tool.run(["evaluate", "r", "--data", "other", "--split", "dev", "--json"])
    #expect(dev.json?["accuracy"] is NSNumber && dev.json?["unknownAccuracy"] is NSNull)
    try write("# nothing\n", "a-test.conllu")
    let empty = try tool.run(arguments + Self.small + ["--run", "e"])
    #expect(empty.status == 0, "\(empty.error)")
    #expect(empty.error.contains("a-test.conllu: has no sentences; test is left out"))
  }

  @Test("A treebank is checked")
  func check() throws {
    let tool = try makeTool()
    #expect(try tool.run(["check", "tagger", "--data", "bank"]).status == 0)
    let feats = try tool.run(["check", "tagger", "--data", "bank", "--column", "feats", "--json"])
    #expect(feats.status == 1)
    #expect(
      ((feats.json?["errors"] as? [String])?.first ?? "").contains("feats is _ at every word"))
    var bytes = Data(Self.conllu(3, seed: 9).utf8)
    bytes += Data("1\ta\u{e4}\t_\tX\tx\t_\t0\t_\t_\t_\n# fine\n".utf8) + Data([0x23, 0xe4, 10])
    bytes.replaceSubrange(2...2, with: [0xff])
    try bytes.write(to: tool("bank/x-dev.conllu"))
    let damaged = try tool.run(["check", "tagger", "--data", "bank"])
    #expect(damaged.status == 1 && damaged.error.isEmpty, "\(damaged.error)")
    #expect(damaged.output.contains("x-dev.conllu:1: bytes that are not UTF-8 in 2 lines: 1, "))
    let missing = try tool.run(["check", "tagger", "--data", "nowhere"])
    #expect(missing.status == 64 && missing.lastLine.contains("treebank nowhere not found"))
    let column = try tool.run(["train", "tagger", "--data", "bank", "--column", "feats"])
    #expect(column.status == 1 && column.lastLine.contains("with --column upos or xpos"))
  }
}
