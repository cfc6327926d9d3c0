// Lines of a text file, plain or gzip, in constant memory: for CSV and CoNLL-U.

import Foundation

/// Reads a text file line by line; `\n` and `\r\n` end a line, and the last line may lack its end.
///
/// A byte-order mark at the start is skipped. Memory is bounded by the longest line. No text has a
/// million blank lines one after the other, but a packed file of some kilobytes can: it is refused.
public final class LineReader {
  /// The number of the line that was returned last, from 1; 0 before the first.
  public private(set) var lineNumber = 0
  /// What ended the line that was returned last: `\n`, `\r\n`, or at the end of the file nothing
  /// (or `\r`).
  public private(set) var lineEnd = ""
  /// Whether the file starts with a byte-order mark; known from the first line on.
  public private(set) var hasByteOrderMark = false

  /// The most blank lines that may follow each other.
  package static let maximumBlankRun = 1_000_000

  private let file: InputFile
  private let maximumLineLength: Int
  private var blankRun = 0
  private var buffer = ReadBuffer(capacity: 64 * 1024)

  /// The path or name of the file, for messages.
  public var path: String { file.path }

  /// Throws where a packed file has unpacked to more than any text of people does, for readers that
  /// keep all of it: to more than 64 MiB and 100 times its size.
  ///
  /// - Throws: `DataFormatError.unpacksTooFar`.
  package func checkUnpackedSize() throws {
    guard file.isCompressed, file.offset > 64 << 20, let stored = file.storedSize,
      file.offset / 100 > stored
    else { return }
    throw DataFormatError.unpacksTooFar(
      path: path, stored: stored, limit: max(64 << 20, 100 * stored))
  }

  /// Creates a reader of the lines of `file`.
  ///
  /// - Parameters:
  ///   - file: The file, at the start of a line.
  ///   - maximumLineLength: Longer lines, in bytes, are an error.
  public init(_ file: InputFile, maximumLineLength: Int = 16 << 20) {
    precondition(
      maximumLineLength > 0,
      "LineReader: maximumLineLength is \(maximumLineLength), expected 1 or more")
    self.file = file
    self.maximumLineLength = maximumLineLength
  }

  /// Returns the next line without its end, or `nil` at the end of the file.
  ///
  /// - Throws: `DataFormatError` for read errors, lines too long, and text that is not UTF-8.
  public func next() throws -> String? {
    let text = try withNextLine { String(validating: $0, as: UTF8.self) }
    guard let text else { return nil }
    guard let line = text else {
      throw DataFormatError.notUTF8(path: path, line: lineNumber)
    }
    return line
  }

  /// Calls `body` with the bytes of the next line without its end, valid during the call only.
  ///
  /// - Returns: What `body` returns, or `nil` at the end of the file.
  /// - Throws: `DataFormatError` for read errors and lines too long, and what `body` throws.
  public func withNextLine<Result>(
    _ body: (UnsafeRawBufferPointer) throws -> Result
  ) throws -> Result? {
    var searched = buffer.start
    while true {
      let fresh = UnsafeRawBufferPointer(rebasing: buffer.bytes[searched..<buffer.end])
      if let base = fresh.baseAddress, let found = memchr(base, 10, fresh.count) {
        let lineEnd = searched + base.distance(to: UnsafeRawPointer(found))
        return try deliver(upTo: lineEnd, next: lineEnd + 1, body)
      }
      if buffer.fileHasEnded {
        return buffer.count == 0
          ? nil : try deliver(upTo: buffer.end, next: buffer.end, body)
      }
      let pending = buffer.count
      guard pending <= maximumLineLength else {
        throw DataFormatError.lineTooLong(
          path: path, line: lineNumber + 1, limit: maximumLineLength)
      }
      try buffer.refill(from: file)
      searched = buffer.start + pending
    }
  }

  /// Calls `body` with the bytes of the next line without its end and a byte-order mark, and leaves
  /// it to be returned.
  ///
  /// Waits for the line; of one too long only as much is seen, and at the end of the file nothing.
  ///
  /// - Throws: `DataFormatError` for read errors.
  func withLineAhead<Result>(_ body: (Slice<UnsafeRawBufferPointer>) -> Result) throws -> Result {
    while !buffer.fileHasEnded, buffer.count <= maximumLineLength, !buffer.pending.contains(10) {
      try buffer.refill(from: file)
    }
    var line = buffer.pending.prefix { $0 != 10 }
    if lineNumber == 0, line.starts(with: Self.byteOrderMark) { line = line.dropFirst(3) }
    return body(line)
  }

  private static let byteOrderMark: [UInt8] = [0xef, 0xbb, 0xbf]

  /// Whether the text that has arrived, and was not returned yet, satisfies `isEnough`.
  ///
  /// Takes what is there but never waits for more. At the end of the file, and for text longer than
  /// a line may be, it is true: the next line then comes, or fails, at once.
  ///
  /// - Throws: `DataFormatError` for read errors.
  func hasArrived(_ isEnough: (UnsafeRawBufferPointer) -> Bool) throws -> Bool {
    while true {
      if buffer.fileHasEnded || buffer.count > maximumLineLength { return true }
      if isEnough(buffer.pending) { return true }
      guard file.isReady else { return false }
      try buffer.refill(from: file)
    }
  }

  private func deliver<Result>(
    upTo lineEnd: Int, next: Int, _ body: (UnsafeRawBufferPointer) throws -> Result
  ) throws -> Result {
    lineNumber += 1
    var line = UnsafeRawBufferPointer(rebasing: buffer.bytes[buffer.start..<lineEnd])
    buffer.start = next
    let isComplete = next > lineEnd
    self.lineEnd = isComplete ? "\n" : ""
    if line.last == 13 {
      line = UnsafeRawBufferPointer(rebasing: line.dropLast())
      self.lineEnd = isComplete ? "\r\n" : "\r"
    }
    if lineNumber == 1, line.starts(with: Self.byteOrderMark) {
      hasByteOrderMark = true
      line = UnsafeRawBufferPointer(rebasing: line.dropFirst(3))
    }
    guard line.count <= maximumLineLength else {
      throw DataFormatError.lineTooLong(path: path, line: lineNumber, limit: maximumLineLength)
    }
    if line.allSatisfy({ $0 == 0x20 || $0 == 0x09 }) {
      blankRun += 1
      guard blankRun <= Self.maximumBlankRun else {
        throw DataFormatError.tooManyBlankLines(
          path: path, line: lineNumber, limit: Self.maximumBlankRun)
      }
    } else {
      blankRun = 0
    }
    return try body(line)
  }
}
