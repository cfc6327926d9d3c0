// The parts of a treebank in a folder, by the names that treebanks give them.

import Foundation

/// A part of a treebank: its files, in the order of their names.
public struct TreebankPart: Sendable, Equatable {
  /// `train`, `dev` or `test`.
  public let name: String
  /// The files, one or more.
  public let files: [URL]

  /// Creates a part.
  public init(name: String, files: [URL]) {
    precondition(!files.isEmpty, "TreebankPart: \(name) has no files, expected one or more")
    self.name = name
    self.files = files
  }

  /// The file, or the first of several, for messages.
  public var path: String { files[0].path }
}

/// The files of a treebank in CoNLL-U, CoNLL-X or bracketed trees, each plain or gzip (`.gz`).
///
/// A folder holds files such as `en_ewt-ud-train.conllu`, `german_tiger_train.conll` or
/// `train.mrg`, one for each part or several pieces of it (`cs_pdt-ud-train-c.conllu`, …); or the
/// sections of the Wall Street Journal in the Penn Treebank, folders `00` to `24`, divided as
/// ``TreebankSections`` says. What is in the files is told by their content.
public struct Treebank: Sendable, Equatable {
  /// The folder.
  public let folder: URL
  /// The training part.
  public let training: TreebankPart?
  /// The development part.
  public let development: TreebankPart?
  /// The test part.
  public let test: TreebankPart?

  /// The parts there are.
  public var parts: [TreebankPart] { [training, development, test].compactMap { $0 } }

  /// Finds the files in a folder.
  ///
  /// - Parameters:
  ///   - folder: The folder.
  ///   - sections: How sections of the Wall Street Journal are divided; means nothing for other
  ///     files.
  /// - Throws: `DataLocationError.folderUnreadable`; `TreebankError` if there are no such files, or
  ///   several that could be the same part.
  public init(folder: URL, sections: TreebankSections = .parsing) throws {
    self.folder = folder
    let names = try Self.names(in: folder)
    func part(_ name: String) throws -> TreebankPart? {
      let found = try Self.files(ofPart: name, among: names, in: folder)
      if !found.isEmpty { return TreebankPart(name: name, files: found) }
      let files = try Self.files(ofSections: sections.numbers(ofPart: name), in: folder)
      return files.isEmpty ? nil : TreebankPart(name: name, files: files)
    }
    training = try part("train")
    development = try part("dev")
    test = try part("test")
    if training == nil, development == nil, test == nil {
      throw TreebankError.missingFile(folder: folder.path, part: "train", others: [])
    }
  }

  /// A part.
  ///
  /// - Throws: `TreebankError.missingFile` with the name that its file should have.
  public func required(_ name: String) throws -> TreebankPart {
    guard let part = parts.first(where: { $0.name == name }) else {
      throw TreebankError.missingFile(folder: folder.path, part: name, others: parts.map(\.name))
    }
    return part
  }

  /// The files of a part, in the order of their names: one, or the pieces that large treebanks are
  /// delivered in, such as `cs_pdt-ud-train-c.conllu` and `cs_pdt-ud-train-l.conllu`.
  ///
  /// Where a file is there plain and packed, one is taken, and that is told.
  ///
  /// - Throws: `TreebankError.severalFiles` where the names are those of several treebanks, or of a
  ///   whole part and its pieces.
  private static func files(
    ofPart part: String, among names: [String], in folder: URL
  ) throws -> [URL] {
    var found: [(name: String, place: PartName)] = names.compactMap { name in
      PartName(ofFile: name).flatMap { $0.part == part ? (name, $0) : nil }
    }
    for (name, _) in found where found.contains(where: { $0.name == name + ".gz" }) {
      found.removeAll { $0.name == name + ".gz" }
      Notices.tell(
        "\(folder.appendingPathComponent(name).path): used; the packed \(name).gz beside it is not")
    }
    let isOne =
      Set(found.map(\.place.treebank)).count <= 1
      && (found.count <= 1 || found.allSatisfy { !$0.place.piece.isEmpty })
      && Set(found.map(\.place.piece)).count == found.count
    guard isOne else {
      throw TreebankError.severalFiles(
        folder: folder.path, part: part, names: found.map(\.name))
    }
    return found.map { folder.appendingPathComponent($0.name) }
  }

  /// The part that a file holds by its name, or `nil` for other files.
  static func part(ofFile name: String) -> String? { PartName(ofFile: name)?.part }

  /// What the name of a file says: `cs_pdt-ud`, `train` and `c` of `cs_pdt-ud-train-c.conllu`.
  private struct PartName {
    var treebank: String
    /// `train`, `dev` or `test`.
    var part: String
    /// What comes after it, short words such as `c` or `a-1`; empty for a whole part.
    var piece: String

