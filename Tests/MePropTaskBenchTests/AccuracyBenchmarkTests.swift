import Foundation
import MePropBench
import MePropTaskBench
import Testing
import _MePropTestSupport

/// Time to an accuracy with shell scripts that stand in for `meprop` and for Python.
@Suite(.serialized) struct AccuracyBenchmarkTests {
  /// Both programs and a log of how they were called, in a folder of their own.
  private final class Stubs {
    let folder: URL

    // Scripts: what is done instead of training here, and instead of training in PyTorch.
    init(meprop: String, python: String = "exit 9") throws {
      folder = FileManager.default.temporaryDirectory
        .appendingPathComponent("meprop-stubs-\(UUID().uuidString)", isDirectory: true)
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      for (name, script) in [("meprop", meprop), ("python", python)] {
        try ScriptFile.write("log=\(path("log"))\n\(script)", to: path(name))
      }
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

    /// A line a call.
    var log: [String] {
      let text = try? String(contentsOfFile: path("log"), encoding: .utf8)
      return (text ?? "").split(separator: "\n").map(String.init)
    }

    func settings(torch: Bool = false) -> AccuracySettings {
      var settings = AccuracySettings(
        executable: path("meprop"), python: torch ? path("python") : nil)
      settings.seedCount = 2
      settings.triesBF16 = false
      return settings
    }
  }

