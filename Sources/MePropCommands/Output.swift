// Writing to standard output and standard error, where a closed pipe is no crash.

import Foundation
import MePropTasks

/// The reader of standard output has gone.
package struct ClosedPipe: Error {}

/// Where results and messages go: the streams of this process, unless a test takes what is written.
package struct OutputStreams: Sendable {
  /// Takes results; `nil` for standard output.
  package var results: (@Sendable ([UInt8]) -> Void)?
  /// Takes messages; `nil` for standard error.
  package var messages: (@Sendable ([UInt8]) -> Void)?

  /// Those in use.
  @TaskLocal package static var current = OutputStreams()

  /// Creates streams.
  package init(
    results: (@Sendable ([UInt8]) -> Void)? = nil, messages: (@Sendable ([UInt8]) -> Void)? = nil
  ) {
    self.results = results
    self.messages = messages
  }
}

/// Standard output, for results.
package enum StandardOutput {
  /// Writes text, one line or several; what a terminal would obey in it is escaped.
  package static func write(_ text: String) throws {
    try write(raw: Array(text.printableLines.utf8))
  }

  /// Writes a table, after a line with its title, if it has one, and after what comes first.
  static func write(_ start: String, _ table: ReportTable) throws {
    try write(start + (table.title.isEmpty ? "" : table.title.printable + "\n"))
    try write(table: table.rows)
  }

  /// Writes a piece of a file that is a result itself, such as tagged text: byte for byte into a
  /// file or pipe, escaped where somebody looks at it.
  ///
  /// - Parameter bytes: Whole lines of UTF-8.
  /// - Throws: `ClosedPipe`, `FileWriteError`.
  static func write(bytes: [UInt8]) throws {
    guard OutputStreams.current.results == nil, isatty(STDOUT_FILENO) == 1 else {
      return try write(raw: bytes)
    }
    try write(String(decoding: bytes, as: UTF8.self))
  }

  private static func write(raw bytes: [UInt8]) throws {
    if let take = OutputStreams.current.results { return take(bytes) }
    let code = writeAll(bytes[...], to: STDOUT_FILENO)
    if code == EPIPE { throw ClosedPipe() }
    if code != 0 {
      throw FileWriteError(code: code, path: "standard output", operation: "writing")
    }
  }

  /// Writes rows of columns, the first column to the left and the others to the right.
  package static func write(table rows: [[String]]) throws {
    // Before they are measured, and with the ends of lines that a name may have.
    let rows = rows.map { $0.map(\.printable) }
    let columnCount = rows.map(\.count).max() ?? 0
    let widths = (0..<columnCount).map { column in
      rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
    }
    let lines = rows.map { row in
      row.enumerated().map { column, text in
        let padding = String(repeating: " ", count: widths[column] - text.count)
        return column == 0 ? text + padding : padding + text
      }.joined(separator: "  ")
    }
    try write(lines.map { $0 + "\n" }.joined())
  }
}

/// Standard error, for messages.
package enum StandardError {
  /// Writes a line, escaped; where that fails there is nobody to tell.
  package static func write(_ line: String) {
    let bytes = Array((line.printable + "\n").utf8)
    if let take = OutputStreams.current.messages { return take(bytes) }
    _ = writeAll(bytes[...], to: STDERR_FILENO)
  }
}

/// The descriptors 0, 1 and 2, which a parent may have left closed.
public enum StandardDescriptors {
  /// Opens those that are closed, before any other file is opened: that file would get their number
  /// otherwise, and messages would be written into it.
  ///
  /// Output that nobody wants goes to the null device. Reading from an input that was never there
  /// fails, because an empty one would have a result.
  public static func open() {
    for descriptor in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO]
    where fcntl(descriptor, F_GETFD) == -1 && errno == EBADF {
      let flags = descriptor == STDIN_FILENO ? O_WRONLY : O_RDWR
      // The lowest number that is free, which is this one.
      _ = Foundation.open("/dev/null", flags)
    }
  }
}

/// Writes all bytes and returns 0 or the system's error number.
private func writeAll(_ bytes: ArraySlice<UInt8>, to descriptor: Int32) -> Int32 {
  var bytes = bytes
  while !bytes.isEmpty {
    let count = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    if count >= 0 {
      bytes = bytes.dropFirst(count)
    } else if errno != EINTR {
      return errno
    }
  }
  return 0
}
