// What can be wrong with a CoNLL-U file, beyond what can be wrong with any text file.

import Foundation

/// A line of a CoNLL-U file that does not follow the format; lines count from 1.
public enum CoNLLUError: Error, Equatable, Sendable {
  /// A line that is neither blank nor a comment does not have ten fields with tabs between.
  case wrongFieldCount(path: String, line: Int, found: Int)
  /// A line has one field, where whoever reads could take plain text as well.
  case plainText(path: String, line: Int)
  /// A sentence has more words or more bytes than any sentence has.
  case sentenceTooLong(path: String, line: Int, wordLimit: Int, byteLimit: Int)
  /// The first field is not the next word's number, a range such as `3-4`, or a node such as `8.1`.
  case badID(path: String, line: Int, expected: Int, found: String)
  /// The form of a word is empty.
  case emptyForm(path: String, line: Int)
  /// A file that was expected to have sentences has none.
  case noSentences(path: String)
}

extension CoNLLUError: CustomStringConvertible, LocalizedError {
  /// One line: file, line, expected, found, and what to do.
  public var description: String {
    switch self {
    case .wrongFieldCount(let path, let line, let found):
      let hint =
        found == 1
        ? "is this plain text? separate sentences into words and fields first"
        : "separate fields by single tabs"
      return "\(path):\(line): expected 10 fields with tabs between, found \(found); \(hint)"
    case .plainText(let path, let line):
      return "\(path):\(line): expected 10 fields with tabs between, found 1; is this plain text? "
        + "then say --format text"
    case .sentenceTooLong(let path, let line, let wordLimit, let byteLimit):
      return "\(path):\(line): the sentence goes on beyond \(wordLimit) words or \(byteLimit) "
        + "bytes; divide the text into sentences"
    case .badID(let path, let line, let expected, let found):
      return "\(path):\(line): the first field is \"\(found)\", expected \(expected), the number "
        + "of the next word (or a range such as 3-4, or an empty node such as 8.1); "
        + "end each sentence by a blank line"
    case .emptyForm(let path, let line):
      return "\(path):\(line): the second field, the word, is empty, expected a form or _"
    case .noSentences(let path):
      return "\(path): has no words, expected sentences in CoNLL-U"
    }
  }

  /// The same line as `description`.
  public var errorDescription: String? { description }
}