  /// Prints an epoch of each of some development figures.
  private static func epochs(_ figures: Double..., key: String = "accuracy") -> String {
    let epochs = figures.map { #"{"dev":{"\#(key)":\#($0),"loss":0.1}}"# }
    return """
      echo "$@" >> $log
      echo '{"task":"t","epochs":[\(epochs.joined(separator: ","))]}'
      """
  }

  /// A text of the JSON object that a program was given after its folder.
  private static let settingsOfPython = #"echo "python $4" >> $log"#

  private func object(_ value: String) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(value.utf8)) as? [String: Any])
  }

  @Test func rowsHaveTheKeysThatTheyShould() throws {
    let stubs = try Stubs(
      meprop: Self.epochs(97, 98), python: Self.settingsOfPython + "\necho warning; echo reached 3")
    let benchmark = AccuracyBenchmark(stubs.settings(torch: true), progress: { _ in })
    let result = try benchmark.run(.digits, data: stubs.folder)
    #expect(result.rows.map(\.seed) == [1, 2])
    for row in result.rows {
      #expect(row.ours?.epochs == 2 && row.torch?.epochs == 3 && row.torchBest?.epochs == 3)
      for (json, torch, ratio) in [
        (row.json, row.torchBest, row.ratioTorchBest),
        (row.jsonAsItComes, row.torch, row.ratioTorch),
      ] {
        let object = try object(json.description)
        #expect(
          Set(object.keys) == [
            "task", "seed", "target", "seconds", "epochs", "torchSeconds", "torchEpochs",
            "ratioTorch",
          ])
        #expect(object["task"] as? String == "digits")
        #expect(object["target"] as? Double == 98)
        #expect(object["epochs"] as? Int == 2 && object["torchEpochs"] as? Int == 3)
        let seconds = try #require(object["seconds"] as? Double)
        let torchSeconds = try #require(torch?.seconds)
        #expect(seconds > 0 && torchSeconds > 0)
        let ours = try #require(row.ours?.seconds)
        #expect(ratio == torchSeconds / ours)
        let printed = try #require(object["ratioTorch"] as? Double)
        #expect(abs(printed - torchSeconds / ours) < 1e-4 * printed)
      }
    }
  }

  @Test func oursIsTrainWithTheTargetAndLeavesNoFolder() throws {
    let stubs = try Stubs(
      meprop: Self.epochs(85, key: "las")
        + "\nfor word; do if [ \"$last\" = --run ]; then mkdir $word; fi; last=$word; done")
    var settings = stubs.settings()
    settings.threads = 2
    let result = try AccuracyBenchmark(settings, progress: { _ in })
      .run(.parser, data: stubs.folder)
    #expect(result.rows.map { $0.ours?.epochs } == [1, 1])
    #expect(stubs.log.count == 2)
    for (index, call) in stubs.log.enumerated() {
      let words = call.split(separator: " ").map(String.init)
      #expect(words[..<4] == ["train", "parser", "--data", stubs.folder.path])
      func value(_ name: String) -> String? {
        words.firstIndex(of: name).map { words[$0 + 1] }
      }
      #expect(value("--target") == "84.1" && value("--threads") == "2")
      #expect(value("--seed") == "\(index + 1)" && words.contains("--json"))
      let run = try #require(value("--run"))
      let folder = URL(fileURLWithPath: run).deletingLastPathComponent()
      #expect(folder.lastPathComponent.hasPrefix("meprop-accuracy-"))
      #expect(!FileManager.default.fileExists(atPath: folder.path))
    }
  }

  @Test func withoutPyTorchItsColumnsAreNull() throws {
    let stubs = try Stubs(meprop: Self.epochs(99))
    let result = try AccuracyBenchmark(stubs.settings(), progress: { _ in })
      .run(.tagger, data: stubs.folder)
    let object = try object(try #require(result.rows.first).json.description)
    for key in ["torchSeconds", "torchEpochs", "ratioTorch"] {
      #expect(object[key] is NSNull, "\(key)")
    }
    #expect(object["epochs"] as? Int == 1)
    #expect(result.torchBestJSON == nil)
    let table = BenchmarkTable.lines(result.rows, hasTorch: false)
    #expect(table[0] == ["", "seed", "dev", "s", "epochs"])
    #expect(table.count == 3 && table.allSatisfy { $0.count == 5 })
  }

  @Test func whatDoesNotReachTheTargetIsNullAndTold() throws {
    let stubs = try Stubs(meprop: Self.epochs(97.5, 97.9), python: "echo missed 97.40")
    var messages: [String] = []
    let result = try AccuracyBenchmark(stubs.settings(torch: true)) { messages.append($0) }
      .run(.digits, data: stubs.folder)
    #expect(result.rows.count == 2)
    for row in result.rows {
      let object = try object(row.json.description)
      for key in ["seconds", "epochs", "torchSeconds", "torchEpochs", "ratioTorch"] {
        #expect(object[key] is NSNull, "\(key)")
      }
    }
    #expect(messages.contains { $0.contains("meprop: 98.0 % was not reached; best 97.9 %") })
    #expect(messages.contains { $0.contains("98.0 % was not reached; best 97.40 %") })
    let table = BenchmarkTable.lines(result.rows, hasTorch: true)
    #expect(table.allSatisfy { $0.count == 11 })
    #expect(table[1].filter { $0 == "not reached" }.count == 3)
  }

  @Test func pyTorchGetsTheRecipeAndItsBestIsTaken() throws {
    // Batches of 50 are fast, most of all with one thread, and all others slow: by so much that a
    // busy machine does not turn it round.
    let stubs = try Stubs(
      meprop: Self.epochs(99),
      python: """
        \(Self.settingsOfPython)
        case "$4" in
        *'"batch":50,'*) case "$4" in *'"threads":1'[,}]*) ;; *) sleep 0.7;; esac;;
        *) sleep 1.5;;
        esac
        echo reached 2
        """)
    var settings = stubs.settings(torch: true)
    settings.threads = 2
    settings.seedCount = 1
    settings.target = 97.25
    let result = try AccuracyBenchmark(settings, progress: { _ in })
      .run(.digits, data: stubs.folder)
    let calls = try stubs.log.filter { $0.hasPrefix("python ") }
      .map { try object(String($0.dropFirst(7))) }
    #expect(calls.allSatisfy { $0["target"] as? Double == 97.25 && $0["seed"] as? Int == 1 })
    #expect(calls.allSatisfy { $0["hidden"] as? [Int] == [500, 500] && $0["epochs"] as? Int == 2 })
    // As it comes, the other batch sizes, …
    #expect(calls.prefix(3).map { $0["batch"] as? Int } == [100, 50, 200])
    #expect(calls.prefix(3).allSatisfy { $0["threads"] as? Int == 2 })
    // The rate goes with the batch.
    let rates = calls.prefix(3).compactMap { $0["learning-rate"] as? Double }
    #expect(abs(rates[0] * rates[0] / (rates[1] * rates[1]) - 2) < 1e-3)
    // … one thread, and at the end as it comes and at its best.
    #expect(calls.contains { $0["threads"] as? Int == 1 && $0["batch"] as? Int == 50 })
    #expect(calls.suffix(2).map { $0["batch"] as? Int } == [100, 50])
    let best = try object(try #require(result.torchBestJSON).description)
    #expect(best["task"] as? String == "digits" && best["batch"] as? Int == 50)
    let row = try #require(result.rows.first)
    #expect(try #require(row.torchBest).seconds < #require(row.torch).seconds)
  }

  @Test func failuresAreTold() throws {
    let broken = try Stubs(meprop: "echo 'error: no data' >&2; exit 3")
    let failed = #expect(throws: AccuracyError.self) {
      try AccuracyBenchmark(broken.settings(), progress: { _ in }).run(.digits, data: broken.folder)
    }
    #expect(
      failed?.description == "digits, seed 1: meprop ended with exit code 3: error: no data")
    let strange = try Stubs(meprop: "echo hello")
    let unreadable = #expect(throws: AccuracyError.self) {
      try AccuracyBenchmark(strange.settings(), progress: { _ in })
        .run(.digits, data: strange.folder)
    }
    #expect(unreadable?.description.contains("found 'hello\n'") == true)
    let torchless = try Stubs(
      meprop: Self.epochs(99), python: "printf 'a\\nno module named torch' >&2; exit 1")
    #expect(
      throws: TorchError.ended(python: torchless.path("python"), output: "no module named torch")
    ) {
      try AccuracyBenchmark(torchless.settings(torch: true), progress: { _ in })
        .run(.digits, data: torchless.folder)
    }
  }

  @Test func anInterruptionKillsWhatRunsAndLeavesNothing() throws {
    // The program has one of its own, which must not outlive it.
    let stubs = try Stubs(
      meprop: "echo \"$@\" > $log; sleep 30 & echo $! > $log.sleep; mkdir -p \"$8\"; wait")
    let start = Date.now
    #expect(throws: BenchmarkInterrupted()) {
      try AccuracyBenchmark(
        stubs.settings(),
        isInterrupted: { FileManager.default.fileExists(atPath: stubs.path("log.sleep")) },
        progress: { _ in }
      ).run(.digits, data: stubs.folder)
    }
    #expect(Date.now.timeIntervalSince(start) < 10)
    let words = try #require(stubs.log.first).split(separator: " ").map(String.init)
    let run = words[try #require(words.firstIndex(of: "--run")) + 1]
    #expect(
      !FileManager.default.fileExists(
        atPath: URL(fileURLWithPath: run).deletingLastPathComponent().path))
    let sleep = try String(contentsOfFile: stubs.path("log.sleep"), encoding: .utf8)
    let identifier = try #require(pid_t(sleep.trimmingCharacters(in: .whitespacesAndNewlines)))
    for _ in 0..<200 where kill(identifier, 0) == 0 { Thread.sleep(forTimeInterval: 0.01) }
    #expect(kill(identifier, 0) != 0)
  }

  @Test func aProgramThatTakesTooLongOrSaysNothingIsKilled() throws {
    var process = TimedProcess(["sleep", "30"])
    let start = Date.now
    #expect(
      try process.run(limit: 0.2, isInterrupted: { false }, message: { _ in }) == .tooLong)
    process.silenceLimit = 0.2
    #expect(try process.run(isInterrupted: { false }, message: { _ in }) == .silent)
    #expect(Date.now.timeIntervalSince(start) < 10)
  }
}
