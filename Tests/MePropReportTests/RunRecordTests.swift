import Foundation
import MePropReport
import MePropTraining
import Testing

@Suite struct RunRecordTests {
  /// Returns what `body` throws as text, or an empty text.
  private func message(_ body: () throws -> Void) -> String {
    do {
      try body()
      return ""
    } catch {
      return String(describing: error)
    }
  }

  @Test func aRunIsReadAsItWasWritten() throws {
    let folder = try TemporaryFolder()
    try SampleRun().write(to: folder("run"))
    let run = try RunRecord(at: folder("run"))
    #expect(run.name == "run" && run.notes.isEmpty)
    #expect(run.epochs.map(\.epoch) == [1, 2, 3])
    #expect(run.epochs[0].dev.map(\.name) == ["accuracy", "loss"])
    #expect(run.epochs[0].exampleUnit == "images")
    #expect(run.setting("select") == "top-k" && run.setting("k") == "20")
    #expect(run.summary.outcome == "finished" && run.summary.task == "digits")
    #expect(run.details.map(\.parts.count) == [16, 8, 4])
    #expect(run.layerNames == ["layers.0", "layers.1", "layers.2"])
    #expect(run.confusionEpoch == 3 && run.confusions[.test]?.labels.count == 10)
    #expect(run.best.epoch == 3)
    #expect(abs(run.seconds(upTo: 2) - 2 * run.epochs[0].seconds.total) < 1e-9)
  }

  @Test func theFirstFigureIsThatOfTheText() throws {
    let line = """
      {"epoch":1,"seconds":{"total":2},"train":{"loss":0.5},"dev":{"uas":80,"las":70},\
      "test":{"zeta":1,"alpha":2},"transitionsPerSecond":5,"touchedRows":[],"keptMagnitude":[]}
      """
    let row = try #require(EpochRow(line[...]))
    #expect(row.dev.map(\.name) == ["uas", "las"])
    #expect(row.test.map(\.name) == ["zeta", "alpha"])
    #expect(row.exampleUnit == "transitions")
    #expect(EpochRow("{\"epoch\":1}") == nil && EpochRow("{\"epo") == nil)
  }

