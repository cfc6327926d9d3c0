// Pre-trained word vectors in text, as word2vec and GloVe write them.

import Foundation

/// Reads word vectors from text, plain or gzip: a word and its numbers a line, blanks between.
///
/// word2vec's text starts with a line of two counts, words and numbers a word; GloVe's does not,
/// and its first line decides how many numbers there are. A word may have blanks in it, as some of
/// GloVe's do: the last fields of a line are the numbers. Memory is bounded by the longest line.
///
/// Files of a million words have a few bad lines: words that were cut inside a character, words
/// that are empty. Such lines are passed over and counted. Where other damage, numbers that are
/// none or too many or too few of them, is in more than one line of a thousand, the file is
/// refused, and so is one of which more than half is passed over.
///
/// ```swift
/// let reader = try WordVectorReader(path: "glove.6B.50d.txt.gz")
/// var vector: [Float] = []
/// while let word = try reader.next(into: &vector) { print(word, vector[0]) }
/// ```
public final class WordVectorReader {
  /// The numbers of each vector.
  public let dimension: Int
  /// The number of words that the first line promises; `nil` without such a line.
  public let promisedCount: Int?
  /// The number of words read so far.
  public private(set) var count = 0
  /// The number of lines that were passed over so far.
  public private(set) var skippedCount = 0
  /// What was wrong with the first of them.
  public private(set) var firstSkipped: WordVectorError?

  /// The most numbers of a vector.
  static let maximumDimension = 100_000

  private let lines: LineReader
  /// Whether the first line, which was looked at, is a word's.
  private var pending: [UInt8]?
  /// The lines whose numbers are damaged.
  private var damagedCount = 0
  private var firstDamage: WordVectorError?

  /// The path of the file, for messages.
  public var path: String { lines.path }

  /// Opens a file and reads its first line.
  ///
  /// - Throws: `WordVectorError`; `DataFormatError` where the file cannot be opened or read.
  public init(path: String) throws {
    lines = LineReader(try InputFile(path: path))
    guard let first = try Self.line(of: lines) else { throw WordVectorError.empty(path: path) }
    let fields = Self.fields(of: first[...])
    let counts = fields.compactMap { Int(String(decoding: $0, as: UTF8.self)) }
    if fields.count == 2, counts.count == 2, counts[0] >= 1, counts[1] >= 1 {
      promisedCount = counts[0]
      dimension = counts[1]
    } else {
      promisedCount = nil
      // A line that starts with a blank has an empty word before its numbers.
      let hasEmptyWord = fields.first.map { $0.startIndex > 0 && Self.number($0) != nil } ?? false
      dimension = hasEmptyWord ? fields.count : fields.count - 1
      pending = first
      guard dimension >= 1 else {
        throw WordVectorError.wrongFieldCount(
          path: path, line: 1, expected: nil, found: fields.count)
      }
      // With a first line that is no text, no line is.
      if fields.dropFirst().allSatisfy({ Self.number($0) == nil }),
        String(validating: first, as: UTF8.self) == nil
      {
        throw WordVectorError.notText(path: path, line: lines.lineNumber)
      }
    }
    guard dimension <= Self.maximumDimension else {
      throw WordVectorError.tooManyNumbers(
        path: path, found: dimension, limit: Self.maximumDimension)
    }
  }

  /// Reads the next word and puts its numbers into `vector`; `nil` at the end.
  ///
  /// - Throws: `WordVectorError` naming the line; `DataFormatError` for read errors.
  public func next(into vector: inout [Float]) throws -> String? {
    while true {
      var line = pending
      pending = nil
      if line == nil { line = try Self.line(of: lines) }
      guard let line else {
        try checkEnd()
        return nil
      }
      do {
        let word = try word(of: line, into: &vector)
        count += 1
        return word
      } catch {
        skippedCount += 1
        firstSkipped = firstSkipped ?? error
        switch error {
        case .wrongFieldCount, .badNumber:
          damagedCount += 1
          firstDamage = firstDamage ?? error
          // Not to the end of a file that is of another kind.
          if damagedCount > 1000, damagedCount > count { throw error }
        default: break
        }
      }
    }
  }

  private func checkEnd() throws {
    if let firstDamage, damagedCount * 1000 > count + damagedCount { throw firstDamage }
    if let firstSkipped, skippedCount > count { throw firstSkipped }
    if let promisedCount, count + skippedCount < promisedCount {
      throw WordVectorError.tooFew(
        path: path, expected: promisedCount, found: count + skippedCount)
    }
  }

