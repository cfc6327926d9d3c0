// The sentences that a tagger is trained and evaluated on.

import Foundation
import MePropData

/// The sentences of a treebank with the tags of one column.
public typealias TaggerData = TreebankParts<TaggedSentence>

extension TreebankParts<TaggedSentence> {
  /// Reads a treebank.
  ///
  /// - Throws: `TreebankError`, `CoNLLUError`, `DataFormatError`; `TaggerDataError` if the column
  ///   is not annotated.
  public init(_ treebank: Treebank, column: CoNLLUColumn, trainingLimit: Int? = nil) throws {
    try self.init(treebank, limit: trainingLimit) { part, limit in
      let sentences = try TaggedSentence.read(part, column: column, limit: limit)
      guard sentences.lacksTags else { return sentences }
      guard part.name == "train" else {
        throw MissingGoldError(path: part.path, column: column.name)
      }
      let others = try [CoNLLUColumn.upos, .xpos, .feats].filter { other in
        try other != column
          && TaggedSentence.read(part, column: other).contains { $0.tags.contains { $0 != "_" } }
      }
      throw TaggerDataError.emptyColumn(
        path: part.path, column: column.name, others: others.map(\.name))
    }
  }
}

extension [TaggedSentence] {
  /// Whether no word has a tag.
  var lacksTags: Bool { allSatisfy { $0.tags.allSatisfy { $0 == "_" || $0.isEmpty } } }
}

/// Data that a tagger cannot learn from.
public enum TaggerDataError: OneLineError {
  /// No word has a tag in the column; words have in `others`.
  case emptyColumn(path: String, column: String, others: [String])

  /// One line: file, expected, found, what to do.
  public var description: String {
    switch self {
    case .emptyColumn(let path, let column, let others):
      return "\(path): expected tags in the column \(column), found _ at every word; "
        + (others.isEmpty
          ? "the treebank has no other tags either, annotate it or name another with --data"
          : "choose a column that has tags with --column \(others.joined(separator: " or "))")
    }
  }
}
