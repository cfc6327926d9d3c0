// One look for all drawings: sizes, and colors as CSS classes for light, dark and paper.

/// Sizes and colors that all charts share.
///
/// Colors are CSS custom properties, so that a drawing follows the reader's light or dark setting.
/// Series differ in hue and in their markers, and have their names at their ends. Fills of stacked
/// parts are pale in the light and dark in the dark setting, for the texts on them, so that parts
/// have an outline in the color of text, which stands out from fills and paper; parts of which one
/// or none lies between differ in lightness too, by a contrast of 1.5 at least. Texts have one of
/// 4.5.
public enum ChartStyle {
  /// The font size of tick labels and of numbers in cells.
  public static let tickSize = 11.0
  /// The font size of axis titles and labels of series.
  public static let labelSize = 12.0
  /// The width of a drawing, unless said otherwise: that of a small screen.
  public static let width = 360.0
  /// The number of colors and markers of series; the next series begins again with dashes.
  public static let seriesCount = 6
  /// The number of fills of stacked parts.
  public static let partCount = 6
  /// The number of levels of heat maps, from 0, nothing, on.
  public static let levelCount = 9

  /// The class of a series: its color as `color`.
  public static func series(_ index: Int) -> String { "s\(index % seriesCount)" }
  /// The class of a stacked part: its color as `fill`.
  public static func part(_ index: Int) -> String { "p\(index % partCount)" }
  /// The class of a level of a heat map.
  public static func level(_ index: Int) -> String { "l\(min(max(index, 0), levelCount - 1))" }

  /// The class of a text on a level of a heat map.
  public static func text(onLevel index: Int) -> String {
    "t\(min(max(index, 0), levelCount - 1))"
  }

  /// The level of a share of the largest value, 0 for 0 only.
  public static func level(ofShare share: Double) -> Int {
    guard share > 0 else { return 0 }
    return min(levelCount - 1, 1 + Int(share * Double(levelCount - 1)))
  }

  /// The fonts, first what looks best.
  public static let fonts =
    "\"Helvetica Neue\", \"Segoe UI\", Roboto, \"Liberation Sans\", Arial, sans-serif"

  private static let lightColors = """
    --paper:#ffffff;--ink:#1c2128;--quiet:#59636e;--faint:#d8dde3;--grid:#e8ebef;--tint:#f5f7f9;\
    --s0:#0a5fa8;--s1:#b24400;--s2:#00705a;--s3:#8a3c86;--s4:#765a00;--s5:#4b5563;\
    --p0:#d5e7f9;--p1:#df7121;--p2:#d9a7ca;--p3:#c8ede1;--p4:#a58f1d;--p5:#afb8c0;\
    --l0:#f2f4f7;--l1:#dbe7f4;--l2:#bfd6ed;--l3:#9cc2e3;--l4:#74aad6;--l5:#4c90c6;--l6:#2b75b2;\
    --l7:#155a95;--l8:#083c6b;\
    --t0:#1c2128;--t1:#1c2128;--t2:#1c2128;--t3:#1c2128;--t4:#1c2128;--t5:#1c2128;--t6:#ffffff;\
    --t7:#ffffff;--t8:#ffffff;
    """
  private static let darkColors = """
    --paper:#14181d;--ink:#e8ebee;--quiet:#a0a9b3;--faint:#3a424b;--grid:#2a3138;--tint:#1c2127;\
    --s0:#78bcf7;--s1:#ff9c63;--s2:#4cd0a8;--s3:#e39fdf;--s4:#e2c650;--s5:#b5c0cb;\
    --p0:#0c3255;--p1:#a35217;--p2:#783364;--p3:#12362c;--p4:#786715;--p5:#444d57;\
    --l0:#20262d;--l1:#1e3247;--l2:#1d4468;--l3:#225a8c;--l4:#2e6ca3;--l5:#5594cb;--l6:#7db1de;\
    --l7:#a2cbec;--l8:#d3e8fa;\
    --t0:#e8ebee;--t1:#e8ebee;--t2:#e8ebee;--t3:#e8ebee;--t4:#e8ebee;--t5:#14181d;--t6:#14181d;\
    --t7:#14181d;--t8:#14181d;
    """

  /// The rules of all charts; a page has them once, a drawing on its own in its `style` element.
  public static var styleSheet: String {
    var rules = """
      :root{color-scheme:light dark;\(lightColors)}
      @media (prefers-color-scheme:dark){:root{\(darkColors)}}
      @media print{:root{color-scheme:light;\(lightColors)}}
      svg.chart{display:block;width:100%;height:auto;font-family:\(fonts);font-size:\(labelSize)px}
      svg.chart text{fill:var(--ink);font-variant-numeric:tabular-nums}
      svg.chart .tick{font-size:\(tickSize)px;fill:var(--quiet)}
      svg.chart .axis-title{font-size:\(labelSize)px;fill:var(--quiet)}
      svg.chart .cell-text{font-size:\(tickSize)px}
      svg.chart .total{font-weight:600}
      svg.chart .gap{fill:none;stroke:var(--paper);stroke-width:1}
      svg.chart .cell-notes{fill:transparent}
      svg.chart .cell-notes path:hover{stroke:var(--ink);stroke-width:1.5}
      svg.chart .ring{fill:none;stroke:var(--ink);stroke-width:1.5}
      svg.chart .grid{stroke:var(--grid);stroke-width:1}
      svg.chart .axis{stroke:var(--quiet);stroke-width:1}
      svg.chart .leader{fill:none;stroke:currentColor;stroke-width:1;opacity:.5}
      svg.chart .curve{fill:none;stroke:currentColor;stroke-width:2;stroke-linejoin:round;\
      stroke-linecap:round}
      svg.chart .dashed{stroke-dasharray:5 4}
      svg.chart .marker{fill:currentColor;stroke:var(--paper);stroke-width:1}
      svg.chart .series-label{fill:currentColor;font-weight:600}
      svg.chart .part,svg.chart .key{stroke:var(--ink);stroke-width:1}
      """
    for index in 0..<seriesCount { rules += "\nsvg.chart .s\(index){color:var(--s\(index))}" }
    for index in 0..<partCount { rules += "\nsvg.chart .p\(index){fill:var(--p\(index))}" }
    for index in 0..<levelCount {
      rules += "\nsvg.chart .l\(index){fill:var(--l\(index))}"
      rules += "\nsvg.chart .t\(index){fill:var(--t\(index))}"
    }
    return rules
  }
}
