import Foundation
import MePropReport
import Testing

/// All elements of a drawing of a name, at any depth.
func all(_ name: String, in elements: [SVGElement]) -> [SVGElement] {
  elements.flatMap { ($0.name == name ? [$0] : []) + all(name, in: $0.children) }
}

extension SVGElement {
  /// The value of an attribute, or an empty text.
  func attribute(_ name: String) -> String { attributes.first { $0.name == name }?.value ?? "" }
  /// The value of an attribute as a number.
  func number(_ name: String) -> Double { Double(attribute(name)) ?? .nan }
}

@Suite struct LineChartTests {
  private func chart(_ series: [LineChart.Series]) -> LineChart {
    LineChart(title: "T", summary: "S", xTitle: "x", yTitle: "y", series: series)
  }

  @Test func curvesAreDrawnAndNamed() {
    let drawing = chart([
      .init("one", points: [SVGPoint(x: 1, y: 1), SVGPoint(x: 2, y: 3)], style: 0),
      .init("two", points: [SVGPoint(x: 1, y: 1), SVGPoint(x: 2, y: 3)], style: 7),
    ])
    let elements = drawing.elements
    let curves = all("polyline", in: elements).filter { $0.attribute("class").contains("curve") }
    #expect(curves.count == 2)
    #expect(curves.filter { $0.attribute("class") == "curve dashed" }.count == 1)
    let names = all("text", in: elements).filter { $0.attribute("class") == "series-label" }
    #expect(names.map(\.text) == ["one", "two"])
    #expect(abs(names[0].number("y") - names[1].number("y")) >= 14)
    #expect(drawing.table.rows == [["1", "1", "1"], ["2", "3", "3"]])
  }

  @Test func onePointNoneAndInfinityAreDrawn() {
    let one = chart([.init("", points: [SVGPoint(x: 1, y: 97)], style: 0)])
    #expect(all("circle", in: one.elements).count == 1)
    #expect(all("polyline", in: one.elements).isEmpty)
    let none = chart([.init("", points: [SVGPoint(x: 1, y: .infinity)], style: 0)])
    #expect(all("circle", in: none.elements).isEmpty)
    #expect(!none.svg(id: "a").description.contains("nan"))
  }

  @Test func aRangeGivenIsThatOfTheAxis() {
    var drawing = chart([.init("", points: [SVGPoint(x: 1, y: 1), SVGPoint(x: 2, y: 1)], style: 0)])
    drawing.yRange = 0...1
    let ticks = all("text", in: drawing.elements).filter { $0.attribute("text-anchor") == "end" }
    #expect(ticks.map(\.text) == ["0.0", "0.5", "1.0"])
  }

  @Test func aPointIsRinged() throws {
    var drawing = chart([
      .init("", points: [SVGPoint(x: 1, y: 1), SVGPoint(x: 2, y: 3)], style: 1)
    ])
    #expect(all("circle", in: drawing.elements).isEmpty)
    drawing.ring = SVGPoint(x: 2, y: 3)
    let ring = try #require(all("circle", in: drawing.elements).first)
    #expect(ring.attribute("class") == "ring")
    let curve = try #require(all("polyline", in: drawing.elements).first)
    #expect(
      curve.attribute("points").hasSuffix(" \(ring.attribute("cx")),\(ring.attribute("cy"))"))
  }

  @Test func nothingIsOutsideTheDrawing() {
    let series = (0..<6).map { index in
      LineChart.Series(
        "a-long-name-of-a-run-\(index)",
        points: (1...30).map { SVGPoint(x: Double($0), y: Double(index) + 1 / Double($0)) },
        style: index)
    }
    let drawing = chart(series)
    let (width, height) = drawing.size
    for text in all("text", in: drawing.elements) {
      let extent = TextWidth.width(of: text.text, fontSize: ChartStyle.labelSize)
      let (x, y) = (text.number("x"), text.number("y"))
      let start =
        switch text.attribute("text-anchor") {
        case "middle": x - extent / 2
        case "end": x - extent
        default: x
        }
      #expect(start >= -1 && start + extent <= width + 1, "\(text)")
      #expect(y >= 8 && y <= height, "\(text)")
    }
  }

  @Test func drawingsHaveTitleAndDescription() {
    let svg = chart([]).svg(id: "c1", isStandalone: true)
    #expect(svg.attribute("role") == "img")
    #expect(svg.attribute("aria-labelledby") == "c1-title c1-desc")
    #expect(svg.children[0].text == "T" && svg.children[1].text == "S")
    #expect(svg.attribute("xmlns") == "http://www.w3.org/2000/svg")
    #expect(svg.description.contains("prefers-color-scheme:dark"))
    #expect(!chart([]).svg(id: "c1").description.contains("<style"))
  }
}

