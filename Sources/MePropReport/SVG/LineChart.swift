// Curves over an axis, each with its name at its end.

/// Curves with their points, named at their right ends instead of in a legend.
public struct LineChart: Chart {
  /// A curve.
  public struct Series: Sendable, Equatable {
    /// Its name; an empty one is not shown.
    public var name: String
    /// Its points, x in increasing order; those not finite are left out.
    public var points: [SVGPoint]
    /// Which color, marker and dashes it has; see `ChartStyle`.
    public var style: Int

    /// Creates a curve.
    public init(_ name: String, points: [SVGPoint], style: Int) {
      self.name = name
      self.points = points.filter { $0.x.isFinite && $0.y.isFinite }
      self.style = style
    }
  }

  /// What is shown.
  public var title: String
  /// What there is to see.
  public var summary: String
  /// What the horizontal axis is, with its unit.
  public var xTitle: String
  /// What the vertical axis is, with its unit; stands above it.
  public var yTitle: String
  /// The curves.
  public var series: [Series]
  /// How x is spaced; `logarithmic` axes have their ticks at the points.
  public var xKind = AxisScale.Kind.linear
  /// Whether x only has whole numbers.
  public var hasWholeX = false
  /// Whether the horizontal axis begins at 0.
  public var xIncludesZero = false
  /// Whether the vertical axis begins at 0.
  public var yIncludesZero = false
  /// A point with a ring about it, or none.
  public var ring: SVGPoint?
  /// The ends of the vertical axis; `nil` fits them to the points.
  public var yRange: ClosedRange<Double>?
  /// The width of the drawing.
  public var width = ChartStyle.width
  /// The height of the drawing.
  public var height = 230.0
  /// How a y is written in the table.
  public var yText: @Sendable (Double) -> String = { NumberText.short($0) }

  /// Creates a chart.
  public init(
    title: String, summary: String, xTitle: String, yTitle: String, series: [Series]
  ) {
    self.title = title
    self.summary = summary
    self.xTitle = xTitle
    self.yTitle = yTitle
    self.series = series
  }

  /// The width and height given.
  public var size: (width: Double, height: Double) { (width, height) }

  /// A row for every x, a column for every curve.
  public var table: ChartTable {
    let places = Set(series.flatMap { $0.points.map(\.x) }).sorted()
    let names = series.map { $0.name.isEmpty ? yTitle : $0.name }
    let values = series.map { Dictionary($0.points.map { ($0.x, $0.y) }) { $1 } }
    return ChartTable(
      head: [xTitle] + names,
      rows: places.map { x in
        [hasWholeX ? NumberText.fixed(x, 0) : NumberText.short(x)]
          + values.map { $0[x].map(yText) ?? "–" }
      })
  }

  // MARK: Drawing

  /// Axes, curves, the ring, names.
  public var elements: [SVGElement] {
    let layout = Layout(self)
    return layout.axes + series.flatMap { layout.curve($0) } + layout.ring + layout.names
  }

  /// Where things are.
  private struct Layout {
    let chart: LineChart
    let x: AxisScale
    let y: AxisScale
    let xTicks: [Double]
    let yTicks: [Double]
    let left: Double
    let right: Double
    let top = 26.0
    let bottom: Double
    let nameLimit: Double

    init(_ chart: LineChart) {
      self.chart = chart
      bottom = chart.height - 38
      let points = chart.series.flatMap(\.points)
      let yDomain =
        chart.yRange
        ?? AxisScale.niceDomain(
          of: points.map(\.y), includesZero: chart.yIncludesZero, count: 8)
      y = AxisScale(yDomain, from: bottom, to: top)
      yTicks = y.niceTicks(4)
      let tickWidth =
        NumberText.ticks(yTicks).map { TextWidth.width(of: $0, fontSize: ChartStyle.tickSize) }
        .max() ?? 0
      left = tickWidth + 10
      let limit = chart.width * 0.36
      nameLimit = limit
      let nameWidth =
        chart.series.map {
          min(
            limit,
            TextWidth.width(of: $0.name, fontSize: ChartStyle.labelSize * TextWidth.boldFactor))
        }.max() ?? 0
      right = chart.width - (nameWidth > 0 ? nameWidth + 12 : 12)
      let xs = points.map(\.x)
      let lowest = chart.xIncludesZero ? 0 : xs.min() ?? 0
      let highest = max(xs.max() ?? 1, lowest)
      x = AxisScale(
        lowest...highest, from: left + 6, to: right,
        kind: lowest > 0 ? chart.xKind : .linear)
      xTicks =
        x.kind == .logarithmic
        ? Set(xs).sorted() : x.niceTicks(4, wholeNumbers: chart.hasWholeX)
    }

