// What the number of kept entries changes, over runs that differ in it.

import Foundation
import MePropTraining

/// Curves over k: the best figure on development data, and the seconds of an epoch.
enum EffectOfK {
  /// A run with its number of kept entries.
  private struct Entry {
    var run: RunRecord
    var k: Double
  }

  /// The section, where at least two values of k are found among sparse runs.
  static func section(_ runs: [RunRecord]) -> ReportSection? {
    let entries = runs.compactMap { run in keptEntries(run).map { Entry(run: run, k: $0) } }
    guard Set(entries.map(\.k)).count > 1 else { return nil }
    var charts = ReportText.mainMetrics(of: entries.map(\.run)).map { figure in
      chart(
        "Best dev \(ReportText.metricName(figure)) and k", entries, runs,
        yTitle: "dev \(ReportText.metricTitle(figure))",
        text: { ReportText.metric(figure, $0) },
        value: { $0.mainMetric == figure ? $0.best.dev.first?.value : nil })
    }
    var time = chart(
      "Seconds of an epoch and k", entries, runs, yTitle: "seconds of an epoch",
      text: { NumberText.duration($0) }, value: { $0.meanSeconds.total })
    time.yIncludesZero = true
    charts.append(time)
    return ReportSection(
      "Effect of k",
      text: "Runs over the number of kept entries of each example and layer; the horizontal axis "
        + "has equal ratios. Where runs agree in k, the mean is drawn.",
      blocks: charts.filter { !$0.series.isEmpty }.map { .chart($0) })
  }

  /// The number of entries kept of the first sparse layer, also where k is a share of its width.
  private static func keptEntries(_ run: RunRecord) -> Double? {
    guard !run.isDense, let k = run.setting("k").flatMap(Double.init), k > 0 else { return nil }
    if k >= 1 { return k }
    guard let details = run.details.first else { return nil }
    for (layer, name) in details.layers.enumerated() {
      let isSparse = details.parts.contains {
        layer < $0.layers.count && !$0.layers[layer].keptCounts.values.isEmpty
      }
      // k is one of each gate of an LSTM.
      if isSparse { return (k * Double(name.outputSize)).rounded() }
    }
    return nil
  }

  private static func chart(
    _ title: String, _ entries: [Entry], _ runs: [RunRecord], yTitle: String,
    text: @escaping @Sendable (Double) -> String, value: (RunRecord) -> Double?
  ) -> LineChart {
    let hasTasks = Set(runs.map(\.summary.task)).count > 1
    // Means over tasks would mean nothing.
    func name(_ policy: String, _ run: RunRecord) -> String {
      hasTasks ? "\(policy), \(run.summary.task ?? "no task")" : policy
    }
    let policies = Dictionary(grouping: entries) {
      name($0.run.setting("select") ?? "sparse", $0.run)
    }
    var series = policies.keys.sorted().enumerated().map { style, policy in
      let groups = Dictionary(grouping: policies[policy] ?? [], by: \.k)
      let points = groups.keys.sorted().compactMap { k -> SVGPoint? in
        let values = (groups[k] ?? []).compactMap { value($0.run) }
        guard !values.isEmpty else { return nil }
        return SVGPoint(x: k, y: values.reduce(0, +) / Double(values.count))
      }
      return LineChart.Series(policy, points: points, style: style + 1)
    }
    series.removeAll { $0.points.isEmpty }
    var sentences = series.map { summary($0, text) }
    let dense = Dictionary(grouping: runs.filter(\.isDense)) { name("dense", $0) }
    let (low, high) = (entries.map(\.k).min() ?? 1, entries.map(\.k).max() ?? 1)
    for (place, label) in dense.keys.sorted().enumerated() {
      let values = (dense[label] ?? []).compactMap(value)
      guard !values.isEmpty else { continue }
      let mean = values.reduce(0, +) / Double(values.count)
      series.append(
        .init(
          label, points: [SVGPoint(x: low, y: mean), SVGPoint(x: high, y: mean)],
          style: place == 0 ? 0 : policies.count + place))
      sentences.append("\(label): \(text(mean)), a mean drawn across, as dense runs have no k.")
    }
    var chart = LineChart(
      title: title, summary: sentences.joined(separator: " "), xTitle: "k, kept entries",
      yTitle: yTitle, series: series)
    chart.xKind = .logarithmic
    chart.yText = text
    return chart
  }

  /// The lowest and the highest value of a curve with points.
  private static func summary(
    _ series: LineChart.Series, _ text: (Double) -> String
  ) -> String {
    func words(_ point: SVGPoint) -> String {
      "\(text(point.y)) at k = \(NumberText.short(point.x))"
    }
    let sorted = series.points.sorted { $0.y < $1.y }
    let (low, high) = (sorted[0], sorted[sorted.count - 1])
    return low.y == high.y
      ? "\(series.name): \(words(high))."
      : "\(series.name): lowest \(words(low)), highest \(words(high))."
  }
}
