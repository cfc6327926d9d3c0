// What daemons, cron, moved folders, damaged files and strangers' data do to the command.

import Foundation
import MePropData
import Testing

@Suite("Faults")
struct FaultCommandTests {
  private func lines(_ text: String) -> [String] { text.split(separator: "\n").map(String.init) }

  /// A treebank, each part with the text of as many sentences.
  private func write(_ parts: [String: String], to folder: URL) throws {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    for (part, text) in parts {
      try text.write(
        to: folder.appendingPathComponent("x-\(part).conllu"), atomically: true, encoding: .utf8)
    }
  }

  private static func sentences(
    _ count: Int, upos: String? = nil, xpos: String? = nil, head: String? = nil
  ) -> String {
    (0..<count).map { index in
      [
        "1\tthe\t_\t\(upos ?? "DET")\t\(xpos ?? "D")\t_\t\(head ?? "2")\tdet\t_\t_",
        "2\tdog\(index % 3)\t_\t\(upos ?? "NOUN")\t\(xpos ?? "N")\t_\t\(head ?? "3")\tnsubj\t_\t_",
        "3\tbarks\t_\t\(upos ?? "VERB")\t\(xpos ?? "V")\t_\t\(head ?? "0")\troot\t_\t_", "", "",
      ].joined(separator: "\n")
    }.joined()
  }

  private static let parser = [
    "train", "parser", "--hidden", "16", "--k", "4", "--batch", "10", "--embedding-size", "8",
    "--learning-rate", "0.01", "--epochs", "3", "--threads", "1",
  ]
  private static let tagger = [
    "train", "tagger", "--hidden", "8", "--k", "2", "--epochs", "3", "--threads", "1",
  ]

  @Test("Sentences of one word train a parser, and a signal is heard", .timeLimit(.minutes(2)))
  func oneWordSentences() throws {
    let tool = try Tool(trainingCount: 1)
    let word = String(repeating: "1\tyes\tyes\tINTJ\tUH\t_\t0\troot\t_\t_\n\n", count: 4)
    try write(["train": word, "dev": word], to: tool("bank"))
    let outcome = try tool.run(Self.parser + ["--data", "bank", "--run", "r"])
    #expect(outcome.status == 0, "\(outcome.error)")
    #expect(outcome.output.contains("best"))
    let running = try tool.start(
      Self.parser + ["--data", "bank", "--run", "s", "--epochs", "100000"])
    #expect(running.waits(for: "epoch 3/"))
    kill(running.process.processIdentifier, SIGTERM)
    let start = Date()
    #expect(try running.finish().status == 128 + SIGTERM)
    #expect(Date().timeIntervalSince(start) < 5)
  }

  @Test(
    "Closed descriptors are not taken by files of the run",
    arguments: [">&- 2>&-", "2>&-", ">&-", "<&- >&- 2>&-", "<&-"])
  func closedDescriptors(redirection: String) throws {
    let tool = try Tool()
    let outcome = try tool.shell(
      "\"$meprop\" train digits \(tool.small.joined(separator: " ")) --epochs 2 --run r "
        + "\(redirection)")
    #expect(outcome.status == 0, "\(outcome.error)")
    let metrics = try String(contentsOf: tool("r/metrics.jsonl"), encoding: .utf8)
    #expect(lines(metrics).count == 2 && lines(metrics).allSatisfy { $0.hasPrefix("{\"epoch\":") })
    let lock = try String(contentsOf: tool("r/.lock"), encoding: .utf8)
    #expect(lines(lock).count == 1 && Int(lines(lock)[0]) != nil, "\(lock)")
    for name in try FileManager.default.contentsOfDirectory(atPath: tool("r").path)
    where name.hasPrefix("events") {
      let bytes = try Data(contentsOf: tool("r").appendingPathComponent(name))
      #expect(bytes.range(of: Data("epoch 1/2".utf8)) == nil)
    }
    try write(["gold": Self.sentences(2)], to: tool("bank"))
    let scored = try tool.shell("\"$meprop\" score bank/x-gold.conllu - <&-")
    #expect(scored.status == 1 && scored.output.isEmpty, "\(scored.output)")
    #expect(scored.error.contains("standard input: "), "\(scored.error)")
  }

