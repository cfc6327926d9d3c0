// How much of the gradient selection keeps, and in how many rows.

import MePropTraining

/// Curves over epochs: the kept share of magnitude, and the rows touched in a step, by layer.
enum KeptShare {
  static func section(_ runs: [RunRecord]) -> ReportSection {
    let kept = series(runs, \.keptMagnitude)
    let touched = series(runs, \.touchedRows)
    var blocks: [ReportBlock] = []
    if kept.isEmpty {
      blocks.append(.absence("The runs have no figures of layers."))
    } else {
      var magnitude = chart(
        "Kept share of gradient magnitude", "kept share of Σ|dy|",
        "Of the magnitude of a layer's output gradients, the share that selection kept; a dense "
          + "layer keeps all.", kept)
      magnitude.yRange = 0...1
      magnitude.yText = { NumberText.percent($0, 2) }
      var rows = chart(
        "Rows touched in a step", "weight rows a step",
        "Rows of the weights that a step's gradient reaches, a mean over the epoch.", touched)
      rows.yIncludesZero = true
      blocks += [.chart(magnitude), .chart(rows)]
    }
    return ReportSection(
      "What selection keeps",
      text: "A layer whose curve stays at 1 keeps everything. With unit memory the examples of a "
        + "batch agree more on their units, so fewer rows are touched.",
      blocks: blocks)
  }

  private static func chart(
    _ title: String, _ yTitle: String, _ summary: String, _ series: [LineChart.Series]
  ) -> LineChart {
    var chart = LineChart(
      title: title, summary: summary, xTitle: "epochs", yTitle: yTitle, series: series)
    chart.hasWholeX = true
    return chart
  }

  /// A curve a layer; of several runs the mean over layers that selection worked on.
  private static func series(
    _ runs: [RunRecord], _ values: (EpochRow) -> [Double]
  ) -> [LineChart.Series] {
    if runs.count == 1 {
      return runs[0].layerNames.enumerated().map { layer, name in
        .init(name, points: points(runs[0]) { value(values($0), layer) }, style: layer)
      }.filter { !$0.points.isEmpty }
    }
    return runs.enumerated().map { index, run in
      let sparse = run.epochs[0].keptMagnitude.indices.filter { layer in
        run.epochs.contains { value($0.keptMagnitude, layer) ?? 1 < 1 }
      }
      return .init(
        run.name,
        points: points(run) { row in
          let all = values(row)
          let chosen = sparse.isEmpty ? Array(all.dropLast()) : sparse.compactMap { value(all, $0) }
          return chosen.isEmpty ? nil : chosen.reduce(0, +) / Double(chosen.count)
        }, style: index)
    }.filter { !$0.points.isEmpty }
  }

  private static func value(_ values: [Double], _ layer: Int) -> Double? {
    layer < values.count ? values[layer] : nil
  }

  private static func points(_ run: RunRecord, _ y: (EpochRow) -> Double?) -> [SVGPoint] {
    run.epochs.compactMap { row in y(row).map { SVGPoint(x: Double(row.epoch), y: $0) } }
  }
}
