// Drawings of tables that are figures: scores over k.

import MePropReport

extension TableResult {
  /// Figure 4 as the paper draws it, and memory over k, a drawing for each batch size; other tables
  /// have none.
  var charts: [LineChart] {
    if table.id == "figure4" { return [figure4].compactMap(\.self) }
    if table.id.hasPrefix("memory-") { return memoryCharts }
    return []
  }

  /// A row's experiment with what it is drawn by.
  private func value(_ key: String, of row: RowResult) -> String? {
    ExperimentPlan.all.experiment(row.row.experiment)?.value(of: key)
  }

  private var figure4: LineChart? {
    let kinds = [
      ("top-k", "top-k", "k"), ("random-k", "random k", "k"), ("dense", "narrow", "hidden"),
    ]
    var series: [LineChart.Series] = []
    for (style, (select, name, key)) in kinds.enumerated() {
      let own = rows.filter { value("select", of: $0) == select }.compactMap {
        row -> (x: Double, row: RowResult)? in
        guard let x = value(key, of: row)?.split(separator: ",").first.flatMap({ Double($0) })
        else { return nil }
        return (x, row)
      }.sorted { $0.x < $1.x }
      let ours = own.filter { !$0.row.test.values.isEmpty }.map {
        SVGPoint(x: $0.x, y: $0.row.test.mean)
      }
      let paper = own.compactMap { point in
        point.row.row.paper.test.map { SVGPoint(x: point.x, y: $0) }
      }
      guard !ours.isEmpty else { continue }
      series.append(LineChart.Series(name, points: ours, style: style))
      series.append(LineChart.Series("\(name), paper", points: paper, style: style + 3))
    }
    guard !series.isEmpty else { return nil }
    return chart(
      "Test accuracy over k", xTitle: "k, or the width of a narrow dense network", series)
  }

  private var memoryCharts: [LineChart] {
    var batches: [String] = []
    for batch in rows.compactMap({ value("batch", of: $0) }) where !batches.contains(batch) {
      batches.append(batch)
    }
    return batches.compactMap { batch in
      let own = rows.filter { value("batch", of: $0) == batch && !$0.test.values.isEmpty }
      let sparse = own.filter { value("select", of: $0) != "dense" }
      func points(_ rows: [RowResult]) -> [SVGPoint] {
        rows.compactMap { row in
          value("k", of: row).flatMap { Double($0) }.map {
            SVGPoint(x: $0 * 100, y: row.test.mean)
          }
        }.sorted { $0.x < $1.x }
      }
      let none = points(sparse.filter { value("memory", of: $0) == "0" })
      let kept = sparse.filter { value("memory", of: $0) != "0" }
      let unit = points(kept.filter { value("memory-scope", of: $0) == "unit" })
      let slot = points(kept.filter { value("memory-scope", of: $0) == "slot" })
      var series = [("no memory", none), ("unit memory", unit), ("by place", slot)].enumerated()
        .filter { !$1.1.isEmpty }.map { LineChart.Series($1.0, points: $1.1, style: $0) }
      guard let shares = series.map({ $0.points.map(\.x) }).max(by: { $0.count < $1.count })
      else { return nil }
      if let dense = own.first(where: { value("select", of: $0) == "dense" }) {
        series.append(
          LineChart.Series(
            "dense", points: shares.map { SVGPoint(x: $0, y: dense.test.mean) }, style: 3))
      }
      return chart("Batch \(batch): test score over k", xTitle: "k, % of units", series)
    }
  }

  private func chart(_ title: String, xTitle: String, _ series: [LineChart.Series]) -> LineChart {
    let ends = series.compactMap { curve in
      curve.points.last.map { "\(curve.name) \(NumberText.fixed($0.y, 1)) %" }
    }
    var chart = LineChart(
      title: title,
      summary: "Test scores, means over seeds. At the largest k: \(ends.joined(separator: ", ")).",
      xTitle: xTitle, yTitle: "%", series: series)
    chart.xKind = .logarithmic
    chart.yText = { NumberText.fixed($0, 2) }
    return chart
  }
}
