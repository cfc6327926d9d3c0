// Which classes were taken for which.

import MePropTraining

/// The confusion matrix of each run, or its most frequent confusions where classes are many.
enum Confusions {
  /// Up to so many classes the whole matrix is drawn.
  private static let largestMatrix = 14

  static func section(_ runs: [RunRecord]) -> ReportSection {
    var blocks: [ReportBlock] = []
    for run in runs {
      let prefix = runs.count > 1 ? "\(run.name): " : ""
      guard let (split, matrix) = shown(run), matrix.total > 0 else {
        blocks.append(
          .absence(
            "\(prefix)No confusion of classes: "
              + (run.confusionEpoch == nil
                ? "confusion.json is missing or damaged; tasks that do not tell classes apart, and "
                  + "earlier versions of the program, do not write it."
                : "confusion.json has no counts that can be used.")))
        continue
      }
      blocks.append(
        .chart(
          matrix.labels.count <= largestMatrix
            ? map(matrix, prefix, split) : topConfusions(matrix, prefix, split)))
    }
    let epochs = Set(runs.compactMap(\.confusionEpoch)).sorted().map(String.init)
    let after = epochs.isEmpty ? "" : " (epoch \(epochs.joined(separator: ", ")))"
    return ReportSection(
      "Confusion of classes",
      text: "Of the best epoch\(after), whose model is kept. Rows are the true classes, columns "
        + "what was predicted; shades follow the share of the row.",
      blocks: blocks)
  }

  private static func shown(_ run: RunRecord) -> (EvaluationSplit, ConfusionMatrix)? {
    for split in [EvaluationSplit.test, .dev] {
      if let matrix = run.confusions[split] { return (split, matrix) }
    }
    return nil
  }

  private static func summary(_ matrix: ConfusionMatrix) -> String {
    let wrong = matrix.cells.reduce(0) { $0 + ($1.gold == $1.found ? 0 : $1.count) }
    var text =
      "\(NumberText.grouped(Double(wrong))) of \(NumberText.grouped(Double(matrix.total))) wrong"
    if let worst = matrix.mostConfused(1).first {
      text +=
        "; most often \(matrix.labels[worst.gold]) taken for "
        + "\(matrix.labels[worst.found]) (\(worst.count) times)"
    }
    return text + "."
  }

  private static func map(
    _ matrix: ConfusionMatrix, _ prefix: String, _ split: EvaluationSplit
  ) -> HeatMap {
    let rows = matrix.rows
    let shares = rows.map { row in
      let total = Double(max(1, row.reduce(0, +)))
      return row.map { Double($0) / total }
    }
    var map = HeatMap(
      title: "\(prefix)Confusion matrix, \(split.rawValue) data", summary: summary(matrix),
      xTitle: "predicted", yTitle: "true", rows: shares, largest: 1,
      table: ChartTable(
        head: ["true"] + matrix.labels + ["all"],
        rows: zip(matrix.labels, rows).map { label, row in
          [label] + row.map(String.init) + [String(row.reduce(0, +))]
        })
    ) { NumberText.percent($0, 0) }
    map.rowNames = matrix.labels
    map.columnNames = matrix.labels
    map.showsRoots = true
    let cell = (map.width - 30) / Double(max(matrix.labels.count, 1))
    map.cellTexts = rows.map { row in
      row.map { count in
        // 0 would only be noise, and what does not fit is in the table.
        let text = count == 0 ? "" : String(count)
        let width = TextWidth.width(of: text, fontSize: ChartStyle.tickSize)
        return width <= cell - 2 ? text : ""
      }
    }
    return map
  }

  private static func topConfusions(
    _ matrix: ConfusionMatrix, _ prefix: String, _ split: EvaluationSplit
  ) -> StackedBarChart {
    let top = matrix.mostConfused(12)
    return StackedBarChart(
      title: "\(prefix)Most frequent confusions, \(split.rawValue) data",
      summary: summary(matrix) + " True class → what was predicted.", parts: ["times"],
      bars: top.map {
        .init(
          "\(matrix.labels[$0.gold]) → \(matrix.labels[$0.found])", values: [Double($0.count)])
      }
    ) { NumberText.grouped($0) }
  }
}
