// Everything a user can get wrong: one clear line, an exit code, nothing lost.

import Foundation
import Testing

@Suite("Bad input")
struct BadInputTests {
  /// One line on standard error that has the text, nothing on standard output.
  private func expectError(
    _ outcome: Outcome, _ status: Int32, _ texts: String..., afterStart: Bool = false,
    at location: SourceLocation = #_sourceLocation
  ) {
    #expect(outcome.status == status, "\(outcome.error)", sourceLocation: location)
    #expect(!outcome.wasKilled, sourceLocation: location)
    #expect(outcome.output.isEmpty, sourceLocation: location)
    let errors = outcome.errorLines.filter { $0.hasPrefix("error: ") }
    #expect(errors.count == 1, "\(outcome.error)", sourceLocation: location)
    if !afterStart {
      #expect(outcome.errorLines.count == 1, "\(outcome.error)", sourceLocation: location)
    }
    for text in texts {
      #expect(outcome.lastLine.contains(text), "\(outcome.lastLine)", sourceLocation: location)
    }
  }

  @Test(
    "Wrong settings are wrong use",
    arguments: [
      ["--k", "0"], ["--k", "-1"], ["--k", "13"], ["--k", "abc"], ["--hidden", "0"],
      ["--hidden", "-1"], ["--hidden", "abc"], ["--hidden", "5,,5"], ["--learning-rate", "nan"],
      ["--epochs", "0"], ["--set", "hiden=5"], ["--set", "epochs"], ["--nonsense"], ["--epochs"],
      ["--select", "bottom-k"], ["--memory", "2"], ["--dropout", "1"], ["--data", "nosuchset"],
      ["--select", "random-k", "--memory", "0.5"], ["--run", ""], ["extra"],
    ])
  func settings(flags: [String]) throws {
    let tool = try Tool()
    expectError(try tool.train(flags), 64)
    #expect(!FileManager.default.fileExists(atPath: tool("runs").path))
  }

  @Test("A misspelt key of a file is named with its line and a suggestion")
  func misspeltKey() throws {
    let tool = try Tool()
    try "epochs: 2\nlerning-rate: 0.1\n"
      .write(to: tool("c.yaml"), atomically: true, encoding: .utf8)
    let outcome = try tool.train(["--config", "c.yaml"])
    expectError(outcome, 64, "c.yaml:2", "did you mean 'learning-rate'")
    expectError(try tool.train(["--config", "none.yaml"]), 64, "none.yaml")
  }

  @Test("Damaged data files are named with their place")
  func damagedFiles() throws {
    let tool = try Tool()
    let images = tool("data/train-images-idx3-ubyte")
    let labels = tool("data/train-labels-idx1-ubyte")
    let wholeImages = try Data(contentsOf: images)
    let wholeLabels = try Data(contentsOf: labels)
    func outcome(images i: Data?, labels l: Data?) throws -> Outcome {
      for (url, data) in [(images, i ?? wholeImages), (labels, l ?? wholeLabels)] {
        try data.write(to: url)
      }
      return try tool.train(["--epochs", "1"])
    }
    expectError(try outcome(images: Data(), labels: nil), 1, "images", "is empty")
    expectError(try outcome(images: wholeImages.dropLast(3), labels: nil), 1, "images", "ends at")
    expectError(
      try outcome(images: Data([1, 2, 3, 4]) + wholeImages.dropFirst(4), labels: nil), 1,
      "magic number")
    var wrongCount = wholeImages
    wrongCount[wrongCount.startIndex + 7] = 7
    expectError(try outcome(images: wrongCount, labels: nil), 1, "goes on at byte")
    var badLabel = wholeLabels
    badLabel[badLabel.startIndex + 20] = 200
    expectError(try outcome(images: nil, labels: badLabel), 1, "label 200", "expected 0...3")
    expectError(
      try outcome(images: Data([0x1f, 0x8b, 9, 9, 9]), labels: nil), 1, "gzip")
    expectError(try outcome(images: nil, labels: wholeLabels.prefix(8)), 1, "labels")
    try FileManager.default.removeItem(at: labels)
    expectError(try tool.train([]), 1, "missing train-labels-idx1-ubyte")
    #expect(!FileManager.default.fileExists(atPath: tool("runs").path))
  }

  @Test("Folders without data or rights are named")
  func folders() throws {
    let tool = try Tool()
    expectError(try tool.run(["train", "digits", "--data", "/no/such/folder"]), 1, "/no/such")
    guard geteuid() != 0 else {
      return print("SKIPPED folders without rights: the superuser may read everything")
    }
    chmod(tool("data").path, 0)
    expectError(try tool.train([]), 1, "Permission denied")
    chmod(tool("data").path, 0o755)
    mkdir(tool("locked").path, 0o555)
    expectError(try tool.train(["--run", "locked/run"]), 1, "permission denied")
  }

