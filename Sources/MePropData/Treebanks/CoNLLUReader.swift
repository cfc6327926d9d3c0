// Reading CoNLL-U sentence by sentence, in memory bounded by the longest sentence.

import Foundation

/// Reads the sentences of a CoNLL-U file or stream, plain or gzip.
///
/// ```swift
/// let reader = try CoNLLUReader(path: "en_ewt-ud-dev.conllu.gz")
/// while let sentence = try reader.next() { print(sentence.forms) }
/// ```
///
/// A sentence is returned as soon as the blank line after it has been read. Written one after the
/// other, the texts of all sentences are the file, byte for byte.
public final class CoNLLUReader {
  /// The most words of a sentence: what has more is not divided into sentences.
  package static let maximumWordCount = 16_384
  /// The most bytes of a sentence with its comments and the blank lines before it.
  package static let maximumByteCount = 16 << 20

  private let lines: LineReader

  /// The path or name of the file, for messages.
  public var path: String { lines.path }

  /// Opens a file.
  ///
  /// - Throws: `DataFormatError` where it cannot be opened.
  public convenience init(path: String) throws { self.init(try InputFile(path: path)) }

  /// Reads what comes from `file`, for example from standard input.
  public convenience init(_ file: InputFile) { self.init(LineReader(file)) }

  /// Reads the lines that `lines` has not returned yet.
  public init(_ lines: LineReader) { self.lines = lines }

  /// Whether the next line of `lines`, which stays there, is one of CoNLL-U rather than of plain
  /// text.
  ///
  /// That is ten fields of which the first is a number, or a comment such as `# sent_id = 1` or `#
  /// newdoc`.
  ///
  /// - Throws: `DataFormatError` for read errors.
  public static func canRead(_ lines: LineReader) throws -> Bool {
    try lines.withLineAhead { line in
      if line.first == UInt8(ascii: "#") {
        let words = line.dropFirst().split(separator: 0x20, maxSplits: 2)
        guard let first = words.first else { return false }
        return words.count > 1 && words[1].elementsEqual("=".utf8)
          || ["newdoc", "newpar", "global.columns"].contains { first.elementsEqual($0.utf8) }
      }
      let id = line.prefix { $0 != 0x09 }
      return line.count { $0 == 0x09 } == 9 && !id.isEmpty
        && id.allSatisfy { (0x30...0x39).contains($0) || $0 == 0x2d || $0 == 0x2e }
    }
  }

  /// Returns the next sentence, or `nil` at the end of the file.
  ///
  /// What comes at the end without words (comments, blank lines) is a sentence without words.
  ///
  /// - Throws: `CoNLLUError` and `DataFormatError`, naming file and line.
  public func next() throws -> CoNLLUSentence? {
    var sentence = CoNLLUSentence()
    sentence.firstLine = lines.lineNumber + 1
    while true {
      let isEnd = try lines.withNextLine { line in try append(line, to: &sentence) }
      guard let isEnd else { return sentence.text.isEmpty ? nil : sentence }
      sentence.text += lines.lineEnd.utf8
      if isEnd { return sentence }
    }
  }

  /// Throws where a packed file unpacks to more than text does, for readers that keep all of it.
  ///
  /// - Throws: `DataFormatError.unpacksTooFar`.
  package func checkUnpackedSize() throws { try lines.checkUnpackedSize() }

  /// Whether ``next()`` would return without waiting for whoever writes into a pipe.
  ///
  /// - Throws: `DataFormatError` for read errors.
  public func isNextReady() throws -> Bool {
    try lines.hasArrived { text in
      var hasWords = false
      var start = 0
      while let base = text.baseAddress, start < text.count,
        let found = memchr(base + start, 10, text.count - start)
      {
        let end = base.distance(to: UnsafeRawPointer(found))
        let isBlank = text[start..<end].allSatisfy { $0 == 0x20 || $0 == 0x09 || $0 == 0x0d }
        if isBlank && hasWords { return true }
        hasWords = hasWords || !(isBlank || text[start] == UInt8(ascii: "#"))
        start = end + 1
      }
      return false
    }
  }