  @Test func whatIsNoRunIsRefused() throws {
    let folder = try TemporaryFolder()
    #expect(
      message { _ = try RunRecord(at: folder("nowhere")) }.contains(
        "nowhere: expected the folder of a run"))
    #expect(message { _ = try RunRecord(at: folder.url) }.contains("config.yaml"))
    try FileManager.default.createDirectory(
      at: folder("empty"), withIntermediateDirectories: false)
    try Data("select: dense\n".utf8).write(to: folder("empty/config.yaml"))
    #expect(
      message { _ = try RunRecord(at: folder("empty")) }.contains("expected a row for each epoch"))
    try Data().write(to: folder("empty/metrics.jsonl"))
    #expect(
      message { _ = try RunRecord(at: folder("empty")) }.contains("expected a row for each epoch"))
    // A folder where the file should be cannot be read by anybody.
    try FileManager.default.removeItem(at: folder("empty/metrics.jsonl"))
    try FileManager.default.createDirectory(
      at: folder("empty/metrics.jsonl"), withIntermediateDirectories: false)
    #expect(message { _ = try RunRecord(at: folder("empty")) }.contains("cannot read"))
  }

  @Test func aTornLastLineIsNoted() throws {
    let folder = try TemporaryFolder()
    try SampleRun().write(to: folder("run"))
    let url = folder("run/metrics.jsonl")
    let text = try String(contentsOf: url, encoding: .utf8)
    try Data(text.dropLast(100).utf8).write(to: url)
    let run = try RunRecord(at: folder("run"))
    #expect(run.epochs.map(\.epoch) == [1, 2])
    #expect(run.notes.count == 1 && run.notes[0].contains("line 3, is torn"))
    #expect(run.details.map(\.epoch) == [1, 2])
    try Data(("{\"epoch\":1,\n" + text).utf8).write(to: url)
    #expect(
      message { _ = try RunRecord(at: folder("run")) }.contains(
        "metrics.jsonl:1: expected a JSON object"))
  }

  @Test(arguments: ["{\"epoch\":4,\"sec", "{\"epoch\":4,\"sec\n", "{\"epoch\":4,\"sec\n\n"])
  func aTornLineIsTheLastBeforeNewlinesToo(torn: String) throws {
    let folder = try TemporaryFolder()
    try SampleRun().write(to: folder("run"))
    let url = folder("run/metrics.jsonl")
    let text = try String(contentsOf: url, encoding: .utf8)
    try Data((text + torn).utf8).write(to: url)
    let run = try RunRecord(at: folder("run"))
    #expect(run.epochs.map(\.epoch) == [1, 2, 3])
    #expect(run.notes.count == 1 && run.notes[0].contains("line 4, is torn"), "\(run.notes)")
  }

  @Test func runsOfEarlierVersionsAreReadable() throws {
    let folder = try TemporaryFolder()
    try SampleRun().write(to: folder("run"))
    for name in ["details.jsonl", "confusion.json", "run.json", "config.yaml"] {
      try FileManager.default.removeItem(at: folder("run/\(name)"))
    }
    let run = try RunRecord(at: folder("run"))
    #expect(run.details.isEmpty && run.confusions.isEmpty && run.settings.isEmpty)
    #expect(run.layerNames == ["layer 0", "layer 1", "layer 2"])
    let page = try RunReport([run]).page.html()
    for words in [
      "Kept units were not counted", "Costs were not counted",
      "No confusion of classes: confusion.json is missing", "config.yaml is missing",
    ] {
      #expect(page.contains(words), "\(words)")
    }
  }

  @Test func damagedFilesAreNoted() throws {
    let folder = try TemporaryFolder()
    try SampleRun().write(to: folder("run"))
    try Data("{\"epoch\":1,\"parts\":".utf8).write(to: folder("run/details.jsonl"))
    try Data("{\"epoch\":1,\"dev\":{\"labels\":[\"a\"],\"cells\":[[0,7,1]]}}".utf8)
      .write(to: folder("run/confusion.json"))
    try Data("[]".utf8).write(to: folder("run/run.json"))
    let run = try RunRecord(at: folder("run"))
    #expect(run.notes.count == 3, "\(run.notes)")
    #expect(try !RunReport([run]).page.html().isEmpty)
  }

  @Test func runsOfOneNameAreToldApart() throws {
    let folder = try TemporaryFolder()
    let names = ["a/run", "b/run", "c"]
    for name in names { try SampleRun(epochs: 1).write(to: folder(name)) }
    let runs = try RunRecord.read((names + ["c"]).map { folder($0) })
    let parent = folder.url.lastPathComponent
    #expect(runs.map(\.name) == ["a/run", "b/run", "\(parent)/c (1)", "\(parent)/c (2)"])
    let alike = try RunRecord.read([folder("a/run"), folder("c")])
    #expect(alike.map(\.name) == ["run", "c"])
  }

  @Test func foldersNamedAfterSeedsAreNamedWithWhatWasRun() throws {
    let folder = try TemporaryFolder()
    let names = ["digits-dense/seed-1", "digits-k20/seed-1", "digits-k20/seed-2"]
    for name in names + ["other/seedling"] {
      try SampleRun(epochs: 1).write(to: folder(name))
    }
    #expect(try RunRecord.read(names.map { folder($0) }).map(\.name) == names)
    #expect(try RunRecord.read([folder("other/seedling")]).map(\.name) == ["seedling"])
    let page = try RunReport(RunRecord.read([folder(names[2])])).page.html()
    #expect(page.contains("<title>digits-k20/seed-2</title>"))
    #expect(page.contains("<h1>digits-k20/seed-2</h1>"))
  }
}
