// What is refused before a folder is made: data, treebanks, settings, interpreters.

import Foundation
import MePropBench
import MePropExperiments
import MePropTasks
import MePropTraining
import Testing

@Suite struct ReproductionStartTests {
  /// A folder with sections of the Penn Treebank, a sentence each, which disappears with its owner.
  private final class Sections {
    let url: URL

    init(_ sections: [Int], tree: String = "(S (NP (NN dog)) (VP (VBZ barks)))") throws {
      url = FileManager.default.temporaryDirectory
        .appendingPathComponent("meprop-tests-\(UUID().uuidString)", isDirectory: true)
      for section in sections {
        let name = section < 10 ? "0\(section)" : "\(section)"
        let folder = url.appendingPathComponent(name, isDirectory: true)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try (tree + "\n").write(
          to: folder.appendingPathComponent("wsj_\(name)00.mrg"), atomically: true, encoding: .utf8)
      }
    }

    deinit { try? FileManager.default.removeItem(at: url) }
  }

  private func failure(
    _ tasks: [String], treebank: String?, overrides: [String] = []
  ) throws -> (any Error)? {
    let request = try ReproductionRequest(names: ["table3"], tasks: tasks)
    var settings = ReproductionSettings()
    settings.isQuick = true
    settings.treebank = treebank
    for text in overrides { try settings.apply(override: text) }
    let data = ReproductionData(settings, locator: DataLocator(environment: [:]))
    do {
      try request.checkStart(settings, data)
      return nil
    } catch {
      return error
    }
  }

  @Test func aWholeTreebankIsTaken() throws {
    let bank = try Sections(Array(0...24))
    let error = try failure(["tagger", "parser"], treebank: bank.url.path)
    #expect(error == nil, "\(String(describing: error))")
  }

  @Test func missingSectionsAreNamedForAllTasksAtOnce() throws {
    let bank = try Sections([0, 1] + Array(3...18) + Array(20...23))
    let error = try #require(try failure([], treebank: bank.url.path))
    let line = "\(error)"
    #expect(line.contains("missing sections 02, 19, 24 of the Penn Treebank"), "\(line)")
    #expect(line.contains("for parsing 02-21 (train), 22 (dev), 23 (test)"))
    #expect(line.contains("for tagging 00-18 (train), 19-21 (dev), 22-24 (test)"))
    #expect(line.hasSuffix("with --ptb") && !line.contains("--data"))
    #expect(!UsageError.isUsage(error))
    // Parsing does without 24, tagging without none of these.
    let parsing = try #require(try failure(["parser"], treebank: bank.url.path))
    #expect("\(parsing)".contains("missing sections 02, 19 of"))
    let tagging = try #require(try failure(["tagger"], treebank: bank.url.path))
    #expect("\(tagging)".contains("missing sections 02, 19, 24 of"))
  }

  @Test func aTreebankThatIsNowhereIsWrongUse() throws {
    let error = try #require(try failure(["tagger"], treebank: "/no/such/bank"))
    #expect(UsageError.isUsage(error))
    #expect("\(error)".hasPrefix("--ptb: found no folder /no/such/bank, expected one that has"))
    #expect(!"\(error)".contains("--data"))
  }

  /// Advice of `meprop train` becomes that of `meprop reproduce`.
  @Test func adviceNamesOptionsThatThereAre() throws {
    let bank = try Sections([1], tree: "")
    for (task, option) in [("tagger", "tagger.data"), ("parser", "parser.data")] {
      let error = try #require(
        try failure([task], treebank: nil, overrides: ["\(option)=/no/such/bank"]))
      #expect("\(error)".contains("with --set \(option)=FOLDER"), "\(error)")
      #expect(!"\(error)".contains("--data"))
      #expect(UsageError.isUsage(error))
    }
    // No sentence anywhere.
    let empty = try Sections(Array(0...24), tree: "")
    let error = try #require(try failure(["tagger"], treebank: empty.url.path))
    #expect("\(error)".contains(".mrg") && !"\(error)".contains("--data"), "\(error)")
    #expect(try failure(["tagger"], treebank: bank.url.path) != nil)
  }

  /// Settings that go with some experiments but not with others are found before hours of work.
  @Test func settingsAreTriedOnEachExperiment() throws {
    let images = try SyntheticImages()
    let request = try ReproductionRequest(names: ["table2"], tasks: ["digits"])
    func check(hidden: String, python: String? = nil) throws {
      var settings = ReproductionSettings()
      for text in [
        "digits.data=\(images.url.path)", "digits.classes=3", "digits.dev-count=40",
        "digits.hidden=\(hidden)",
      ] { try settings.apply(override: text) }
      settings.python = python
      try request.checkStart(
        settings, ReproductionData(settings, locator: DataLocator(environment: [:])))
    }
    try check(hidden: "30,30")
    // k = 20.
    #expect(throws: ConfigurationError.self) { try check(hidden: "10,10") }
    #expect(throws: TorchError.self) { try check(hidden: "30,30", python: "/nonexistent/python") }
  }

  /// Tables 7 and 8 need no experiment to be measured in PyTorch.
  @Test func torchIsTakenForWideLayers() throws {
    var settings = ReproductionSettings()
    settings.python = "python3"
    try ReproductionRequest(names: ["table7"]).check(settings)
  }
}