  @Test("Without a home, data or network the message says what to do")
  func noHome() throws {
    let tool = try Tool()
    tool.environment = ["PATH": "/usr/bin:/bin"]
    expectError(try tool.run(["train", "digits"]), 1, "HOME", "--data")
    #expect(try tool.train(["--epochs", "1"]).status == 0)
  }

  @Test("A run folder that cannot be written is named")
  func unwritableRun() throws {
    let tool = try Tool()
    let forbidden =
      FileManager.default.fileExists(atPath: "/proc") ? "/proc/meprop" : "/System/meprop"
    expectError(try tool.train(["--run", forbidden]), 1, forbidden, "cannot be written")
    try "x".write(to: tool("file"), atomically: true, encoding: .utf8)
    expectError(try tool.train(["--run", "file"]), 1, "file")
    mkdir(tool("mine").path, 0o755)
    try "x".write(to: tool("mine/thesis"), atomically: true, encoding: .utf8)
    expectError(try tool.train(["--run", "mine"]), 1, "found other files")
  }

  @Test("A file that may not grow ends the run with a line and leaves the last checkpoint")
  func fileLimit() throws {
    let tool = try Tool()
    #expect(try tool.train(["--epochs", "1", "--run", "run"]).status == 0)
    let checkpoint = tool("run/checkpoints/last/tensors.safetensors")
    let before = try Data(contentsOf: checkpoint)
    let outcome = try tool.shell(
      "ulimit -f 2; exec \"$meprop\" train digits --run run --resume --epochs 2")
    expectError(outcome, 1, "cannot be written", afterStart: true)
    #expect(try Data(contentsOf: checkpoint) == before)
    #expect(
      try tool.run(["train", "digits", "--run", "run", "--resume", "--epochs", "2"]).status == 0)
  }

  @Test("A learning rate of 1e30 stops with layer and step, the last checkpoint intact")
  func learningRate() throws {
    let tool = try Tool()
    let outcome = try tool.train(["--learning-rate", "1e30", "--run", "run"])
    expectError(outcome, 1, "layers.", "step ", "lower the learning rate", afterStart: true)
    expectError(
      try tool.train(["--learning-rate", "0.1", "--run", "run"]), 1, "already holds a run")
  }

  @Test("Models and images that cannot be used are named")
  func models() throws {
    let tool = try Tool()
    expectError(try tool.run(["evaluate", "nothing"]), 1, "no model here")
    expectError(try tool.run(["predict", "data"]), 1, "no model here")
    #expect(try tool.train(["--epochs", "1", "--run", "run"]).status == 0)
    let row = Array(repeating: "1", count: 15).joined(separator: ",")
    for (text, expected) in [
      ("nan,\(row)", ":1:1: field 1 is \"nan\""), ("inf,\(row)", "finite"), (row, "found 15"),
      ("300,\(row)", "from 0"),
    ] {
      expectError(
        try tool.run(["predict", "run"], input: Data((text + "\n").utf8)), 1, expected)
    }
    let pictures: [(String, [UInt8])] = [
      ("PNG", [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
      ("JPEG", [0xff, 0xd8, 0xff, 0xe0]),
    ]
    for (format, bytes) in pictures {
      expectError(
        try tool.run(["predict", "run"], input: Data(bytes)), 1, "is a \(format) file",
        "rows of 16 numbers")
    }
    expectError(try tool.run(["predict", "run", "--threads", "-1"]), 64, "found -1, expected 1 to")
    expectError(try tool.run(["predict", "run", "none"]), 1, "none: cannot be opened")
    expectError(try tool.run(["predict", "run", "data"]), 1, "data: ")
    expectError(
      try tool.run(["predict", "run", "data/t10k-labels-idx1-ubyte"]), 1, "not an idx3 file")
    let weights = tool("run/model/model.safetensors")
    try Data(contentsOf: weights).dropLast(9).write(to: weights)
    expectError(try tool.run(["evaluate", "run", "--data", "data"]), 1, "model.safetensors")
  }

  @Test("A closed pipe ends the command quietly")
  func closedPipe() throws {
    let tool = try Tool()
    #expect(try tool.train(["--epochs", "1", "--run", "run"]).status == 0)
    let row = Array(repeating: "9", count: 16).joined(separator: ",")
    try String(repeating: row + "\n", count: 60_000)
      .write(to: tool("rows"), atomically: true, encoding: .utf8)
    let outcome = try tool.shell(
      "{ \"$meprop\" predict run rows; echo $? > code; } | head -1; cat code")
    #expect(outcome.output.split(separator: "\n").last == "141")
    #expect(outcome.error.isEmpty)
    let trained = try tool.shell(
      "\"$meprop\" train digits --config run/config.yaml --run other --epochs 2 2>&1 | head -1")
    #expect(trained.output.hasPrefix("run "))
    #expect(FileManager.default.fileExists(atPath: tool("other/model/model.json").path))
    guard FileManager.default.fileExists(atPath: "/dev/full") else { return }
    let full = try tool.shell("\"$meprop\" predict run rows > /dev/full")
    expectError(full, 1, "standard output", "no space left")
  }
}
