// Temporary folders, gzip, data of the environment: what several tests of this target need.

import CZlib
import Foundation
import MePropData
import Synchronization
import Testing

/// A folder that disappears with its owner.
final class TemporaryFolder {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory
      .appendingPathComponent("meprop-tests-\(UUID().uuidString)", isDirectory: true)
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  func file(_ name: String) -> URL { url.appendingPathComponent(name, isDirectory: false) }

  @discardableResult
  func write(_ bytes: [UInt8], to name: String) throws -> URL {
    try Data(bytes).write(to: file(name))
    return file(name)
  }

  @discardableResult
  func write(_ text: String, to name: String) throws -> URL {
    try write(Array(text.utf8), to: name)
  }

  func names() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: url.path).sorted()
  }
}

/// What was told to the user.
final class NoticeLog: Sendable {
  private let told = Mutex<[String]>([])

  var lines: [String] { told.withLock { $0 } }

  /// Takes the notices of what `body` does.
  func during<Result>(_ body: () throws -> Result) rethrows -> Result {
    try Notices.received(by: { line in self.told.withLock { $0.append(line) } }) {
      try body()
    }
  }
}

/// Packs bytes as one gzip member.
func gzip(_ bytes: [UInt8], level: Int32 = 6) throws -> [UInt8] {
  var stream = z_stream()
  let status = deflateInit2_(
    &stream, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
    Int32(MemoryLayout<z_stream>.size))
  try #require(status == Z_OK)
  defer { deflateEnd(&stream) }
  var input = bytes
  var output = [UInt8](repeating: 0, count: Int(deflateBound(&stream, uLong(bytes.count))))
  let count = try input.withUnsafeMutableBufferPointer { input in
    try output.withUnsafeMutableBufferPointer { output in
      stream.next_in = input.baseAddress
      stream.avail_in = uInt(input.count)
      stream.next_out = output.baseAddress
      stream.avail_out = uInt(output.count)
      try #require(deflate(&stream, Z_FINISH) == Z_STREAM_END)
      return output.count - Int(stream.avail_out)
    }
  }
  return Array(output[..<count])
}

/// Bytes that look random and are always the same; hardly packable unless `alphabet` is small.
func noise(_ count: Int, alphabet: UInt64 = 256, seed: UInt64 = 1) -> [UInt8] {
  var state = seed &* 0x9e37_79b9_7f4a_7c15
  return (0..<count).map { _ in
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return UInt8((state >> 33) % alphabet)
  }
}

/// Reads a whole file through `InputFile`, in pieces of `step` bytes.
func readAll(_ url: URL, step: Int = 100_000) throws -> [UInt8] {
  let file = try InputFile(path: url.path)
  var bytes: [UInt8] = []
  var piece = [UInt8](repeating: 0, count: step)
  while true {
    let count = try piece.withUnsafeMutableBytes { try file.read(into: $0) }
    if count == 0 { return bytes }
    bytes += piece[..<count]
  }
}

/// `$MEPROP_DATA`, or `nil` and a line that says what is not tested.
func developmentData(for test: String) -> URL? {
  guard let path = ProcessInfo.processInfo.environment["MEPROP_DATA"], !path.isEmpty else {
    print("SKIPPED \(test): MEPROP_DATA is not set")
    return nil
  }
  return URL(fileURLWithPath: path, isDirectory: true)
}
