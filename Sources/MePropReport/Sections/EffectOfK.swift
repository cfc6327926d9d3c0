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
    let figure = entries[0].run.best.dev.first?.name ?? "accuracy"
    var quality = chart(
      "Best dev \(ReportText.metricName(figure)) and k", entries, runs,
      yTitle: "dev \(ReportText.metricTitle(figure))"
    ) { run in run.best.dev.first { $0.name == figure }?.value }
    quality.yText = { ReportText.metric(figure, $0) }
    var time = chart(
      "Seconds of an epoch and k", entries, runs, yTitle: "seconds of an epoch"
    ) { $0.meanSeconds.total }
    time.yIncludesZero = true
    time.yText = { NumberText.duration($0) }
    return ReportSection(
      "Effect of k",
      text: "Runs over the number of kept entries of each example and layer; the horizontal axis "
        + "has equal ratios. Where runs agree in k, the mean is drawn.",
      blocks: [quality, time].filter { !$0.series.isEmpty }.map { .chart($0) })
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
    _ value: (RunRecord) -> Double?
  ) -> LineChart {
    let policies = Dictionary(grouping: entries) { $0.run.setting("select") ?? "sparse" }
    var series = policies.keys.sorted().enumerated().map { style, policy in
      let groups = Dictionary(grouping: policies[policy] ?? [], by: \.k)
      let points = groups.keys.sorted().compactMap { k -> SVGPoint? in
        let values = (groups[k] ?? []).compactMap { value($0.run) }
        guard !values.isEmpty else { return nil }
        return SVGPoint(x: k, y: values.reduce(0, +) / Double(values.count))
      }
      return LineChart.Series(policy, points: points, style: style + 1)
    }
    let dense = runs.filter(\.isDense).compactMap(value)
    if !dense.isEmpty, let low = entries.map(\.k).min(), let high = entries.map(\.k).max() {
      let mean = dense.reduce(0, +) / Double(dense.count)
      series.append(
        .init("dense", points: [SVGPoint(x: low, y: mean), SVGPoint(x: high, y: mean)], style: 0))
    }
    var chart = LineChart(
      title: title,
      summary: dense.isEmpty ? "" : "The dense runs' mean is drawn across, as they have no k.",
      xTitle: "k, kept entries", yTitle: yTitle, series: series.filter { !$0.points.isEmpty })
    chart.xKind = .logarithmic
    return chart
  }
}
