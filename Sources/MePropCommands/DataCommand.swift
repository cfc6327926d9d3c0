// meprop data: what data sets there are, where they are, and whether they are what they should be.

import ArgumentParser
import Foundation
import MePropTasks

/// `meprop data`.
struct DataCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "data", abstract: "List, download and check data sets.",
    discussion: """
      A data set is looked for in $MEPROP_DATA, the cache ($XDG_CACHE_HOME/meprop, else \
      ~/.cache/meprop) and the folders of system packages, and downloaded where it is in none.
      """,
    subcommands: [DataListCommand.self, DataGetCommand.self, DataCheckCommand.self])
}

/// `meprop data list`.
struct DataListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the data sets known by name, and where they are.")

  func run() throws {
    let locator = DataLocator.ofProcess
    for dataSet in DataCatalogue.all {
      let found = locator.search(for: dataSet).found?.path
      try StandardOutput.write(
        """
        \(dataSet.name): \(dataSet.summary)
          license   \(dataSet.license)
          citation  \(dataSet.citation)
          found     \(found?.printable ?? "nowhere; get it with 'meprop data get \(dataSet.name)'")

        """)
    }
  }
}

/// `meprop data get`.
struct DataGetCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "get", abstract: "Download a data set, resumable and checked by SHA-256.")

  @Argument(help: "The name of a data set; see 'meprop data list'.")
  var name: String

  @Option(
    help: ArgumentHelp("Where to put it (default: the cache).", valueName: "folder"),
    completion: .directory)
  var to: String?

  func run() throws {
    let dataSet = try DataCatalogue.dataSet(named: name)
    let folder: URL
    do {
      folder =
        try to.map { URL(fileURLWithPath: $0, isDirectory: true) }
        ?? DataLocator.ofProcess.downloadFolder(for: dataSet)
    } catch DataLocationError.noCacheFolder {
      throw UsageError(
        "no folder to download \(name) to: neither XDG_CACHE_HOME nor HOME is set; set one of "
          + "them, or name a folder with --to")
    }
    try Downloader().download(dataSet, to: folder, progress: DownloadNotice.show)
    try StandardOutput.write("\(folder.path.printable)\n")
  }
}

/// `meprop data check`.
struct DataCheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check", abstract: "Check the files of a data set against the catalogue.")

  @Argument(help: "The name of a data set; see 'meprop data list'.")
  var name: String

  @Option(
    help: ArgumentHelp("Where it is (default: where it is found).", valueName: "folder"),
    completion: .directory)
  var folder: String?

  func run() throws {
    let dataSet = try DataCatalogue.dataSet(named: name)
    let place: URL
    do {
      place =
        try folder.map { URL(fileURLWithPath: $0, isDirectory: true) }
        ?? DataLocator.ofProcess.locate(name, defaultName: name)
    } catch DataLocationError.notFound(_, let searched, _) {
      throw DataNotFound(name: name, searched: searched)
    }
    let checks = try FileCheck.checkAll(of: dataSet, in: place)
    for check in checks { try StandardOutput.write("\("\(check)".printable)\n") }
    let bad = checks.filter { $0.result != .verified }.map(\.name)
    guard bad.isEmpty else {
      throw DataCheckFailure(folder: place.path, bad: bad, count: checks.count)
    }
  }
}

/// A data set that is in none of the places where it is looked for.
struct DataNotFound: Error, CustomStringConvertible {
  var name: String
  var searched: [SearchedPlace]

  var description: String {
    "data set \(name) not found; looked in \(searched.map(\.description).joined(separator: "; ")); "
      + "get it with 'meprop data get \(name)', or name its folder with --folder"
  }
}

/// Files of a data set that are missing or not what they should be.
struct DataCheckFailure: Error, CustomStringConvertible {
  var folder: String
  var bad: [String]
  var count: Int

  var description: String {
    "\(folder): \(bad.count) of \(count) files are not as they should be "
      + "(\(bad.joined(separator: ", "))); get them with 'meprop data get'"
  }
}

/// A line on standard error for each file that is downloaded.
package enum DownloadNotice {
  private static let shown = ShownFiles()

  /// Says once for each file that it is being downloaded.
  package static let show: @Sendable (DownloadProgress) -> Void = { progress in
    guard shown.insert(progress.file) else { return }
    let size = progress.totalBytes.map { " (\(($0 + 999_999) / 1_000_000) MB)" } ?? ""
    StandardError.write("downloading \(progress.file)\(size)")
  }
}
