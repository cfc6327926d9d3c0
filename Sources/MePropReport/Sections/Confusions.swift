// Which classes were taken for which.

import MePropTraining

/// The confusion matrix of each run; where classes are many, its most frequent confusions, and the
/// matrix folded away.
enum Confusions {
  /// Up to so many classes the matrix is in view.
  private static let largestShown = 14
  /// Up to so many classes the matrix is drawn at all.
  private static let largestDrawn = 60
  /// The room for the cells of a matrix that is folded away, and the sizes that they may have.
  private static let (foldedWidth, cellSizes) = (900.0, 15.0...28.0)

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
      let count = matrix.labels.count
      if count <= largestShown {
        blocks.append(.chart(map(matrix, prefix, split)))
        continue
      }
      blocks.append(.chart(topConfusions(matrix, prefix, split)))
      if count <= largestDrawn {
        blocks.append(
          .folded(
            "\(prefix)The whole matrix of \(count) classes", [largeMap(matrix, prefix, split)]))
      } else {
        blocks.append(
          .absence(
            "\(prefix)The whole matrix of \(count) classes is too large for a page; confusion.json "
              + "in the folder of the run has it."))
      }
    }
    let epochs = Set(runs.compactMap(\.confusionEpoch)).sorted().map(String.init)
    let after = epochs.isEmpty ? "" : " (epoch \(epochs.joined(separator: ", ")))"
    return ReportSection(
      "Confusion of classes",
      text: "Of the best epoch\(after), whose model is kept. Rows are the true classes, columns "
        + "what was predicted; shades follow the square root of the share of the row, so that rare "
        + "confusions show.",
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
    map.keyTitle = "of the true class"
    map.separatesCells = true
    map.cellNotes = notes(matrix)
    map.cellTexts = texts(
      rows, cellSize: (map.width - 30) / Double(max(matrix.labels.count, 1)))
    return map
  }

  /// The same where classes are many: as wide as its cells need, with names above it.
  private static func largeMap(
    _ matrix: ConfusionMatrix, _ prefix: String, _ split: EvaluationSplit
  ) -> HeatMap {
    var large = map(matrix, prefix, split)
    let room = (foldedWidth / Double(max(matrix.labels.count, 1))).rounded(.down)
    let cellSize = min(max(room, cellSizes.lowerBound), cellSizes.upperBound)
    large.cellSize = cellSize
    large.turnsColumnNames = true
    large.summary += " Point at a cell for its count; all counts are in the table below."
    // In small cells so few counts would fit that they would mislead.
    large.cellTexts = cellSize < 24 ? [] : texts(matrix.rows, cellSize: cellSize)
    return large
  }

  /// Counts for cells: 0 would only be noise, and what does not fit is in the table.
  private static func texts(_ rows: [[Int]], cellSize: Double) -> [[String]] {
    rows.map { row in
      row.map { count in
        let text = count == 0 ? "" : String(count)
        let width = TextWidth.width(of: text, fontSize: ChartStyle.tickSize)
        return width <= cellSize - 2 ? text : ""
      }
    }
  }

  /// What each cell that is not 0 says when it is pointed at.
  private static func notes(_ matrix: ConfusionMatrix) -> [[String]] {
    var notes = matrix.labels.map { _ in [String](repeating: "", count: matrix.labels.count) }
    for cell in matrix.cells {
      let gold = matrix.labels[cell.gold]
      notes[cell.gold][cell.found] =
        "\(gold) → \(matrix.labels[cell.found]): \(NumberText.grouped(Double(cell.count)))"
    }
    return notes
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
