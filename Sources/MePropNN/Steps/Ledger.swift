import MePropCore

/// What selection did in one layer, added up over steps.
public struct SelectionStatistics: Sendable, Equatable {
  /// The number of steps.
  public private(set) var steps = 0
  private var touchedRows = 0
  private var sampledSteps = 0
  private var keptShare = 0.0

  /// Every how many steps the kept share is measured: other steps leave out adding up magnitudes.
  private static let samplingInterval = 16

  /// Weight rows whose gradient was not skipped, a mean per step.
  public var meanTouchedRows: Double { steps == 0 ? 0 : Double(touchedRows) / Double(steps) }
  /// The share of Σ|d| that was kept, from 0 to 1: a mean over the first step and every 16th of
  /// the run, 1 if dense.
  public var meanKeptMagnitude: Double { sampledSteps == 0 ? 1 : keptShare / Double(sampledSteps) }

  /// Whether the kept share is measured in this step of the run.
  func isSampled(step: Int) -> Bool {
    sampledSteps == 0 || step % Self.samplingInterval == 1
  }

  mutating func add(touchedRows count: Int, keptShare share: Double?) {
    steps += 1
    touchedRows += count
    if let share {
      sampledSteps += 1
      keptShare += share
    }
  }

  mutating func add(_ other: SelectionStatistics) {
    steps += other.steps
    touchedRows += other.touchedRows
    sampledSteps += other.sampledSteps
    keptShare += other.keptShare
  }
}

/// What is counted in all layers of a model while it is trained: one entry a selector.
package struct Ledger: Sendable {
  /// What is counted in one layer.
  package struct Entry: Sendable {
    /// What selection did.
    package var statistics = SelectionStatistics()
    /// How often units were kept, and what products cost.
    package var tally: LayerTally
    /// How often units were kept since the last cut; `nil` where nothing is cut.
    var hits: UnitHits?
    /// Whether hits are magnitudes of entries.
    var hitsAreMagnitudes = false

    /// The layer has another number of outputs now; what was tallied of the others goes.
    mutating func setOutputSize(_ count: Int) {
      guard count != tally.outputSize else { return }
      var next = LayerTally(
        name: tally.name, outputSize: count, countsUnits: !tally.keptCounts.isEmpty)
      next.costs = tally.costs
      tally = next
    }
  }

  /// In the order of the selectors' indices.
  package var entries: [Entry] = []
  /// Whether steps are counted for a cut.
  var countsHits = false

  /// Adds what another one counted of the same layers, which starts afresh.
  mutating func take(_ other: inout Ledger) {
    for index in entries.indices {
      entries[index].statistics.add(other.entries[index].statistics)
      other.entries[index].statistics = SelectionStatistics()
      entries[index].tally.add(other.entries[index].tally.take())
    }
  }

  func name(of selector: Selector) -> String {
    selector.index < entries.count ? entries[selector.index].tally.name : "layer"
  }

  /// Counts a step in which all takes part.
  package mutating func countDense(_ selector: Selector, rowCount: Int) {
    guard selector.index < entries.count else { return }
    entries[selector.index].statistics.add(touchedRows: selector.unitCount, keptShare: nil)
    entries[selector.index].tally.keepAll(ofExamples: rowCount * selector.positionCount)
  }

  /// Counts what a step keeps.
  ///
  /// - Parameters:
  ///   - selector: Of the layer.
  ///   - kept: The kept entries.
  ///   - magnitude: Σ|d| of all entries; asked for in some steps only.
  ///   - step: The step of the run.
  package mutating func countSelected(
    _ selector: Selector, _ kept: GradientSupport, of magnitude: @autoclosure () -> Double,
    step: Int
  ) {
    guard selector.index < entries.count else { return }
    var share: Double?
    if entries[selector.index].statistics.isSampled(step: step) {
      let whole = magnitude()
      share = whole > 0 ? min(1, kept.keptMagnitude / whole) : 1
    }
    entries[selector.index].statistics.add(
      touchedRows: kept.countTouchedOutputs(), keptShare: share)
    entries[selector.index].tally.exampleCount += kept.batchSize
    kept.addKeptCounts(
      to: &entries[selector.index].tally.keptCounts, blockSize: selector.padding?.size,
      paddedSize: selector.padding?.paddedSize)
    guard countsHits else { return }
    entries[selector.index].hits?.add(kept, of: selector)
  }

  /// Counts the costs of products and update of one weight matrix.
  mutating func countProducts(
    _ shape: ProductShape, of selector: Selector, _ support: Support, _ updates: Step.Updates
  ) {
    guard selector.index < entries.count else { return }
    if support.isDense { return entries[selector.index].tally.costs.addDense(shape) }
    let rows = support.entries.countTouchedOutputs()
    entries[selector.index].tally.costs.addSparse(
      shape, entries: support.entries.entryCount, rows: rows,
      updatedRows: updates.updatesEveryRow ? shape.outputSize : rows,
      storesGradient: updates.storesGradients)
  }
}
