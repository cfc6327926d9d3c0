import Foundation
import MePropReport
import Testing

@Suite struct ReportDestinationTests {
  /// Returns what the path is refused with, as text, or an empty text.
  private func refusal(_ url: URL, slash: Bool = false) -> String {
    do {
      _ = try ReportDestination(path: url.path + (slash ? "/" : ""))
      return ""
    } catch {
      return String(describing: error)
    }
  }

  @Test func newNamesAndPagesAreTaken() throws {
    let folder = try TemporaryFolder()
    #expect(
      try ReportDestination(path: folder("new.html").path).file.path == folder("new.html").path)
    #expect(try ReportDestination(path: folder("new").path).file.path == folder("new").path)
    for name in ["old.html", "OLD.HTM"] { try Data("anything".utf8).write(to: folder(name)) }
    for name in ["old.html", "OLD.HTM"] { #expect(refusal(folder(name)) == "", "\(name)") }
    for (name, text) in [
      ("page", "<!DOCTYPE html>\n<html>"), ("small", "<!doctype HTML>"),
      ("marked", "\u{FEFF}\n <!Doctype Html lang=\"en\">"),
    ] {
      try Data(text.utf8).write(to: folder(name))
      #expect(refusal(folder(name)) == "", "\(name)")
    }
    #expect(try ReportDestination(path: "new-page.html").named.path.hasSuffix("/new-page.html"))
  }

  @Test func foldersAreRefused() throws {
    let folder = try TemporaryFolder()
    let message = refusal(folder.url)
    #expect(message.hasPrefix("\(folder.url.path): expected a new name, or an HTML page"))
    #expect(message.contains("found a folder; name a file in it"))
    #expect(message.contains("\(folder.url.path)/report.html"))
    // Also one that is not there, but meant.
    #expect(refusal(folder("pages.html"), slash: true).contains("found a folder"))
    try FileManager.default.createDirectory(
      at: folder("pages.html"), withIntermediateDirectories: false)
    #expect(refusal(folder("pages.html")).contains("found a folder"))
    try FileManager.default.createSymbolicLink(
      at: folder("link.html"), withDestinationURL: folder("pages.html"))
    #expect(refusal(folder("link.html")).contains("found a folder"))
  }

  @Test func whatIsNoRegularFileIsRefused() throws {
    let folder = try TemporaryFolder()
    #expect(mkfifo(folder("pipe.html").path, 0o600) == 0)
    #expect(
      refusal(folder("pipe.html")).hasPrefix(
        "\(folder("pipe.html").path): expected a new name, or an HTML page to replace, found a "
          + "named pipe; name another"))
    #expect(refusal(URL(fileURLWithPath: "/dev/null")).contains("found a device"))
    #if os(Linux)
      // Elsewhere a socket has to be bound to its name.
      #expect(mknod(folder("socket.html").path, S_IFSOCK | 0o600, 0) == 0)
      #expect(refusal(folder("socket.html")).contains("found a socket"))
    #endif
  }

  @Test(arguments: [
    ("metrics.jsonl", "{\"epoch\":1}\n"), ("config.yaml", "select: top-k\n"),
    ("weights.safetensors", "\u{8}\0\0\0\0\0\0\0{}      "), ("run.json", "{}"), ("empty", ""),
    ("notes.html.txt", "about <!DOCTYPE html>"), ("html", "<html>"),
  ])
  func filesThatAreNoPagesAreLeftAlone(name: String, text: String) throws {
    let folder = try TemporaryFolder()
    try Data(text.utf8).write(to: folder(name))
    let message = refusal(folder(name))
    #expect(message.hasPrefix("\(folder(name).path): expected a new name, or an HTML page"))
    #expect(message.contains("found a file that neither has a name in .html nor begins with"))
    #expect(message.contains("name another file, or remove this one"))
    #expect(!message.contains("\n"))
    // Nor is it written to through a link with the name of a page.
    try FileManager.default.createSymbolicLink(
      at: folder("link.html"), withDestinationURL: folder(name))
    let linked = refusal(folder("link.html"))
    #expect(linked.hasPrefix(folder("link.html").path) && linked.contains("/\(name)): expected"))
  }

  @Test func missingFoldersAreRefused() throws {
    let folder = try TemporaryFolder()
    let message = refusal(folder("a/b/page.html"))
    #expect(
      message == "\(folder("a/b/page.html").path): expected to write into \(folder("a/b").path), "
        + "found no such folder; create it, or name another")
    try Data("<!DOCTYPE html>".utf8).write(to: folder("a"))
    #expect(refusal(folder("a/page.html")).contains("expected to write into \(folder("a").path)"))
  }

  @Test func pagesAreWrittenThroughLinks() throws {
    let folder = try TemporaryFolder()
    try SampleRun(epochs: 1).write(to: folder("run"))
    let report = RunReport(try RunRecord.read([folder("run")]))
    try FileManager.default.createDirectory(
      at: folder("pages"), withIntermediateDirectories: false)
    try Data("old".utf8).write(to: folder("pages/page.html"))
    // A relative link to a link.
    let manager = FileManager.default
    try manager.createSymbolicLink(
      atPath: folder("pages/latest.html").path, withDestinationPath: "page.html")
    try manager.createSymbolicLink(
      atPath: folder("link").path, withDestinationPath: "pages/latest.html")
    let destination = try ReportDestination(path: folder("link").path)
    #expect(destination.named.path == folder("link").path)
    try report.write(to: destination.file)
    #expect(
      try manager.destinationOfSymbolicLink(atPath: folder("link").path) == "pages/latest.html")
    #expect(
      try manager.destinationOfSymbolicLink(atPath: folder("pages/latest.html").path) == "page.html"
    )
    let text = try String(contentsOf: folder("pages/page.html"), encoding: .utf8)
    #expect(text.hasPrefix("<!DOCTYPE html>"))
  }

  @Test func brokenLinksAreRefused() throws {
    let folder = try TemporaryFolder()
    let manager = FileManager.default
    try manager.createSymbolicLink(
      atPath: folder("link.html").path, withDestinationPath: "nowhere.html")
    #expect(
      refusal(folder("link.html")).contains("found a symbolic link to nowhere.html, which does not")
    )
    try manager.createSymbolicLink(
      atPath: folder("circle.html").path, withDestinationPath: "circle.html")
    #expect(refusal(folder("circle.html")).contains("found what cannot be read ("))
  }
}
