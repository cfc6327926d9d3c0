// The report of one run or several: which sections, in which order, and its head.

import Foundation
import MePropData
import MePropTraining

/// A report of runs.
///
/// ```swift
/// let runs = try RunRecord.read([folder])
/// try RunReport(runs).write(to: folder.appendingPathComponent("report.html"))
/// ```
public struct RunReport: Sendable {
  /// The runs; at least one.
  public let runs: [RunRecord]

  /// Creates a report; `runs` must not be empty.
  public init(_ runs: [RunRecord]) {
    precondition(!runs.isEmpty, "RunReport: needs at least one run, found none")
    self.runs = runs
  }

  /// The page; of several runs it has the names without what they have in common.
  public var page: ReportPage {
    var runs = self.runs
    for (place, name) in RunNames.shortened(runs.map(\.name)).enumerated() {
      runs[place].name = name
    }
    let sections: [ReportSection?] = [
      overview(runs), LearningCurves.section(runs), PhaseTimes.section(runs),
      EffectOfK.section(runs), KeptShare.section(runs), SupportMaps.section(runs),
      CostLedger.section(runs), TaskFigures.section(runs), Confusions.section(runs),
      SettingsSection.section(runs),
    ]
    let isOne = runs.count == 1
    let notes = runs.flatMap { run in
      run.notes.map { isOne ? $0 : "\(run.name): \($0)" } + endNotes(run)
    }
    return ReportPage(
      title: isOne ? runs[0].name : "\(runs.count) runs compared", subtitle: subtitle,
      facts: isOne ? facts(runs[0]) : factsOfComparison(runs), notes: notes,
      sections: sections.compactMap(\.self),
      footer: "Written by meprop report from " + runs.map(\.url.path).joined(separator: ", ") + ".")
  }

  /// Where the report of a run is, in its folder.
  public static func url(in folder: URL) -> URL { folder.appendingPathComponent("report.html") }

  /// Writes the page, replacing an earlier one as a whole.
  ///
  /// - Throws: `FileWriteError`.
  public func write(to url: URL) throws {
    try AtomicFile.write(Data(try page.html().utf8), to: url)
  }

  // MARK: Head

  private var subtitle: String {
    if runs.count > 1 { return runs.map(\.name).joined(separator: ", ") }
    let run = runs[0]
    let policy = run.setting("select").map { select in
      let k = run.isDense ? nil : run.setting("k").map { ", k = \($0)" }
      return "\(select)\(k ?? "")"
    }
    let parts = [
      run.summary.task, policy,
      "\(run.epochs.count) \(run.epochs.count == 1 ? "epoch" : "epochs"), \(outcome(run))",
    ]
    return parts.compactMap(\.self).joined(separator: " · ")
  }

  private func outcome(_ run: RunRecord) -> String {
    switch run.summary.outcome {
    case "finished": "finished"
    case "stoppedEarly": "stopped without further improvement"
    case "reachedTarget": "stopped at its target"
    case "interrupted": "interrupted"
    case "failed": "failed"
    case "running": "still running, or killed"
    default: "end not recorded"
    }
  }

  private func endNotes(_ run: RunRecord) -> [String] {
    let name = runs.count > 1 ? "\(run.name): " : ""
    switch run.summary.outcome {
    case "interrupted":
      return ["\(name)The run was interrupted; what is shown ends with its last whole epoch."]
    case "failed": return ["\(name)The run failed: \(run.summary.error ?? "no reason recorded")"]
    case "running": return ["\(name)The run is still going on, or was killed."]
    default: return []
    }
  }

  private func facts(_ run: RunRecord) -> [ReportPage.Fact] {
    let best = run.best
    var facts: [ReportPage.Fact] = []
    if let dev = best.dev.first {
      facts.append(
        .init(
          "dev \(ReportText.metricName(dev.name)), epoch \(best.epoch)",
          ReportText.metric(dev.name, dev.value)))
    }
    if let test = best.test.first {
      facts.append(
        .init(
          "test \(ReportText.metricName(test.name)), same epoch",
          ReportText.metric(test.name, test.value)))
    }
    let seconds = run.seconds(upTo: run.epochs[run.epochs.count - 1].epoch)
    facts.append(.init("training time", NumberText.duration(seconds)))
    if let rate = best.examplesPerSecond {
      facts.append(.init("\(best.exampleUnit) a second", NumberText.grouped(rate)))
    }
    return facts
  }

  /// What comparing is about, where runs have one deciding figure: the best, and the fastest run.
  private func factsOfComparison(_ runs: [RunRecord]) -> [ReportPage.Fact] {
    let figures = ReportText.mainMetrics(of: runs)
    guard figures.count == 1, let figure = figures.first, figure != "loss" else { return [] }
    func dev(_ run: RunRecord) -> Double { run.best.dev.first?.value ?? -.infinity }
    func seconds(_ run: RunRecord) -> Double { run.meanSeconds.total }
    var facts: [ReportPage.Fact] = []
    if let best = runs.max(by: { dev($0) < dev($1) }), dev(best).isFinite {
      facts.append(
        .init(
          "best dev \(ReportText.metricName(figure)), \(best.name)",
          ReportText.metric(figure, dev(best))))
    }
    if let fastest = runs.min(by: { seconds($0) < seconds($1) }) {
      facts.append(
        .init("shortest epoch, \(fastest.name)", NumberText.duration(seconds(fastest))))
      if let dense = runs.first(where: \.isDense), !fastest.isDense {
        facts.append(
          .init(
            "the same against \(dense.name)",
            ReportText.ratio(seconds(dense), seconds(fastest))))
      }
    }
    return facts
  }

  /// A row a run, where there are several.
  private func overview(_ runs: [RunRecord]) -> ReportSection? {
    guard runs.count > 1 else { return nil }
    let figures = ReportText.mainMetrics(of: runs)
    // Runs of several tasks have several deciding figures, which their rows name.
    let isOne = figures.count == 1
    let title = isOne ? " \(ReportText.metricName(figures[0]))" : ""
    let head = [
      "run", "select", "k", "epochs", "dev\(title)", "test\(title)", "of epoch",
      "seconds an epoch", "to the best", "end",
    ]
    let rows = runs.map { run in
      let best = run.best
      func value(_ metrics: [Evaluation.Metric]) -> String {
        guard let metric = metrics.first(where: { $0.name == run.mainMetric }) else { return "–" }
        let text = ReportText.metric(metric.name, metric.value)
        return isOne ? text : "\(text) \(ReportText.metricName(metric.name))"
      }
      return [
        run.name, run.setting("select") ?? "–", run.isDense ? "–" : run.setting("k") ?? "–",
        String(run.epochs.count), value(best.dev), value(best.test), String(best.epoch),
        NumberText.duration(run.meanSeconds.total),
        NumberText.duration(run.seconds(upTo: best.epoch)), outcome(run),
      ]
    }
    return ReportSection(
      "Overview", text: "The best epoch of each run, by its first figure on development data.",
      blocks: [.table(ChartTable(head: head, rows: rows), caption: "Overview of runs")])
  }
}
