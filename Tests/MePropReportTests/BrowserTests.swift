import Foundation
import MePropReport
import Testing

/// Pages as a reader sees them; skipped with a line where there is no Chromium.
@Suite(.serialized) struct BrowserTests {
  /// Where pictures are kept for people to look at; ignored by git.
  private static let pictures = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent(".build-screenshots")

  /// The width of what is printed on a page of A4 with the margins of the style sheet, in pixels.
  private static let paperWidth = 703

  /// The browser; without one a line says that the test is skipped.
  private func findBrowser() -> Browser? {
    let browser = Browser()
    if browser == nil {
      print("skipped: no Chromium; install it with Scripts/install-deps.sh --browser")
    }
    return browser
  }

  @Test func pagesAreReadableAtAllWidths() throws {
    guard let browser = findBrowser() else { return }
    let folder = try TemporaryFolder()
    let pages = try samplePages(in: folder.url)
    let found = try browser.measure(pages, widths: [320, 375, 1440], in: folder.url)
    #expect(found.count == 3 * pages.count)
    for measurement in found {
      #expect(measurement.problems.isEmpty, "\(measurement.page): \(measurement.problems)")
      #expect(measurement.charts >= 4, "\(measurement.page)")
      #expect(measurement.texts > 50 && measurement.textsWithTables > measurement.texts)
    }
    for page in pages where ["single", "five"].contains(page.name) {
      try photograph(page, height: page.name == "five" ? 9000 : 5200, browser, folder)
    }
  }

  @Test func theIndexOfAReproductionIsReadableAtAllWidths() throws {
    guard let browser = findBrowser() else { return }
    let folder = try TemporaryFolder()
    let file = folder("index.html")
    try Data(try SampleIndex.page.html().utf8).write(to: file)
    let found = try browser.measure(
      [("index", file)], widths: [320, 375, 1440], in: folder.url)
    #expect(found.count == 3)
    for measurement in found {
      #expect(measurement.problems.isEmpty, "\(measurement.page): \(measurement.problems)")
      #expect(measurement.charts == 1 && measurement.texts > 150, "\(measurement.page)")
      // Tables scroll in boxes of their own where the screen is small, and not on a large one.
      let isLarge = measurement.page.hasSuffix("1440")
      #expect(
        measurement.scrolling.isEmpty == isLarge,
        "\(measurement.page): \(measurement.scrolling)")
    }
    try photograph((name: "index", file: file), height: 4200, browser, folder)
  }

  @Test func pagesFitPaper() throws {
    guard let browser = findBrowser() else { return }
    let folder = try TemporaryFolder()
    var pages = try samplePages(in: folder.url)
    pages.append((name: "index", file: folder("index.html")))
    try Data(try SampleIndex.page.html().utf8).write(to: folder("index.html"))
    let found = try browser.measure(
      pages, widths: [Self.paperWidth], isPrinted: true, in: folder.url)
    #expect(found.count == pages.count)
    for measurement in found {
      #expect(measurement.problems.isEmpty, "\(measurement.page): \(measurement.problems)")
      #expect(measurement.scrolling.isEmpty, "\(measurement.page): \(measurement.scrolling)")
    }
    for page in pages {
      let pdf = try browser.printed(page.file, in: folder.url)
      #expect(pdf.starts(with: Data("%PDF-".utf8)) && pdf.count > 20_000, "\(page.name)")
    }
  }

  private func photograph(
    _ page: (name: String, file: URL), height: Int, _ browser: Browser, _ folder: TemporaryFolder
  ) throws {
    try FileManager.default.createDirectory(
      at: Self.pictures, withIntermediateDirectories: true)
    for isDark in [false, true] {
      let picture = Self.pictures.appendingPathComponent(
        "\(page.name)-\(isDark ? "dark" : "light").png")
      try? FileManager.default.removeItem(at: picture)
      try browser.photograph(
        page.file, widths: [375, 1440], height: height, isDark: isDark, in: folder.url,
        to: picture)
      let bytes = try Data(contentsOf: picture)
      #expect(bytes.prefix(4) == Data([0x89, 0x50, 0x4E, 0x47]) && bytes.count > 50_000)
    }
  }

  @Test func theMeasuringFindsWhatIsWrong() throws {
    guard let browser = findBrowser() else { return }
    let folder = try TemporaryFolder()
    let svg = """
      <svg class="chart" viewBox="0 0 360 100" width="300"><title>t</title>
      <text x="10" y="50">one text</text><text x="14" y="52">another</text>
      <text x="330" y="90">cut off at the right</text></svg>
      """
    let box = """
      <div class="scroll" style="overflow-x:auto"><p style="width:900px">scrolled</p></div>
      <div style="overflow:hidden"><i style="display:block;width:600px">hidden</i></div>
      """
    let html = "<!DOCTYPE html><body>\(svg)<p style=\"width:500px\">wide</p>\(box)</body>"
    let file = folder("bad.html")
    try Data(html.utf8).write(to: file)
    let found = try browser.measure([("bad", file)], widths: [375], in: folder.url)
    let measurement = try #require(found.first)
    let problems = measurement.problems.joined(separator: "\n")
    for words in [
      "overlaps", "is cut off", "nothing is drawn", "wide, the window",
      ": i. reaches from 8 to 608",
      "has no name or is not reached",
    ] { #expect(problems.contains(words), "\(words): \(problems)") }
    #expect(measurement.scrolling.count == 1 && !problems.contains("to 908"))
  }

  /// Pages of all kinds of runs.
  private func samplePages(in folder: URL) throws -> [(name: String, file: URL)] {
    func write(_ name: String, _ samples: [(String, SampleRun)]) throws -> (String, URL) {
      let urls = try samples.map { sample in
        let url = folder.appendingPathComponent("\(name)/\(sample.0)")
        try sample.1.write(to: url)
        return url
      }
      let file = folder.appendingPathComponent("\(name).html")
      try RunReport(RunRecord.read(urls)).write(to: file)
      return (name, file)
    }
    let tags =
      ["NN", "NNS", "NNP", "VB", "VBD", "VBG", "JJ", "RB", "IN", "DT", "PRP", "CC"]
      + ["NNPS", "VBN", "VBP", "VBZ", "JJR", "RBR", "WP$", "-LRB-"]
    let many = SampleRun(
      epochs: 20, classes: tags, layers: [("lstm.0.forward", 2000), ("output", 50)])
    return [
      try write("single", [("digits-20261125-120000", SampleRun())]),
      try write("one-epoch", [("run", SampleRun(epochs: 1))]),
      try write(
        "interrupted",
        [("stopped", SampleRun(epochs: 2, outcome: .interrupted(signal: 15)))]),
      try write("many-classes", [("tagger", many)]),
      try write(
        "five",
        [
          ("dense", SampleRun(select: "dense", k: "20", seed: 1)),
          ("k10", SampleRun(k: "10", seed: 2)),
          ("a-run-with-quite-a-long-name-that-goes-on", SampleRun(k: "20", epochs: 12, seed: 3)),
          ("unified", SampleRun(select: "unified", k: "40", epochs: 1, seed: 4)),
          ("k80", SampleRun(k: "80", seed: 5)),
        ]),
    ]
  }
}