  @Test("Every row of pixels has an answer, or an error says why not")
  func rows() throws {
    let tool = try Tool()
    #expect(try tool.train(["--epochs", "1", "--run", "run"]).status == 0)
    let row = (0..<16).map { String($0 * 9) }
    func predict(_ text: String) throws -> Outcome {
      try tool.run(["predict", "run"], input: Data(text.utf8))
    }
    let plain = try predict(row.joined(separator: ",") + "\n")
    #expect(lines(plain.output).count == 1 && plain.error.isEmpty)
    let quoted = row.map { "\"\($0)\"" }.joined(separator: ",") + "\n"
    for count in [1, 3] {
      let outcome = try predict(String(repeating: quoted, count: count))
      #expect(outcome.status == 0)
      #expect(outcome.output == String(repeating: plain.output, count: count), "\(outcome.error)")
    }
    #expect(try predict("garbage\n").status == 1)
    #expect(try predict("O," + row.dropFirst().joined(separator: ",") + "\n").status == 1)
    let labeled = try predict("7," + row.joined(separator: ",") + "\n")
    #expect(labeled.status == 1 && labeled.error.contains("a label? leave that column out"))
    let dark = try predict(row.map { _ in "0.5" }.joined(separator: ",") + "\n")
    #expect(dark.status == 0 && dark.error.contains("multiply pixels by 255"), "\(dark.error)")
  }

