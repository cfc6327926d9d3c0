// Why PyTorch may fail.

/// PyTorch could not be run.
public enum TorchError: Error, Equatable, CustomStringConvertible {
  /// The interpreter cannot be started.
  case notStarted(python: String, reason: String)
  /// The program ended; `output` is the last line that it printed.
  case ended(python: String, output: String)
  /// The program did not answer for so long, and was killed.
  case silent(python: String, seconds: Double)

  /// One line for the user.
  public var description: String {
    switch self {
    case .notStarted(let python, let reason):
      "--torch: cannot start \(python): \(reason); expected a Python interpreter"
    case .ended(let python, let output):
      "--torch: \(python) stopped: \(output.isEmpty ? "no message" : output); "
        + "expected an interpreter that has torch (python3 -m pip install torch)"
    case .silent(let python, let seconds):
      "--torch: \(python) did not answer for \(Int(seconds.rounded())) s and was killed; "
        + "see whether it imports torch and computes by itself"
    }
  }
}
