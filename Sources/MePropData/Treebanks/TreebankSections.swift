// How the Wall Street Journal in the Penn Treebank is divided into parts, and what is missing of
// it.

import Foundation

/// Which sections of the Wall Street Journal, in the Penn Treebank, are training, development and
/// test part.
public enum TreebankSections: Sendable, CustomStringConvertible {
  /// 02 to 21, 22 and 23, as everywhere in parsing.
  case parsing
  /// 00 to 18, 19 to 21 and 22 to 24, as Collins (2002) divides them for tagging.
  case tagging

  func numbers(ofPart name: String) -> ClosedRange<Int> {
    switch (self, name) {
    case (.parsing, "train"): 2...21
    case (.parsing, "dev"): 22...22
    case (.parsing, _): 23...23
    case (.tagging, "train"): 0...18
    case (.tagging, "dev"): 19...21
    case (.tagging, _): 22...24
    }
  }

  static let parts = ["train", "dev", "test"]

  /// The folder of a section.
  static func name(of section: Int) -> String { section < 10 ? "0\(section)" : "\(section)" }

  /// The sections of each part, for example `for parsing 02-21 (train), 22 (dev), 23 (test)`.
  public var description: String {
    let parts = Self.parts.map { part in
      let numbers = numbers(ofPart: part)
      let first = Self.name(of: numbers.lowerBound)
      return numbers.count == 1
        ? "\(first) (\(part))" : "\(first)-\(Self.name(of: numbers.upperBound)) (\(part))"
    }
    return (self == .parsing ? "for parsing " : "for tagging ") + parts.joined(separator: ", ")
  }
}

extension Treebank {
  /// Refuses a folder that lacks sections of the Wall Street Journal, of which a part would be made
  /// without them.
  ///
  /// A part that has a file of its own, such as `train.conllu`, needs no sections.
  ///
  /// - Parameters:
  ///   - divisions: How sections are divided.
  ///   - folder: The folder of the treebank.
  /// - Throws: `TreebankError.missingSections` naming all that have no folder, or none with a file
  ///   in it that could be read; `DataLocationError.folderUnreadable`.
  public static func requireSections(of divisions: [TreebankSections], in folder: URL) throws {
    let names = try Self.names(in: folder)
    let found = Set(names.compactMap { Self.part(ofFile: $0) })
    var missing: Set<Int> = []
    for division in divisions {
      for part in TreebankSections.parts where !found.contains(part) {
        for section in division.numbers(ofPart: part) {
          let files = try Self.files(ofSections: section...section, in: folder)
          if files.isEmpty { missing.insert(section) }
        }
      }
    }
    guard missing.isEmpty else {
      throw TreebankError.missingSections(
        folder: folder.path, names: missing.sorted().map(TreebankSections.name(of:)),
        divisions: divisions)
    }
  }
}
