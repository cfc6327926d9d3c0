// What a task shows of its best model.

import MePropTraining

/// The drawings and tables of `figures.json` of each run.
enum TaskFigures {
  static func section(_ runs: [RunRecord]) -> ReportSection? {
    var blocks: [ReportBlock] = []
    for run in runs {
      let prefix = runs.count > 1 ? "\(run.name): " : ""
      blocks += run.figures.map { block($0, prefix) }
    }
    guard !blocks.isEmpty else { return nil }
    return ReportSection(
      "The model of the best epoch", text: "On rows that were not trained on.", blocks: blocks)
  }

  private static func block(_ figure: RunFigure, _ prefix: String) -> ReportBlock {
    let title = prefix + figure.title
    switch figure.content {
    case .bars(let unit, let bars):
      return .chart(
        StackedBarChart(
          title: title, summary: figure.summary, parts: [unit],
          bars: bars.map { .init($0.name, values: [$0.value]) }
        ) { NumberText.short($0) })
    case .curves(let xTitle, let yTitle, let curves):
      return .chart(
        LineChart(
          title: title, summary: figure.summary, xTitle: xTitle, yTitle: yTitle,
          series: curves.enumerated().map { index, curve in
            .init(
              curve.name, points: curve.points.map { SVGPoint(x: $0.x, y: $0.y) }, style: index)
          }))
    case .density(let xTitle, let yTitle, let xRange, let yRange, let rows):
      guard let first = rows.first, !first.isEmpty, rows.allSatisfy({ $0.count == first.count })
      else { return .absence("\(title): figures.json has no grid that can be drawn.") }
      return .chart(density(title, figure.summary, xTitle, yTitle, xRange, yRange, rows))
    case .table(let rows):
      return .table(
        ChartTable(head: rows.first ?? [], rows: Array(rows.dropFirst())), caption: title)
    }
  }

  private static func density(
    _ title: String, _ summary: String, _ xTitle: String, _ yTitle: String,
    _ xRange: ClosedRange<Double>, _ yRange: ClosedRange<Double>, _ rows: [[Int]]
  ) -> HeatMap {
    // Rows go downwards there.
    let turned = Array(rows.reversed())
    let step = (yRange.upperBound - yRange.lowerBound) / Double(max(rows.count, 1))
    let names = turned.indices.map { row in
      NumberText.short(yRange.upperBound - (Double(row) + 0.5) * step)
    }
    let columnStep =
      (xRange.upperBound - xRange.lowerBound) / Double(max(rows.first?.count ?? 1, 1))
    let columns = (rows.first ?? []).indices.map { column in
      NumberText.short(xRange.lowerBound + (Double(column) + 0.5) * columnStep)
    }
    var map = HeatMap(
      title: title, summary: summary, xTitle: xTitle, yTitle: yTitle,
      rows: turned.map { $0.map(Double.init) },
      largest: Double(rows.flatMap { $0 }.max() ?? 1),
      table: ChartTable(
        head: ["\(yTitle) \\ \(xTitle)"] + columns,
        rows: zip(names, turned).map { [$0] + $1.map(String.init) })
    ) { NumberText.short($0) }
    map.rowNames = names.enumerated().map { $0 % 4 == 0 ? $1 : "" }
    map.xDomain = xRange
    map.showsRoots = true
    map.keyTitle = "rows"
    map.cellSize = 14
    return map
  }
}
