// How well a run did after so many epochs, and after so many seconds.

import MePropTraining

/// Curves of the deciding figure and of the loss, each against epochs and against seconds.
enum LearningCurves {
  static func section(_ runs: [RunRecord]) -> ReportSection {
    var blocks: [ReportBlock] = []
    let deciding = ReportText.mainMetrics(of: runs).filter { $0 != "loss" }
    let others = otherFigures(of: runs, than: deciding)
    for figure in deciding {
      for axis in [Axis.epochs, .seconds] { blocks.append(.chart(figureChart(runs, figure, axis))) }
    }
    for axis in [Axis.epochs, .seconds] { blocks.append(.chart(lossChart(runs, axis))) }
    for figure in others { blocks.append(.chart(figureChart(runs, figure, .epochs))) }
    if deciding.isEmpty && others.isEmpty {
      blocks.append(.absence("There were no development data, so only the loss is shown."))
    }
    let parts =
      isDetailed(runs) ? "parts of epochs: sixteen in the first, later fewer" : "epoch"
    return ReportSection(
      "Learning curves",
      text: "Seconds are those of training, added up; evaluation and checkpoints are left out. "
        + "Training losses are means of examples while the weights changed, by \(parts).",
      blocks: blocks)
  }

  /// Whether losses of parts of epochs are known.
  private static func isDetailed(_ runs: [RunRecord]) -> Bool {
    runs.contains { !$0.details.isEmpty }
  }

  enum Axis {
    case epochs
    case seconds

    var title: String { self == .epochs ? "epochs" : "seconds of training" }
    var words: String { self == .epochs ? "against epochs" : "against seconds" }
  }

  /// Where the epochs of a run lie on an axis: seconds are added up once for all of them.
  private struct Places {
    private let axis: Axis
    private var seconds: [Int: (start: Double, end: Double)] = [:]

    init(_ run: RunRecord, _ axis: Axis) {
      self.axis = axis
      guard axis == .seconds else { return }
      var sum = 0.0
      for row in run.epochs {
        let start = seconds[row.epoch]?.start ?? sum
        sum += row.seconds.total
        seconds[row.epoch] = (start, sum)
      }
    }

    func start(_ row: EpochRow) -> Double {
      axis == .epochs ? Double(row.epoch - 1) : seconds[row.epoch]?.start ?? 0
    }

    func end(_ row: EpochRow) -> Double {
      axis == .epochs ? Double(row.epoch) : seconds[row.epoch]?.end ?? 0
    }
  }

  private static func chart(
    _ title: String, _ summary: String, _ axis: Axis, yTitle: String, _ series: [LineChart.Series]
  ) -> LineChart {
    var chart = LineChart(
      title: "\(title) \(axis.words)", summary: summary, xTitle: axis.title, yTitle: yTitle,
      series: series)
    chart.hasWholeX = axis == .epochs
    chart.xIncludesZero = axis == .seconds
    return chart
  }

  // MARK: Figures of evaluations

  /// The names of figures on development data of any run, without the loss and those given.
  private static func otherFigures(of runs: [RunRecord], than deciding: [String]) -> [String] {
    var names: [String] = []
    for run in runs {
      let row = run.epochs.first { !$0.dev.isEmpty }
      for name in (row?.dev ?? []).map(\.name)
      where name != "loss" && !deciding.contains(name) && !names.contains(name) {
        names.append(name)
      }
    }
    return names
  }

  private static func figureChart(
    _ runs: [RunRecord], _ figure: String, _ axis: Axis
  ) -> LineChart {
    func points(_ run: RunRecord, _ split: (EpochRow) -> [Evaluation.Metric]) -> [SVGPoint] {
      let places = Places(run, axis)
      return run.epochs.compactMap { row in
        split(row).first { $0.name == figure }.map {
          SVGPoint(x: places.end(row), y: $0.value)
        }
      }
    }
    let bestPlace = Places(runs[0], axis).end(runs[0].best)
    var series: [LineChart.Series] = []
    if runs.count == 1 {
      series = [
        .init("dev", points: points(runs[0], \.dev), style: 0),
        .init("test", points: points(runs[0], \.test), style: 1),
      ]
    } else {
      series = runs.enumerated().map {
        .init($1.name, points: points($1, \.dev), style: $0)
      }
    }
    series.removeAll { $0.points.isEmpty }
    let what = ReportText.metricName(figure)
    var chart = chart(
      runs.count == 1 ? what : "Dev \(what)", summary(runs, figure, axis), axis,
      yTitle: runs.count == 1
        ? ReportText.metricTitle(figure) : "dev \(ReportText.metricTitle(figure))",
      series)
    chart.yText = { ReportText.metric(figure, $0) }
    chart.title = ReportText.capitalized(chart.title)
    if runs.count == 1 { chart.ring = points(runs[0], \.dev).first { $0.x == bestPlace } }
    return chart
  }