  /// Reads all sentences that have words.
  ///
  /// - Throws: As ``next()``, and `CoNLLUError.noSentences` if there are none.
  public static func readAll(path: String) throws -> [CoNLLUSentence] {
    let reader = try CoNLLUReader(path: path)
    var sentences: [CoNLLUSentence] = []
    while let sentence = try reader.next() {
      try reader.checkUnpackedSize()
      if sentence.wordCount > 0 { sentences.append(sentence) }
    }
    guard !sentences.isEmpty else { throw CoNLLUError.noSentences(path: path) }
    return sentences
  }

  /// Adds a line; returns whether it ends the sentence.
  private func append(
    _ line: UnsafeRawBufferPointer, to sentence: inout CoNLLUSentence
  ) throws -> Bool {
    if lines.lineNumber == 1, lines.hasByteOrderMark { sentence.text += [0xef, 0xbb, 0xbf] }
    let start = sentence.text.count
    guard sentence.wordCount <= Self.maximumWordCount,
      start + line.count <= Self.maximumByteCount
    else {
      throw CoNLLUError.sentenceTooLong(
        path: path, line: lines.lineNumber, wordLimit: Self.maximumWordCount,
        byteLimit: Self.maximumByteCount)
    }
    sentence.text += line
    if line.allSatisfy({ $0 == 0x20 || $0 == 0x09 }) { return sentence.wordCount > 0 }
    guard isUTF8(line) else {
      throw DataFormatError.notUTF8(path: path, line: lines.lineNumber)
    }
    if line[0] == UInt8(ascii: "#") { return false }
    try parse(line, at: start, into: &sentence)
    return false
  }

  private func parse(
    _ line: UnsafeRawBufferPointer, at start: Int, into sentence: inout CoNLLUSentence
  ) throws {
    let before = sentence.fieldStarts.count
    sentence.fieldStarts.append(start)
    var fieldCount = 1
    for (place, byte) in line.enumerated() where byte == 0x09 {
      fieldCount += 1
      if fieldCount <= 10 { sentence.fieldStarts.append(start + place + 1) }
    }
    guard fieldCount == 10 else {
      throw CoNLLUError.wrongFieldCount(path: path, line: lines.lineNumber, found: fieldCount)
    }
    sentence.fieldStarts.append(start + line.count + 1)
    let expected = sentence.wordCount + 1
    let id = line[0..<(sentence.fieldStarts[before + 1] - 1 - start)]
    switch Self.kind(ofID: id) {
    case .word(expected):
      guard sentence.fieldStarts[before + 2] - sentence.fieldStarts[before + 1] > 1 else {
        throw CoNLLUError.emptyForm(path: path, line: lines.lineNumber)
      }
      sentence.lines.append(lines.lineNumber)
    case .range, .emptyNode:
      sentence.fieldStarts.removeLast(CoNLLUSentence.placesPerWord)
    default:
      throw CoNLLUError.badID(
        path: path, line: lines.lineNumber, expected: expected,
        found: String(decoding: id.prefix(40), as: UTF8.self))
    }
  }

  private enum Kind: Equatable { case word(Int), range, emptyNode, unknown }

  private static func kind(ofID id: Slice<UnsafeRawBufferPointer>) -> Kind {
    func isNumber(_ part: Slice<UnsafeRawBufferPointer>) -> Bool {
      (1...9).contains(part.count) && part.allSatisfy { (0x30...0x39).contains($0) }
    }
    if isNumber(id) { return .word(id.reduce(0) { $0 * 10 + Int($1 - 0x30) }) }
    for (separator, kind) in [(UInt8(ascii: "-"), Kind.range), (UInt8(ascii: "."), .emptyNode)] {
      if let place = id.firstIndex(of: separator), isNumber(id[..<place]),
        isNumber(id[(place + 1)...])
      {
        return kind
      }
    }
    return .unknown
  }

  private func isUTF8(_ line: UnsafeRawBufferPointer) -> Bool {
    if line.allSatisfy({ $0 < 0x80 }) { return true }
    return String(validating: line, as: UTF8.self) != nil
  }
}
