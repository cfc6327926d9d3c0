// A program from its start to its end: how long it took, what it said, and how it is stopped.

import Foundation
import MePropBench

/// Runs a program and measures the time from its start to its end.
package struct TimedProcess {
  /// How it ended.
  package enum Outcome: Equatable {
    /// By itself.
    case ended(Report)
    /// It had taken longer than was allowed, and was killed.
    case tooLong
    /// It had said nothing for too long, and was killed.
    case silent
  }

  /// What a program left that ended by itself.
  package struct Report: Equatable {
    /// From before it was started until it had closed its output.
    package var seconds: Double
    /// Its exit code, or the number of the signal that ended it.
    package var status: Int32
    /// Its standard output.
    package var output: String
    /// Its last line on standard error, or empty.
    package var lastMessage: String
  }

  /// The program, looked up in `PATH` where it has no slash, and its arguments.
  package var command: [String]
  /// A library to load before any other.
  package var preload: String?
  /// Seconds without output after which it is killed.
  package var silenceLimit = 1_800.0

  /// Creates a process that is not started yet.
  package init(_ command: [String], preload: String? = nil) {
    self.command = command
    self.preload = preload
  }

  /// Starts the program and waits for its end.
  ///
  /// - Parameters:
  ///   - limit: Seconds after which it is killed; `nil`: none.
  ///   - isInterrupted: Asked ten times a second; the program is killed then.
  ///   - message: Given each line of its standard error as it comes.
  /// - Returns: How it ended.
  /// - Throws: ``BenchmarkInterrupted``, and errors of `Process` where it cannot be started.
  package func run(
    limit: Double? = nil, isInterrupted: () -> Bool, message: (String) -> Void
  ) throws -> Outcome {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = command
    if let preload {
      process.environment = ProcessInfo.processInfo.environment.merging(["LD_PRELOAD": preload]) {
        $1
      }
    }
    let output = Pipe()
    let errors = Pipe()
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = output
    process.standardError = errors
    let start = Timing.now()
    func seconds() -> Double { (Timing.now() - start) * 1e-6 }
    try process.run()
    defer {
      if process.isRunning { Self.kill(process.processIdentifier) }
      process.waitUntilExit()
    }
    var results = Data()
    var lines = LineBuffer()
    var open = [output, errors]
    var lastOutput = 0.0
    while !open.isEmpty {
      if isInterrupted() { throw BenchmarkInterrupted() }
      let now = seconds()
      if let limit, now > limit { return .tooLong }
      if now - lastOutput > silenceLimit { return .silent }
      for pipe in Self.readable(open) {
        lastOutput = seconds()
        let data = pipe.fileHandleForReading.availableData
        if data.isEmpty {
          open.removeAll { $0 === pipe }
        } else if pipe === output {
          results.append(data)
        } else {
          lines.append(data, message)
        }
      }
    }
    let taken = seconds()
    process.waitUntilExit()
    return .ended(
      Report(
        seconds: taken, status: process.terminationStatus,
        output: String(decoding: results, as: UTF8.self), lastMessage: lines.last))
  }

  /// Kills a program, and what it has started where it has a group of its own.
  private static func kill(_ identifier: pid_t) {
    _ = sendSignal(getpgid(identifier) == identifier ? -identifier : identifier, SIGKILL)
  }

  /// Those of the pipes that have something to be read, or whose other end is closed; waits a tenth
  /// of a second at most.
  private static func readable(_ pipes: [Pipe]) -> [Pipe] {
    var descriptors = pipes.map {
      pollfd(fd: $0.fileHandleForReading.fileDescriptor, events: Int16(POLLIN), revents: 0)
    }
    guard poll(&descriptors, numericCast(descriptors.count), 100) > 0 else { return [] }
    return zip(pipes, descriptors).filter { $1.revents != 0 }.map(\.0)
  }
}

/// The system's `kill`, which a method of this name would hide.
private func sendSignal(_ process: pid_t, _ signal: Int32) -> Int32 { kill(process, signal) }

/// Splits what comes in pieces into lines.
private struct LineBuffer {
  private var rest = Data()
  private var lastWhole = ""

  /// The last line that was not empty, whether it has ended or not.
  var last: String { rest.isEmpty ? lastWhole : String(decoding: rest, as: UTF8.self) }

  /// Takes a piece and gives away the lines that it ends.
  mutating func append(_ data: Data, _ take: (String) -> Void) {
    rest.append(data)
    while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
      let line = String(decoding: rest[rest.startIndex..<end], as: UTF8.self)
      rest.removeSubrange(rest.startIndex...end)
      guard !line.isEmpty else { continue }
      lastWhole = line
      take(line)
    }
  }
}
