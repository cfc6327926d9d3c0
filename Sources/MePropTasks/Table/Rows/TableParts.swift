// The files of a table: one, or a folder of train, dev and test.

import Foundation
import MePropCore
import MePropData
import MePropTraining

/// Where the parts of a table are.
struct TableParts: Sendable, Equatable {
  /// What is trained on.
  var train: String
  /// What chooses the best epoch; `nil`: some of the training rows.
  var dev: String?
  /// What is only reported.
  var test: String?
  /// Whether there is a folder, and not one file.
  var isFolder: Bool

  /// The ends of names that a part may have.
  static let endings = [".csv", ".csv.gz", ".tsv", ".tsv.gz", ".txt", ".txt.gz"]

  /// Finds the parts of a file or folder, by its path or by its name below `MEPROP_DATA`.
  ///
  /// - Throws: `UsageError`.
  init(_ name: String, _ source: DataSource) throws {
    let path = try Self.locate(name, source)
    var isFolder: ObjCBool = false
    _ = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
    self.isFolder = isFolder.boolValue
    guard isFolder.boolValue else {
      train = path
      return
    }
    func file(_ part: String) -> String? {
      Self.endings.map { "\(path)/\(part)\($0)" }.first(where: FileManager.default.fileExists)
    }
    guard let train = file("train") else {
      throw UsageError(
        "\(path): expected train.csv in this folder (and test.csv, perhaps dev.csv; each may end "
          + "in .gz), found none; name a file or another folder")
    }
    self.train = train
    dev = file("dev")
    test = file("test")
  }

  /// Throws in all processes if one has other files than the first one.
  ///
  /// Compares sizes, and 4 KiB at 64 places of each file: no process reads all of it.
  ///
  /// - Throws: `ProcessGroupError`, and in the process that cannot read them `DataFormatError`.
  func requireSame(in processes: any Communicator) throws {
    guard processes.size > 1 else { return }
    let prints = try processes.together {
      try [("train", train), ("dev", dev), ("test", test)].map { name, path in
        (
          name: "\(name) data of fingerprint",
          value: try path.map { "\(try Self.fingerprint($0))" } ?? "none"
        )
      }
    }
    try processes.requireSame(prints)
  }

  private static func fingerprint(_ path: String) throws -> Int {
    let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
    defer { try? file.close() }
    let size = Int(try file.seekToEnd())
    var print = DataFingerprint()
    print.add(size)
    let (places, blockSize) = (64, 4096)
    for place in 0..<places {
      try file.seek(toOffset: UInt64(max(0, size - blockSize) * place / (places - 1)))
      let block = try file.read(upToCount: blockSize) ?? Data()
      block.withUnsafeBytes { print.add(bytes: $0) }
    }
    return print.value
  }

  /// The path of a file or folder.
  ///
  /// - Throws: `UsageError` where there is none.
  static func locate(_ name: String, _ source: DataSource) throws -> String {
    if FileManager.default.fileExists(atPath: name) {
      return URL(fileURLWithPath: name).path
    }
    var places = [name]
    let data = source.locator.environment["MEPROP_DATA"] ?? ""
    if !data.isEmpty, !name.hasPrefix("/") {
      for place in ["\(data)/\(name)", "\(data)/tables/\(name)"] {
        if FileManager.default.fileExists(atPath: place) { return place }
        places.append(place)
      }
    }
    throw UsageError(
      "'\(name)' is no file and no folder; looked for \(places.joined(separator: ", ")); name a "
        + "CSV file, or a folder with train.csv")
  }
}
