// The paper's figures beside ours: what records say about each row.

import MePropTraining

/// One of three times of an epoch, ours.
public struct TimeResult: Sendable, Equatable {
  /// Seconds an epoch: those of a step, times the steps of an epoch.
  public var seconds: Double
  /// How many times faster than our own dense step; `nil` for a dense row.
  public var timesDense: Double?
  /// How many times faster than the dense step in PyTorch; `nil` where that was not measured.
  public var timesTorch: Double?
  /// How many times faster than dense in the paper; `nil` where it does not say.
  public var paper: Double?
}

/// A row of a table with what was measured.
public struct RowResult: Sendable {
  /// The row.
  public var row: ExperimentRow
  /// Development scores at the best epoch, one a seed, in percent.
  public var dev: Sample
  /// Test scores at that epoch.
  public var test: Sample
  /// The best epoch.
  public var iterations: Sample
  /// The development score after each epoch, a mean over seeds.
  public var curve: [Double]
  /// Weight rows touched a step, by layer from the first: means over epochs and seeds.
  public var touchedRows: [Double]
  /// The products of back propagation, all of back propagation, forward, and the whole step.
  public var products: TimeResult?, backward: TimeResult?, forward: TimeResult?, whole: TimeResult?
  /// How far the turns of a step lie apart: half the range of their middle half, as a share of the
  /// median.
  public var spread: Double?
  /// The test score against that of the row's counterpart, seed by seed; `nil` where there is none.
  public var comparison: PairedComparison?
  /// The same against the dense experiment of the row's times; `nil` where that is the counterpart,
  /// or there is none.
  public var comparisonWithDense: PairedComparison?
}

/// A table with what was measured.
public struct TableResult: Sendable {
  /// The table.
  public var table: ExperimentTable
  /// The rows.
  public var rows: [RowResult]
}

/// All that a reproduction has found so far.
public struct ReproductionResult: Sendable {
  /// The tables of training runs.
  public var tables: [TableResult]
  /// Tables 7 and 8.
  public var widths: [WidthResult]
  /// Lines on version, machine and settings.
  public var description: [String]
  /// Creates a result.
  public init(tables: [TableResult], widths: [WidthResult], description: [String]) {
    self.tables = tables
    self.widths = widths
    self.description = description
  }

  /// A score that is lower by less than this is called no loss where the interval supports it, in
  /// points.
  public static let margin = 0.1
}

extension Reproduction {
  /// Puts together what records say, row by row of the plan.
  ///
  /// - Throws: `ConfigurationError`.
  public func tables() throws -> [TableResult] { try tables(of: plan) }

  /// Puts together what records say of a plan that has this reproduction's plan in it.
  ///
  /// Rows that are not this reproduction's own are there only where something of them is finished.
  ///
  /// - Throws: `ConfigurationError`.
  package func tables(of whole: ExperimentPlan) throws -> [TableResult] {
    let own = Set(plan.tables.flatMap { table in table.rows.map { "\(table.id) \($0.label)" } })
    var runs: [String: [FinishedRun]] = [:]
    var timings: [String: MeasuredStep] = [:]
    for experiment in whole.experiments {
      runs[experiment.id] = try seeds.compactMap { seed in
        folder.record(
          of: experiment.id, seed: seed,
          settings: decisiveSettings(try configuration(of: experiment, seed: seed)))
      }
      timings[experiment.id] = folder.timing(
        of: experiment.id,
        settings: decisiveSettings(try configuration(of: experiment, seed: 1)),
        threads: settings.timingThreads)
    }
    return whole.tables.compactMap { table in
      let rows = table.rows.filter { row in
        own.contains("\(table.id) \(row.label)") || runs[row.experiment]?.isEmpty == false
      }
      return rows.isEmpty
        ? nil
        : TableResult(
          table: table,
          rows: rows.map {
            result(of: $0, in: table, whole, runs: runs, timings: timings)
          })
    }
  }

