import Foundation
import MePropReport
import MePropTraining
import Testing

@Suite struct RunReportTests {
  private func page(_ samples: [(String, SampleRun)]) throws -> String {
    let folder = try TemporaryFolder()
    let urls = try samples.map { sample in
      try sample.1.write(to: folder(sample.0))
      return folder(sample.0)
    }
    return try RunReport(RunRecord.read(urls)).page.html()
  }

  private let titles = [
    "Learning curves", "Time by phase", "What selection keeps", "Which units are kept",
    "Cost ledger", "Confusion of classes", "Settings",
  ]

  @Test func aPageNeedsNothingBesidesItself() throws {
    let html = try page([("run", SampleRun())])
    for title in titles { #expect(html.contains(">\(title)</h2>"), "\(title)") }
    #expect(!html.contains("Effect of k") && !html.contains("Overview"))
    for words in ["<script", "<link", "url(", "@import", "src=", "http"] {
      #expect(!html.contains(words), "\(words)")
    }
    #expect(html.contains("prefers-color-scheme:dark") && html.contains("@media print"))
  }

  @Test func everyDrawingHasTitleDescriptionAndTable() throws {
    let html = try page([("run", SampleRun())])
    let drawings = html.matches(of: /<svg class="chart".*?<\/svg>/.dotMatchesNewlines())
    #expect(drawings.count == 12)
    let ids = html.matches(of: /id="([^"]*)"/).map { String($0.1) }
    #expect(Set(ids).count == ids.count)
    for drawing in drawings {
      let text = String(drawing.0)
      #expect(text.contains("role=\"img\""))
      let names = try #require(text.firstMatch(of: /aria-labelledby="([^ ]*) ([^"]*)"/))
      #expect(text.contains("<title id=\"\(names.1)\">"))
      #expect(text.contains("<desc id=\"\(names.2)\">") && !text.contains("</title></desc>"))
      #expect(!text.contains("nan") && !text.contains("inf"))
    }
    let tables = html.matches(of: /<figure>.*?<\/figure>/.dotMatchesNewlines())
    #expect(tables.count == drawings.count)
    #expect(tables.allSatisfy { $0.0.contains("<table>") && $0.0.contains("<th scope=\"row\">") })
  }

  @Test func figuresAreThoseOfTheRun() throws {
    let html = try page([("run", SampleRun())])
    #expect(html.contains("97.10\u{A0}%"))
    #expect(html.contains("digits · top-k, k = 20 · 3 epochs, finished"))
    // Saved by dW of the first layer: 20 of 500 entries an example.
    #expect(html.contains("<th scope=\"row\">dW</th>"))
    #expect(html.contains("950") && html.contains("959"))
  }

  @Test func runsAreComparedWithTheDenseOne() throws {
    let html = try page([
      ("dense", SampleRun(select: "dense")), ("k10", SampleRun(k: "10", seed: 2)),
      ("k20", SampleRun(k: "20", seed: 3)),
    ])
    for title in titles + ["Overview", "Effect of k"] {
      #expect(html.contains(">\(title)</h2>"), "\(title)")
    }
    #expect(html.contains("× dense, back propagation") && html.contains("2.98\u{A0}×"))
    #expect(html.contains("dense: All layers were dense"))
    #expect(html.contains("Settings in which the runs differ"))
  }

  @Test func productsThatUpdateAllRowsAreNotComparedAlone() throws {
    let dense = ("dense", SampleRun(select: "dense", untouched: "update"))
    let fused = try page([dense, ("k10", SampleRun(k: "10", untouched: "update"))])
    #expect(!fused.contains("4.00\u{A0}×") && !fused.contains("2.98\u{A0}×"))
    #expect(fused.contains("3.92\u{A0}×") && fused.contains("2.35\u{A0}×"))
    #expect(fused.contains("not compared with a dense run for k10:"))
    // Where the norm of all gradients is limited, the optimizer comes after the products.
    let clipped = try page([
      dense, ("k10", SampleRun(k: "10", untouched: "update", clipNorm: "5")),
    ])
    for ratio in ["4.00", "2.98", "3.92", "2.35"] {
      #expect(clipped.contains("\(ratio)\u{A0}×"), "\(ratio)")
    }
    #expect(!clipped.contains("not compared with a dense run"))
  }

  @Test func runsOfSeveralTasksHaveTheirOwnFigures() throws {
    let html = try page([
      ("digits", SampleRun(select: "dense")),
      ("parser-10", SampleRun(k: "10", task: "parser", metric: "las")),
      ("parser-40", SampleRun(k: "40", task: "parser", metric: "las")),
    ])
    #expect(html.contains("97.10\u{A0}% accuracy") && html.contains("97.10\u{A0}% LAS"))
    #expect(html.contains("<h3>Dev accuracy against epochs</h3>"))
    #expect(html.contains("<h3>Dev LAS against epochs</h3>"))
    #expect(html.contains("Without this figure, and so not drawn: parser-10, parser-40."))
    #expect(html.contains("Without this figure, and so not drawn: digits."))
    #expect(html.contains("<h3>Best dev LAS and k</h3>"))
    #expect(html.contains("top-k, parser: "))
    // A dense run of another task is no baseline.
    #expect(!html.contains("2.98\u{A0}×"))
  }