@Suite struct StackedBarChartTests {
  @Test func lengthsAreInProportion() {
    let chart = StackedBarChart(
      title: "T", summary: "S", parts: ["a", "b"],
      bars: [.init("dense", values: [3, 1]), .init("sparse", values: [1, 1])]
    ) { NumberText.short($0) }
    let parts = all("rect", in: chart.elements).filter { $0.attribute("class").hasPrefix("part") }
    let widths = parts.map { $0.number("width") }
    #expect(widths.count == 4)
    #expect(abs(widths[0] - 3 * widths[1]) < 0.1 && abs(widths[1] - widths[2]) < 0.1)
    #expect(widths[0] + widths[1] < chart.width)
    // Their outlines are not cut off at the left.
    #expect(parts[0].number("x") == 0.5 && parts[2].number("x") == 0.5)
    let keys = all("rect", in: chart.elements).filter { $0.attribute("class").hasPrefix("key ") }
    #expect(keys.map { $0.attribute("class") } == ["key p0", "key p1"])
    let totals = all("text", in: chart.elements).filter { $0.attribute("class") == "total" }
    #expect(totals.map(\.text) == ["4", "2"])
    #expect(chart.table.rows == [["dense", "3", "1", "4"], ["sparse", "1", "1", "2"]])
  }

  @Test func aSinglePartNeedsNeitherKeyNorShares() {
    let chart = StackedBarChart(
      title: "T", summary: "S", parts: ["times"],
      bars: [.init("a → b", values: [30]), .init("b → a", values: [10])]
    ) { NumberText.short($0) }
    #expect(all("text", in: chart.elements).map(\.text) == ["a → b", "30", "b → a", "10"])
    #expect(all("rect", in: chart.elements).count == 2)
    // Names end left of the bars, and values are within the drawing.
    let bars = all("rect", in: chart.elements)
    let names = all("text", in: chart.elements).filter { $0.attribute("class") == "bar-name" }
    #expect(names.allSatisfy { $0.attribute("text-anchor") == "end" })
    #expect(zip(names, bars).allSatisfy { $0.number("x") < $1.number("x") })
    #expect(abs(bars[0].number("width") - 3 * bars[1].number("width")) < 0.1)
    #expect(bars[0].number("x") + bars[0].number("width") < chart.width - 16)
    #expect(chart.table.head == ["", "times"])
    #expect(chart.table.rows == [["a → b", "30"], ["b → a", "10"]])
  }

  @Test func theKeyOfASingleBarHasTheShares() {
    let chart = StackedBarChart(
      title: "T", summary: "S", parts: ["a", "b", "c"], bars: [.init("one", values: [97, 3, 0])]
    ) { NumberText.short($0) }
    let keys = all("text", in: chart.elements).filter { $0.attribute("class") == "tick" }
    #expect(keys.map(\.text) == ["a 97\u{A0}%", "b 3.0\u{A0}%", "c 0\u{A0}%"])
  }

  @Test func emptyBarsAreDrawn() {
    let chart = StackedBarChart(
      title: "T", summary: "S", parts: ["a"], bars: [.init("none", values: [0])]
    ) { NumberText.short($0) }
    #expect(all("text", in: chart.elements).contains { $0.text == "none" })
  }
}

@Suite struct BarGroupsTests {
  private let chart = BarGroups(
    title: "dev & <test>", summary: "S",
    groups: [
      .init(
        "by relation", counts: "arcs",
        bars: [
          .init("a<b>&\"a very long name of a relation", value: 40, count: 7),
          .init("b", value: 80, count: 1),
        ]),
      .init("by length", counts: "words", bars: [.init("none", value: .nan, count: 0)]),
    ])

  @Test func lengthsAreInProportion() {
    let bars = all("rect", in: chart.elements)
    #expect(bars.map { $0.number("width") } == [148, 296, 0])
    #expect(bars.allSatisfy { $0.number("y") + $0.number("height") < chart.size.height })
    #expect(
      chart.table.rows.map { Array($0[1...2]) } == [["40.0", "7"], ["80.0", "1"], ["0.0", "0"]])
  }

  @Test func theFileStandsAlone() {
    let text = chart.svg(id: "c", isStandalone: true).description
    #expect(text.hasPrefix("<svg ") && text.contains("xmlns=\"http://www.w3.org/2000/svg\""))
    #expect(text.contains("<title id=\"c-title\">dev &amp; &lt;test&gt;</title>"))
    #expect(text.contains("prefers-color-scheme:dark"))
    for part in ["<script", "href", "url(", "b>&", "nan"] {
      #expect(!text.contains(part), "\(part)")
    }
    let empty = BarGroups(title: "T", summary: "S", groups: [])
    #expect(empty.svg(id: "c").description.hasSuffix("</svg>") && empty.table.rows.isEmpty)
  }
}