    init?(ofFile name: String) {
      guard let stem = Treebank.stem(ofFile: name) else { return nil }
      let words = stem.split { "-_.".contains($0) }
      guard let place = words.lastIndex(where: { ["train", "dev", "test"].contains($0) }),
        words[(place + 1)...].allSatisfy({ $0.count <= 3 })
      else { return nil }
      treebank = String(stem[..<words[place].startIndex])
      part = String(words[place])
      piece = String(stem[words[place].endIndex...])
    }
  }

  /// The name of a treebank's file without its ending, or `nil` for other files.
  fileprivate static func stem(ofFile name: String) -> String? {
    let plain = name.hasSuffix(".gz") ? String(name.dropLast(3)) : name
    guard !name.hasPrefix("."),
      let ending = [".conllu", ".conllx", ".conll", ".mrg"].first(where: plain.hasSuffix)
    else { return nil }
    return String(plain.dropLast(ending.count))
  }

  /// The files of the sections of the Wall Street Journal that make up a part.
  static func files(
    ofSections sections: ClosedRange<Int>, in folder: URL
  ) throws -> [URL] {
    var files: [URL] = []
    for section in sections {
      let name = TreebankSections.name(of: section)
      let place = folder.appendingPathComponent(name, isDirectory: true)
      var isFolder: ObjCBool = false
      guard FileManager.default.fileExists(atPath: place.path, isDirectory: &isFolder),
        isFolder.boolValue
      else { continue }
      files += try names(in: place).filter { stem(ofFile: $0) != nil }
        .map { place.appendingPathComponent($0) }
    }
    return files
  }

  static func names(in folder: URL) throws -> [String] {
    do {
      return try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
    } catch {
      throw DataLocationError.folderUnreadable(
        path: folder.path, reason: "cannot be listed; check the name and the rights")
    }
  }
}

extension DataLocator {
  /// Finds the folder of a treebank that is on this machine.
  ///
  /// - Parameter argument: A name of the catalogue; else a folder, or the name of one in
  ///   `$MEPROP_DATA` or the cache.
  /// - Returns: The folder; `nil` for a data set of the catalogue that is nowhere.
  /// - Throws: `TreebankError.notFound` with the places looked at.
  public func localTreebankFolder(_ argument: String) throws -> URL? {
    if let dataSet = catalogue.first(where: { $0.name == argument }) {
      return search(for: dataSet).found
    }
    var places = [URL(fileURLWithPath: argument, isDirectory: true)]
    if !argument.contains("/") {
      if let data = environment["MEPROP_DATA"], !data.isEmpty {
        places.append(
          URL(fileURLWithPath: data, isDirectory: true).appendingPathComponent(argument))
      }
      if let cacheFolder { places.append(cacheFolder.appendingPathComponent(argument)) }
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
  /// A part has no file; `others` have.
  case missingFile(folder: String, part: String, others: [String])
  /// Several files could be the part.
  case severalFiles(folder: String, part: String, names: [String])
  /// Sections of the Penn Treebank that are not there, and how they had to be divided.
  case missingSections(folder: String, names: [String], divisions: [TreebankSections])

  /// One line: place, expected, found, what to do.
  public var description: String {
    switch self {
    case .notFound(let name, let places):
      return "treebank \(name) not found; there is no folder "
        + "\(places.joined(separator: ", ")); name a folder with files *-train.conllu and "
        + "*-dev.conllu with --data, or set MEPROP_DATA"
    case .missingFile(let folder, let part, let others) where others.isEmpty:
      return "\(folder): expected a file *-\(part).conllu (or .conll, .mrg; plain or .gz), or "
        + "sections of the Penn Treebank in folders such as 02, found none"
    case .missingFile(let folder, let part, let others):
      let otherSplit = others.first { $0 != "train" }
      return "\(folder): expected a file *-\(part).conllu (or .conll, .mrg; plain or .gz), found "
        + "only that of \(others.joined(separator: " and ")); "
        + (part != "train" && otherSplit != nil
          ? "add it, or evaluate another part with --split \(otherSplit ?? "")"
          : "add it, or name another treebank with --data")
    case .severalFiles(let folder, let part, let names):
      return "\(folder): expected one file *-\(part).conllu (or .conll, .mrg; plain or .gz), or "
        + "its pieces *-\(part)-a.conllu, *-\(part)-b.conllu, …, found "
        + "\(names.joined(separator: ", ")); put treebanks into folders of their own"
    case .missingSections(let folder, let names, let divisions):
      return "\(folder): missing \(names.count == 1 ? "section" : "sections") "
        + "\(names.joined(separator: ", ")) of the Penn Treebank; expected "
        + divisions.map(\.description).joined(separator: ", and ")
        + ", each section a folder of .mrg or CoNLL-X files, plain or .gz; add what is missing, or "
        + "name the folder "
        + "that has the sections (in the Penn Treebank parsed/mrg/wsj) with --data"
    }
  }

  /// The same line, for callers that print Foundation's errors.
  public var errorDescription: String? { description }
}
