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
    Scores are in percent: mean ± standard deviation over seeds, on test data after the epoch that is best on
    development data. *Difference* is that of the test score from the row it is compared with, with its 95 %
    interval (paired t test over seeds, two-sided, not corrected for the number of tests): *better* or *worse*
    where the interval excludes zero, *no loss* where it holds zero and excludes a loss of \(margin) points, else
    *within noise*; *untested* where there is one seed, or no spread. Times are seconds an epoch, measured on steps of
    all rows of one network in turns: the products of back propagation, all of back propagation, and the whole step
    with optimizer and data. The first two leave the optimizer out, except that for tagging and parsing they have the
    update of touched rows in them, which is fused into the products. × is how many times faster than our own dense
    step, [×] the same in the paper, torch × how many times faster than PyTorch's dense step.

    """

  private func widthMarkdown(_ name: String) -> String {
    var lines = ["| " + Self.widthHead.joined(separator: " | ") + " |", "|---|---|---|---|"]
    lines += widthCells(name).map { "| " + $0.joined(separator: " | ") + " |" }
    let width = widths.first { $0.table == name }?.width ?? 0
    return
      "## \(WidthResult.title(of: name))\n\n\(WidthResult.note(of: name)) Width here: \(width).\n\n"
      + lines.joined(separator: "\n") + "\n"
  }

  /// The heads of columns of Tables 7 and 8.
  static let widthHead = ["k", "ours, ms", "ours, × dense", "paper, × dense"]

  /// A text for each row and column of one of them.
  func widthCells(_ name: String) -> [[String]] {
    widths.filter { $0.table == name }.map { row in
      [
        row.k.map(String.init) ?? "dense", fixed(row.microseconds / 1e3, 2),
        fixed(row.timesDense, 1), row.paper.map { fixed($0, 1) } ?? "",
      ]
    }
  }
}

extension TableResult {
  private var hasTorch: Bool { rows.contains { $0.whole?.timesTorch != nil } }
  private var isMemory: Bool { table.id.hasPrefix("memory") }

  /// The heads of columns; the first, of the rows' names, is empty.
  var head: [String] {
    var head = ["", "paper test", "our test", "our dev", "epoch", "difference", ""]
    if isMemory {
      head = ["", "dev by epoch", "our test", "touched rows", "epoch", "difference", ""]
    }
    head += ["products s", "×", "back prop. s", "×", "whole s", "×"]
    if hasTorch { head += ["products torch ×", "back prop. torch ×", "whole torch ×"] }
    return head
  }

  /// A text for each row and column.
  var cells: [[String]] { rows.map { cells($0, isMemory: isMemory, hasTorch: hasTorch) } }

  /// The table with its title and note.
  var markdown: String {
    var lines = [
      "| " + head.joined(separator: " | ") + " |",
      "|" + String(repeating: "---|", count: head.count),
    ]
    lines += cells.map { "| " + $0.joined(separator: " | ") + " |" }
    return "## \(table.title)\n\n\(table.note)\n\n" + lines.joined(separator: "\n") + "\n"
  }

  private func cells(_ row: RowResult, isMemory: Bool, hasTorch: Bool) -> [String] {
    let paper = row.row.paper
    var cells = [row.row.label]
    if isMemory {
      cells.append(row.curve.map { fixed($0, 1) }.joined(separator: " "))
    } else {
      cells.append(paper.test.map { fixed($0, 2) } ?? "")
    }
    cells.append(text(row.test))
    cells.append(
      isMemory ? row.touchedRows.map { fixed($0, 0) }.joined(separator: " / ") : text(row.dev))
    cells.append(
      (row.iterations.values.isEmpty ? "" : fixed(row.iterations.mean, 1))
        + (paper.iterations.map { " [\($0)]" } ?? ""))
    if let comparison = row.comparison {
      let interval = comparison.interval.map {
        " (\(signed($0.lowerBound)) … \(signed($0.upperBound)))"
      }
      cells.append(signed(comparison.difference) + (interval ?? ""))
      cells.append(comparison.verdict(margin: ReproductionResult.margin).rawValue)
    } else {
      cells += ["", ""]
    }
    for time in [row.products, row.backward, row.whole] {
      cells.append(time.map { fixed($0.seconds, 2) } ?? "")
      cells.append(
        (time?.timesDense.map { fixed($0, 1) } ?? "")
          + (time?.paper.map { " [\(fixed($0, 1))]" } ?? ""))
    }
    if hasTorch {
      for time in [row.products, row.backward, row.whole] {
        cells.append(time?.timesTorch.map { fixed($0, 1) } ?? "")
      }
    }
    return cells
  }

  private func text(_ sample: Sample) -> String {
    guard !sample.values.isEmpty else { return "" }
    return fixed(sample.mean, 2) + (sample.deviation.map { " ± \(fixed($0, 2))" } ?? "")
  }

  private func signed(_ value: Double) -> String { (value < 0 ? "−" : "+") + fixed(abs(value), 2) }
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
      ? "Selection and both products of a square layer, batch 1,024. The paper's are of 8,192 units on a GPU."
      : "All of back propagation of two hidden layers on 784 inputs, a batch of 50, updates left out. The paper's are of "
        + "8,192 units, an epoch on a GPU."
  }
}
