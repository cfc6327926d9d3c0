// PyTorch's times beside ours: in all rows of all tables, three of them, in text, JSON and page.

import Foundation
import MePropExperiments
import MePropTasks
import MePropTraining
import Testing
import _MePropTestSupport

@Suite struct TorchColumnTests {
  /// An interpreter that answers as PyTorch would that takes 100, 200 and 400 seconds for the three
  /// times.
  private func interpreter(in folder: URL) throws -> String {
    let url = folder.appendingPathComponent("python")
    try ScriptFile.write(
      """
      echo ready
      while read request; do
        echo 100000000 200000000 400000000
      done
      """, to: url.path)
    return url.path
  }

  private func reproduction(
    _ plan: ExperimentPlan, in url: URL, resuming: Bool, python: String?,
    widthTables: [String] = []
  ) throws -> Reproduction {
    var settings = ReproductionSettings.tiny
    settings.seedCount = 1
    settings.python = python
    return Reproduction(
      plan, widthTables: widthTables, settings: settings,
      folder: try ReproductionFolder(at: url, resuming: resuming),
      data: ReproductionData(settings, locator: DataLocator(environment: [:])),
      status: StatusLine(descriptor: -1), handlesSignals: false)
  }

  /// Also in tables on memory, and in a folder that was measured without PyTorch before.
  @Test(arguments: ["table1", "memory-digits"])
  func allRowsHaveThreeTimes(table id: String) throws {
    let images = try SyntheticImages()
    let url = images.url.appendingPathComponent("run")
    let plan = ExperimentPlan.tiny(images, table: id)
    do {
      let without = try reproduction(plan, in: url, resuming: false, python: nil)
      try without.run()
      let rows = try #require(try without.tables().first?.rows)
      #expect(rows.allSatisfy { $0.whole != nil && $0.whole?.timesTorch == nil })
    }
    let with = try reproduction(
      plan, in: url, resuming: true, python: interpreter(in: images.url))
    try with.run()
    let table = try #require(try with.tables().first)
    for row in table.rows {
      for (time, seconds) in [(row.products, 100.0), (row.backward, 200), (row.whole, 400)] {
        let ours = try #require(time, "\(row.row.label)")
        let ratio = try #require(ours.timesTorch, "\(row.row.label)")
        // Twelve steps an epoch: of 120 images, ten each.
        #expect(abs(ratio * ours.seconds / 12 / seconds - 1) < 1e-6)
      }
    }
    #expect(table.rows[1].products?.timesDense != nil && table.rows[1].whole?.timesDense != nil)
    let heads = ["products torch ×", "back prop. torch ×", "whole torch ×"]
    let times = try #require(table.times)
    for head in heads {
      let column = try #require(times.head.firstIndex(of: head))
      #expect(times.cells.allSatisfy { !$0[column].isEmpty })
    }
    let result = ReproductionResult(tables: [table], widths: [], description: [])
    let page = try result.page(of: with.folder, seeds: with.seeds).html()
    #expect(heads.allSatisfy { result.markdown.contains($0) })
    #expect(page.contains("torch"))
    let json = result.json.description
    #expect(json.components(separatedBy: "\"timesTorch\":").count > 6)
  }

  /// A record as versions without PyTorch's columns wrote it.
  private static func record(torch: String) -> String {
    """
    {"width":2048,"threads":1,"rows":[
    {"table":"table7","width":2048,"microseconds":90000,"timesDense":1\(torch),"paper":1},
    {"table":"table7","width":2048,"k":8,"microseconds":3000,"spread":0.02,"timesDense":30\(torch),\
    "paper":36.8}
    ]}
    """
  }

  @Test func wideLayersAreMeasuredAgainWithPyTorch() throws {
    let images = try SyntheticImages()
    let url = images.url.appendingPathComponent("run")
    let none = ExperimentPlan(tables: [], experiments: [])
    func openTables(python: String?) throws -> [String] {
      try reproduction(
        none, in: url, resuming: true, python: python, widthTables: ["table7", "table8"]
      ).openWidthTables()
    }
    do { _ = try ReproductionFolder(at: url, resuming: false) }
    #expect(try openTables(python: nil) == ["table7", "table8"])
    let file = url.appendingPathComponent("records/table7-widths.json")
    try Self.record(torch: "").write(to: file, atomically: true, encoding: .utf8)
    #expect(try openTables(python: nil) == ["table8"])
    #expect(try openTables(python: "python3") == ["table7", "table8"])
    try Self.record(torch: ",\"torchMicroseconds\":120000")
      .write(to: file, atomically: true, encoding: .utf8)
    #expect(try openTables(python: "python3") == ["table8"])
    #expect(try openTables(python: nil) == ["table8"])
  }

  @Test func wideLayersHaveAColumnForPyTorch() throws {
    struct Record: Decodable { var rows: [WidthResult] }
    let images = try SyntheticImages()
    let folder = try ReproductionFolder(
      at: images.url.appendingPathComponent("run"), resuming: false)
    func result(torch: String) throws -> ReproductionResult {
      let record = try JSONDecoder().decode(
        Record.self, from: Data(Self.record(torch: torch).utf8))
      return ReproductionResult(tables: [], widths: record.rows, description: [])
    }
    let without = try result(torch: "")
    #expect(!without.markdown.contains("| torch × |"))
    #expect(without.json.description.contains("\"timesTorch\":null"))
    let with = try result(torch: ",\"torchMicroseconds\":120000")
    #expect(with.markdown.contains("| paper, × dense | torch × |"))
    #expect(with.markdown.contains("| 8 | 3.00 | 2 | 30.0 | 36.8 | 40.0 |"))
    #expect(with.json.description.contains("\"timesTorch\":40"))
    #expect(try with.page(of: folder, seeds: 1...1).html().contains("torch ×"))
  }
}
