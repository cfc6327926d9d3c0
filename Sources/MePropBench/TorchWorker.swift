// A Python process with PyTorch that answers requests.

import Foundation

/// One interpreter that answers requests on its standard input, each with a line of numbers.
package final class TorchWorker {
  private let process = Process()
  private let input = Pipe()
  private let output = Pipe()
  private let python: String
  private let isInterrupted: () -> Bool
  private var buffer = Data()
  private var lastLine = ""

  /// Starts a program and waits until it has said that it is ready.
  ///
  /// - Parameters:
  ///   - python: The interpreter.
  ///   - program: Prints `ready`, then answers each line of its input with a line that starts with
  ///     a digit.
  ///   - arguments: Of the program.
  ///   - preload: A library to load first; `nil`: none.
  ///   - readyTimeout: Seconds after which a program that is not ready is killed.
  ///   - isInterrupted: Asked a few times a second while there is no answer.
  /// - Throws: ``TorchError``, ``BenchmarkInterrupted``.
  package init(
    python: String, program: String, arguments: [String], preload: String?,
    readyTimeout: Double = 120, isInterrupted: @escaping () -> Bool = { false }
  ) throws {
    self.python = python
    self.isInterrupted = isInterrupted
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [python, "-c", program] + arguments
    process.standardInput = input
    process.standardOutput = output
    process.standardError = output
    if let preload {
      var environment = ProcessInfo.processInfo.environment
      environment["LD_PRELOAD"] = preload
      process.environment = environment
    }
    do {
      try process.run()
    } catch {
      throw TorchError.notStarted(python: python, reason: error.localizedDescription)
    }
    // A program that fails to import torch closes its input at once: ask for the first line before
    // writing.
    guard try readLine(within: readyTimeout) == "ready" else {
      throw TorchError.ended(python: python, output: lastLine)
    }
  }

  deinit {
    try? input.fileHandleForWriting.close()
    if process.isRunning { process.terminate() }
  }

  /// Sends a line and returns the numbers of the answer.
  ///
  /// - Parameters:
  ///   - text: The line; its last word is the seconds that the program is asked to take, as in all
  ///     of ours.
  ///   - timeout: Seconds after which a program that has not answered is killed; `nil`: a minute,
  ///     and twenty times what the request asks for.
  /// - Returns: At least one number.
  /// - Throws: ``TorchError``, ``BenchmarkInterrupted``.
  package func request(_ text: String, timeout: Double? = nil) throws -> [Double] {
    do {
      try input.fileHandleForWriting.write(contentsOf: Data((text + "\n").utf8))
    } catch {
      // It has ended since its last answer.
      throw TorchError.ended(python: python, output: lastLine)
    }
    let asked = text.split(separator: " ").last.flatMap { Double($0) } ?? 0
    let answer = try readLine(within: timeout ?? 60 + 20 * max(asked, 0))
    let times = answer.split(separator: " ").compactMap { Double($0) }
    guard !times.isEmpty else { throw TorchError.ended(python: python, output: lastLine) }
    return times
  }

  /// The next line that is an answer; others, such as warnings, are passed over.
  private func readLine(within seconds: Double) throws -> String {
    let start = Timing.now()
    while true {
      if let end = buffer.firstIndex(of: UInt8(ascii: "\n")) {
        lastLine = String(decoding: buffer[buffer.startIndex..<end], as: UTF8.self)
        buffer.removeSubrange(buffer.startIndex...end)
        if lastLine == "ready" || lastLine.first?.isNumber == true { return lastLine }
        continue
      }
      try waitForOutput(from: start, seconds: seconds)
      let more = output.fileHandleForReading.availableData
      guard !more.isEmpty else { throw TorchError.ended(python: python, output: lastLine) }
      buffer.append(more)
    }
  }

  /// Returns once there is something to be read, or the program has ended.
  private func waitForOutput(from start: Double, seconds: Double) throws {
    var descriptor = pollfd(
      fd: output.fileHandleForReading.fileDescriptor, events: Int16(POLLIN), revents: 0)
    while true {
      if isInterrupted() { throw BenchmarkInterrupted() }
      let left = seconds - (Timing.now() - start) * 1e-6
      guard left > 0 else {
        kill(process.processIdentifier, SIGKILL)
        throw TorchError.silent(python: python, seconds: seconds)
      }
      // Also ends early when a signal comes.
      if poll(&descriptor, 1, Int32(min(left, 0.1) * 1_000) + 1) > 0 { return }
    }
  }

  /// A library that satisfies the vendor check of PyTorch's matrix library, built in a temporary
  /// folder; `nil` where that is not needed or there is no C compiler.
  package static func vendorLibrary() -> String? {
    #if os(Linux) && arch(x86_64)
      let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
        "meprop-bench-\(getpid())")
      let source = folder.appendingPathComponent("vendor.c")
      let library = folder.appendingPathComponent("libvendor.so")
      do {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try "int mkl_serv_intel_cpu_true(void) { return 1; }\n".write(
          to: source, atomically: true, encoding: .utf8)
        let compiler = Process()
        compiler.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        compiler.arguments = ["cc", "-shared", "-fPIC", "-o", library.path, source.path]
        compiler.standardError = FileHandle.nullDevice
        try compiler.run()
        compiler.waitUntilExit()
        return compiler.terminationStatus == 0 ? library.path : nil
      } catch {
        return nil
      }
    #else
      return nil
    #endif
  }
}
