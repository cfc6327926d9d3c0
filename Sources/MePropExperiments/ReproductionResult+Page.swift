// The tables as a page that leads to the reports of all runs.

import Foundation
import MePropReport

extension ReproductionResult {
  /// The index over all runs, to be written as `index.html` into their folder.
  ///
  /// - Parameters:
  ///   - folder: Where the runs are.
  ///   - seeds: The seeds that were run.
  /// - Returns: The page; links lead only to reports that are there.
  public func page(of folder: ReproductionFolder, seeds: ClosedRange<Int>) -> ReportPage {
    var sections = tables.map { table in
      var blocks = table.charts.map { ReportBlock.chart($0) }
      blocks.append(
        .table(
          ChartTable(head: table.scores.head, rows: table.scores.cells),
          caption: "\(table.table.title): scores"))
      if let times = table.times {
        blocks.append(
          .table(
            ChartTable(head: times.head, rows: times.cells),
            caption: "\(table.table.title): seconds an epoch"))
      }
      blocks.append(.links("Reports of these runs", links(of: table, in: folder, seeds: seeds)))
      return ReportSection(table.table.title, text: table.table.note, blocks: blocks)
    }
    for name in ["table7", "table8"] where widths.contains(where: { $0.table == name }) {
      let title = WidthResult.title(of: name)
      let table = widthTable(name)
      sections.append(
        ReportSection(
          title, text: WidthResult.note(of: name),
          blocks: [
            .table(ChartTable(head: table.head, rows: table.cells), caption: title)
          ]))
    }
    let runs = Set(tables.flatMap { $0.rows.map(\.row.experiment) }).count * seeds.count
    return ReportPage(
      title: "The paper, measured again",
      subtitle: description.joined(separator: " · "),
      facts: [
        ReportPage.Fact("tables", "\(sections.count)"), ReportPage.Fact("runs", "\(runs)"),
        ReportPage.Fact("seeds", "\(seeds.count)"),
      ],
      notes: [Self.legend.replacing("*", with: "")], sections: sections,
      footer: "Written by meprop reproduce.")
  }

  private func links(
    of table: TableResult, in folder: ReproductionFolder, seeds: ClosedRange<Int>
  ) -> [(text: String, target: String)] {
    table.rows.flatMap { row in
      seeds.compactMap { seed in
        let report = RunReport.url(in: folder.run(of: row.row.experiment, seed: seed))
        guard FileManager.default.fileExists(atPath: report.path) else { return nil }
        return (
          "\(row.row.label), seed \(seed)",
          "\(row.row.experiment)/seed-\(seed)/\(report.lastPathComponent)"
        )
      }
    }
  }
}
