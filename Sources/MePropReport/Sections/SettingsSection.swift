// What the runs were trained with.

/// The settings: where runs differ as a table, and all of them behind.
enum SettingsSection {
  static func section(_ runs: [RunRecord]) -> ReportSection {
    var blocks: [ReportBlock] = []
    if runs.count > 1 {
      let table = differences(runs)
      blocks.append(
        table.rows.isEmpty
          ? .absence("All settings of the runs are the same.")
          : .table(table, caption: "Settings in which the runs differ"))
    }
    for run in runs {
      if run.settings.isEmpty {
        blocks.append(.absence("\(run.name): config.yaml is missing or empty."))
      } else {
        blocks.append(
          .settings(
            runs.count > 1 ? "All settings of \(run.name)" : "All settings", run.settings,
            isOpen: runs.count == 1))
      }
    }
    let machine = runs.compactMap(\.summary.description).first?.joined(separator: "; ")
    return ReportSection(
      "Settings", text: machine.map { "\(ReportText.capitalized($0))." } ?? "", blocks: blocks)
  }

  private static func differences(_ runs: [RunRecord]) -> ChartTable {
    var keys: [String] = []
    for key in runs.flatMap({ $0.settings.map(\.key) }) where !keys.contains(key) {
      keys.append(key)
    }
    let rows = keys.map { key in [key] + runs.map { $0.setting(key) ?? "–" } }
      .filter { Set($0.dropFirst()).count > 1 }
    return ChartTable(head: ["setting"] + runs.map(\.name), rows: rows)
  }
}
