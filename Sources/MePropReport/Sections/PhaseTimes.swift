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
    if runs.count > 1 {
      blocks.append(.table(ratios(runs), caption: "Times against a dense run"))
      let unlike = runs.filter { fusesAllUpdates($0) && baseline(runs, for: $0) != nil }
      if !unlike.isEmpty {
        let names = unlike.map(\.name).joined(separator: ", ")
        blocks.append(
          .absence(
            "Products and back propagation are not compared with a dense run for \(names): every "
              + "row of weights is updated while gradient rows are computed, so that the time of "
              + "the update is part of the products' and cannot be told apart; in a dense run it "
              + "is the optimizer's. Back propagation and optimizer together, and the whole epoch, "
              + "are compared."))
      }
    }
    return ReportSection(
      "Time by phase",
      text: "Seconds of an epoch. Updates that are applied while a gradient row is computed count "
        + "as backward; selection is shown apart from it.",
      blocks: blocks)
  }

  /// Whether the products of a sparse run include an update of all rows of weights.
  ///
  /// Rows are updated as their gradient is computed unless the norm of all gradients has to be
  /// known first. With `untouched: update` these are all rows, whose time hides that of the
  /// products; else they are the rows that the gradient touches, and the products only seem slower
  /// than they are.
  private static func fusesAllUpdates(_ run: RunRecord) -> Bool {
    !run.isDense && run.setting("untouched") == "update"
      && run.setting("clip-norm") ?? "none" == "none"
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

  /// The run that `run` is compared with: the first dense one of its task.
  private static func baseline(_ runs: [RunRecord], for run: RunRecord) -> RunRecord? {
    runs.first { $0.isDense && $0.summary.task == run.summary.task }
  }

  private static func ratios(_ runs: [RunRecord]) -> ChartTable {
    // Versions that did not time the products alone wrote 0.
    func times(_ mean: PhaseSeconds) -> [Double] {
      [
        mean.products > 0 ? mean.products : .nan, mean.backward, mean.backward + mean.optimizer,
        mean.total,
      ]
    }
    let names = [
      "products", "back propagation", "back propagation and optimizer", "whole epoch",
    ]
    let hasDense = runs.contains(where: \.isDense)
    let rows = runs.map { run -> [String] in
      let own = times(run.meanSeconds)
      let cells = [run.name] + own.map(NumberText.duration)
      guard hasDense else { return cells }
      guard let dense = baseline(runs, for: run) else { return cells + own.map { _ in "–" } }
      var ratios = zip(times(dense.meanSeconds), own).map { ReportText.ratio($0, $1) }
      if fusesAllUpdates(run) { ratios.replaceSubrange(0..<2, with: ["–", "–"]) }
      return cells + ratios
    }
    return ChartTable(
      head: ["run"] + names + (hasDense ? names.map { "× dense, \($0)" } : []), rows: rows)
  }
}
