// What the CoNLL 2018 evaluation refuses, beyond damaged CoNLL-U and heads that are no tree.

import Foundation

/// A file, or a pair of files, that cannot be scored; lines count from 1.
public enum ScoringError: Error, Equatable, Sendable {
  /// The characters of the two files, without blanks, are not the same.
  case textDiffers(
    goldPath: String, goldLine: Int, goldText: String, systemPath: String, systemLine: Int,
    systemText: String)
  /// A blank line ends a sentence without words.
  case emptySentence(path: String, line: Int)
  /// The last sentence has no blank line after it.
  case noFinalBlankLine(path: String, line: Int)
  /// A multiword token such as `3-4` has fewer words than it says.
  case unfinishedRange(path: String, line: Int, found: String)
  /// A field of enhanced dependencies is not `_` or a list of `HEAD:RELATION`.
  case badEnhancedDependencies(path: String, line: Int, found: String)
  /// The file starts with a byte-order mark.
  case byteOrderMark(path: String)
}

extension ScoringError: CustomStringConvertible, LocalizedError {
  /// One line: file, line, expected, found, and what to do.
  public var description: String {
    switch self {
    case .textDiffers(
      let goldPath, let goldLine, let goldText, let systemPath, let systemLine, let systemText):
      return "\(systemPath):\(systemLine): the text goes on with \"\(systemText)\", expected "
        + "\"\(goldText)\" as in \(goldPath):\(goldLine)"
        + Self.codePoints(goldText, systemText)
        + "; the words of both files must be the same text but for blanks"
    case .emptySentence(let path, let line):
      return "\(path):\(line): a blank line ends a sentence without words; "
        + "separate sentences by one blank line"
    case .noFinalBlankLine(let path, let line):
      return "\(path):\(line): the file ends within a sentence, expected a blank line after the "
        + "last one; is the file complete?"
    case .unfinishedRange(let path, let line, let found):
      return "\(path):\(line): the sentence ends before the last word of the multiword token "
        + "\(found), expected a line for each of its words"
    case .badEnhancedDependencies(let path, let line, let found):
      return "\(path):\(line): the ninth field is \"\(found)\", expected _ or a list such as "
        + "2:nsubj|4:nsubj with heads in the sentence"
    case .byteOrderMark(let path):
      return "\(path):1: starts with a byte-order mark, which the evaluation does not accept; "
        + "remove its three bytes"
    }
  }

  /// The first code points of both texts, where letters do not show how they differ: accents of
  /// their own, characters without width, letters of different scripts.
  private static func codePoints(_ gold: String, _ system: String) -> String {
    func start(_ text: String) -> [Unicode.Scalar] { Array(text.unicodeScalars.prefix(4)) }
    guard (start(gold) + start(system)).contains(where: { !$0.isASCII }) else { return "" }
    func shown(_ text: String) -> String {
      if text.isEmpty { return "nothing" }
      let codes = start(text).map { scalar in
        let digits = String(scalar.value, radix: 16, uppercase: true)
        return "U+" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
      }
      return codes.joined(separator: " ") + (text.unicodeScalars.count > 4 ? " …" : "")
    }
    return " (\(shown(system)), expected \(shown(gold)))"
  }

  /// The same line as `description`.
  public var errorDescription: String? { description }
}
