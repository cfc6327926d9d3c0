// A line on standard error that says what is being done where there is no run to report on.

import Foundation
import MePropData

/// Shows what is being done: one line that is drawn over on a terminal, one line after another
/// elsewhere.
public final class StatusLine {
  private let descriptor: Int32
  private let isTerminal: Bool
  private var isShown = false

  /// Creates a status line on standard error.
  ///
  /// - Parameters:
  ///   - descriptor: The file to write to.
  ///   - isTerminal: Whether to draw over; `nil` to ask the system.
  public init(descriptor: Int32 = STDERR_FILENO, isTerminal: Bool? = nil) {
    self.descriptor = descriptor
    let isDumb = ProcessInfo.processInfo.environment["TERM"] == "dumb"
    self.isTerminal = isTerminal ?? (isatty(descriptor) == 1 && !isDumb)
  }

  /// Shows a text in place of the last one.
  public func show(_ text: String) {
    put(isTerminal ? "\r\(text.printable)\u{1B}[K" : text.printable + "\n")
    isShown = isTerminal
  }

  /// Writes a line that stays.
  public func write(_ text: String) {
    clear()
    put(text.printable + "\n")
  }

  /// Removes a text that is drawn over.
  public func clear() {
    if isShown { put("\r\u{1B}[K") }
    isShown = false
  }

  /// Losing messages is no reason to stop, so failures are ignored.
  private func put(_ text: String) {
    try? FileSystem.writeAll(Data(text.utf8), to: descriptor, path: "progress")
  }
}
