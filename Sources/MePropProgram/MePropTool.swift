// The root of the command line: subcommands, and what happens to errors.

import ArgumentParser
import Foundation
import MePropCommands
import MePropCore
import MePropTasks

/// `meprop`.
public struct MePropTool: ParsableCommand {
  /// The name, the help and the subcommands.
  public static let configuration = CommandConfiguration(
    commandName: "meprop",
    abstract: "Train neural networks on CPUs with minimal effort back propagation.",
    discussion: """
      EXAMPLES:
        meprop train digits
        meprop train digits --data fashion-mnist --epochs 5 --run runs/fashion
        meprop evaluate runs/fashion
        meprop predict runs/fashion images-idx3-ubyte.gz
        meprop report runs/fashion runs/dense --out comparison.html
        meprop config digits > digits.yaml
        meprop data list

      Results go to standard output, progress and messages to standard error. The exit code is 0 \
      for success, 64 for a wrong use of the command, 128 plus the number of the signal for an \
      interrupted run, and 1 for any other failure. --generate-completion-script bash (or zsh, \
      fish) prints completions for the shell.
      """,
    version: MePropVersion.description,
    subcommands: [DemoCommand.self] + Subcommands.all + [ReproduceCommand.self])

  @Flag(help: ArgumentHelp("Print the manual page, in the format of man.", visibility: .hidden))
  var generateManual = false

  /// Creates a command that prints its help.
  public init() {}

  /// Prints the manual page where that is asked for, else the help.
  public func run() throws {
    guard generateManual else { throw CleanExit.helpRequest(self) }
    try StandardOutput.write(Manual.page)
  }

  /// Runs the command as a process would, and returns its exit code.
  ///
  /// - Parameters:
  ///   - arguments: What follows the command's name; `nil` for the arguments of this process.
  ///   - tasks: The tasks that there are.
  /// - Returns: The exit code.
  public static func run(_ arguments: [String]? = nil, tasks: TaskRegistry = .standard) -> Int32 {
    // A closed pipe, or a file beyond the limit of the shell, then is an error of the write.
    signal(SIGPIPE, SIG_IGN)
    signal(SIGXFSZ, SIG_IGN)
    unblockInterrupts()
    return TaskRegistry.$current.withValue(tasks) {
      Notices.received(by: { StandardError.write("notice: \($0)") }) { run(arguments) }
    }
  }

  private static func run(_ arguments: [String]?) -> Int32 {
    do {
      try followInstructionSet()
      try CommandNames.check(arguments ?? Array(CommandLine.arguments.dropFirst()))
      var command = try parseAsRoot(
        completed(arguments ?? Array(CommandLine.arguments.dropFirst())))
      try command.run()
      return EXIT_SUCCESS
    } catch {
      return Failure.report(FailureKind.note(error))
    }
  }

  /// The arguments with `true` after each flag of truth that has no value, as in `--balanced`.
  private static func completed(_ arguments: [String]) -> [String] {
    let tasks = TaskRegistry.current.tasks
    let keys = tasks.flatMap { $0.schema.keys + $0.evaluationKeys + $0.predictionKeys }
    let flags = Set(keys.filter { $0.kind == .bool }.map(\.flag))
    return arguments.enumerated().flatMap { index, argument in
      let next = index + 1 < arguments.count ? arguments[index + 1] : ""
      return flags.contains(argument) && next != "true" && next != "false"
        ? [argument, "true"] : [argument]
    }
  }

  /// Refuses a value of `MEPROP_SIMD` that would not be followed, and holds the dense library to it
  /// too, and PyTorch's libraries in the processes that measure it.
  private static func followInstructionSet() throws {
    guard let name = ProcessInfo.processInfo.environment["MEPROP_SIMD"] else { return }
    let available = InstructionSet.allCases.filter(\.isAvailable)
    guard let instructionSet = available.first(where: { $0.rawValue == name }) else {
      throw variableError(name, of: "MEPROP_SIMD", expecting: available.map(\.rawValue))
    }
    for (variable, limit) in instructionSet.limitsOfLibraries { setenv(variable, limit, 0) }
  }

  /// The error of a variable of the environment that has none of the values that it may have.
  static func variableError(
    _ value: String, of key: String, expecting values: [String]
  ) -> UsageError {
    UsageError(
      "\(key): found '\(value.printable(limit: 80))', expected one of "
        + values.joined(separator: ", "))
  }

  /// Lets Ctrl-C and SIGTERM through, which a parent with threads may have left blocked.
  private static func unblockInterrupts() {
    var signals = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, SIGINT)
    sigaddset(&signals, SIGTERM)
    pthread_sigmask(SIG_UNBLOCK, &signals, nil)
  }
}