  @Test func everyDrawingIsDescribedWithoutADenseRun() throws {
    let html = try page([("k10", SampleRun(k: "10", seed: 2)), ("k20", SampleRun(k: "20"))])
    #expect(html.contains("<h3>Best dev accuracy and k</h3>"))
    #expect(
      html.contains(
        "top-k: lowest 96.80\u{A0}% at k = 10, highest 97.10\u{A0}% at k = 20."))
    #expect(!html.contains("<p></p>") && !html.contains("<p class=\"lead\"></p>"))
    let empty = html.matches(of: /<desc id="[^"]*"(\/>|><)/)
    #expect(empty.isEmpty)
  }

  @Test func lossesAreDescribedByTheirValues() throws {
    let html = try page([("run", SampleRun())])
    #expect(html.contains("dev: first 0.3000, last 0.1000, lowest 0.1000."))
    #expect(html.contains("train: first 8.0882, last 0.1667, lowest 0.1667."))
  }

  @Test func keptSharesHaveAnAxisFromNothingToAll() throws {
    let html = try page([("run", SampleRun(select: "dense"))])
    let drawing = try #require(
      html.firstMatch(
        of: /<title [^>]*>Kept share of gradient magnitude.*?<\/svg>/.dotMatchesNewlines()))
    for tick in ["0.0", "0.5", "1.0"] { #expect(drawing.0.contains(">\(tick)</text>"), "\(tick)") }
  }

  @Test func ledgersSayWhatDenseIs() throws {
    let single = try page([("run", SampleRun())])
    #expect(single.contains("<h3>Multiply-adds, done and dense</h3>"))
    #expect(!single.contains("sums over features"))
    let several = try page([("a", SampleRun()), ("b", SampleRun(seed: 2))])
    #expect(several.contains("<h3>Multiply-adds, done</h3>") && !several.contains("done and dense"))
    let parser = try page([("run", SampleRun(select: "dense", sumsFeatures: true))])
    #expect(parser.contains("A layer that sums over features"))
  }

  @Test func withoutADenseRunNothingIsComparedWithIt() throws {
    let html = try page([("k10", SampleRun(k: "10")), ("same", SampleRun(k: "10"))])
    #expect(!html.contains("× dense") && !html.contains("Effect of k"))
  }

  @Test func anInterruptedRunSaysSo() throws {
    let html = try page([("run", SampleRun(epochs: 1, outcome: .interrupted(signal: 2)))])
    #expect(html.contains("The run was interrupted"))
    #expect(html.contains("1 epoch, interrupted"))
  }

  @Test func namesAreEscaped() throws {
    let html = try page([("<b>&\"run", SampleRun(epochs: 1))])
    #expect(!html.contains("<b>&") && html.contains("&lt;b&gt;&amp;"))
  }

  @Test func manyClassesAreListed() throws {
    let classes = (0..<30).map { "C\($0)" }
    let html = try page([("run", SampleRun(epochs: 1, classes: classes))])
    #expect(html.contains("Most frequent confusions"))
    #expect(html.contains("<details class=\"fold\"><summary>The whole matrix of 30 classes<"))
    // A row of the table and of the drawing, and what pointing at a cell shows.
    #expect(html.contains("<h3>Confusion matrix, test data</h3>"))
    #expect(html.contains("<th scope=\"row\">C29</th>") && html.contains("<td>979</td>"))
    #expect(html.contains("<title>C29 → C29: 979</title>"))
    for anchor in ["end", "start"] {
      let names = html.matches(of: /<text class="tick"[^>]*text-anchor="(\w+)"[^>]*>C29</).filter {
        $0.1 == anchor
      }
      #expect(names.count == 1, "\(anchor)")
    }
  }

  @Test func aMatrixOfManyClassesKeepsThePageLight() throws {
    let tags = (0..<50).map { "TAG\($0)" }
    let run = SampleRun(
      epochs: 5, classes: tags, layers: [("lstm.0.forward", 2000), ("output", 50)])
    let html = try page([("run", run)])
    #expect(html.contains("The whole matrix of 50 classes"))
    #expect(html.utf8.count < 400_000, "\(html.utf8.count)")
    let more = try page([("run", SampleRun(epochs: 1, classes: (0..<61).map { "C\($0)" }))])
    #expect(more.contains("The whole matrix of 61 classes is too large for a page"))
    #expect(!more.contains("<details class=\"fold\">"))
  }

  @Test func namesThatRunsHaveInCommonAreLeftOut() throws {
    func rows(_ names: [String]) throws -> [String] {
      let html = try page(names.map { ($0, SampleRun(k: "10", epochs: 1)) })
      let overview = try #require(
        html.firstMatch(of: /Overview of runs<\/caption>.*?<\/table>/.dotMatchesNewlines()))
      return overview.0.matches(of: /<th scope="row"[^>]*>([^<]*)</).map { String($0.1) }
    }
    for (names, short) in [
      (["digits-dense/seed-1", "digits-k20/seed-1"], ["dense", "k20"]),
      (["digits-k20/seed-1", "digits-k20/seed-2"], ["seed-1", "seed-2"]),
      (["k-5", "k-10-random"], ["k-5", "k-10-random"]),
      (["5-layers", "10-layers"], ["5-layers", "10-layers"]),
      (["run", "run-2"], ["run", "run-2"]), (["a_b", "a-b"], ["a_b", "a-b"]),
    ] { #expect(try rows(names) == short, "\(names)") }
    let html = try page([
      ("digits-dense", SampleRun(select: "dense")), ("digits-k20", SampleRun()),
    ])
    #expect(html.contains("<p class=\"subtitle\">digits-dense, digits-k20</p>"))
    #expect(html.contains("<dt>shortest epoch, k20</dt>") && html.contains("dense: All layers"))
  }

  @Test func wideTablesTakeThePageAndLongWordsTheirRoom() throws {
    let head = ["row"] + (0..<16).map { "products torch \($0) ×" } + ["lstm.0.backward.again"]
    let cells = [String](repeating: "97.5 ± 0.2", count: head.count - 1)
    let wide = ChartTable(head: head, rows: [["k = 20"] + cells])
    let narrow = ChartTable(head: ["row", "test"], rows: [["a", "1"]])
    let page = ReportPage(
      title: "T", subtitle: "S", facts: [],
      sections: [
        ReportSection(
          "One", text: "",
          blocks: [.table(wide, caption: "Wide"), .table(narrow, caption: "Narrow")]),
        ReportSection("Two", text: "", blocks: [.table(wide, caption: "Only")]),
      ], footer: "")
    let html = try page.html()
    let body = try #require(html.firstRange(of: "<h3 class=\"caption\">Narrow</h3>"))
    let broad = try #require(html.firstRange(of: "<div class=\"broad\">"))
    let caption = try #require(html.firstRange(of: "<h3 class=\"caption\">Wide</h3>"))
    #expect(body.lowerBound < broad.lowerBound && broad.lowerBound < caption.lowerBound)
    #expect(html.contains("<section aria-labelledby=\"section-2\" class=\"flat\">"))
    let box = "tabindex=\"0\" role=\"region\" aria-label"
    #expect(html.contains("<div class=\"scroll\" \(box)=\"Narrow\">"))
    #expect(html.contains("<div class=\"scroll tight vast\" \(box)=\"Wide\">"))
    #expect(html.contains("<th scope=\"col\" class=\"free\">lstm.0.backward.again</th>"))
    #expect(html.contains(">k\u{A0}=\u{A0}20</th>") && html.contains("97.5\u{A0}±\u{A0}0.2"))
    #expect(!html.contains("class=\"facts\"") && !html.contains("class=\"notes\""))
  }
}

