// The tables as Markdown.

import Foundation

extension ReproductionResult {
  /// All tables, the paper's figures and ours in separate columns.
  public var markdown: String {
    var text = "# Reproduction\n\n" + description.map { "- \($0)\n" }.joined() + "\n" + Self.legend
    for table in tables { text += "\n" + table.markdown }
    for name in ["table7", "table8"] where widths.contains(where: { $0.table == name }) {
      text += "\n" + widthMarkdown(name)
    }
    return text
  }

  static let legend = """
    Scores are in percent: mean ± standard deviation over seeds, on test data after the epoch \
    that is best on
    development data. *Difference* is that of the test score from the row it is compared with, \
    with its 95 %
    interval (paired t test over seeds, two-sided, not corrected for the number of tests): \
    *better* or *worse*
    where the interval excludes zero, *no loss* where it holds zero and excludes a loss of \
    \(margin) points, else
    *within noise*; *untested* where there is one seed, or no spread. Times are seconds an epoch, \
    measured on steps of
    all rows of one network in turns: the products of back propagation, all of back propagation, \
    and the whole step
    with optimizer and data. The first two are those of a step that leaves the optimizer out, or \
    touched rows only where it
    is fused into the products (tagging and parsing), so that columns need not add up. × is how \
    many times faster than
    our own dense step, torch × than PyTorch's; *paper* columns are the paper's figures on its \
    machine, its whole step
    being forward and backward. *Spread* is half the range of the middle half of the turns: ratios \
    closer to 1 than that
    say nothing.

    """

  private func widthMarkdown(_ name: String) -> String {
    let (head, cells) = widthTable(name)
    let lines = ([head, Array(repeating: "---", count: head.count)] + cells).map {
      "| " + $0.joined(separator: " | ") + " |"
    }
    let width = widths.first { $0.table == name }?.width ?? 0
    return
      "## \(WidthResult.title(of: name))\n\n\(WidthResult.note(of: name)) Width here: \(width).\n\n"
      + lines.joined(separator: "\n") + "\n"
  }

  /// Table 7 or 8, head first; with a column for PyTorch where that was measured.
  func widthTable(_ name: String) -> (head: [String], cells: [[String]]) {
    let rows = widths.filter { $0.table == name }
    let hasTorch = rows.contains { $0.torchMicroseconds != nil }
    var head = ["k", "ours, ms", "spread %", "ours, × dense", "paper, × dense"]
    if hasTorch { head.append("torch ×") }
    let cells = rows.map { row -> [String] in
      var texts = [
        row.k.map(String.init) ?? "dense", fixed(row.microseconds / 1e3, 2),
        number(row.spread.map { $0 * 100 }, 0), fixed(row.timesDense, 1), number(row.paper, 1),
      ]
      if hasTorch { texts.append(number(row.timesTorch, 1)) }
      return texts
    }
    return (head, cells)
  }
}

/// A column of a table: its head, and its text for a row.
private struct Column {
  let head: String
  let text: (RowResult) -> String

  init(_ head: String, _ text: @escaping (RowResult) -> String) {
    self.head = head
    self.text = text
  }
}

extension TableResult {
  private var isMemory: Bool { table.id.hasPrefix("memory") }
  private var isOverall: Bool { table.id == "table2" }

  /// Scores, head first; what the paper says in columns of its own.
  package var scores: (head: [String], cells: [[String]]) {
    var columns: [Column] = []
    if isMemory {
      columns.append(
        Column("dev by epoch") { $0.curve.map { fixed($0, 1) }.joined(separator: " ") })
    }
    columns += [
      Column("paper test") { number($0.row.paper.test, 2) },
      Column("our test") { text($0.test) },
      Column("paper dev") { number($0.row.paper.dev, 2) },
      Column("our dev") { text($0.dev) },
      Column("paper epoch") { $0.row.paper.iterations.map(String.init) ?? "" },
      Column("our epoch") {
        $0.iterations.values.isEmpty ? "" : fixed($0.iterations.mean, 1)
      },
    ]
    if isMemory {
      columns.append(
        Column("touched rows") {
          $0.touchedRows.map { fixed($0, 0) }.joined(separator: " / ")
        })
    }
    columns += [
      Column("difference") { difference($0.comparison) },
      Column("verdict") {
        $0.comparison?.verdict(margin: ReproductionResult.margin).rawValue ?? ""
      },
    ]
    if isMemory {
      columns.append(Column("from dense") { difference($0.comparisonWithDense) })
    }
    return filled(columns)
  }

