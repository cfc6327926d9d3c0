// What a user sees while a table is read.

import MePropTraining

/// A line on what is read, once it takes more than a second.
final class LoadStatus {
  private let line = StatusLine()
  private var last = ContinuousClock.now

  /// Shows a text, if the last one, or the beginning, was a second ago.
  func show(_ text: @autoclosure () -> String) {
    guard last.duration(to: .now) >= .seconds(1) else { return }
    last = .now
    line.show(text())
  }

  /// Takes the line away.
  func clear() { line.clear() }
}