@Suite struct HeatMapTests {
  private func map(_ rows: [[Double]]) -> HeatMap {
    HeatMap(
      title: "T", summary: "S", xTitle: "x", yTitle: "y", rows: rows, largest: 1,
      table: ChartTable(head: [], rows: [])
    ) { NumberText.short($0) }
  }

  /// The area that each shade covers, from the path that is drawn.
  private func areas(_ map: HeatMap) throws -> [Double] {
    var areas = [Double](repeating: 0, count: ChartStyle.levelCount)
    for path in all("path", in: map.elements) {
      let level = try #require(Int(path.attribute("class").dropFirst()))
      for box in path.attribute("d").split(separator: "z") {
        let numbers = try #require(box.firstMatch(of: /h([\d.]+)v([\d.]+)/))
        areas[level] += (Double(numbers.1) ?? .nan) * (Double(numbers.2) ?? .nan)
      }
    }
    return areas
  }

  @Test func everyCellHasItsShade() throws {
    let values: [[Double]] = [[0, 0, 1, 0.5], [0.5, 0.5, 0.5, 0], [1, 1, 1, 1]]
    let map = map(values)
    let cell = (map.width / 4) * (map.width / 4)
    let areas = try areas(map)
    var expected = [Double](repeating: 0, count: ChartStyle.levelCount)
    for value in values.joined() { expected[ChartStyle.level(ofShare: value)] += cell }
    for (found, wanted) in zip(areas, expected) { #expect(abs(found - wanted) < 1) }
    #expect(all("path", in: map.elements).count == 3)
  }

  @Test func onlyNothingHasTheFirstShade() {
    #expect(ChartStyle.level(ofShare: 0) == 0)
    #expect(ChartStyle.level(ofShare: 1e-9) == 1)
    #expect(ChartStyle.level(ofShare: 1) == 8)
    #expect(ChartStyle.level(ofShare: 7) == 8)
  }

  @Test func cellsHaveTextsAndNames() {
    var map = map([[1, 0], [0, 1]])
    map.cellTexts = [["9", ""], ["1", "8"]]
    map.rowNames = ["a", "b"]
    map.columnNames = ["a", "b"]
    let texts = all("text", in: map.elements).map(\.text)
    for text in ["9", "1", "8", "a", "b"] { #expect(texts.contains(text)) }
    #expect(texts.filter { $0 == "a" }.count == 2)
  }

  @Test func turnedNamesStandAboveTheirColumns() throws {
    var map = map([[1, 0, 0.5], [0, 1, 0]])
    map.rowNames = ["first", "second"]
    map.columnNames = ["a", "a longer name", "c"]
    map.turnsColumnNames = true
    map.cellSize = 20
    map.separatesCells = true
    map.cellNotes = [["one", "", "half"], ["", "<1>", ""]]
    map.keyTitle = "of all"
    let turned = all("text", in: map.elements).filter { !$0.attribute("transform").isEmpty }
    #expect(turned.map(\.text) == map.columnNames)
    // Baselines are right of the middles of columns, for letters lie left of them.
    let first = turned[0].number("x")
    #expect(turned.map { $0.number("x") } == [first, first + 20, first + 40])
    #expect(map.size.width == first - 14 + 60)
    let top = TextWidth.width(of: "a longer name", fontSize: ChartStyle.tickSize)
    #expect(turned[0].number("y") > top && map.size.height > turned[0].number("y") + 40)
    #expect(
      turned[0].attribute("transform")
        == "rotate(-90 \(turned[0].attribute("x")) \(turned[0].attribute("y")))")
    // Boxes to point at lie on the cells that have a text, above all else.
    let notes = try #require(map.elements.last)
    #expect(notes.attribute("class") == "cell-notes")
    #expect(notes.children.map { $0.children.map(\.text) } == [["one"], ["half"], ["<1>"]])
    #expect(notes.description.contains("&lt;1&gt;"))
    let left = SVGText.number(first - 14)
    #expect(notes.children[0].attribute("d").hasPrefix("M\(left) "))
    #expect(notes.children[0].attribute("d").hasSuffix("h20v20h-20z"))
    // Lines between three columns and two rows.
    let lines = try #require(all("path", in: map.elements).first { $0.attribute("class") == "gap" })
    #expect(lines.attribute("d").split(separator: "M").count == 3)
    #expect(all("text", in: map.elements).contains { $0.text == "1 of all" })
  }
}
