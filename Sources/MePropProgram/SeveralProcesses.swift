// The command in several processes at once: the first one tells, and none waits for another that
// failed.

import Foundation
import MePropCommands
import MePropCore
import MePropTasks
import Synchronization

extension MePropTool {
  /// What may run in several processes.
  private static let commands = ["train", "bench"]

  /// Runs the command as one of several processes, and returns its exit code when all of them end
  /// alike; ends all of them where this one fails alone.
  ///
  /// - Parameters:
  ///   - processes: How they exchange memory.
  ///   - arguments: What follows the command's name.
  /// - Returns: The exit code.
  public static func run(
    in processes: any Communicator,
    _ arguments: [String] = Array(CommandLine.arguments.dropFirst())
  ) -> Int32 {
    let lines = Lines()
    return ProcessGroup.$current.withValue(processes) {
      let streams = OutputStreams(
        results: { _ in }, messages: { lines.add(String(decoding: $0, as: UTF8.self)) })
      let (code, isCommon) =
        processes.rank == 0
        ? outcome(arguments)
        : OutputStreams.$current.withValue(streams) { outcome(arguments) }
      if code == 0 || isCommon { return code }
      if processes.rank > 0 {
        // The first process has most likely failed too, and tells; then it ends this one.
        Thread.sleep(forTimeInterval: 2)
        for line in lines.all { StandardError.write("process \(processes.rank): " + line) }
      }
      processes.abort(code: code)
    }
  }

  private static func outcome(_ arguments: [String]) -> (code: Int32, isCommon: Bool) {
    guard ProcessGroup.current.size == 1 || commands.contains(arguments.first ?? "") else {
      return (
        Failure.report(
          UsageError(
            "found '\(arguments.first ?? "nothing")' in several processes, expected one of "
              + commands.joined(separator: ", "))), true
      )
    }
    let kind = FailureKind()
    let code = FailureKind.$current.withValue(kind) { run(arguments) }
    return (code, kind.isCommon)
  }

  /// Says that a variable has none of the values that it may have, and returns the exit code.
  public static func refuse(_ value: String, of key: String, expecting values: [String]) -> Int32 {
    Failure.report(variableError(value, of: key, expecting: values))
  }

  /// Says that MPI is of no use here, and returns the exit code.
  public static func refuseThreads() -> Int32 {
    StandardError.write(
      "error: expected an MPI library that several threads may call in turn "
        + "(MPI_THREAD_SERIALIZED); install Open MPI")
    return EXIT_FAILURE
  }
}

/// Whether the failure of a command is that of all processes.
final class FailureKind: Sendable {
  @TaskLocal static var current: FailureKind?
  private let common = Atomic<Bool>(false)
  /// Whether it is.
  var isCommon: Bool { common.load(ordering: .relaxed) }

  /// Notes an error, and returns the one that is told.
  static func note(_ error: any Error) -> any Error {
    let isCommon = error is any CommonError || error is Interrupted
    if isCommon { current?.common.store(true, ordering: .relaxed) }
    return (error as? KnownError)?.error ?? error
  }
}

/// Lines that a process has not told.
private final class Lines: Sendable {
  private let lines = Mutex<[String]>([])
  func add(_ text: String) { lines.withLock { $0.append(text) } }
  var all: [String] { lines.withLock { $0 }.flatMap { $0.split(separator: "\n").map(String.init) } }
}
