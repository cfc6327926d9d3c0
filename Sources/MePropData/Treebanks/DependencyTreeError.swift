// What keeps a sentence of a CoNLL-U file from being a dependency tree.

import Foundation

/// A sentence whose heads and relations are no tree; lines count from 1, words from 1 in their
/// sentence.
public enum DependencyTreeError: Error, Equatable, Sendable {
  /// A head is no number.
  case badHead(path: String, line: Int, found: String)
  /// A head is beyond the last word.
  case headOutOfRange(path: String, line: Int, found: Int, wordCount: Int)
  /// Words are each other's heads in turn; none of them leads to the root.
  case cycle(path: String, line: Int, words: [Int])
  /// More than one word has the head 0.
  case severalRoots(path: String, line: Int, words: [Int])
  /// The relation of a word is empty.
  case emptyRelation(path: String, line: Int)
}

extension DependencyTreeError: CustomStringConvertible, LocalizedError {
  /// One line: file, line, expected, found, and what to do.
  public var description: String {
    switch self {
    case .badHead(let path, let line, "_"):
      return "\(path):\(line): the head is _, expected the number of a word, or 0 for the root; "
        + "is this a treebank with trees?"
    case .badHead(let path, let line, let found):
      return "\(path):\(line): the head is \"\(found)\", expected the number of a word, or 0 for "
        + "the root"
    case .headOutOfRange(let path, let line, let found, let wordCount):
      return "\(path):\(line): the head is \(found), expected 0...\(wordCount), as the sentence "
        + "has \(wordCount) words; end each sentence by a blank line"
    case .cycle(let path, let line, let words):
      let shown = words.prefix(10).map(String.init).joined(separator: ", ")
      return words.count == 1
        ? "\(path):\(line): word \(shown) is its own head, expected another word, or 0 for the root"
        : "\(path):\(line): the heads of words \(shown)\(words.count > 10 ? ", …" : "") go round "
          + "in "
          + "a cycle, expected that they lead to the root"
    case .severalRoots(let path, let line, let words):
      let shown = words.prefix(10).map(String.init).joined(separator: ", ")
      return "\(path):\(line): words \(shown)\(words.count > 10 ? ", …" : "") have the head 0, "
        + "expected one root a sentence"
    case .emptyRelation(let path, let line):
      return "\(path):\(line): the eighth field, the relation, is empty, expected its name or _"
    }
  }

  /// The same line as `description`.
  public var errorDescription: String? { description }
}