  @Test("Pixels that are shares of 1 are told of by all that read images")
  func darkPixels() throws {
    let tool = try Tool()
    _ = try tool.train(["--epochs", "1", "--run", "digits"])
    let options = ["--epochs", "1", "--threads", "1"]
    let images = ["train", "images", "--network", "mlp", "--data"]
    let bright = try tool.run(images + ["data", "--run", "images"] + options)
    #expect(bright.status == 0 && !bright.error.contains("pixels"), "\(bright.error)")
    try FileManager.default.copyItem(at: tool("data"), to: tool("dark"))
    let file = tool("dark/t10k-images-idx3-ubyte")
    for part in ["train", "t10k"] {
      let url = tool("dark/\(part)-images-idx3-ubyte")
      let idx = try IDX.read(from: url, rank: 3)
      try IDX(dimensions: idx.dimensions, bytes: idx.bytes.map { $0 / 128 }).write(to: url)
    }
    for (name, arguments) in [
      ("train images", images + ["dark", "--run", "dark-images"] + options),
      (
        "train digits",
        ["train", "digits", "--data", "dark", "--run", "dark-digits", "--epochs", "1"]
          + tool.small.dropFirst(2)
      ),
      ("predict images", ["predict", "images", file.path]),
      ("predict digits", ["predict", "digits", file.path]),
    ] {
      let outcome = try tool.run(arguments)
      #expect(outcome.status == 0, "\(name): \(outcome.error)")
      #expect(outcome.error.contains("multiply pixels by 255"), "\(name): \(outcome.error)")
      if name.hasPrefix("predict") { #expect(lines(outcome.output).count == 50) }
    }
  }

  @Test("A table's network that comes apart ends the run, or its steps, and never hangs")
  func notFinite() throws {
    let tool = try Tool()
    let rows = (0..<400).map { "\($0 % 13),\($0 % 7),\($0 % 13 > 5 ? "p" : "q")\n" }
    try ("a,b,y\n" + rows.joined()).write(
      to: tool("t.csv"), atomically: true, encoding: .utf8)
    for (choice, message) in [("stop", "is no longer finite"), ("skip", "left out, the output")] {
      let outcome = try tool.run([
        "train", "table", "t.csv", "--target", "y", "--run", choice, "--on-nan", choice,
        "--learning-rate", "1e25", "--epochs", "3", "--threads", "1",
      ])
      #expect(outcome.status == 1 && outcome.error.contains(message), "\(outcome.error)")
    }
  }

  @Test("Values and classes that look alike and differ in their bytes make no bad model")
  func lookAlikes() throws {
    let tool = try Tool()
    let forms = ["caf\u{e9}", "cafe\u{301}"]
    let rows = (0..<400).map { "\($0 % 13),\(forms[$0 % 2]),\(forms[$0 % 13 > 5 ? 1 : 0])\n" }
    try ("a,b,y\n" + rows.joined()).write(
      to: tool("t.csv"), atomically: true, encoding: .utf8)
    let trained = try tool.run([
      "train", "table", "t.csv", "--target", "y", "--run", "run", "--epochs", "2", "--threads", "1",
    ])
    #expect(trained.status == 0, "\(trained.error)")
    let predicted = try tool.run(["predict", "run", "t.csv"])
    #expect(predicted.status == 0 && lines(predicted.output).count == 401, "\(predicted.error)")
    let evaluated = try tool.run(["evaluate", "run", "--data", "t.csv", "--json"])
    #expect((evaluated.json?["perClass"] as? [Any])?.count == 2, "\(evaluated.error)")
  }

  @Test("No curve is promised to a run that is refused")
  func otherEpochs() throws {
    let tool = try Tool()
    let rows = (0..<400).map { "\($0 % 13),\($0 % 13 > 5 ? "p" : "q")\n" }
    try ("a,y\n" + rows.joined()).write(to: tool("t.csv"), atomically: true, encoding: .utf8)
    let first = try tool.run([
      "train", "table", "t.csv", "--target", "y", "--run", "run", "--epochs", "2", "--threads", "1",
    ])
    #expect(first.status == 0, "\(first.error)")
    let more = try tool.run(["train", "table", "--run", "run", "--resume", "--epochs", "4"])
    #expect(more.status == 1 && more.error.contains("was started with epochs = 2, found 4"))
    #expect(!more.error.contains("falls over"), "\(more.error)")
  }

  @Test("A run is not resumed with other data, and says so")
  func otherData() throws {
    let tool = try Tool()
    _ = try tool.train(["--epochs", "1", "--run", "run"])
    let url = tool("data/train-images-idx3-ubyte")
    let idx = try IDX.read(from: url, rank: 3)
    var bytes = idx.bytes
    bytes[bytes.count - 1] ^= 1
    try IDX(dimensions: idx.dimensions, bytes: bytes).write(to: url)
    let outcome = try tool.run(["train", "digits", "--run", "run", "--resume", "--epochs", "2"])
    #expect(outcome.status == 1)
    #expect(
      outcome.lastLine.contains("started with other training images than those found now"),
      "\(outcome.error)")
  }

