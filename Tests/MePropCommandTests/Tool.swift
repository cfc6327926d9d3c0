// Running the built command as a process.

import Foundation
import MePropCore
import MePropData
import Testing

/// What a process left behind.
struct Outcome {
  var status: Int32
  var wasKilled: Bool
  var output: String
  var error: String

  var errorLines: [String] { error.split(separator: "\n").map(String.init) }
  /// The last line on standard error.
  var lastLine: String { errorLines.last ?? "" }
  /// Standard output as a JSON object.
  var json: [String: Any]? {
    (try? JSONSerialization.jsonObject(with: Data(output.utf8))) as? [String: Any]
  }
}

/// The command, in a folder of its own with a small data set.
final class Tool {
  /// The folder, removed with the object.
  let url: URL
  private let executable: URL
  /// Variables for the command, besides a path.
  var environment: [String: String]

  static let classCount = 4

  init(trainingCount: Int = 240) throws {
    executable = try #require(Self.executable, "the built 'meprop' is not beside the tests")
    url = FileManager.default.temporaryDirectory
      .appendingPathComponent("meprop-command-\(UUID().uuidString)", isDirectory: true)
      .resolvingSymlinksInPath()
    try FileManager.default.createDirectory(
      at: url.appendingPathComponent("data"), withIntermediateDirectories: true)
    environment = ["PATH": "/usr/bin:/bin", "XDG_CACHE_HOME": url.path + "/cache"]
    try writeImages("train", count: trainingCount + 60, seed: 1)
    try writeImages("t10k", count: 50, seed: 2)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  func callAsFunction(_ name: String) -> URL { url.appendingPathComponent(name) }

  /// The product, which is built into the folder of the tests.
  private static var executable: URL? {
    let bundles = Bundle.allBundles.filter { $0.bundlePath.hasSuffix(".xctest") }
    var folders = bundles.map { $0.bundleURL.deletingLastPathComponent() }
    let program = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
    for start in [Bundle.main.bundleURL, program] {
      // On macOS the program lies some folders down in the bundle.
      folders += sequence(first: start) { $0.deletingLastPathComponent() }.prefix(6)
    }
    return folders.map { $0.appendingPathComponent("meprop") }.first {
      var isFolder: ObjCBool = false
      return FileManager.default.fileExists(atPath: $0.path, isDirectory: &isFolder)
        && !isFolder.boolValue && FileManager.default.isExecutableFile(atPath: $0.path)
    }
  }

  /// The command's path, for shells.
  var path: String { executable.path }

  private func writeImages(_ prefix: String, count: Int, seed: UInt64) throws {
    var random = Philox(seed: seed)
    var pixels: [UInt8] = []
    var labels: [UInt8] = []
    for _ in 0..<count {
      let label = random.next(below: UInt32(Self.classCount))
      labels.append(UInt8(label))
      for place in 0..<16 {
        let isBright = UInt32(place / 4) == label
        pixels.append(UInt8(random.next(below: 150)) + (isBright ? 80 : 0))
      }
    }
    let data = url.appendingPathComponent("data")
    try IDX(dimensions: [count, 4, 4], bytes: pixels)
      .write(to: data.appendingPathComponent("\(prefix)-images-idx3-ubyte"))
    try IDX(dimensions: [count], bytes: labels)
      .write(to: data.appendingPathComponent("\(prefix)-labels-idx1-ubyte"))
  }

  /// The flags of a run of less than a second on the data set.
  var small: [String] {
    [
      "--data", url.path + "/data", "--classes", "4", "--dev-count", "60", "--hidden", "12,8",
      "--k", "3", "--threads", "1",
    ]
  }

  /// Runs the command to its end.
  func run(_ arguments: [String], input: Data? = nil) throws -> Outcome {
    try start(arguments, input: input).finish()
  }

  /// Runs `meprop train digits` on the small data set.
  func train(_ arguments: [String]) throws -> Outcome {
    try run(["train", "digits"] + small + arguments)
  }

  /// Runs a shell command in the folder, the command's path in `$meprop`.
  func shell(_ script: String) throws -> Outcome {
    try start(["-c", script], program: URL(fileURLWithPath: "/bin/sh")).finish()
  }

  /// Starts the command, or another program, without waiting.
  func start(
    _ arguments: [String], input: Data? = nil, program: URL? = nil
  ) throws -> RunningTool {
    let process = Process()
    process.executableURL = program ?? executable
    process.arguments = arguments
    process.currentDirectoryURL = url
    process.environment = environment.merging(["meprop": executable.path]) { $1 }
    return try RunningTool(process, folder: url, input: input)
  }
}

/// A process under way, its output going to files.
final class RunningTool {
  let process: Process
  private let files: [URL]

  init(_ process: Process, folder: URL, input: Data?) throws {
    self.process = process
    let name = UUID().uuidString
    files = ["in", "out", "err"].map { folder.appendingPathComponent(".\(name).\($0)") }
    for file in files { try (input ?? Data()).write(to: file) }
    process.standardInput = try FileHandle(forReadingFrom: files[0])
    for (index, file) in files.enumerated() where index > 0 {
      try Data().write(to: file)
      let handle = try FileHandle(forWritingTo: file)
      if index == 1 { process.standardOutput = handle } else { process.standardError = handle }
    }
    try process.run()
  }

  /// What has been written to standard error so far.
  var errorSoFar: String { (try? String(contentsOf: files[2], encoding: .utf8)) ?? "" }

  /// Waits until standard error has a text; returns whether it came within ten seconds.
  func waits(for text: String) -> Bool {
    for _ in 0..<2000 {
      if errorSoFar.contains(text) { return true }
      if !process.isRunning { return errorSoFar.contains(text) }
      Thread.sleep(forTimeInterval: 0.005)
    }
    return false
  }

  func finish() throws -> Outcome {
    process.waitUntilExit()
    return Outcome(
      status: process.terminationStatus, wasKilled: process.terminationReason == .uncaughtSignal,
      output: try String(contentsOf: files[1], encoding: .utf8),
      error: try String(contentsOf: files[2], encoding: .utf8))
  }
}
