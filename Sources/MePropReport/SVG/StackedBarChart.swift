// Bars of parts, one bar a row, with the parts' shares written on them where they fit.

/// Horizontal bars, each a sum of parts, with totals at their ends.
///
/// The names of parts stand in a key above the bars; it wraps. Of a single bar the key has the
/// shares too, for parts that are too short to have theirs written on them. With a single part
/// there is neither a key nor shares, and names stand left of the bars.
public struct StackedBarChart: Chart {
  /// A bar.
  public struct Bar: Sendable, Equatable {
    /// Its name.
    public var name: String
    /// The lengths of its parts, 0 or more, in the order of the chart's parts.
    public var values: [Double]

    /// Creates a bar.
    public init(_ name: String, values: [Double]) {
      self.name = name
      self.values = values.map { $0.isFinite ? max(0, $0) : 0 }
    }

    /// The length of the bar.
    public var total: Double { values.reduce(0, +) }
  }

  /// What is shown.
  public var title: String
  /// What there is to see.
  public var summary: String
  /// The names of parts.
  public var parts: [String]
  /// The bars, the first on top.
  public var bars: [Bar]
  /// The width of the drawing.
  public var width = ChartStyle.width
  /// How a length is written.
  public var text: @Sendable (Double) -> String

  /// Creates a chart.
  public init(
    title: String, summary: String, parts: [String], bars: [Bar],
    text: @escaping @Sendable (Double) -> String
  ) {
    precondition(
      bars.allSatisfy { $0.values.count == parts.count },
      "StackedBarChart: bars of \(bars.map(\.values.count)) values for \(parts.count) parts")
    self.title = title
    self.summary = summary
    self.parts = parts
    self.bars = bars
    self.text = text
  }

  private var hasShares: Bool { parts.count > 1 }

  /// A row for every bar, a column for every part, and the total of several.
  public var table: ChartTable {
    ChartTable(
      head: [""] + parts + (hasShares ? ["total"] : []),
      rows: bars.map {
        [$0.name] + $0.values.map(text) + (hasShares ? [text($0.total)] : [])
      })
  }

  // MARK: Drawing

  private var barHeight: Double { hasShares ? 24 : 16 }
  private var gap: Double { hasShares ? 10 : 6 }
  /// The room for a name above its bar.
  private var nameHeight: Double { hasShares ? 18 : 0 }
  private static let keyLine = 18.0
  /// Room for the outer half of outlines.
  private static let margin = 0.5

  /// The room for names left of the bars.
  private var nameWidth: Double {
    if hasShares { return 0 }
    let widths = bars.map { TextWidth.width(of: $0.name, fontSize: ChartStyle.labelSize) }
    return min(widths.max() ?? 0, width * 0.4) + 8
  }

  /// The width given; as high as key and bars need.
  public var size: (width: Double, height: Double) {
    let rows = Double(bars.count)
    return (width, keyHeight + rows * (nameHeight + barHeight) + max(0, rows - 1) * gap + 2)
  }

  /// The texts of the key's entries.
  private var keyTexts: [String] {
    guard bars.count == 1, bars[0].total > 0 else { return parts }
    return zip(parts, bars[0].values).map { name, value in
      let share = value / bars[0].total
      return "\(name) \(NumberText.percent(share, share > 0 && share < 0.095 ? 1 : 0))"
    }
  }

  /// The places of the key's entries: the left end of each and its line from 0.
  private var key: [(x: Double, line: Int)] {
    guard hasShares else { return [] }
    var x = 0.0
    var line = 0
    return keyTexts.map { name in
      let entry = 16 + TextWidth.width(of: name, fontSize: ChartStyle.tickSize) + 12
      if x > 0 && x + entry - 12 > width {
        x = 0
        line += 1
      }
      defer { x += entry }
      return (x, line)
    }
  }

  private var keyHeight: Double { Double((key.last?.line ?? -1) + 1) * Self.keyLine + 6 }

  /// Key, names, bars, totals.
  public var elements: [SVGElement] {
    var elements: [SVGElement] = []
    for (index, (name, place)) in zip(keyTexts, key).enumerated() {
      let top = Double(place.line) * Self.keyLine
      elements.append(
        .rectangle(
          at: SVGPoint(x: place.x + Self.margin, y: top + 2), width: 11, height: 11,
          class: "key " + ChartStyle.part(index)))
      elements.append(.text(name, at: SVGPoint(x: place.x + 16, y: top + 12), class: "tick"))
    }
    let totals = bars.map { text($0.total) }
    let totalWidth =
      totals.map {
        TextWidth.width(of: $0, fontSize: ChartStyle.labelSize * TextWidth.boldFactor)
      }.max() ?? 0
    let longest = bars.map(\.total).max() ?? 0
    let (left, barHeight, nameHeight) = (nameWidth, self.barHeight, self.nameHeight)
    let scale = longest > 0 ? (width - left - totalWidth - 8) / longest : 0
    var top = keyHeight
    for (bar, total) in zip(bars, totals) {
      let limit = hasShares ? width : left - 7.9
      let name = TextWidth.shortened(bar.name, to: limit, fontSize: ChartStyle.labelSize)
      elements.append(
        hasShares
          ? .text(name, at: SVGPoint(x: 0, y: top + 13), class: "bar-name")
          : .text(
            name, at: SVGPoint(x: left - 8, y: top + barHeight / 2 + 4), anchor: .end,
            class: "bar-name"))
      top += nameHeight
      elements += drawing(of: bar, total: total, left: left, top: top, scale: scale)
      top += barHeight + gap
    }
    return elements
  }

  private func drawing(
    of bar: Bar, total: String, left: Double, top: Double, scale: Double
  ) -> [SVGElement] {
    var elements: [SVGElement] = []
    let baseline = top + barHeight / 2 + 4
    var x = left + Self.margin
    for (index, value) in bar.values.enumerated() where value > 0 {
      let length = value * scale
      elements.append(
        .rectangle(
          at: SVGPoint(x: x, y: top), width: length, height: barHeight,
          class: hasShares ? "part " + ChartStyle.part(index) : ChartStyle.level(5)))
      let share = NumberText.percent(value / bar.total, 0)
      if hasShares, TextWidth.width(of: share, fontSize: ChartStyle.tickSize) + 8 <= length {
        elements.append(
          .text(
            share, at: SVGPoint(x: x + length / 2, y: baseline), anchor: .middle,
            class: "cell-text"))
      }
      x += length
    }
    elements.append(.text(total, at: SVGPoint(x: x + 6, y: baseline), class: "total"))
    return elements
  }
}
