// Data that are not where they were looked for.

import Foundation

/// A place where data were looked for, and why they were not taken from there.
public struct SearchedPlace: Sendable, Equatable, CustomStringConvertible {
  /// What kind of place it is, for example `MEPROP_DATA` or `cache`.
  public var origin: String
  /// The folder; empty where there is none.
  public var path: String
  /// Why it did not serve, for example `no such folder`.
  public var finding: String

  /// Creates a record of one place.
  public init(origin: String, path: String, finding: String) {
    self.origin = origin
    self.path = path
    self.finding = finding
  }

  /// `origin path (finding)`.
  public var description: String {
    path.isEmpty ? "\(origin) (\(finding))" : "\(origin) \(path) (\(finding))"
  }
}

/// Data that cannot be found or whose folder cannot be used.
public enum DataLocationError: Error, Equatable, Sendable {
  /// The name is neither in the catalogue nor a folder.
  case unknownName(name: String, known: [String])
  /// The folder cannot be listed; `reason` is the system's.
  case folderUnreadable(path: String, reason: String)
  /// Files that are not in the folder.
  case missingFiles(folder: String, names: [String])
  /// The data set is in none of the places.
  case notFound(name: String, searched: [SearchedPlace], files: [String])
  /// There is no folder for downloads, because the environment names no home.
  case noCacheFolder(name: String)
}

extension DataLocationError: CustomStringConvertible, LocalizedError {
  /// One line: what was looked for, where, what was found there, and what to do.
  public var description: String {
    switch self {
    case .unknownName(let name, let known):
      return "\(name): neither a folder nor a data set of the catalogue, expected one of "
        + "\(known.joined(separator: ", ")) or the path of a folder"
    case .folderUnreadable(let path, let reason):
      return "\(path): the folder cannot be read (\(reason)); check its name and its rights"
    case .missingFiles(let folder, let names):
      return "\(folder): missing \(names.joined(separator: ", ")) (each may also end in .gz); "
        + "put the files there or choose another folder"
    case .notFound(let name, let searched, let files):
      let places = searched.map(\.description).joined(separator: "; ")
      return "data set \(name) not found; looked in \(places). "
        + "Download it with `meprop data get \(name)`, or put \(files.joined(separator: ", ")) "
        + "(each may also end in .gz) in one of these folders or name theirs with --data"
    case .noCacheFolder(let name):
      return "no folder to download \(name) to: neither XDG_CACHE_HOME nor HOME is set; "
        + "set one of them, or name a folder with --data or MEPROP_DATA"
    }
  }

  /// The same line as `description`.
  public var errorDescription: String? { description }
}
