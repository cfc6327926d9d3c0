// A headless Chromium: measuring pages from within, pictures of them, and printing.

import Foundation
import Testing

/// Chromium or Chrome, where there is one.
struct Browser {
  /// What was found on a page in a frame of a width.
  struct Measurement: Decodable {
    var page: String
    var charts: Int
    var texts: Int
    var textsWithTables: Int
    /// The names of tables and drawings that are wider than their boxes, with tables closed.
    var scrolling: [String]
    var problems: [String]
  }

  private let executable: URL

  /// Finds the browser: the one that `MEPROP_CHROMIUM` names, or one of the usual names.
  init?() {
    let environment = ProcessInfo.processInfo.environment
    let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
    let folders = (environment["PATH"] ?? "").split(separator: ":").map(String.init)
    let candidates =
      [environment["MEPROP_CHROMIUM"]].compactMap(\.self)
      + folders.flatMap { folder in names.map { "\(folder)/\($0)" } }
      + ["/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"]
    guard let path = candidates.first(where: FileManager.default.isExecutableFile) else {
      return nil
    }
    executable = URL(fileURLWithPath: path)
  }

  /// Measures pages in frames of several widths; see `Fixtures/measure-page.js`.
  ///
  /// - Parameters:
  ///   - pages: Names and files.
  ///   - widths: In pixels.
  ///   - isPrinted: Whether the rules for paper hold.
  ///   - folder: Where copies of the pages may be written.
  /// - Returns: What was found, a page and width each.
  /// - Throws: Errors of files and of the browser's answer.
  func measure(
    _ pages: [(name: String, file: URL)], widths: [Int], isPrinted: Bool = false, in folder: URL
  ) throws -> [Measurement] {
    let script = try String(
      contentsOf: try #require(
        Bundle.module.url(forResource: "Fixtures/measure-page", withExtension: "js")),
      encoding: .utf8)
    var frames = ""
    for (name, file) in pages {
      var page = try String(contentsOf: file, encoding: .utf8)
      // A frame cannot be told to be paper.
      if isPrinted { page = page.replacing("@media print", with: "@media all") }
      let end = try #require(page.range(of: "</body>"))
      let copy = page.replacingCharacters(in: end, with: "<script>\(script)</script></body>")
      try Data(copy.utf8).write(to: folder.appendingPathComponent("measured-\(name).html"))
      for width in widths {
        frames +=
          "<iframe src=\"measured-\(name).html#\(name)@\(width)\" width=\"\(width)\" "
          + "height=\"3000\" style=\"border:0\"></iframe>"
      }
    }
    let holder = folder.appendingPathComponent("measuring.html")
    let html = """
      <!DOCTYPE html><meta charset="utf-8"><pre id="found"></pre><script>
      const found = [];
      onmessage = (event) => {
        found.push(event.data);
        const text = unescape(encodeURIComponent(JSON.stringify(found)));
        document.getElementById("found").textContent = btoa(text);
      };
      </script>\(frames)
      """
    try Data(html.utf8).write(to: holder)
    let page = try run([
      "--hide-scrollbars", "--virtual-time-budget=30000", "--dump-dom", holder.absoluteString,
    ])
    let found = try #require(page.firstMatch(of: /<pre id="found">([A-Za-z0-9+\/=]+)</))
    let data = try #require(Data(base64Encoded: String(found.1)))
    return try JSONDecoder().decode([Measurement].self, from: data)
  }

  /// Prints a page.
  ///
  /// - Parameters:
  ///   - file: The page.
  ///   - folder: Where the result may be written.
  /// - Returns: The PDF.
  /// - Throws: Errors of the browser, and of reading what it should have written.
  func printed(_ file: URL, in folder: URL) throws -> Data {
    let pdf = folder.appendingPathComponent(file.lastPathComponent + ".pdf")
    _ = try run(["--no-pdf-header-footer", "--print-to-pdf=\(pdf.path)", file.absoluteString])
    return try Data(contentsOf: pdf)
  }

  /// Writes a picture of a page in frames of several widths, side by side.
  func photograph(
    _ file: URL, widths: [Int], height: Int, isDark: Bool, in folder: URL, to picture: URL
  ) throws {
    let holder = folder.appendingPathComponent("photographed.html")
    let frames = widths.map {
      "<iframe src=\"\(file.absoluteString)\" width=\"\($0)\" height=\"\(height)\"></iframe>"
    }
    let html = """
      <!DOCTYPE html><meta charset="utf-8"><meta name="color-scheme" content="light dark">
      <style>body{margin:0;display:flex;gap:24px}iframe{border:0;flex:none}</style>
      \(frames.joined())
      """
    try Data(html.utf8).write(to: holder)
    let width = widths.reduce(0, +) + 24 * (widths.count - 1)
    _ = try run([
      "--hide-scrollbars", "--blink-settings=preferredColorScheme=\(isDark ? 0 : 1)",
      "--window-size=\(width),\(height)", "--screenshot=\(picture.path)", holder.absoluteString,
    ])
  }

  private func run(_ arguments: [String]) throws -> String {
    let profile = try TemporaryFolder()
    let process = Process()
    process.executableURL = executable
    process.arguments =
      [
        "--headless", "--no-sandbox", "--disable-gpu", "--disable-extensions",
        "--disable-dev-shm-usage", "--no-first-run", "--user-data-dir=\(profile.url.path)",
      ] + arguments
    let output = Pipe()
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    process.standardInput = FileHandle.nullDevice
    try process.run()
    let watchdog = DispatchWorkItem { process.terminate() }
    DispatchQueue.global().asyncAfter(deadline: .now() + 180, execute: watchdog)
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    watchdog.cancel()
    #expect(process.terminationStatus == 0, "\(executable.path) \(arguments)")
    return String(decoding: data, as: UTF8.self)
  }
}
