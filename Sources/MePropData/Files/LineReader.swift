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
  private var buffer: UnsafeMutableRawBufferPointer
  private var start = 0
  private var end = 0
  private var fileHasEnded = false

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
    buffer = .allocate(byteCount: 64 * 1024, alignment: 16)
  }

  deinit { buffer.deallocate() }

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
    var searched = start
    while true {
      let fresh = UnsafeRawBufferPointer(rebasing: buffer[searched..<end])
      if let base = fresh.baseAddress, let found = memchr(base, 10, fresh.count) {
        let lineEnd = searched + base.distance(to: UnsafeRawPointer(found))
        return try deliver(upTo: lineEnd, next: lineEnd + 1, body)
      }
      if fileHasEnded {
        return start == end ? nil : try deliver(upTo: end, next: end, body)
      }
      let pending = end - start
      guard pending <= maximumLineLength else {
        throw DataFormatError.lineTooLong(
          path: path, line: lineNumber + 1, limit: maximumLineLength)
      }
      try refill()
      searched = start + pending
    }
  }

  /// Calls `body` with the bytes of the next line without its end and a byte-order mark, and leaves
  /// it to be returned.
  ///
  /// Waits for the line; of one too long only as much is seen, and at the end of the file nothing.
  ///
  /// - Throws: `DataFormatError` for read errors.
  func withLineAhead<Result>(_ body: (Slice<UnsafeRawBufferPointer>) -> Result) throws -> Result {
    while !fileHasEnded, end - start <= maximumLineLength, !buffer[start..<end].contains(10) {
      try refill()
    }
    var line = buffer[start..<end].prefix { $0 != 10 }
    if lineNumber == 0, line.starts(with: Self.byteOrderMark) { line = line.dropFirst(3) }
    return body(
      Slice(base: UnsafeRawBufferPointer(buffer), bounds: line.startIndex..<line.endIndex))
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
      if fileHasEnded || end - start > maximumLineLength { return true }
      if isEnough(UnsafeRawBufferPointer(rebasing: buffer[start..<end])) { return true }
      guard file.isReady else { return false }
      try refill()
    }
  }

  private func deliver<Result>(
    upTo lineEnd: Int, next: Int, _ body: (UnsafeRawBufferPointer) throws -> Result
  ) throws -> Result {
    lineNumber += 1
    var line = UnsafeRawBufferPointer(rebasing: buffer[start..<lineEnd])
    start = next
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

  /// Moves what is left to the front, makes room where there is none, and reads more.
  private func refill() throws {
    let pending = UnsafeRawBufferPointer(rebasing: buffer[start..<end])
    if pending.count * 2 > buffer.count {
      let larger = UnsafeMutableRawBufferPointer.allocate(
        byteCount: buffer.count * 2, alignment: 16)
      larger.copyMemory(from: pending)
      buffer.deallocate()
      buffer = larger
    } else if start > 0 {
      UnsafeMutableRawBufferPointer(rebasing: buffer[..<pending.count]).copyMemory(from: pending)
    }
    end = pending.count
    start = 0
    let count = try file.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[end...]))
    if count == 0 { fileHasEnded = true }
    end += count
  }
}