  private func result(
    of row: ExperimentRow, in table: ExperimentTable, _ plan: ExperimentPlan,
    runs: [String: [FinishedRun]], timings: [String: MeasuredStep]
  ) -> RowResult {
    let records = runs[row.experiment] ?? []
    let best = records.compactMap(\.history.best)
    var result = RowResult(
      row: row, dev: Sample(best.compactMap { score($0.dev) }),
      test: Sample(best.compactMap { score($0.test) }),
      iterations: Sample(best.map { Double($0.epoch) }), curve: curve(of: records),
      touchedRows: touchedRows(of: records))
    if let timing = timings[row.experiment] {
      let dense = plan.experiment(row.experiment)?.dense
      let counterpart = table.rows.first { $0.experiment == dense }?.paper
      add(timing, dense: dense.flatMap { timings[$0] }, counterpart: counterpart, to: &result)
    }
    result.comparison = row.against.flatMap { compare(records, with: runs[$0] ?? []) }
    if let dense = plan.experiment(row.experiment)?.dense, let against = row.against,
      dense != against
    {
      result.comparisonWithDense = compare(records, with: runs[dense] ?? [])
    }
    return result
  }

  /// Test scores of the same seeds; `nil` if there is none.
  private func compare(
    _ records: [FinishedRun], with others: [FinishedRun]
  ) -> PairedComparison? {
    let pairs = records.compactMap { record -> (Double, Double)? in
      guard let other = others.first(where: { $0.seed == record.seed }),
        let mine = record.history.best.flatMap({ score($0.test) }),
        let theirs = other.history.best.flatMap({ score($0.test) })
      else { return nil }
      return (mine, theirs)
    }
    return pairs.isEmpty ? nil : PairedComparison(pairs.map(\.0), minus: pairs.map(\.1))
  }

  /// UAS for parsing, accuracy else.
  private func score(_ evaluation: Evaluation?) -> Double? {
    evaluation.map { $0.metrics.first { $0.name == "uas" }?.value ?? $0.primary }
  }

  private func curve(of records: [FinishedRun]) -> [Double] {
    let length = records.map(\.history.count).min() ?? 0
    return (0..<length).compactMap { epoch in
      let scores = records.compactMap { score($0.history[epoch].dev) }
      return scores.isEmpty ? nil : Sample(scores).mean
    }
  }

  private func touchedRows(of records: [FinishedRun]) -> [Double] {
    let epochs = records.flatMap(\.history).map(\.layers)
    return (epochs.first ?? []).indices.map { layer in
      Sample(epochs.compactMap { layer < $0.count ? $0[layer].touchedRows : nil }).mean
    }
  }

  private func add(
    _ timing: MeasuredStep, dense: MeasuredStep?, counterpart: PaperFigures?,
    to result: inout RowResult
  ) {
    let paper = result.row.paper
    result.spread = timing.spread
    func time(
      _ part: (MeasuredStep) -> Double, torch: Double?, _ paper: Double?, _ denseInPaper: Double?
    ) -> TimeResult {
      let seconds = part(timing)
      let ratio: (Double) -> Double? = { seconds > 0 ? $0 / seconds : nil }
      return TimeResult(
        seconds: seconds * Double(timing.stepsPerEpoch),
        timesDense: dense.flatMap { ratio(part($0)) },
        timesTorch: torch.flatMap(ratio),
        paper: paper.flatMap { own in denseInPaper.map { $0 / own } })
    }
    let isSparse = dense != nil
    result.products = time(
      { ($0.unfused ?? $0.seconds).products }, torch: timing.torch?.products,
      isSparse ? paper.products : nil, counterpart?.products)
    result.backward = time(
      { ($0.unfused ?? $0.seconds).backward }, torch: timing.torch?.backward,
      isSparse ? paper.backward : nil,
      counterpart?.backward)
    result.forward = time(\.seconds.forward, torch: nil, nil, nil)
    func sum(_ figures: PaperFigures?) -> Double? {
      figures?.forward.flatMap { forward in figures?.backward.map { forward + $0 } }
    }
    result.whole = time(
      \.seconds.total, torch: timing.torch?.total, isSparse ? sum(paper) : nil, sum(counterpart))
  }
}
