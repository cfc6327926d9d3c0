// Sentences as plain text: one a line, blanks between tokens.

/// Reads sentences from text that has one sentence a line and blanks between tokens.
///
/// Blanks are spaces and tabs, one or more. A line without tokens is a sentence without tokens, so
/// that the number of sentences is that of the lines.
public final class PlainTextSentences {
  private let lines: LineReader

  /// The path or name of the file, for messages.
  public var path: String { lines.path }
  /// The line of the sentence that was returned last, from 1.
  public var lineNumber: Int { lines.lineNumber }

  /// Opens a file, plain or gzip.
  ///
  /// - Throws: `DataFormatError` where it cannot be opened.
  public convenience init(path: String) throws { self.init(try InputFile(path: path)) }

  /// Reads what comes from `file`, for example from standard input.
  public convenience init(_ file: InputFile) { self.init(LineReader(file)) }

  /// Reads the lines that `lines` has not returned yet.
  public init(_ lines: LineReader) { self.lines = lines }

  /// Returns the tokens of the next sentence, or `nil` at the end.
  ///
  /// - Throws: `DataFormatError` for read errors, lines too long, and text that is not UTF-8;
  ///   `CoNLLUError.sentenceTooLong`.
  public func next() throws -> [String]? {
    guard let line = try lines.next() else { return nil }
    let isBlank = { (byte: UInt8) in byte == 0x20 || byte == 0x09 }
    let limit = CoNLLUReader.maximumWordCount
    let words = line.utf8.split(maxSplits: limit + 1, whereSeparator: isBlank)
    guard words.count <= limit else {
      throw CoNLLUError.sentenceTooLong(
        path: path, line: lineNumber, wordLimit: limit, byteLimit: CoNLLUReader.maximumByteCount)
    }
    return words.map { String(Substring($0)) }
  }

  /// Whether ``next()`` would return without waiting for whoever writes into a pipe.
  ///
  /// - Throws: `DataFormatError` for read errors.
  public func isNextReady() throws -> Bool { try lines.hasArrived { $0.contains(10) } }
}
