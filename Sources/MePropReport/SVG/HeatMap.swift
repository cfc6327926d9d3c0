// A grid of values as shades, drawn with one path a shade.

/// A grid of values from 0 to a largest one, in nine shades.
///
/// Neighbors of one shade in a row are drawn together and all cells of a shade are one path, so a
/// grid of thousands of cells stays small. Rows go downwards, columns to the right. The names of
/// columns stand below the grid, as many as there is room for, or all of them turned above it.
public struct HeatMap: Chart {
  /// What is shown.
  public var title: String
  /// What there is to see.
  public var summary: String
  /// The values, 0 or more, a list for every row, all of one length.
  public var rows: [[Double]]
  /// The numbers behind the drawing.
  public var table: ChartTable
  /// What the horizontal axis is.
  public var xTitle: String
  /// What the vertical axis is; stands above it.
  public var yTitle: String
  /// The names of rows, or none.
  public var rowNames: [String] = []
  /// The values at the left and right end of the horizontal axis, if it is one of numbers.
  public var xDomain: ClosedRange<Double>?
  /// The names of columns, or none.
  public var columnNames: [String] = []
  /// Whether the names of columns are turned and stand above the grid, as does what they are.
  public var turnsColumnNames = false
  /// Texts in cells, or none; as many rows and columns as `rows`.
  public var cellTexts: [[String]] = []
  /// What is shown where the reader points at cells, or none; as many rows and columns as `rows`.
  public var cellNotes: [[String]] = []
  /// Whether cells are told apart by lines.
  public var separatesCells = false
  /// The value of the darkest shade.
  public var largest: Double
  /// Whether shades follow the square root of the value, which shows small ones better.
  public var showsRoots = false
  /// How a value is written in the key.
  public var text: @Sendable (Double) -> String
  /// What the values are, behind the key.
  public var keyTitle = ""
  /// The width of the drawing, where cells have no size of their own.
  public var width = ChartStyle.width
  /// The width of cells; `nil` fits them into the drawing.
  public var cellSize: Double?
  /// The height of the grid; `nil` for square cells.
  public var gridHeight: Double?

  /// Creates a map.
  public init(
    title: String, summary: String, xTitle: String, yTitle: String, rows: [[Double]],
    largest: Double, table: ChartTable, text: @escaping @Sendable (Double) -> String
  ) {
    precondition(
      rows.allSatisfy { $0.count == rows[0].count },
      "HeatMap: rows of \(Set(rows.map(\.count)).sorted()) values, expected one length")
    self.title = title
    self.summary = summary
    self.xTitle = xTitle
    self.yTitle = yTitle
    self.rows = rows
    self.largest = largest > 0 && largest.isFinite ? largest : 1
    self.table = table
    self.text = text
  }

  /// The width given, or what the cells need; as high as title, grid, axis and key need.
  public var size: (width: Double, height: Double) {
    (fullWidth, top + heightOfGrid + (turnsColumnNames ? 12 : 38) + 28)
  }

  // MARK: Layout

  private static let longestName = 120.0
  private var columnCount: Int { rows.first?.count ?? 0 }

  private static func widest(_ names: [String]) -> Double {
    let widths = names.map { TextWidth.width(of: $0, fontSize: ChartStyle.tickSize) }
    return min(widths.max() ?? 0, longestName)
  }

  private var top: Double {
    20 + (turnsColumnNames ? (Self.widest(columnNames) + 6).rounded(.up) : 0)
  }

  private var left: Double {
    if rowNames.isEmpty { return 0 }
    let names = min(Self.widest(rowNames), cellSize == nil ? width * 0.3 : .infinity)
    // Turned names of columns begin where the title of rows ends.
    let title = turnsColumnNames ? TextWidth.width(of: yTitle, fontSize: ChartStyle.labelSize) : 0
    let left = max(names, title) + 6
    // Whole numbers are shorter, which counts where cells are many.
    return cellSize == nil ? left : left.rounded(.up)
  }

  private var fullWidth: Double {
    cellSize.map { left + $0 * Double(columnCount) } ?? width
  }

