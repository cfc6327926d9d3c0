// A Python process with PyTorch that answers requests, and why it may fail.

import Foundation

/// PyTorch could not be run.
public enum TorchError: Error, Equatable, CustomStringConvertible {
  /// The interpreter cannot be started.
  case notStarted(python: String, reason: String)
  /// The program ended; `output` is the last line that it printed.
  case ended(python: String, output: String)

  /// One line for the user.
  public var description: String {
    switch self {
    case .notStarted(let python, let reason):
      "--torch: cannot start \(python): \(reason); expected a Python interpreter"
    case .ended(let python, let output):
      "--torch: \(python) stopped: \(output.isEmpty ? "no message" : output); "
        + "expected an interpreter that has torch (python3 -m pip install torch)"
    }
  }
}

/// One interpreter that answers requests on its standard input, each with a line of numbers.
package final class TorchWorker {
  private let process = Process()
  private let input = Pipe()
  private let output = Pipe()
  private let python: String
  private var lastLine = ""

  /// Starts a program and waits until it has said that it is ready.
  ///
  /// - Parameters:
  ///   - python: The interpreter.
  ///   - program: Prints `ready`, then answers each line of its input with a line that starts with a digit.
  ///   - arguments: Of the program.
  ///   - preload: A library to load first; `nil`: none.
  /// - Throws: ``TorchError``.
  package init(python: String, program: String, arguments: [String], preload: String?) throws {
    self.python = python
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
    // A program that fails to import torch closes its input at once: ask for the first line before writing.
    guard try readLine() == "ready" else {
      throw TorchError.ended(python: python, output: lastLine)
    }
  }

  deinit {
    try? input.fileHandleForWriting.close()
    if process.isRunning { process.terminate() }
  }

  /// Sends a line and returns the numbers of the answer.
  ///
  /// - Throws: ``TorchError``.
  package func request(_ text: String) throws -> [Double] {
    do {
      try input.fileHandleForWriting.write(contentsOf: Data((text + "\n").utf8))
    } catch {
      // It has ended since its last answer.
      throw TorchError.ended(python: python, output: lastLine)
    }
    let times = try readLine().split(separator: " ").compactMap { Double($0) }
    guard !times.isEmpty else { throw TorchError.ended(python: python, output: lastLine) }
    return times
  }

  private var buffer = Data()

  private func readLine() throws -> String {
    while true {
      if let end = buffer.firstIndex(of: UInt8(ascii: "\n")) {
        lastLine = String(decoding: buffer[buffer.startIndex..<end], as: UTF8.self)
        buffer.removeSubrange(buffer.startIndex...end)
        if lastLine == "ready" || lastLine.first?.isNumber == true { return lastLine }
        continue
      }
      let more = output.fileHandleForReading.availableData
      guard !more.isEmpty else { throw TorchError.ended(python: python, output: lastLine) }
      buffer.append(more)
    }
  }

  /// A library that satisfies the vendor check of PyTorch's matrix library, built in a temporary folder; `nil` where that
  /// is not needed or there is no C compiler.
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