  private static func summary(_ runs: [RunRecord], _ figure: String, _ axis: Axis) -> String {
    func value(_ run: RunRecord) -> Double? {
      run.best.dev.first { $0.name == figure }?.value
    }
    let lacking = runs.filter { run in
      !run.epochs.contains { $0.dev.contains { $0.name == figure } }
    }.map(\.name)
    let absence =
      lacking.isEmpty
      ? "" : " Without this figure, and so not drawn: \(lacking.joined(separator: ", "))."
    guard let run = runs.max(by: { value($0) ?? -.infinity < value($1) ?? -.infinity }),
      let best = value(run)
    else { return "The best epochs do not have this figure.\(absence)" }
    let after =
      axis == .epochs
      ? "epoch \(run.best.epoch)" : NumberText.duration(run.seconds(upTo: run.best.epoch))
    return "Best on development data: \(ReportText.metric(figure, best)) after \(after)"
      + (runs.count > 1 ? ", by \(run.name)." : " (ringed).") + absence
  }

  // MARK: Loss

  private static func lossChart(_ runs: [RunRecord], _ axis: Axis) -> LineChart {
    var series: [LineChart.Series] = []
    for (index, run) in runs.enumerated() {
      series.append(
        .init(
          runs.count == 1 ? "train" : run.name, points: lossPoints(run, axis),
          style: runs.count == 1 ? 2 : index))
    }
    if runs.count == 1 {
      let places = Places(runs[0], axis)
      let points = runs[0].epochs.compactMap { row in
        row.dev.first { $0.name == "loss" }.map {
          SVGPoint(x: places.end(row), y: $0.value)
        }
      }
      if !points.isEmpty { series.append(.init("dev", points: points, style: 0)) }
    }
    let isDetailed = Self.isDetailed(runs)
    var result = chart(
      runs.count == 1 ? "Loss" : "Training loss", lossSummary(series), axis,
      yTitle: "loss, nats", series)
    result.yText = { NumberText.fixed($0, 4) }
    // Parts of epochs lie between whole numbers.
    if isDetailed { result.hasWholeX = false }
    result.xIncludesZero = isDetailed || axis == .seconds
    return result
  }

  /// The first, the last and the lowest loss of each curve; of many curves the ends only.
  private static func lossSummary(_ series: [LineChart.Series]) -> String {
    let ends = series.compactMap { series in
      series.points.last.map { (name: series.name, loss: $0.y) }
    }.sorted { $0.loss < $1.loss }
    guard let low = ends.first, let high = ends.last else { return "No loss is finite." }
    func text(_ loss: Double) -> String { NumberText.fixed(loss, 4) }
    if series.count > 6 {
      return "At the end from \(text(low.loss)), \(low.name), to \(text(high.loss)), "
        + "\(high.name)."
    }
    return series.compactMap { series -> String? in
      let losses = series.points.map(\.y)
      guard let first = losses.first, let last = losses.last, let least = losses.min() else {
        return nil
      }
      return "\(series.name): first \(text(first)), last \(text(last)), lowest \(text(least))."
    }.joined(separator: " ")
  }

  /// A point for every part of an epoch that was counted, or for the whole epoch.
  private static func lossPoints(_ run: RunRecord, _ axis: Axis) -> [SVGPoint] {
    let places = Places(run, axis)
    let detailsByEpoch = Dictionary(
      run.details.map { ($0.epoch, $0) }, uniquingKeysWith: { first, _ in first })
    return run.epochs.flatMap { row -> [SVGPoint] in
      let details = detailsByEpoch[row.epoch]
      let parts = (details?.parts ?? []).filter { $0.exampleCount > 0 }
      guard let details, !parts.isEmpty else {
        return [SVGPoint(x: places.end(row), y: row.trainLoss)]
      }
      let start = places.start(row)
      return parts.map { part in
        let share = Double(part.endStep) / Double(max(details.stepsPerEpoch, 1))
        return SVGPoint(
          x: start + (axis == .epochs ? share : part.seconds),
          y: part.lossSum / Double(part.exampleCount))
      }
    }
  }
}
