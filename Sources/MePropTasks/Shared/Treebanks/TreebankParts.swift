// The parts of a treebank that a tagger or a parser is trained and evaluated on.

import Foundation
import MePropData

/// Sentences of a treebank, as a task reads them.
public struct TreebankParts<Sentence: Sendable>: Sendable {
  /// What is trained on.
  public var training: [Sentence]
  /// What chooses the best epoch; may be empty.
  public var development: [Sentence]
  /// What is only reported; may be empty.
  public var test: [Sentence]
  /// The folder that they were read from, if they were.
  public var folder: URL?

  /// Creates parts from sentences.
  public init(training: [Sentence], development: [Sentence] = [], test: [Sentence] = []) {
    self.training = training
    self.development = development
    self.test = test
  }

  /// Reads a treebank.
  ///
  /// - Parameters:
  ///   - treebank: Where the parts are.
  ///   - limit: Only the first so many training sentences are read; `nil` for all.
  ///   - read: Reads a part, as many sentences of it as the second argument says.
  /// - Throws: `TreebankError`, and what `read` throws.
  ///
  /// Development or test parts without sentences, or with text alone as those of shared tasks, are
  /// as if they were not there: figures of 0 would choose the worst epoch. That is told once.
  init(
    _ treebank: Treebank, limit: Int?, read: (TreebankPart, Int?) throws -> [Sentence]
  ) throws {
    training = try read(treebank.required("train"), limit)
    development = try treebank.development.map { try Self.sentences(of: $0, read) } ?? []
    test = try treebank.test.map { try Self.sentences(of: $0, read) } ?? []
    folder = treebank.folder
  }

  private static func sentences(
    of part: TreebankPart, _ read: (TreebankPart, Int?) throws -> [Sentence]
  ) throws -> [Sentence] {
    do {
      return try read(part, nil)
    } catch let error as MissingGoldError {
      Notices.tell("\(error); \(part.name) is left out")
    } catch CoNLLUError.noSentences(let path) {
      Notices.tell("\(path): has no sentences; \(part.name) is left out")
    }
    return []
  }

  /// The first training sentences alone.
  func prefix(_ count: Int) -> Self { Self(training: Array(training.prefix(count))) }

  /// Where the sentences are, and how many; `name` is what the user called them, `note` what is
  /// read of them.
  func summary(_ name: String, _ note: String = "") -> String {
    "data \(folder?.path ?? name)\(note): \(training.count) training, \(development.count) "
      + "development, \(test.count) test sentences"
  }
}

/// A part of a treebank that has words and not what is to be compared with.
struct MissingGoldError: OneLineError {
  /// The file.
  var path: String
  /// The column that is `_` at every word.
  var column: String

  var description: String { "\(path): the column \(column) is _ at every word" }
}
