// The figures of predicted trees as a drawing: a file of SVG that needs nothing else.

import Foundation

extension TreeEvaluation {
  /// A drawing of F1 by relation and by distance, and of LAS by the length of sentences.
  ///
  /// The text of an SVG file with title and description for those who do not see it, and colors for
  /// light and dark settings; it has no scripts and asks for nothing from elsewhere.
  ///
  /// - Parameter name: What was evaluated, for the title.
  /// - Returns: The text of the file.
  public func drawing(name: String) -> String {
    let shown = byRelation.prefix(Self.relationsShown)
    let rest =
      byRelation.count > shown.count
      ? ", the \(shown.count) most frequent of \(byRelation.count)" : ""
    func bars(_ figures: some Sequence<ArcFigures>) -> [Bar] {
      figures.map { Bar(name: $0.name, value: $0.f1, count: $0.goldCount) }
    }
    var chart = BarDrawing()
    chart.add("F1 of head and relation, by relation\(rest)", counts: "arcs", bars(shown))
    chart.add("F1 of heads, by distance in words", counts: "arcs", bars(byDistance))
    chart.add(
      "LAS, by words in the sentence", counts: "words",
      byLength.map { Bar(name: $0.name, value: $0.attachment.las, count: $0.attachment.count) })
    func text(_ value: Double) -> String { String(format: "%.2f", value) }
    return chart.file(
      title: "\(name): UAS \(text(all.uas)) %, LAS \(text(all.las)) %",
      description: "\(all.count) words; without punctuation \(withoutPunctuation.count) words, "
        + "UAS \(text(withoutPunctuation.uas)) %, LAS \(text(withoutPunctuation.las)) %. Bars show "
        + "percentages: F1 by relation and by the distance between head and dependent, and LAS by "
        + "the number of words in the sentence.")
  }

  private static let relationsShown = 30
}

/// A bar of a drawing.
private struct Bar {
  var name: String
  /// Its length, in percent.
  var value: Double
  /// How many items it stands for.
  var count: Int
}

/// Groups of horizontal bars from 0 to 100 %, below each other.
private struct BarDrawing {
  private static let width = 640
  private static let rowHeight = 18
  /// Where names end, bars start, bars end, values end, counts end.
  private static let (names, left, right, values, counts) = (132, 140, 510, 556, 632)

  private var elements = ""
  private var height = 44

  /// Adds a group below the others.
  mutating func add(_ title: String, counts: String, _ bars: [Bar]) {
    height += 16
    text(title, x: 8, y: height + 4, anchor: "start", style: "heading")
    text(counts, x: Self.counts, y: height + 4, anchor: "end", style: "quiet")
    height += 12
    let bottom = height + bars.count * Self.rowHeight
    for percent in stride(from: 0, through: 100, by: 25) {
      let x = Self.place(Double(percent))
      elements +=
        "<line class=\"\(percent == 0 ? "axis" : "grid")\" x1=\"\(x)\" y1=\"\(height)\" "
        + "x2=\"\(x)\" y2=\"\(bottom)\"/>\n"
      text("\(percent)", x: x, y: bottom + 14, anchor: "middle", style: "quiet")
    }
    for bar in bars {
      let baseline = height + 13
      let end = Self.place(bar.value)
      text(Self.shortened(bar.name), x: Self.names, y: baseline, anchor: "end", style: "name")
      elements +=
        "<rect class=\"bar\" x=\"\(Self.left)\" y=\"\(height + 3)\" width=\"\(end - Self.left)\" "
        + "height=\"\(Self.rowHeight - 6)\"/>\n"
      let value = String(format: "%.1f", bar.value)
      text(value, x: Self.values, y: baseline, anchor: "end", style: "name")
      text("\(bar.count)", x: Self.counts, y: baseline, anchor: "end", style: "quiet")
      height += Self.rowHeight
    }
    height += 22
  }

  /// The drawing as a file.
  func file(title: String, description: String) -> String {
    let (width, height) = (Self.width, height + 4)
    return """
      <svg xmlns="http://www.w3.org/2000/svg" width="\(width)" height="\(height)" \
      viewBox="0 0 \(width) \(height)" role="img" aria-labelledby="title description">
      <title id="title">\(Self.escaped(title))</title>
      <desc id="description">\(Self.escaped(description))</desc>
      <style>
      svg{--paper:#ffffff;--ink:#1c2128;--quiet:#59636e;--grid:#e8ebef;--bar:#6fa8dc}
      @media (prefers-color-scheme:dark){svg{--paper:#14181d;--ink:#e8ebee;--quiet:#a0a9b3;\
      --grid:#2a3138;--bar:#2d639b}}
      text{font-family:"Helvetica Neue","Segoe UI",Roboto,"Liberation Sans",Arial,sans-serif;\
      font-size:11px;fill:var(--ink)}
      .title{font-size:15px;font-weight:600}.heading{font-size:12px;font-weight:600}
      .quiet{fill:var(--quiet)}.grid{stroke:var(--grid)}.axis{stroke:var(--quiet)}
      .bar{fill:var(--bar)}.paper{fill:var(--paper)}
      </style>
      <rect class="paper" width="100%" height="100%"/>
      <text class="title" x="8" y="26">\(Self.escaped(title))</text>
      \(elements)</svg>

      """
  }

  private mutating func text(_ text: String, x: Int, y: Int, anchor: String, style: String) {
    elements +=
      "<text class=\"\(style)\" x=\"\(x)\" y=\"\(y)\" text-anchor=\"\(anchor)\">"
      + "\(Self.escaped(text))</text>\n"
  }

  private static func place(_ percent: Double) -> Int {
    left + Int((Double(right - left) * min(max(percent, 0), 100) / 100).rounded())
  }

  /// Names longer than their column lose their end.
  private static func shortened(_ name: String) -> String {
    name.count <= 20 ? name : name.prefix(19) + "…"
  }

  /// The text with what means something in XML replaced, and without what XML does not allow.
  private static func escaped(_ text: String) -> String {
    var escaped = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": escaped += "&amp;"
      case "<": escaped += "&lt;"
      case ">": escaped += "&gt;"
      case "\"": escaped += "&quot;"
      case "\u{0}"..."\u{1f}", "\u{7f}", "\u{fffe}", "\u{ffff}": escaped += "\u{fffd}"
      default: escaped.unicodeScalars.append(scalar)
      }
    }
    return escaped
  }
}
