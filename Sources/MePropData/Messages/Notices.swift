// What the user should know although nothing failed: one channel for all modules.

import Foundation

/// Lines for the user on what was decided for him: a file that was left out, a row that was taken
/// for a header, a part of the data that has no gold annotation.
///
/// ```swift
/// Notices.received(by: { print("notice:", $0) }) {
///   Notices.tell("data.csv:1: taken for a header")
/// }
/// ```
public enum Notices {
  /// Who is told on a thread.
  private final class Receiver {
    let receive: (String) -> Void

    init(_ receive: @escaping (String) -> Void) { self.receive = receive }
  }

  private static let key = "MePropData.Notices"

  /// Hands notices to `receive` that this thread tells during `body`; elsewhere nobody is told.
  ///
  /// - Parameters:
  ///   - receive: Takes each notice, a line without its end.
  ///   - body: What is done meanwhile.
  /// - Returns: What `body` returns.
  /// - Throws: What `body` throws.
  public static func received<Result>(
    by receive: @escaping (String) -> Void, during body: () throws -> Result
  ) rethrows -> Result {
    let local = Thread.current.threadDictionary
    let before = local[key]
    local[key] = Receiver(receive)
    defer { local[key] = before }
    return try body()
  }

  /// Tells a notice, in a line without its end.
  package static func tell(_ line: String) {
    (Thread.current.threadDictionary[key] as? Receiver)?.receive(line)
  }
}
