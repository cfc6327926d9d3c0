// What the products of a run cost, and what it would have cost densely.

import MePropNN
import MePropTraining

/// Stacked bars and a table of multiply-adds and bytes by phase, done and saved.
enum CostLedger {
  private static var phases: [(name: String, cost: KeyPath<LayerCosts, PhaseCost>)] {
    [
      ("forward", \.forward), ("dW", \.weightGradient), ("dx", \.inputGradient),
      ("optimizer", \.optimizer),
    ]
  }

  static func section(_ runs: [RunRecord]) -> ReportSection {
    var blocks: [ReportBlock] = []
    let counted = runs.filter { !$0.costs.isEmpty }
    for run in runs where run.costs.isEmpty {
      blocks.append(
        .absence(
          (runs.count > 1 ? "\(run.name): " : "")
            + "Costs were not counted: by an earlier version of the program, by a task that does "
            + "not count, or details.jsonl is missing."))
    }
    if !counted.isEmpty {
      blocks.append(
        .chart(
          chart(
            counted, "Multiply-adds", \.multiplyAdds, \.denseMultiplyAdds
          ) { NumberText.scaled($0) }))
      blocks.append(
        .chart(
          chart(counted, "Bytes moved", \.bytes, \.denseBytes) { NumberText.scaled($0) + "B" }))
    }
    for run in counted {
      blocks.append(
        .table(
          table(run), caption: "Ledger" + (runs.count > 1 ? " of \(run.name)" : "")))
    }
    let features =
      counted.contains(where: sumsFeatures)
      ? " A layer that sums over features does the work of a dense layer on their embeddings side "
        + "by side with fewer multiply-adds. That layer is what “dense” means for it, so that "
        + "runs with dense back propagation save as well." : ""
    return ReportSection(
      "Cost ledger",
      text: "Multiply-adds and bytes of the products and of the optimizer, counted from shapes and "
        + "from the supports of every step, over all epochs. Every operand counts as read once and "
        + "every result as written once; biases, activations and selection are left out. dW is the "
        + "gradient of weights, dx the one passed on to the layer below.\(features)",
      blocks: blocks)
  }

  /// Whether a run has a layer that sums over features: others do all of the dense forward pass.
  private static func sumsFeatures(_ run: RunRecord) -> Bool {
    run.costs.contains { $0.costs.forward.multiplyAdds != $0.costs.forward.denseMultiplyAdds }
  }

  /// The sum over layers.
  private static func total(_ run: RunRecord) -> LayerCosts {
    run.costs.reduce(into: LayerCosts()) { $0 += $1.costs }
  }

  private static func chart(
    _ runs: [RunRecord], _ what: String, _ done: KeyPath<PhaseCost, Int>,
    _ dense: KeyPath<PhaseCost, Int>, _ text: @escaping @Sendable (Double) -> String
  ) -> StackedBarChart {
    var bars: [StackedBarChart.Bar] = []
    var savings: [String] = []
    for run in runs {
      let costs = total(run)
      let values = phases.map { Double(costs[keyPath: $0.cost][keyPath: done]) }
      let denseValues = phases.map { Double(costs[keyPath: $0.cost][keyPath: dense]) }
      let prefix = runs.count > 1 ? "\(run.name)" : "done"
      bars.append(.init(prefix, values: values))
      if runs.count == 1 { bars.append(.init("the same steps, dense", values: denseValues)) }
      let saved = 1 - values.reduce(0, +) / max(denseValues.reduce(0, +), 1)
      savings.append(
        (runs.count > 1 ? "\(run.name) " : "") + NumberText.percent(saved, 0))
    }
    return StackedBarChart(
      title: runs.count > 1 ? "\(what), done" : "\(what), done and dense",
      summary: "Saved against the same steps done densely: \(savings.joined(separator: ", ")).",
      parts: phases.map(\.name), bars: bars, text: text)
  }

  private static func table(_ run: RunRecord) -> ChartTable {
    let head = [
      "phase", "multiply-adds", "dense multiply-adds", "multiply-adds saved", "bytes",
      "dense bytes", "bytes saved",
    ]
    func row(_ name: String, _ cost: PhaseCost) -> [String] {
      [
        name, NumberText.scaled(Double(cost.multiplyAdds)),
        NumberText.scaled(Double(cost.denseMultiplyAdds)),
        saved(cost.multiplyAdds, cost.denseMultiplyAdds),
        NumberText.scaled(Double(cost.bytes)) + "B",
        NumberText.scaled(Double(cost.denseBytes)) + "B", saved(cost.bytes, cost.denseBytes),
      ]
    }
    var rows: [[String]] = []
    var sum = PhaseCost()
    let all = total(run)
    for phase in phases {
      rows.append(row(phase.name, all[keyPath: phase.cost]))
      sum += all[keyPath: phase.cost]
    }
    rows.append(row("all", sum))
    return ChartTable(head: head, rows: rows)
  }

  private static func saved(_ done: Int, _ dense: Int) -> String {
    dense == 0 ? "–" : NumberText.percent(1 - Double(done) / Double(dense), 1)
  }
}
