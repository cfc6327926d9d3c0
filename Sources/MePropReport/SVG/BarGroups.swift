// Groups of bars from 0 to 100 %, each with its name, its value and how much it stands for.

/// Groups of horizontal bars of percentages, below each other on one scale.
public struct BarGroups: Chart {
  /// A bar.
  public struct Bar: Sendable, Equatable {
    /// Its name, left of the bar.
    public var name: String
    /// Its length, in percent.
    public var value: Double
    /// The number of items that it stands for.
    public var count: Int

    /// Creates a bar.
    public init(_ name: String, value: Double, count: Int) {
      self.name = name
      self.value = value.isFinite ? min(max(value, 0), 100) : 0
      self.count = count
    }
  }

  /// Bars under a heading.
  public struct Group: Sendable, Equatable {
    /// The heading.
    public var title: String
    /// What the counts are of, plural.
    public var countTitle: String
    /// The bars, the first on top.
    public var bars: [Bar]

    /// Creates a group.
    public init(_ title: String, counts countTitle: String, bars: [Bar]) {
      self.title = title
      self.countTitle = countTitle
      self.bars = bars
    }
  }

  /// What is shown.
  public var title: String
  /// What there is to see.
  public var summary: String
  /// The groups, the first on top.
  public var groups: [Group]

  /// Creates a chart.
  public init(title: String, summary: String, groups: [Group]) {
    self.title = title
    self.summary = summary
    self.groups = groups
  }

  /// A row for every bar.
  public var table: ChartTable {
    ChartTable(
      head: ["", "percent", "count"],
      rows: groups.flatMap { group in
        group.bars.map { [$0.name, NumberText.fixed($0.value, 1), String($0.count)] }
      })
  }

  // MARK: Drawing

  private static let width = 640.0
  private static let titleHeight = 34.0
  private static let headingHeight = 28.0
  private static let rowHeight = 18.0
  private static let footHeight = 26.0
  /// Where names end, bars start, bars end, values end, counts end.
  private static let (names, left, right, values, counts) = (132.0, 140.0, 510.0, 556.0, 632.0)

  /// As high as the bars need.
  public var size: (width: Double, height: Double) {
    let rows = groups.reduce(0) { $0 + $1.bars.count }
    return (
      Self.width,
      Self.titleHeight + Double(rows) * Self.rowHeight
        + Double(groups.count) * (Self.headingHeight + Self.footHeight)
    )
  }

  /// The title, then the groups.
  public var elements: [SVGElement] {
    let shown = TextWidth.shortened(title, to: Self.width - 16, fontSize: ChartStyle.labelSize)
    var elements = [SVGElement.text(shown, at: SVGPoint(x: 8, y: 22), class: "total")]
    var top = Self.titleHeight
    for group in groups {
      elements += drawing(of: group, top: top)
      top += Self.headingHeight + Double(group.bars.count) * Self.rowHeight + Self.footHeight
    }
    return elements
  }

  private func drawing(of group: Group, top: Double) -> [SVGElement] {
    var elements: [SVGElement] = [
      .text(group.title, at: SVGPoint(x: 8, y: top + 16), class: "bar-name"),
      .text(
        group.countTitle, at: SVGPoint(x: Self.counts, y: top + 16), anchor: .end, class: "tick"),
    ]
    let first = top + Self.headingHeight
    let bottom = first + Double(group.bars.count) * Self.rowHeight
    let scale = AxisScale(0...100, from: Self.left, to: Self.right)
    func line(at x: Double, class name: String) -> SVGElement {
      .line(from: SVGPoint(x: x, y: first), to: SVGPoint(x: x, y: bottom), class: name)
    }
    for percent in stride(from: 0.0, through: 100, by: 25) {
      let x = scale.place(of: percent)
      if percent > 0 { elements.append(line(at: x, class: "grid")) }
      elements.append(
        .text(
          NumberText.short(percent), at: SVGPoint(x: x, y: bottom + 14), anchor: .middle,
          class: "tick"))
    }
    for (row, bar) in group.bars.enumerated() {
      let y = first + Double(row) * Self.rowHeight
      let name = TextWidth.shortened(bar.name, to: Self.names - 8, fontSize: ChartStyle.labelSize)
      elements += [
        .text(name, at: SVGPoint(x: Self.names, y: y + 13), anchor: .end, class: "bar-name"),
        .rectangle(
          at: SVGPoint(x: Self.left, y: y + 3), width: scale.place(of: bar.value) - Self.left,
          height: Self.rowHeight - 6, class: "part " + ChartStyle.part(0)),
        .text(
          NumberText.fixed(bar.value, 1), at: SVGPoint(x: Self.values, y: y + 13), anchor: .end,
          class: "bar-value"),
        .text(
          String(bar.count), at: SVGPoint(x: Self.counts, y: y + 13), anchor: .end, class: "tick"),
      ]
    }
    // Last, for the edges of bars would hide it.
    elements.append(line(at: Self.left, class: "axis"))
    return elements
  }
}
