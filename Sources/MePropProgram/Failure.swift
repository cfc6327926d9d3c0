// What happens to errors of commands.

import ArgumentParser
import Foundation
import MePropCommands
import MePropTasks

/// Turns errors into a line and an exit code.
enum Failure {
  /// Says what went wrong, if anything, and returns the exit code.
  static func report(_ error: any Error) -> Int32 {
    switch error {
    case is ClosedPipe: return 128 + SIGPIPE
    case let interrupted as Interrupted: return 128 + interrupted.signal
    // All has been said on standard output.
    case let exit as ExitCode: return exit.rawValue
    default: break
    }
    let code = exitCode(for: error)
    // Help and completions arrive as errors as well.
    if code == EXIT_SUCCESS {
      do {
        try StandardOutput.write(MePropTool.fullMessage(for: error) + "\n")
        return code
      } catch {
        return report(error)
      }
    }
    let lines = message(for: error).split(whereSeparator: \.isNewline)
    let line = lines.map { $0.trimmingCharacters(in: .whitespaces) }.joined(separator: " ")
    // An argument or a field may be as long as its file.
    StandardError.write("error: \(line.printable(limit: 4000))")
    return code
  }

  private static func exitCode(for error: any Error) -> Int32 {
    if UsageError.isUsage(error) { return ExitCode.validationFailure.rawValue }
    return MePropTool.exitCode(for: error).rawValue
  }

  private static func message(for error: any Error) -> String {
    let message = MePropTool.message(for: error)
    return message.isEmpty ? String(describing: error) : message
  }
}
