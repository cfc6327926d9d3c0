// The sentences of a part of a treebank, in whatever format its files are.

import Foundation

/// The formats of treebanks, which are told apart by content.
public enum TreebankFormat: String, Sendable, CaseIterable {
  /// Universal Dependencies; see https://universaldependencies.org/format.html.
  case conllu
  /// The CoNLL-X shared task of 2006: ten columns, the last two a projective head and its relation.
  case conllx
  /// Bracketed phrase structure of the Penn Treebank, converted to dependencies.
  case penn

  /// Tells the format by the start of a file; what is neither of the others counts as CoNLL-U.
  public init(ofStart bytes: [UInt8]) {
    let start = bytes.starts(with: [0xef, 0xbb, 0xbf]) ? bytes.dropFirst(3) : bytes[...]
    let isBlank = { (byte: UInt8) in [0x20, 0x09, 0x0a, 0x0d].contains(byte) }
    if start.first(where: { !isBlank($0) }) == UInt8(ascii: "(") {
      self = .penn
      return
    }
    let lines = start.split { $0 == 0x0a || $0 == 0x0d }
    let fields =
      lines.first { $0.first != UInt8(ascii: "#") }?
      .split(separator: 0x09, omittingEmptySubsequences: false) ?? []
    let hasProjectiveHead =
      fields.count == 10 && !fields[8].isEmpty
      && fields[8].allSatisfy { (0x30...0x39).contains($0) }
    self = hasProjectiveHead ? .conllx : .conllu
  }
}

/// Reads the sentences of files one after the other, each in CoNLL-U, CoNLL-X or bracketed trees.
///
/// ```swift
/// let reader = TreebankReader(try treebank.required("train"))
/// while let sentence = try reader.next() { print(sentence.forms) }
/// ```
///
/// Sentences of bracketed trees come as CoNLL-U. The article *Formats* of `MePropTraining` says how
/// they are converted.
public final class TreebankReader {
  /// The file under way, or the first before there is one, for messages.
  public private(set) var path: String
  /// The format of the file under way; `nil` before the first sentence.
  public private(set) var format: TreebankFormat?

  private var files: ArraySlice<URL>
  private var source: Source = .none

  private enum Source {
    case none
    case lines(CoNLLUReader)
    case trees(PennTreeReader)
  }

  /// Reads a part of a treebank.
  public init(_ part: TreebankPart) {
    files = part.files[...]
    path = part.path
  }

  /// Returns the next sentence with words, or `nil` at the end of the last file.
  ///
  /// - Throws: `CoNLLUError`, `PennTreeError`, `DataFormatError`, naming file and line.
  public func next() throws -> CoNLLUSentence? {
    while true {
      switch source {
      case .lines(let reader):
        if let sentence = try reader.next() {
          // Whoever reads a treebank keeps it.
          try reader.checkUnpackedSize()
          if sentence.wordCount > 0 { return sentence }
          continue
        }
      case .trees(let reader):
        if let tree = try reader.next() {
          if let sentence = PennDependencies.sentence(tree) { return sentence }
          continue
        }
      case .none: break
      }
      guard let file = files.popFirst() else { return nil }
      path = file.path
      let input = try InputFile(path: file.path)
      let format = TreebankFormat(ofStart: try input.peek(64 * 1024))
      self.format = format
      source = format == .penn ? .trees(PennTreeReader(input)) : .lines(CoNLLUReader(input))
    }
  }
}
