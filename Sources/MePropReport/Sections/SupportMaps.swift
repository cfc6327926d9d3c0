// How often each unit is kept, over the time of a run.

import Foundation
import MePropTraining

/// A heat map of units and time for each layer that selection worked on.
enum SupportMaps {
  private static let columnCount = 48

  /// Units a map shows at most, as rows; more are averaged in groups of like ones.
  private static func rowLimit(_ runs: [RunRecord]) -> Int { runs.count > 3 ? 64 : 128 }

  static func section(_ runs: [RunRecord]) -> ReportSection {
    var blocks: [ReportBlock] = []
    for run in runs {
      let prefix = runs.count > 1 ? "\(run.name): " : ""
      if run.details.allSatisfy(\.layers.isEmpty) {
        blocks.append(
          .absence(
            "\(prefix)Kept units were not counted: by an earlier version of the program, by a task "
              + "that does not count, or details.jsonl is missing."))
        continue
      }
      let names = run.details.first { !$0.layers.isEmpty }?.layers.map(\.name) ?? []
      let maps = names.compactMap { map(of: $0, in: run, prefix, rowLimit: rowLimit(runs)) }
      blocks += maps.map { .chart($0) }
      if maps.isEmpty {
        blocks.append(.absence("\(prefix)All layers were dense: every unit is always kept."))
      }
    }
    return ReportSection(
      "Which units are kept",
      text: "Each row is a unit, sorted by how often it is kept; the shade follows the square root "
        + "of the share of examples in which it is. Dark bands are units that carry most of the "
        + "gradient, light ones hardly learn.",
      blocks: blocks)
  }

  /// Shares of examples by unit in a part of the run.
  struct Part {
    /// In epochs from the beginning.
    var start: Double
    var end: Double
    var exampleCount: Double
    var shares: [Double]
  }

  /// The parts in which a layer was counted, in their order.
  static func parts(of layer: String, in run: RunRecord) -> [Part] {
    run.details.flatMap { details -> [Part] in
      guard let place = details.layers.firstIndex(where: { $0.name == layer }) else { return [] }
      let steps = Double(max(details.stepsPerEpoch, 1))
      var start = Double(details.epoch - 1)
      return details.parts.compactMap { part in
        let end = Double(details.epoch - 1) + Double(part.endStep) / steps
        defer { start = end }
        guard place < part.layers.count else { return nil }
        let (counts, examples) = (
          part.layers[place].keptCounts.values, Double(part.layers[place].exampleCount)
        )
        guard !counts.isEmpty, examples > 0 else { return nil }
        return Part(
          start: start, end: end, exampleCount: examples,
          shares: counts.map { min(1, Double($0) / examples) })
      }
    }
  }

  private static func map(
    of layer: String, in run: RunRecord, _ prefix: String, rowLimit: Int
  ) -> HeatMap? {
    let parts = parts(of: layer, in: run)
    guard let first = parts.first, let last = parts.last,
      parts.allSatisfy({ $0.shares.count == first.shares.count })
    else { return nil }
    let unitCount = first.shares.count
    let examples = parts.reduce(0) { $0 + $1.exampleCount }
    let means = (0..<unitCount).map { unit in
      parts.reduce(0) { $0 + $1.shares[unit] * $1.exampleCount } / examples
    }
    let order = (0..<unitCount).sorted { (-means[$0], $0) < (-means[$1], $1) }
    let rowCount = min(unitCount, rowLimit)
    let groups = (0..<rowCount).map {
      order[(unitCount * $0 / rowCount)..<(unitCount * ($0 + 1) / rowCount)]
    }
    let duration = last.end - first.start
    let columns = (0..<columnCount).map { column -> Part in
      // The part that the middle of the column is in.
      let middle = first.start + (Double(column) + 0.5) / Double(columnCount) * duration
      return parts.first { middle < $0.end } ?? last
    }
    let rows = groups.map { units in
      columns.map { part in
        units.reduce(0) { $0 + part.shares[$1] } / Double(units.count)
      }
    }
    let largest = rows.joined().max() ?? 0
    let never = means.count { $0 == 0 }
    let half = order.indices.first { place in
      order[...place].reduce(0) { $0 + means[$1] } >= means.reduce(0, +) / 2
    }
    let perRow =
      unitCount > rowLimit
      ? " A row is the mean of \((unitCount + rowCount - 1) / rowCount) units at most." : ""
    var map = HeatMap(
      title: "\(prefix)\(layer), \(unitCount) units",
      summary: "Half of all kept entries are in \((half ?? 0) + 1) units; \(never) "
        + (never == 1 ? "unit was" : "units were") + " never kept." + perRow,
      xTitle: "epochs", yTitle: "units, most often kept on top", rows: rows, largest: largest,
      table: table(parts)
    ) { NumberText.percent($0, 0) }
    map.xDomain = first.start...last.end
    map.gridHeight = Double(rowCount) * 2
    map.showsRoots = true
    map.keyTitle = "of examples keep it"
    return map
  }

  /// For each part the distribution of shares over units.
  private static func table(_ parts: [Part]) -> ChartTable {
    ChartTable(
      head: ["epochs", "least", "10 %", "median", "90 %", "most", "never kept"],
      rows: parts.map { part in
        let sorted = part.shares.sorted()
        let quantiles = [0, 0.1, 0.5, 0.9, 1].map {
          NumberText.percent(sorted[Int(($0 * Double(sorted.count - 1)).rounded())], 1)
        }
        return ["\(NumberText.fixed(part.start, 2))–\(NumberText.fixed(part.end, 2))"] + quantiles
          + [String(sorted.count { $0 == 0 })]
      })
  }
}