  private var cellWidth: Double { (fullWidth - left) / Double(max(columnCount, 1)) }
  private var heightOfGrid: Double { gridHeight ?? cellWidth * Double(rows.count) }
  private var cellHeight: Double { heightOfGrid / Double(max(rows.count, 1)) }

  /// The shade of a value.
  func level(of value: Double) -> Int {
    let share = value / largest
    return ChartStyle.level(ofShare: showsRoots ? share.squareRoot() : share)
  }

  // MARK: Drawing

  /// Titles, cells, axis, key.
  public var elements: [SVGElement] {
    let titleHeight = turnsColumnNames ? top - 7 : 12
    var elements: [SVGElement] = [
      .text(yTitle, at: SVGPoint(x: 0, y: titleHeight), class: "axis-title")
    ]
    elements += cells
    elements += lines
    elements += texts
    elements += names
    elements += turnsColumnNames ? turnedNames : horizontalAxis
    elements += key
    // Last, for what lies above them would take the pointer.
    elements += notes
    return elements
  }

  private var cells: [SVGElement] {
    let (left, top) = (self.left, self.top)
    let (cellWidth, cellHeight) = (self.cellWidth, self.cellHeight)
    var paths = [String](repeating: "", count: ChartStyle.levelCount)
    for (row, values) in rows.enumerated() {
      let y = SVGText.number(top + Double(row) * cellHeight)
      let height = SVGText.number(cellHeight)
      var start = 0
      while start < values.count {
        let level = level(of: values[start])
        var end = start + 1
        while end < values.count && self.level(of: values[end]) == level { end += 1 }
        let x = SVGText.number(left + Double(start) * cellWidth)
        let length = SVGText.number(Double(end - start) * cellWidth)
        paths[level] += "M\(x) \(y)h\(length)v\(height)h-\(length)z"
        start = end
      }
    }
    return paths.enumerated().filter { !$1.isEmpty }.map { level, path in
      SVGElement(
        "path",
        ["class": ChartStyle.level(level), "shape-rendering": "crispEdges", "d": path])
    }
  }

  /// Lines between rows and between columns, in the color of the paper.
  private var lines: [SVGElement] {
    guard separatesCells, !rows.isEmpty, columnCount > 0 else { return [] }
    let (left, top) = (self.left, self.top)
    let (cellWidth, cellHeight) = (self.cellWidth, self.cellHeight)
    let (height, length) = (SVGText.number(heightOfGrid), SVGText.number(fullWidth - left))
    var path = ""
    for column in 1..<columnCount {
      let x = SVGText.number(left + Double(column) * cellWidth)
      path += "M\(x) \(SVGText.number(top))v\(height)"
    }
    for row in 1..<rows.count {
      let y = SVGText.number(top + Double(row) * cellHeight)
      path += "M\(SVGText.number(left)) \(y)h\(length)"
    }
    return path.isEmpty ? [] : [SVGElement("path", ["class": "gap", "d": path])]
  }

  /// Boxes over cells that are not seen, with a text each.
  private var notes: [SVGElement] {
    guard !cellNotes.isEmpty else { return [] }
    let (left, top) = (self.left, self.top)
    let (cellWidth, cellHeight) = (self.cellWidth, self.cellHeight)
    let (width, height) = (SVGText.number(cellWidth), SVGText.number(cellHeight))
    var boxes: [SVGElement] = []
    for (row, notes) in cellNotes.enumerated() {
      let y = SVGText.number(top + Double(row) * cellHeight)
      for (column, note) in notes.enumerated() where !note.isEmpty {
        let x = SVGText.number(left + Double(column) * cellWidth)
        boxes.append(
          SVGElement(
            "path", ["d": "M\(x) \(y)h\(width)v\(height)h-\(width)z"],
            children: [SVGElement("title", text: note)]))
      }
    }
    return [SVGElement("g", ["class": "cell-notes"], children: boxes)]
  }

