// Why our own training may give no time.

/// Training in a process of its own failed.
public enum AccuracyError: Error, Equatable, CustomStringConvertible {
  /// It ended with an error, the last line of which is `message`.
  case failed(String, status: Int32, message: String)
  /// What it printed is not the object of `train --json` with figures of development data.
  case unreadable(String, output: String)
  /// It did not say anything for so long, and was killed.
  case silent(String, seconds: Double)

  /// One line for the user.
  public var description: String {
    switch self {
    case .failed(let run, let status, let message):
      "\(run) ended with exit code \(status): \(message.isEmpty ? "no message" : message)"
    case .unreadable(let run, let output):
      "\(run): expected the object of 'meprop train --json' with figures of development data, "
        + "found \(output.isEmpty ? "nothing" : "'\(output.prefix(80))'"); please report this"
    case .silent(let run, let seconds):
      "\(run) said nothing for \(Int(seconds.rounded())) s and was killed"
    }
  }
}
