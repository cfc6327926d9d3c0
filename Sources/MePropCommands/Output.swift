// Writing to standard output and standard error, where a closed pipe is no crash.

import Foundation
import MePropTasks

/// The reader of standard output has gone.
struct ClosedPipe: Error {}

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
enum StandardOutput {
  /// Writes text as it is.
  static func write(_ text: String) throws { try write(bytes: Array(text.utf8)) }

  /// Writes a table, after a line with its title, if it has one, and after what comes first.
  static func write(_ start: String, _ table: ReportTable) throws {
    try write(start + (table.title.isEmpty ? "" : table.title + "\n"))
    try write(table: table.rows)
  }

  /// Writes bytes as they are.
  static func write(bytes: [UInt8]) throws {
    if let take = OutputStreams.current.results { return take(bytes) }
    let code = writeAll(bytes[...], to: STDOUT_FILENO)
    if code == EPIPE { throw ClosedPipe() }
    if code != 0 {
      throw FileWriteError(code: code, path: "standard output", operation: "writing")
    }
  }

  /// Writes rows of columns, the first column to the left and the others to the right.
  static func write(table rows: [[String]]) throws {
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
enum StandardError {
  /// Writes a line; where that fails there is nobody to tell.
  static func write(_ line: String) {
    let bytes = Array((line + "\n").utf8)
    if let take = OutputStreams.current.messages { return take(bytes) }
    _ = writeAll(bytes[...], to: STDERR_FILENO)
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
