// Pre-trained word vectors in text, as word2vec and GloVe write them.

import Foundation

/// Reads word vectors from text, plain or gzip: a word and its numbers a line, blanks between.
///
/// word2vec's text starts with a line of two counts, words and numbers a word; GloVe's does not,
/// and its first line decides how many numbers there are. A word may have blanks in it, as some of
/// GloVe's do: the last fields of a line are the numbers. Memory is bounded by the longest line.
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

  private let lines: LineReader
  private var pending: String?

  /// The path of the file, for messages.
  public var path: String { lines.path }

  /// Opens a file and reads its first line.
  ///
  /// - Throws: `WordVectorError`; `DataFormatError` where the file cannot be opened or read.
  public init(path: String) throws {
    lines = LineReader(try InputFile(path: path))
    guard let first = try Self.line(of: lines) else { throw WordVectorError.empty(path: path) }
    let fields = Self.fields(of: first)
    let counts = fields.compactMap { Int($0) }
    if fields.count == 2, counts.count == 2, counts[0] >= 1, counts[1] >= 1 {
      promisedCount = counts[0]
      dimension = counts[1]
    } else {
      promisedCount = nil
      dimension = fields.count - 1
      pending = first
      guard dimension >= 1 else {
        throw WordVectorError.wrongFieldCount(
          path: path, line: 1, expected: nil, found: fields.count)
      }
    }
  }

  /// Reads the next word and puts its numbers into `vector`; `nil` at the end.
  ///
  /// - Throws: `WordVectorError` naming the line; `DataFormatError` for read errors.
  public func next(into vector: inout [Float]) throws -> String? {
    var line = pending
    pending = nil
    if line == nil { line = try Self.line(of: lines) }
    guard let line else {
      if let promisedCount, count < promisedCount {
        throw WordVectorError.tooFew(path: path, expected: promisedCount, found: count)
      }
      return nil
    }
    let fields = Self.fields(of: line)
    let numbers = fields.suffix(dimension)
    // A word of several parts is one thing, more numbers than there should be are another.
    let isTooLong =
      fields.count > dimension + 1 && Float(fields[fields.count - dimension - 1]) != nil
    guard fields.count > dimension, !isTooLong else {
      throw WordVectorError.wrongFieldCount(
        path: path, line: lines.lineNumber, expected: dimension + 1, found: fields.count)
    }
    vector.removeAll(keepingCapacity: true)
    for (index, field) in numbers.enumerated() {
      guard let value = Float(field), value.isFinite else {
        throw WordVectorError.badNumber(
          path: path, line: lines.lineNumber, field: fields.count - dimension + index + 1,
          found: String(field.prefix(40)))
      }
      vector.append(value)
    }
    count += 1
    return fields.dropLast(dimension).joined(separator: " ")
  }

  private static func fields(of line: String) -> [Substring] {
    line.utf8.split { $0 == 0x20 || $0 == 0x09 }.map { Substring($0) }
  }

  /// The next line that is not blank.
  private static func line(of lines: LineReader) throws -> String? {
    do {
      while let line = try lines.next() {
        if !line.utf8.allSatisfy({ $0 == 0x20 || $0 == 0x09 }) { return line }
      }
      return nil
    } catch DataFormatError.notUTF8(let path, let line) {
      throw WordVectorError.notText(path: path, line: line)
    }
  }
}

/// What can be wrong with a file of word vectors.
public enum WordVectorError: Error, Equatable, Sendable {
  /// The file has no lines.
  case empty(path: String)
  /// A line is not UTF-8.
  case notText(path: String, line: Int)
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
