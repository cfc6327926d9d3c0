// The parts of a treebank in a folder, under the names of Universal Dependencies.

import Foundation

/// The CoNLL-U files of a treebank: `*-train.conllu`, `*-dev.conllu`, `*-test.conllu`, each plain or
/// gzip (`.gz`).
public struct Treebank: Sendable, Equatable {
  /// The folder.
  public let folder: URL
  /// The training part.
  public let training: URL?
  /// The development part.
  public let development: URL?
  /// The test part.
  public let test: URL?

  /// Finds the files in a folder.
  ///
  /// - Throws: `DataLocationError.folderUnreadable`; `TreebankError` if there are no such files, or
  ///   several that could be the same part.
  public init(folder: URL) throws {
    self.folder = folder
    let names: [String]
    do {
      names = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
    } catch {
      throw DataLocationError.folderUnreadable(
        path: folder.path, reason: "cannot be listed; check the name and the rights")
    }
    func file(_ part: String) throws -> URL? {
      let endings = ["\(part).conllu", "\(part).conllu.gz"]
      let found = names.filter { name in
        endings.contains { name.hasSuffix("-" + $0) || name == $0 }
      }
      guard found.count <= 1 else {
        throw TreebankError.severalFiles(folder: folder.path, part: part, names: found)
      }
      return found.first.map { folder.appendingPathComponent($0) }
    }
    training = try file("train")
    development = try file("dev")
    test = try file("test")
    if training == nil, development == nil, test == nil {
      throw TreebankError.missingFile(folder: folder.path, part: "train")
    }
  }

  /// The file of a part.
  ///
  /// - Throws: `TreebankError.missingFile` with the name that it should have.
  public func required(_ part: String) throws -> URL {
    let file = part == "train" ? training : part == "dev" ? development : test
    guard let file else { throw TreebankError.missingFile(folder: folder.path, part: part) }
    return file
  }
}

extension DataLocator {
  /// Finds the folder of a treebank: a folder, or the name of one in `$MEPROP_DATA` or the cache.
  ///
  /// - Throws: `TreebankError.notFound` with the places looked at.
  public func treebankFolder(_ argument: String) throws -> URL {
    var places = [URL(fileURLWithPath: argument, isDirectory: true)]
    if !argument.contains("/") {
      if let data = environment["MEPROP_DATA"], !data.isEmpty {
        places.append(
          URL(fileURLWithPath: data, isDirectory: true).appendingPathComponent(argument))
      }
      if let cache = environment["XDG_CACHE_HOME"], cache.hasPrefix("/") {
        places.append(URL(fileURLWithPath: cache).appendingPathComponent("meprop/\(argument)"))
      } else if let home = environment["HOME"], !home.isEmpty {
        places.append(
          URL(fileURLWithPath: home).appendingPathComponent(".cache/meprop/\(argument)"))
      }
    }
    for place in places {
      var isFolder: ObjCBool = false
      if FileManager.default.fileExists(atPath: place.path, isDirectory: &isFolder),
        isFolder.boolValue
      {
        return place
      }
    }
    throw TreebankError.notFound(name: argument, places: places.map(\.path))
  }
}

/// What can be wrong with the folder of a treebank.
public enum TreebankError: Error, Equatable, Sendable, CustomStringConvertible, LocalizedError {
  /// There is no such folder.
  case notFound(name: String, places: [String])
  /// A part has no file.
  case missingFile(folder: String, part: String)
  /// Several files could be the part.
  case severalFiles(folder: String, part: String, names: [String])

  /// One line: place, expected, found, what to do.
  public var description: String {
    switch self {
    case .notFound(let name, let places):
      return "treebank \(name) not found; looked for the folders "
        + "\(places.joined(separator: ", ")); name a folder with files *-train.conllu and *-dev.conllu with --data, or set MEPROP_DATA"
    case .missingFile(let folder, let part):
      return "\(folder): expected a file *-\(part).conllu or *-\(part).conllu.gz, found none"
    case .severalFiles(let folder, let part, let names):
      return "\(folder): expected one file *-\(part).conllu or *-\(part).conllu.gz, found "
        + "\(names.joined(separator: ", ")); put treebanks into folders of their own"
    }
  }

  /// The same line, for callers that print Foundation's errors.
  public var errorDescription: String? { description }
}