@Suite struct ContrastTests {
  /// Relative luminance (WCAG 2.1).
  private func luminance(_ color: String) -> Double {
    let value = Int(color, radix: 16) ?? 0
    let parts = [value >> 16, value >> 8, value].map { part -> Double in
      let share = Double(part & 255) / 255
      return share <= 0.03928 ? share / 12.92 : pow((share + 0.055) / 1.055, 2.4)
    }
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]
  }

  @Test func textsStandOutInLightAndDark() throws {
    let sheet = ChartStyle.styleSheet
    let themes = sheet.matches(of: /:root\{([^}]*--paper[^}]*)\}/).map { String($0.1) }
    #expect(themes.count == 3)
    for theme in themes {
      var colors: [String: Double] = [:]
      for match in theme.matches(of: /--(\w+):#([0-9a-f]{6})/) {
        colors[String(match.1)] = luminance(String(match.2))
      }
      func contrast(_ first: String, _ second: String) -> Double {
        guard let a = colors[first], let b = colors[second] else { return 0 }
        return (max(a, b) + 0.05) / (min(a, b) + 0.05)
      }
      for text in ["ink", "quiet"] + (0..<ChartStyle.seriesCount).map({ "s\($0)" }) {
        #expect(contrast(text, "paper") >= 4.5, "\(text) on paper: \(contrast(text, "paper"))")
      }
      #expect(contrast("quiet", "tint") >= 4.5 && contrast("ink", "tint") >= 4.5)
      for part in 0..<ChartStyle.partCount {
        #expect(contrast("ink", "p\(part)") >= 4.5, "p\(part): \(contrast("ink", "p\(part)"))")
        // Parts of 0 are not drawn, so that the next but one may touch.
        for other in part + 1...part + 2 where other < ChartStyle.partCount {
          let difference = contrast("p\(part)", "p\(other)")
          #expect(difference >= 1.5, "p\(part) and p\(other): \(difference)")
        }
      }
      // Outlines of parts, whose fills need not stand out from paper then (WCAG 1.4.11).
      #expect(contrast("ink", "paper") >= 3)
      #expect(sheet.contains(".part,svg.chart .key{stroke:var(--ink);stroke-width:1}"))
      for level in 0..<ChartStyle.levelCount {
        #expect(
          contrast("t\(level)", "l\(level)") >= 4.5,
          "l\(level): \(contrast("t\(level)", "l\(level)"))")
      }
    }
  }
}
