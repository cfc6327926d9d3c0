// An index over a reproduction as MePropExperiments makes it, with the widest tables that it has.

import MePropReport

/// A page of tables: the paper's figures, ours with their spread, three times each against the
/// dense step and PyTorch's, differences with intervals and verdicts.
enum SampleIndex {
  static var page: ReportPage {
    ReportPage(
      title: "The paper, measured again",
      subtitle: "version: meprop 0.1.0 · command: meprop reproduce table1 table2 --seeds 5 "
        + "--torch --run /a/folder/with/a/rather/long/name · settings: full, "
        + "5 seeds, training with 1 thread",
      facts: [.init("tables", "4"), .init("runs", "105"), .init("seeds", "5")],
      notes: [
        "Scores are in percent: mean ± standard deviation over seeds, on test data after the "
          + "epoch that is best on development data. Times are seconds an epoch, measured on "
          + "steps of all rows of one network in turns. × is how many times faster than our own "
          + "dense step, torch × than PyTorch's; paper columns are the paper's figures on its "
          + "machine."
      ],
      sections: [results, overall, memory, figure], footer: "Written by meprop reproduce.")
  }

  private static let rows = [
    "tagging, AdaGrad, dense", "tagging, Adam, k = 10, memory *", "parsing, AdaGrad, dense",
    "parsing, Adam, k = 20, memory *", "MNIST, Adam, dense", "MNIST, Adam, k = 20, memory *",
  ]

  /// Table 1: scores, and times of three kinds in five columns each.
  private static var results: ReportSection {
    section(
      "Table 1: main results",
      head: [
        "row", "paper test", "our test", "paper dev", "our dev", "paper epoch", "our epoch",
        "difference", "verdict",
      ],
      rows.map {
        [
          $0, "97.52", "97.59 ± 0.25", "98.20", "97.93 ± 0.04", "16", "15.7",
          "−0.40 (−0.69 … −0.11)", "within noise",
        ]
      }, names: rows, times: ["products", "back prop.", "whole"])
  }

  /// Table 2: the forward pass too.
  private static var overall: ReportSection {
    let names = ["tagging, dense", "tagging, k = 10", "parsing, k = 20", "MNIST, k = 20"]
    return section(
      "Table 2: overall times of an epoch, Adam", head: ["row", "our test", "verdict"],
      names.map { [$0, "98.07 ± 0.10", "worse"] }, names: names,
      times: ["forward", "products", "back prop.", "whole"])
  }

  /// Memory: a score for each epoch, and two differences.
  private static var memory: ReportSection {
    section(
      "Memory in tagging, 16 sentences a batch",
      head: [
        "row", "dev by epoch", "our test", "our dev", "our epoch", "touched rows", "difference",
        "verdict", "from dense",
      ],
      ["dense", "k = 2 %", "k = 2 %, unit memory", "k = 8 %, memory by place"].map {
        [
          $0, "75.2 83.5 85.9 87.0 88.1 88.9 89.3 89.8 90.0 90.4", "90.36 ± 0.21", "90.41 ± 0.12",
          "9.7", "647 / 651", "+1.66 (+0.50 … +2.82)", "better", "−0.15 (−0.36 … +0.07)",
        ]
      }, names: [], times: [])
  }

  private static var figure: ReportSection {
    var chart = LineChart(
      title: "Test accuracy over k", summary: "Test scores, means over seeds.",
      xTitle: "k, or the width of a narrow dense network", yTitle: "%",
      series: ["top-k", "top-k, paper", "random k", "narrow"].enumerated().map { style, name in
        LineChart.Series(
          name,
          points: [5.0, 10, 20, 40, 80].map { SVGPoint(x: $0, y: 98 - Double(style + 1) * 9 / $0) },
          style: style)
      })
    chart.xKind = .logarithmic
    return ReportSection(
      "Figure 4: top-k, random k and narrow dense networks, MNIST", text: "Adam.",
      blocks: [.chart(chart), .links("Reports of these runs", links)])
  }

  private static var links: [(text: String, target: String)] {
    rows.map { ($0, "folder/seed-1/report.html") }
  }

  private static func section(
    _ title: String, head: [String], _ cells: [[String]], names: [String], times: [String]
  ) -> ReportSection {
    var blocks: [ReportBlock] = [
      .table(ChartTable(head: head, rows: cells), caption: "\(title): scores")
    ]
    if !times.isEmpty {
      let heads = times.flatMap {
        ["\($0) s", "paper \($0) s", "\($0) ×", "paper \($0) ×", "\($0) torch ×"]
      }.filter { $0 != "forward torch ×" }
      let rows = names.map { name in
        [name] + heads.map { $0.hasSuffix("s") ? "171.25" : "21.5" } + ["12"]
      }
      blocks.append(
        .table(
          ChartTable(head: ["row"] + heads + ["spread %"], rows: rows),
          caption: "\(title): seconds an epoch"))
    }
    blocks.append(.links("Reports of these runs", links))
    return ReportSection(
      title, text: "h = 500. Rows marked * are not in the paper.", blocks: blocks)
  }
}