  @Test("A model is evaluated on the data it was trained on, and these are named")
  func ownData() throws {
    let tool = try Tool()
    #expect(
      try tool.run(
        ["train", "digits", "--data", "data"] + tool.small.dropFirst(2)
          + ["--epochs", "1", "--run", "run"]
      ).status == 0)
    let text = try tool.run(["evaluate", "run"])
    #expect(text.status == 0 && text.output.contains("data \(tool("data").path)"), "\(text.error)")
    let json = try tool.run(["evaluate", "run", "--json", "--split", "dev"])
    #expect(json.json?["data"] as? String == tool("data").path)
    #expect(json.json?["count"] as? Int == 60)
    // From elsewhere, too.
    let other = try tool.shell("mkdir -p other && cd other && \"$meprop\" evaluate ../run")
    #expect(other.status == 0 && other.output.contains("data \(tool("data").path)"))
    try FileManager.default.moveItem(at: tool("data"), to: tool("moved"))
    let gone = try tool.run(["evaluate", "run"])
    #expect(gone.status != 0 && gone.output.isEmpty && gone.error.contains(tool("data").path))
    #expect(try tool.run(["evaluate", "run", "--data", "moved"]).status == 0)
  }

  @Test("A run goes on from another folder, and with data that were moved")
  func movedData() throws {
    let tool = try Tool()
    let small = Array(tool.small.dropFirst(2))
    #expect(
      try tool.run(
        ["train", "digits", "--data", "data", "--epochs", "1", "--run", "run"] + small
      ).status == 0)
    let away = try tool.shell(
      "mkdir -p away && cd away && \"$meprop\" train digits --run ../run --resume --epochs 2")
    #expect(away.status == 0, "\(away.error)")
    try FileManager.default.moveItem(at: tool("data"), to: tool("moved"))
    let resume = ["train", "digits", "--run", "run", "--resume", "--epochs", "3"]
    #expect(try tool.run(resume).status == 1)
    let moved = try tool.run(resume + ["--data", "moved"])
    #expect(moved.status == 0, "\(moved.error)")
    let other = try Tool(trainingCount: 240)
    // One pixel of one image.
    let images = other("data/train-images-idx3-ubyte")
    var bytes = try Data(contentsOf: images)
    bytes[bytes.count - 1] ^= 1
    try bytes.write(to: images)
    let refused = try tool.run(
      ["train", "digits", "--run", "run", "--resume", "--epochs", "4", "--data"]
        + [other("data").path])
    #expect(refused.status == 1 && refused.error.contains("training images"), "\(refused.error)")
  }

  @Test("Parts without gold annotation are left out and told, and the last epoch is kept")
  func missingGold() throws {
    let tool = try Tool(trainingCount: 1)
    let train = Self.sentences(20)
    let cases: [(parts: [String: String], command: [String], text: String)] = [
      (["dev": Self.sentences(5, upos: "_", xpos: "_")], Self.tagger, "column xpos is _"),
      (["dev": "", "test": "# nothing\n\n"], Self.tagger, "has no sentences; dev is left out"),
      (["dev": Self.sentences(5, head: "_")], Self.parser, "column head is _"),
      (["dev": train, "test": Self.sentences(5, head: "_")], Self.parser, "test is left out"),
      (["dev": Self.sentences(5).replacing(/det|nsubj|root/, with: "_")], Self.parser, "deprel"),
      (["dev": ""], Self.parser, "has no sentences"),
    ]
    for (index, (parts, command, text)) in cases.enumerated() {
      let bank = "bank\(index)"
      try write(parts.merging(["train": train]) { $1 }, to: tool(bank))
      let outcome = try tool.run(command + ["--data", bank, "--run", "run\(index)", "--json"])
      #expect(outcome.status == 0, "\(outcome.error)")
      #expect(outcome.errorLines.count { $0.contains(text) } == 1, "\(outcome.error)")
      if parts["dev"] != train {
        let best = outcome.json?["best"] as? [String: Any]
        #expect(best?["epoch"] as? Int == 3 && best?["dev"] is NSNull, "\(outcome.output)")
      }
    }
    let blind = try tool.run(["evaluate", "run0", "--split", "dev"])
    #expect(blind.status == 1 && blind.error.contains("column xpos is _"), "\(blind.error)")
    let mixed = Self.sentences(2) + Self.sentences(1, head: "_")
    try write(["train": train, "dev": mixed], to: tool("mixed"))
    #expect(try tool.run(Self.parser + ["--data", "mixed"]).status == 1)
    for task in ["tagger", "parser"] {
      let bank = task == "tagger" ? "bank0" : "bank2"
      #expect(try tool.run(["check", task, "--data", bank]).status == 0)
    }
  }

  @Test("A parser says which column is missing from what it is given")
  func missingTags() throws {
    let tool = try Tool(trainingCount: 1)
    try write(["train": Self.sentences(20), "dev": Self.sentences(5)], to: tool("bank"))
    #expect(try tool.run(Self.parser + ["--data", "bank", "--run", "r"]).status == 0)
    let tagged = Data(Self.sentences(2).utf8)
    #expect(try tool.run(["predict", "r"], input: tagged).error.isEmpty)
    let bare = try tool.run(["predict", "r"], input: Data(Self.sentences(2, xpos: "_").utf8))
    #expect(bare.status == 0 && bare.errorLines.count == 1)
    #expect(bare.error.contains("standard input: xpos is _ at every word"), "\(bare.error)")
    let plain = try tool.run(["predict", "r"], input: Data("The dog barks\n".utf8))
    #expect(plain.status == 1 && plain.error.contains("--format text"))
    try "The dog barks\n".write(to: tool("plain"), atomically: true, encoding: .utf8)
    let scored = try tool.run(["score", "plain", "plain"])
    #expect(scored.status == 1 && !scored.error.contains("--format"), "\(scored.error)")
  }

  @Test("Nothing is trained where there is nothing to resume")
  func nothingToResume() throws {
    let tool = try Tool()
    try FileManager.default.createDirectory(at: tool("nc"), withIntermediateDirectories: true)
    let resume = ["train", "digits", "--run", "nc", "--resume"]
    for flags in [[], ["--epochs", "2", "--threads", "1"]] {
      let outcome = try tool.run(resume + flags)
      #expect(outcome.status == 1 && outcome.error.contains("nothing to resume here"))
      #expect(outcome.output.isEmpty)
    }
    // Killed before its settings were saved, and started again with the same ones.
    let again = try tool.run(resume + tool.small + ["--epochs", "1"])
    #expect(again.status == 0 && again.error.contains("ended before its settings were saved"))
    let config = tool("nc/config.yaml")
    let whole = try String(contentsOf: config, encoding: .utf8)
    for text in ["", "epochs: 2\n", whole.replacing(/(?m)^data: .*$/, with: "")] {
      try text.write(to: config, atomically: true, encoding: .utf8)
      let outcome = try tool.run(resume)
      #expect(
        outcome.status == 1 && outcome.error.contains("config.yaml lacks "), "\(outcome.error)")
    }
    try whole.write(to: config, atomically: true, encoding: .utf8)
    let more = try tool.run(resume + ["--epochs", "3"])
    #expect(more.status == 0 && more.error.contains("now falls over 3 epochs"), "\(more.error)")
    let tagger = try tool.run(["train", "tagger", "--run", "nc", "--resume"])
    #expect(tagger.status == 1 && tagger.error.contains("a run of 'digits'"), "\(tagger.error)")
    #expect(tagger.errorLines.count == 1)
  }

  @Test("Words of one epoch, and of patience")
  func words() throws {
    let tool = try Tool()
    let one = try tool.train(["--epochs", "1", "--run", "one"])
    #expect(one.error.contains("finished after 1 epoch;"), "\(one.error)")
    let patient = try tool.train([
      "--epochs", "500", "--patience", "2", "--learning-rate", "0.02", "--run", "patient",
    ])
    #expect(
      patient.error.contains(/stopped after \d+ epochs, the last 2 without improvement/),
      "\(patient.error)")
  }

  @Test("A lost model is written anew, a flipped byte is noticed")
  func damagedModel() throws {
    let tool = try Tool()
    #expect(try tool.train(["--epochs", "2", "--run", "run"]).status == 0)
    let weights = tool("run/model/model.safetensors")
    let whole = try Data(contentsOf: weights)
    var flipped = whole
    flipped[flipped.count - 3] ^= 1
    try flipped.write(to: weights)
    for command in [["evaluate", "run"], ["predict", "run", "data/t10k-images-idx3-ubyte"]] {
      let outcome = try tool.run(command)
      #expect(outcome.status == 1 && outcome.output.isEmpty)
      #expect(outcome.error.contains("model.safetensors: damaged or changed"), "\(outcome.error)")
    }
    let resumed = try tool.run(["train", "digits", "--run", "run", "--resume"])
    #expect(resumed.status == 0 && resumed.error.contains("written anew"), "\(resumed.error)")
    #expect(try Data(contentsOf: weights) == whole)
    #expect(try tool.run(["evaluate", "run"]).status == 0)
    for folder in ["run/model", "run/checkpoints/best", "run/checkpoints/last"] {
      try FileManager.default.removeItem(at: tool(folder))
    }
    let lost = try tool.run(["train", "digits", "--run", "run", "--resume"])
    #expect(lost.status == 0 || !lost.output.contains("model: "), "\(lost.output)")
  }

  @Test("Numbers beyond an integer in files of runs end no command")
  func hugeNumbers() throws {
    let tool = try Tool()
    #expect(try tool.train(["--epochs", "2", "--run", "run"]).status == 0)
    func with(_ name: String, _ change: (String) -> String) throws {
      let file = tool("run").appendingPathComponent(name)
      let text = try String(contentsOf: file, encoding: .utf8)
      let changed = change(text)
      #expect(changed != text, "\(name): \(text.prefix(300))")
      try changed.write(to: file, atomically: true, encoding: .utf8)
      for command in [
        ["report", "run"], ["train", "digits", "--run", "run", "--resume", "--epochs", "3"],
      ] {
        let outcome = try tool.run(command)
        #expect(!outcome.wasKilled && outcome.status <= 1, "\(name): \(command): \(outcome.error)")
        try? FileManager.default.removeItem(at: tool("run"))
        try FileManager.default.copyItem(at: tool("kept"), to: tool("run"))
        try changed.write(to: file, atomically: true, encoding: .utf8)
      }
      try text.write(to: file, atomically: true, encoding: .utf8)
    }
    try FileManager.default.copyItem(at: tool("run"), to: tool("kept"))
    for number in ["1e19", "9223372036854775807", "-1e308"] {
      try with("metrics.jsonl") { _ in
        "{\"epoch\":1,\"seconds\":{\"total\":\(number)},\"train\":{\"loss\":1}}\n"
      }
      try with("metrics.jsonl") { _ in
        "{\"epoch\":1,\"seconds\":{\"total\":1,\"data\":\(number)},"
          + "\"train\":{\"loss\":\(number)}}\n"
      }
      try with("metrics.jsonl") { $0.replacing("\"epoch\":2", with: "\"epoch\":\(number)") }
      try with("confusion.json") {
        $0.replacing(/\[(\d+),(\d+),\d+\]/) { "[\($0.1),\($0.2),\(number)]" }
      }
      try with("details.jsonl") {
        $0.replacing(/"multiplyAdds":\d+/, with: "\"multiplyAdds\":\(number)")
      }
      try with("details.jsonl") { $0.replacing("\"epoch\":1", with: "\"epoch\":\(number)") }
      try with("details.jsonl") {
        $0.replacing(/"stepsPerEpoch":\d+/, with: "\"stepsPerEpoch\":\(number)")
      }
      try with("details.jsonl") {
        $0.replacing(/"seconds":[0-9.e-]+/, with: "\"seconds\":\(number)")
      }
      try with("run.json") { $0.replacing("\"epochs\":2", with: "\"epochs\":\(number)") }
      try with("checkpoints/history.jsonl") {
        $0.replacing(/"exampleCount":\d+/, with: "\"exampleCount\":\(number)")
      }
    }
  }

  @Test("Nothing of a file or a name reaches the terminal as a command to it")
  func escapeSequences() throws {
    let tool = try Tool(trainingCount: 1)
    let evil = "\u{1B}]0;x\u{7}\u{9B}31m"
    func expectShown(_ outcome: Outcome, at location: SourceLocation = #_sourceLocation) {
      let text = outcome.output + outcome.error
      #expect(!text.isEmpty, sourceLocation: location)
      let raw = text.unicodeScalars.filter {
        $0 != "\n" && $0 != "\t" && ($0.value < 0x20 || (0x7F...0x9F).contains($0.value))
      }
      #expect(raw.isEmpty, "\(text.debugDescription)", sourceLocation: location)
    }
    let bank = "bank\(evil)"
    let train = Self.sentences(20).replacing("DET\tD", with: "DET\tD\(evil)")
      .replacing("nsubj", with: "nsubj\(evil)")
    try write(["train": train, "dev": Self.sentences(5) + train, "test": train], to: tool(bank))
    let tagger = try tool.run(Self.tagger + ["--data", bank, "--run", "t\(evil)"])
    #expect(tagger.status == 0)
    expectShown(tagger)
    let parser = try tool.run(Self.parser + ["--data", bank, "--run", "p\(evil)"])
    #expect(parser.status == 0)
    expectShown(parser)
    for command in [
      ["evaluate", "t\(evil)"], ["evaluate", "p\(evil)"], ["evaluate", "t\(evil)", "--json"],
      ["evaluate", "p\(evil)", "--json"], ["check", "tagger", "--data", bank],
      ["check", "parser", "--data", bank, "--json"], ["report", "t\(evil)"],
      ["plan", "tagger", "--data", bank, "--threads", "1", "--hidden", "8", "--k", "2"],
      ["evaluate", "none\(evil)"], ["report", "none\(evil)"], ["train", "digits", "--data", evil],
      ["train", "digits", "--config", evil], ["train", "digits", "--set", "k\(evil)=\(evil)"],
      ["train", "digits", "--k", evil], [evil], ["score", evil, evil],
      ["train", "digits", "--run", "t\(evil)", "--resume"],
    ] {
      expectShown(try tool.run(command))
    }
    let form = Data("1\ta\(evil)\t_\t_\n".utf8)
    expectShown(try tool.run(["predict", "t\(evil)"], input: form))
    let id = Data("\(evil)\ta\t_\t_\t_\t_\t_\t_\t_\t_\n\n".utf8)
    expectShown(try tool.run(["predict", "t\(evil)"], input: id))
    expectShown(try tool.run(["predict", "t\(evil)", "--json"], input: Data(train.utf8)))
    try Data("k\(evil): 1\n".utf8).write(to: tool("c.yaml"))
    expectShown(try tool.run(["train", "digits", "--config", "c.yaml"]))
    try Data("w\(evil) 1 x\(evil)\n".utf8).write(to: tool("vectors"))
    expectShown(
      try tool.run(Self.tagger + ["--data", bank, "--vectors", "vectors", "--word-size", "2"]))
    // What is written into files stays as it is.
    let tagged = try tool.run(["predict", "t\(evil)"], input: Data(train.utf8))
    #expect(tagged.output.contains(evil))
  }

  @Test("The options that mend data are named, and are options of the command")
  func hints() throws {
    let tool = try Tool()
    let check = try tool.run(["data", "check", "mnist"])
    #expect(
      check.status == 1 && check.error.contains("--folder") && !check.error.contains("--data"))
    let home = tool.environment
    tool.environment = ["PATH": "/usr/bin:/bin"]
    let get = try tool.run(["data", "get", "mnist"])
    #expect(get.status == 64 && get.error.contains("--to") && !get.error.contains("--data"))
    tool.environment = home
    let many = try tool.train(["--dev-count", "9223372036854775807"])
    #expect(many.status == 1 && many.error.contains("--dev-count, 299 at most"), "\(many.error)")
    let few = try tool.run(
      ["train", "digits", "--data", "data", "--classes", "2", "--dev-count", "60"])
    #expect(few.status == 1 && few.error.contains(/say --classes [34] or more/), "\(few.error)")
  }
}