  /// The three times, head first; none where no step was measured.
  package var times: (head: [String], cells: [[String]])? {
    guard rows.contains(where: { $0.whole != nil }) else { return nil }
    func columns(
      _ name: String, _ time: @escaping (RowResult) -> TimeResult?,
      paper: @escaping (PaperFigures) -> Double?
    ) -> [Column] {
      [
        Column("\(name) s") { number(time($0)?.seconds, 2) },
        Column("paper \(name) s") { number(paper($0.row.paper), 1) },
        Column("\(name) ×") { number(time($0)?.timesDense, 1) },
        Column("paper \(name) ×") { number(time($0)?.paper, 1) },
        Column("\(name) torch ×") { number(time($0)?.timesTorch, 1) },
      ]
    }
    var all: [Column] = []
    if isOverall { all += columns("forward", { $0.forward }, paper: { $0.forward }) }
    all += columns("products", { $0.products }, paper: { $0.products })
    all += columns("back prop.", { $0.backward }, paper: { $0.backward })
    all += columns(
      "whole", { $0.whole },
      paper: { figures in
        figures.forward.flatMap { forward in figures.backward.map { forward + $0 } }
      })
    all.append(Column("spread %") { number($0.spread.map { $0 * 100 }, 0) })
    return filled(all)
  }

  /// Columns that say something of a row, behind that of the rows' names.
  private func filled(_ columns: [Column]) -> (head: [String], cells: [[String]]) {
    let kept = columns.filter { column in rows.contains { !column.text($0).isEmpty } }
    return (
      ["row"] + kept.map(\.head),
      rows.map { row in [row.row.label] + kept.map { $0.text(row) } }
    )
  }

  /// The table with its title and note.
  var markdown: String {
    let parts = [scores, times].compactMap(\.self).map { part in
      ([part.head, Array(repeating: "---", count: part.head.count)] + part.cells).map {
        "| " + $0.joined(separator: " | ") + " |"
      }.joined(separator: "\n")
    }
    return "## \(table.title)\n\n\(table.note)\n\n" + parts.joined(separator: "\n\n") + "\n"
  }
}

private func difference(_ comparison: PairedComparison?) -> String {
  guard let comparison else { return "" }
  let interval = comparison.interval.map {
    " (\(signed($0.lowerBound)) … \(signed($0.upperBound)))"
  }
  return signed(comparison.difference) + (interval ?? "")
}

private func text(_ sample: Sample) -> String {
  guard !sample.values.isEmpty else { return "" }
  return fixed(sample.mean, 2) + (sample.deviation.map { " ± \(fixed($0, 2))" } ?? "")
}

private func signed(_ value: Double) -> String { (value < 0 ? "−" : "+") + fixed(abs(value), 2) }

private func number(_ value: Double?, _ places: Int) -> String {
  value.map { fixed($0, places) } ?? ""
}

private func fixed(_ value: Double, _ places: Int) -> String {
  value.isFinite ? String(format: "%.\(places)f", value) : "-"
}

extension WidthResult {
  /// The title of Table 7 or 8.
  static func title(of table: String) -> String {
    table == "table7"
      ? "Table 7: the products of a wide layer, unified"
      : "Table 8: back propagation of a wide network, unified"
  }

  /// What has to be known to read it.
  static func note(of table: String) -> String {
    table == "table7"
      ? "Selection and both products of a square layer, batch 1,024. The paper's are of 8,192 "
        + "units on a GPU."
      : "All of back propagation of two hidden layers on 784 inputs, a batch of 50, updates left "
        + "out. The paper's are of "
        + "8,192 units, an epoch on a GPU."
  }
}
