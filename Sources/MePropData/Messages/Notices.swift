// What the user should know although nothing failed: one channel for all modules.

/// Lines for the user on what was decided for him: a file that was left out, a row that was taken
/// for a header, a part of the data that has no gold annotation.
///
/// ```swift
/// Notices.tell("data.csv:1: taken for a header")
/// ```
public enum Notices {
  /// Takes each notice, which the command line puts on standard error; `nil`: nobody is told.
  @TaskLocal public static var receive: (@Sendable (String) -> Void)?

  /// Tells a notice, in a line without its end.
  package static func tell(_ line: String) { receive?(line) }
}
