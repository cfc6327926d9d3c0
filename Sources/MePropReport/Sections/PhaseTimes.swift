// Where the time of a step goes.

import MePropTraining

/// Stacked bars of seconds by phase: a bar a run, or a bar an epoch of a single run.
enum PhaseTimes {
  static let phases = ["forward", "backward", "selection", "optimizer", "data", "other"]

  /// The seconds of `phases`; backward without selection, other what no phase accounts for.
  static func values(_ seconds: PhaseSeconds) -> [Double] {
    let known = seconds.forward + seconds.backward + seconds.optimizer + seconds.data
    return [
      seconds.forward, max(0, seconds.backward - seconds.selection), seconds.selection,
      seconds.optimizer, seconds.data, max(0, seconds.total - known),
    ]
  }

  static func section(_ runs: [RunRecord]) -> ReportSection {
    var blocks = [ReportBlock.chart(chart(runs))]
    if runs.count > 1 { blocks.append(.table(ratios(runs), caption: "Times against a dense run")) }
    return ReportSection(
      "Time by phase",
      text: "Seconds of an epoch. Updates that are applied while a gradient row is computed count "
        + "as backward; selection is shown apart from it.",
      blocks: blocks)
  }

  private static func chart(_ runs: [RunRecord]) -> StackedBarChart {
    var bars: [StackedBarChart.Bar] = []
    if runs.count == 1, runs[0].epochs.count <= 8 {
      bars = runs[0].epochs.map { .init("epoch \($0.epoch)", values: values($0.seconds)) }
    } else {
      bars = runs.map {
        .init(runs.count == 1 ? "mean epoch" : $0.name, values: values($0.meanSeconds))
      }
    }
    let mean = runs[0].meanSeconds
    let backward = mean.total > 0 ? mean.backward / mean.total : 0
    let summary =
      runs.count == 1
      ? "Back propagation with selection takes \(NumberText.percent(backward, 0)) of an epoch of "
        + "\(NumberText.duration(mean.total))."
      : "The mean epoch of each run."
    return StackedBarChart(
      title: "Seconds of an epoch by phase", summary: summary, parts: phases, bars: bars
    ) { NumberText.duration($0) }
  }

  /// The run that the others are compared with: the first dense one.
  static func baseline(_ runs: [RunRecord]) -> RunRecord? { runs.first(where: \.isDense) }

  private static func ratios(_ runs: [RunRecord]) -> ChartTable {
    // Versions that did not time the products alone wrote 0.
    func times(_ mean: PhaseSeconds) -> [Double] {
      [mean.products > 0 ? mean.products : .nan, mean.backward, mean.total]
    }
    let names = ["products", "back propagation", "whole epoch"]
    let dense = baseline(runs).map { times($0.meanSeconds) }
    let rows = runs.map { run in
      let own = times(run.meanSeconds)
      let ratios = (dense ?? []).enumerated().map { ReportText.ratio($1, own[$0]) }
      return [run.name] + own.map(NumberText.duration) + ratios
    }
    return ChartTable(
      head: ["run"] + names + (dense == nil ? [] : names.map { "× dense, \($0)" }), rows: rows)
  }
}
