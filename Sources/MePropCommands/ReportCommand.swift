// meprop report: a page about one run, or several side by side.

import ArgumentParser
import Foundation
import MePropReport
import MePropTasks

/// `meprop report`.
struct ReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Write a page about a run, or about several side by side.",
    discussion: """
      The page is one HTML file that needs no network and no script: learning curves against \
      epochs \
      and seconds, time by phase, the effect of k where runs differ in it, what selection keeps, \
      which units, what was saved, confusions of classes, and all settings. Runs may be \
      unfinished. \
      Its path is printed. Where a run is dense, the others are compared with it. --out replaces \
      an HTML page, also one that a symbolic link leads to, but no other file.

      EXAMPLES:
        meprop report runs/fashion
        meprop report runs/dense runs/k10 runs/k20 --out comparison.html
      """)

  @Argument(
    help: ArgumentHelp("The folders of runs.", valueName: "run"), completion: .directory)
  var runs: [String]

  @Option(
    help: ArgumentHelp(
      "The file to write (default: RUN/report.html for one run, report.html here for several).",
      valueName: "file"),
    completion: .file(extensions: ["html"]))
  var out: String?

  func validate() throws {
    if runs.contains("") { throw ValidationError("run: expected a folder, found nothing") }
    if out == "" { throw ValidationError("--out: expected a file, found nothing") }
  }

  func run() throws {
    let folders = runs.map { URL(fileURLWithPath: $0, isDirectory: true) }
    let standard =
      folders.count == 1 ? RunReport.url(in: folders[0]) : URL(fileURLWithPath: "report.html")
    // A bad name is told before runs are read; that there is no run, before its folder is missed.
    let named = try out.map { try ReportDestination(path: $0) }
    for folder in folders { tellOfLongReading(folder) }
    let report = RunReport(try RunRecord.read(folders))
    let destination = try named ?? ReportDestination(path: standard.path)
    try report.write(to: destination.file)
    try StandardOutput.write("\(destination.named.path.printable)\n")
  }

  /// Says what is read where that takes more than a second.
  private func tellOfLongReading(_ folder: URL) {
    let files = ["metrics.jsonl", "details.jsonl"].map { folder.appendingPathComponent($0).path }
    let bytes = files.reduce(0) { sum, path in
      let size = try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int
      return sum + (size ?? 0)
    }
    guard bytes > 1_000_000 else { return }
    StandardError.write("reading \(folder.path): \(bytes / 1_000_000) MB of figures")
  }
}
