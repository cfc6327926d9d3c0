import Foundation
import MePropData
import Testing

@Suite struct AtomicFileTests {
  private struct Interruption: Error {}

  @Test func createsAndReplaces() throws {
    let folder = try TemporaryFolder()
    let url = folder.file("a.txt")
    try AtomicFile.write("first, and longer", to: url)
    try AtomicFile.write([UInt8](arrayLiteral: 1, 2), to: url)
    #expect(try Array(Data(contentsOf: url)) == [1, 2])
    #expect(try folder.names() == ["a.txt"])
  }

  @Test func piecesOfAllSizesArriveInOrder() throws {
    let folder = try TemporaryFolder()
    let sizes = [0, 1, 65_535, 65_536, 65_537, 3, 200_000, 65_533, 5]
    let pieces = sizes.enumerated().map { noise($0.element, seed: UInt64($0.offset + 1)) }
    try AtomicFile.write(to: folder.file("a")) { writer in
      for piece in pieces { try writer.write(piece) }
      try writer.write("end")
    }
    let expected = pieces.flatMap { $0 } + Array("end".utf8)
    #expect(try Array(Data(contentsOf: folder.file("a"))) == expected)
  }

  @Test func failureLeavesTheOldContentsAndNothingElse() throws {
    let folder = try TemporaryFolder()
    let url = try folder.write("old", to: "a")
    #expect(throws: Interruption.self) {
      try AtomicFile.write(to: url) { writer in
        try writer.write(noise(100_000))
        throw Interruption()
      }
    }
    #expect(try String(contentsOf: url, encoding: .utf8) == "old")
    #expect(try folder.names() == ["a"])
  }

  @Test func leftoversOfAKilledProcessAreWrittenOver() throws {
    let folder = try TemporaryFolder()
    try folder.write("half of a much longer file", to: ".a.tmp")
    try AtomicFile.write("new", to: folder.file("a"))
    #expect(try String(contentsOf: folder.file("a"), encoding: .utf8) == "new")
    #expect(try folder.names() == ["a"])
  }

  @Test func writersOfOneFileTakeTurns() async throws {
    let folder = try TemporaryFolder()
    let url = folder.file("a")
    try await withThrowingTaskGroup(of: Void.self) { group in
      for byte in UInt8(1)...8 {
        group.addTask {
          for _ in 0..<5 {
            try AtomicFile.write(to: url) { writer in
              try writer.write([UInt8](repeating: byte, count: 70_000))
              Thread.sleep(forTimeInterval: 0.001)
              try writer.write([UInt8](repeating: byte, count: Int(byte)))
            }
            let found = try Array(Data(contentsOf: url))
            let first = try #require(found.first)
            #expect(found == [UInt8](repeating: first, count: 70_000 + Int(first)))
          }
        }
      }
      try await group.waitForAll()
    }
    #expect(try folder.names() == ["a"])
  }

  @Test func saysWhatIsInTheWay() throws {
    let folder = try TemporaryFolder()
    let orphan = folder.file("none/a")
    #expect(throws: FileWriteError.noFolder(path: orphan.path)) {
      try AtomicFile.write("x", to: orphan)
    }
    let occupied = folder.file("folder")
    try FileManager.default.createDirectory(at: occupied, withIntermediateDirectories: false)
    #expect(
      throws: FileWriteError.failed(
        path: occupied.path, operation: "renaming the temporary file", reason: "Is a directory")
    ) { try AtomicFile.write("x", to: occupied) }
    #expect(try folder.names() == ["folder"])
    guard geteuid() != 0 else { return }
    chmod(folder.url.path, 0o500)
    defer { chmod(folder.url.path, 0o700) }
    #expect(throws: FileWriteError.notPermitted(path: folder.file("b").path)) {
      try AtomicFile.write("x", to: folder.file("b"))
    }
  }

  @Test func aFullDiskHasItsOwnError() throws {
    let device = open("/dev/full", O_WRONLY)
    guard device >= 0 else {
      print("SKIPPED aFullDiskHasItsOwnError: no /dev/full on this system")
      return
    }
    defer { close(device) }
    let writer = FileWriter(descriptor: device, path: "model.safetensors")
    try writer.write("buffered")
    #expect {
      try writer.flush()
    } throws: {
      "\($0)" == "model.safetensors: cannot be written, no space left on the disk (or quota "
        + "used up); free some space and run again"
    }
    #expect(throws: FileWriteError.diskFull(path: "model.safetensors")) {
      try writer.write(noise(100_000))
    }
  }
}