  private var texts: [SVGElement] {
    let (left, top) = (self.left, self.top)
    let (cellWidth, cellHeight) = (self.cellWidth, self.cellHeight)
    return cellTexts.enumerated().flatMap { row, texts in
      texts.enumerated().filter { !$1.isEmpty }.map { column, text in
        .text(
          text,
          at: SVGPoint(
            x: left + (Double(column) + 0.5) * cellWidth,
            y: top + (Double(row) + 0.5) * cellHeight + 4),
          anchor: .middle,
          class: "cell-text " + ChartStyle.text(onLevel: level(of: rows[row][column])))
      }
    }
  }

  private var names: [SVGElement] {
    let (left, top, cellHeight) = (self.left, self.top, self.cellHeight)
    return rowNames.enumerated().map { row, name in
      .text(
        TextWidth.truncated(name, to: left - 5.9, fontSize: ChartStyle.tickSize),
        at: SVGPoint(x: left - 6, y: top + (Double(row) + 0.5) * cellHeight + 4), anchor: .end,
        class: "tick")
    }
  }

  /// The names of columns, each from the grid upwards, and what they are.
  private var turnedNames: [SVGElement] {
    let (left, top, cellWidth) = (self.left, self.top, self.cellWidth)
    var elements: [SVGElement] = [
      .text(xTitle, at: SVGPoint(x: left, y: 12), class: "axis-title")
    ]
    for (column, name) in columnNames.enumerated() {
      let shown = TextWidth.truncated(
        name, to: Self.longestName, fontSize: ChartStyle.tickSize)
      let middle = left + (Double(column) + 0.5) * cellWidth
      elements.append(.turnedText(shown, at: SVGPoint(x: middle + 4, y: top - 5), class: "tick"))
    }
    return elements
  }

  private var horizontalAxis: [SVGElement] {
    let bottom = top + heightOfGrid
    var elements: [SVGElement] = []
    if let xDomain {
      let scale = AxisScale(xDomain, from: left, to: fullWidth)
      let ticks = scale.niceTicks(5)
      for (value, text) in zip(ticks, NumberText.ticks(ticks)) {
        let x = scale.place(of: value)
        // The labels at both ends must stay inside.
        let half = TextWidth.width(of: text, fontSize: ChartStyle.tickSize) / 2
        elements.append(
          .line(from: SVGPoint(x: x, y: bottom), to: SVGPoint(x: x, y: bottom + 4), class: "axis"))
        elements.append(
          .text(
            text, at: SVGPoint(x: min(max(x, half), fullWidth - half), y: bottom + 16),
            anchor: .middle, class: "tick"))
      }
    }
    let step = LabelPlacement.stride(
      places: columnNames.indices.map { (Double($0) + 0.5) * cellWidth },
      widths: columnNames.map { TextWidth.width(of: $0, fontSize: ChartStyle.tickSize) }, gap: 4)
    for column in Swift.stride(from: 0, to: columnNames.count, by: step) {
      elements.append(
        .text(
          columnNames[column],
          at: SVGPoint(x: left + (Double(column) + 0.5) * cellWidth, y: bottom + 16),
          anchor: .middle, class: "tick"))
    }
    elements.append(
      .text(
        xTitle, at: SVGPoint(x: (left + fullWidth) / 2, y: bottom + 32), anchor: .middle,
        class: "axis-title"))
    return elements
  }

  /// All shades from nothing to the largest value.
  private var key: [SVGElement] {
    let y = size.height - 12
    let low = text(0)
    let high = text(largest) + (keyTitle.isEmpty ? "" : " \(keyTitle)")
    let width = TextWidth.width(of: low, fontSize: ChartStyle.tickSize)
    var elements: [SVGElement] = [.text(low, at: SVGPoint(x: 0, y: y + 9), class: "tick")]
    for level in 0..<ChartStyle.levelCount {
      elements.append(
        .rectangle(
          at: SVGPoint(x: width + 6 + Double(level) * 14, y: y), width: 14, height: 10,
          class: ChartStyle.level(level)))
    }
    elements.append(
      .text(
        high, at: SVGPoint(x: width + 12 + Double(ChartStyle.levelCount) * 14, y: y + 9),
        class: "tick"))
    return elements
  }
}