    var axes: [SVGElement] {
      var elements: [SVGElement] = []
      for (value, text) in zip(yTicks, NumberText.ticks(yTicks)) {
        let height = y.place(of: value)
        elements.append(
          .line(
            from: SVGPoint(x: left, y: height), to: SVGPoint(x: right, y: height), class: "grid"))
        elements.append(
          .text(
            text, at: SVGPoint(x: left - 6, y: height + 4), anchor: .end, class: "tick"))
      }
      elements.append(
        .line(from: SVGPoint(x: left, y: bottom), to: SVGPoint(x: right, y: bottom), class: "axis"))
      let texts = x.kind == .logarithmic ? xTicks.map(NumberText.short) : NumberText.ticks(xTicks)
      let places = xTicks.map { x.place(of: $0) }
      let step = LabelPlacement.stride(
        places: places,
        widths: texts.map { TextWidth.width(of: $0, fontSize: ChartStyle.tickSize) }, gap: 8)
      for index in Swift.stride(from: 0, to: xTicks.count, by: step) {
        elements.append(
          .line(
            from: SVGPoint(x: places[index], y: bottom),
            to: SVGPoint(x: places[index], y: bottom + 4), class: "axis"))
        elements.append(
          .text(
            texts[index], at: SVGPoint(x: places[index], y: bottom + 16), anchor: .middle,
            class: "tick"))
      }
      elements.append(.text(chart.yTitle, at: SVGPoint(x: 0, y: 12), class: "axis-title"))
      elements.append(
        .text(
          chart.xTitle, at: SVGPoint(x: (left + right) / 2, y: chart.height - 5), anchor: .middle,
          class: "axis-title"))
      return elements
    }

    func curve(_ series: Series) -> [SVGElement] {
      let places = series.points.map { SVGPoint(x: x.place(of: $0.x), y: y.place(of: $0.y)) }
      var parts: [SVGElement] = []
      if places.count > 1 {
        let isDashed = series.style / ChartStyle.seriesCount % 2 == 1
        parts.append(.polyline(places, class: isDashed ? "curve dashed" : "curve"))
      }
      // Beyond that markers would hide the curve; the last shows where it ends.
      let marked = places.count <= 12 ? places[...] : places.suffix(1)
      parts += marked.map { Marker.element(series: series.style, at: $0) }
      return [SVGElement("g", ["class": ChartStyle.series(series.style)], children: parts)]
    }

    var ring: [SVGElement] {
      guard let point = chart.ring, point.x.isFinite, point.y.isFinite else { return [] }
      return [
        SVGElement(
          "circle",
          [
            "class": "ring", "cx": SVGText.number(x.place(of: point.x)),
            "cy": SVGText.number(y.place(of: point.y)), "r": "6",
          ])
      ]
    }

    /// The names beside the ends of curves, with a thin line where a name had to move.
    var names: [SVGElement] {
      let named = chart.series.filter { !$0.name.isEmpty && !$0.points.isEmpty }
      let ends = named.map { series in
        let last = series.points[series.points.count - 1]
        return SVGPoint(x: x.place(of: last.x), y: y.place(of: last.y))
      }
      let places = LabelPlacement.spread(
        ends.map(\.y), spacing: ChartStyle.labelSize + 3, in: top...(bottom - 2))
      return zip(named, zip(ends, places)).flatMap { series, position -> [SVGElement] in
        let (end, height) = position
        let start = right + 8
        var parts: [SVGElement] = []
        if abs(height - end.y) > 4 || start - end.x > 16 {
          parts.append(
            .polyline(
              [
                SVGPoint(x: end.x + 5, y: end.y), SVGPoint(x: max(right + 1, end.x + 5), y: end.y),
                SVGPoint(x: start - 1, y: height),
              ], class: "leader"))
        }
        let text = TextWidth.shortened(
          series.name, to: nameLimit, fontSize: ChartStyle.labelSize * TextWidth.boldFactor)
        parts.append(
          .text(text, at: SVGPoint(x: start, y: height + 4), class: "series-label"))
        return [SVGElement("g", ["class": ChartStyle.series(series.style)], children: parts)]
      }
    }
  }
}
