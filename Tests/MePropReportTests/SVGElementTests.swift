import Foundation
import MePropReport
import Testing

@Suite struct SVGElementTests {
  @Test func textsAndAttributesAreEscaped() {
    let element = SVGElement(
      "g", ["class": "a\"b'c"], children: [SVGElement("text", text: "1 < 2 & 3 > 2\u{1}\n")])
    #expect(
      element.description
        == "<g class=\"a&quot;b&#39;c\"><text>1 &lt; 2 &amp; 3 &gt; 2\u{FFFD} </text></g>")
    #expect(SVGElement("path").description == "<path/>")
  }

  @Test(arguments: [
    (0.0, "0"), (1, "1"), (-1.5, "-1.5"), (2.005001, "2.01"), (0.04, "0.04"), (-0.001, "0"),
    (12.30, "12.3"), (99.999, "100"), (.nan, "0"), (.infinity, "0"),
  ])
  func numbersAreShort(value: Double, text: String) { #expect(SVGText.number(value) == text) }

  @Test func elementsAreComparedWithTheirAttributes() {
    #expect(SVGElement("a", ["b": "1"]) == SVGElement("a", ["b": "1"]))
    #expect(SVGElement("a", ["b": "1"]) != SVGElement("a", ["b": "2"]))
    #expect(SVGElement("a", ["b": "1"]) != SVGElement("a"))
  }
}

@Suite struct TextWidthTests {
  @Test func widthsFollowTheText() {
    #expect(TextWidth.width(of: "", fontSize: 10) == 0)
    #expect(abs(TextWidth.width(of: "000", fontSize: 10) - 3 * 6.4) < 1e-9)
    #expect(TextWidth.width(of: "WWW", fontSize: 10) > TextWidth.width(of: "iii", fontSize: 10))
    #expect(TextWidth.width(of: "名", fontSize: 10) >= 10)
  }

  @Test(arguments: ["digits-20261125-023012", "a", "运行-1", "iiiiiiiiiiiiiiiiiiiiiiii"])
  func cutTextsFit(text: String) {
    for limit in stride(from: 20.0, through: 200, by: 7) {
      let truncated = TextWidth.truncated(text, to: limit, fontSize: 12)
      let shortened = TextWidth.shortened(text, to: limit, fontSize: 12)
      for cut in [truncated, shortened] {
        #expect(TextWidth.width(of: cut, fontSize: 12) <= limit)
        #expect(cut == text || cut.contains("…"))
      }
      if TextWidth.width(of: text, fontSize: 12) <= limit {
        #expect(truncated == text && shortened == text)
      }
    }
    // A name as long as its file.
    let endless = String(repeating: "a", count: 1_000_000) + "end"
    #expect(TextWidth.truncated(endless, to: 90, fontSize: 12).count < 30)
    #expect(TextWidth.shortened(endless, to: 90, fontSize: 12).hasSuffix("end"))
    #expect(TextWidth.shortened("digits-20261125-023012", to: 90, fontSize: 12).hasSuffix("012"))
  }
}

@Suite struct NumberTextTests {
  @Test(arguments: [
    (0.0, "0"), (1, "1"), (98.346, "98.3"), (0.0312, "0.0312"), (0.5, "0.5"), (999.4, "999"),
    (1234, "1234"), (12345, "12\u{2009}345"), (1_234_567, "1\u{2009}234\u{2009}567"),
    (-2.5, "−2.5"), (.nan, "–"), (9.999, "10"),
  ])
  func short(value: Double, text: String) { #expect(NumberText.short(value) == text) }

  @Test func unitsFollowTheSize() {
    #expect(NumberText.scaled(0) == "0")
    #expect(NumberText.scaled(999) == "999")
    #expect(NumberText.scaled(1234) == "1.23\u{A0}k")
    #expect(NumberText.scaled(999_960_000) == "1\u{A0}G")
    #expect(NumberText.duration(0.0000123) == "12.3\u{A0}µs")
    #expect(NumberText.duration(0.25) == "250\u{A0}ms")
    #expect(NumberText.duration(61.25) == "61.2\u{A0}s")
    #expect(NumberText.duration(125) == "2\u{A0}min 5\u{A0}s")
    #expect(NumberText.duration(7260) == "2\u{A0}h 1\u{A0}min")
    #expect(NumberText.duration(.nan) == "–")
    #expect(NumberText.percent(0.125, 1) == "12.5\u{A0}%")
    #expect(NumberText.percent(-0.201, 1) == "−20.1\u{A0}%")
    #expect(NumberText.fixed(-0.001, 2) == "0.00" && NumberText.fixed(-0.0, 1) == "0.0")
  }

  @Test func ticksShareTheirPlaces() {
    #expect(NumberText.ticks([0, 0.5, 1]) == ["0.0", "0.5", "1.0"])
    #expect(NumberText.ticks([90, 95, 100]) == ["90", "95", "100"])
    #expect(NumberText.ticks([0.96, 0.98]) == ["0.96", "0.98"])
    #expect(NumberText.ticks([]) == [])
  }
}