  /// The word of a line, whose numbers are put into `vector`.
  private func word(
    of line: [UInt8], into vector: inout [Float]
  ) throws(WordVectorError) -> String {
    let number = lines.lineNumber
    let fields = Self.fields(of: line[...])
    // A word of several parts is one thing, more numbers than there should be are another.
    let isTooLong =
      fields.count > dimension + 1 && Self.number(fields[fields.count - dimension - 1]) != nil
    // An empty word has its numbers only.
    let isEmpty = fields.count == dimension && fields.allSatisfy { Self.number($0) != nil }
    if isEmpty, fields[0].startIndex > 0 || dimension > 1 {
      throw .emptyWord(path: path, line: number)
    }
    guard fields.count > dimension, !isTooLong else {
      if String(validating: line, as: UTF8.self) == nil {
        throw .notText(path: path, line: number)
      }
      throw .wrongFieldCount(
        path: path, line: number, expected: dimension + 1, found: fields.count)
    }
    vector.removeAll(keepingCapacity: true)
    for (index, field) in fields.suffix(dimension).enumerated() {
      guard let value = Self.number(field), value.isFinite else {
        throw .badNumber(
          path: path, line: number, field: fields.count - dimension + index + 1,
          found: String(decoding: field.prefix(40), as: UTF8.self))
      }
      vector.append(value)
    }
    let parts = fields.dropLast(dimension)
    let bytes = parts.reduce(into: [UInt8]()) { $0 += ($0.isEmpty ? [] : [0x20]) + $1 }
    guard let word = String(validating: bytes, as: UTF8.self) else {
      throw .notText(path: path, line: number)
    }
    return word
  }

  private static func number(_ field: ArraySlice<UInt8>) -> Float? {
    Float(String(decoding: field, as: UTF8.self))
  }

  private static func fields(of line: ArraySlice<UInt8>) -> [ArraySlice<UInt8>] {
    line.split { $0 == 0x20 || $0 == 0x09 }
  }

  /// The next line that is not blank.
  private static func line(of lines: LineReader) throws -> [UInt8]? {
    while true {
      let line = try lines.withNextLine { line in
        line.allSatisfy { $0 == 0x20 || $0 == 0x09 } ? nil : Array(line)
      }
      guard let line else { return nil }
      if let line { return line }
    }
  }
}

/// What can be wrong with a file of word vectors.
public enum WordVectorError: Error, Equatable, Sendable {
  /// The file has no lines.
  case empty(path: String)
  /// A line is not UTF-8.
  case notText(path: String, line: Int)
  /// A line has numbers and no word.
  case emptyWord(path: String, line: Int)
  /// The first line promises vectors of more numbers than any have.
  case tooManyNumbers(path: String, found: Int, limit: Int)
  /// A line has too few or too many fields; `expected` counts the word, `nil` in the first line.
  case wrongFieldCount(path: String, line: Int, expected: Int?, found: Int)
  /// A field is not a finite number.
  case badNumber(path: String, line: Int, field: Int, found: String)
  /// The file ends before the number of words that its first line promises.
  case tooFew(path: String, expected: Int, found: Int)
  /// The vectors do not have the size of the embeddings that they are for.
  case wrongDimension(path: String, expected: Int, found: Int)
}

extension WordVectorError: CustomStringConvertible, LocalizedError {
  /// One line: file, line, expected, found, and what to do.
  public var description: String {
    switch self {
    case .empty(let path):
      return
        "\(path): is empty, expected a word and its numbers a line, as word2vec and GloVe write"
    case .notText(let path, let line):
      return "\(path):\(line): not UTF-8, expected text of word2vec or GloVe; convert word2vec's "
        + "binary format to text first"
    case .emptyWord(let path, let line):
      return "\(path):\(line): expected a word before the numbers, found none"
    case .tooManyNumbers(let path, let found, let limit):
      return "\(path):1: expected at most \(limit) numbers a word, found \(found); is this a file "
        + "of word vectors?"
    case .wrongFieldCount(let path, let line, nil, let found):
      return "\(path):\(line): expected a word and its numbers with blanks between, found \(found) "
        + "field; is this a file of word vectors?"
    case .wrongFieldCount(let path, let line, let expected?, let found):
      return "\(path):\(line): expected a word and \(expected - 1) numbers, found \(found) fields; "
        + "all lines need as many numbers as the first says"
    case .badNumber(let path, let line, let field, let found):
      return "\(path):\(line): field \(field) is '\(found)', expected a finite number"
    case .tooFew(let path, let expected, let found):
      return "\(path): expected \(expected) words as the first line says, found \(found); the file "
        + "may be cut off, fetch it again"
    case .wrongDimension(let path, let expected, let found):
      return "\(path): vectors have \(found) numbers, word embeddings \(expected); add "
        + "--word-size \(found), or use other vectors"
    }
  }

  /// The same line as `description`.
  public var errorDescription: String? { description }
}
