import Foundation
import MePropData
import Testing

@Suite struct InputFileTests {
  @Test(arguments: [0, 1, 2, 3, 262_143, 262_144, 262_145, 1_000_003])
  func readsPlainAndGzipAlike(count: Int) throws {
    let folder = try TemporaryFolder()
    let bytes = noise(count, alphabet: 7, seed: UInt64(count))
    let plain = try folder.write(bytes, to: "plain.gz")
    let packed = try folder.write(try gzip(bytes), to: "packed.bin")
    for step in [997, 300_000] {
      #expect(try readAll(plain, step: step) == bytes)
      #expect(try readAll(packed, step: step) == bytes)
    }
    #expect(try InputFile(path: packed.path).isCompressed)
    #expect(try !InputFile(path: plain.path).isCompressed)
    #expect(try InputFile(path: plain.path).storedSize == count)
  }

  @Test func readsSeveralMembers() throws {
    let folder = try TemporaryFolder()
    let url = try folder.write(try gzip([1, 2, 3]) + gzip([]) + gzip([4, 5]), to: "a.gz")
    #expect(try readAll(url) == [1, 2, 3, 4, 5])
    #expect(try readAll(url, step: 1) == [1, 2, 3, 4, 5])
  }

  @Test func readsPipesThatDeliverByteByByte() throws {
    let pipe = Pipe()
    let packed = try gzip(Array("hello\nworld".utf8))
    let writing = pipe.fileHandleForWriting
    Thread.detachNewThread {
      for byte in packed { writing.write(Data([byte])) }
      try? writing.close()
    }
    let lines = LineReader(try InputFile(handle: pipe.fileHandleForReading, name: "a pipe"))
    #expect(try lines.next() == "hello")
    #expect(try lines.next() == "world")
    #expect(try lines.next() == nil)
  }

  @Test func truncationAnywhereIsAnErrorAtTheEndOfTheFile() throws {
    let folder = try TemporaryFolder()
    let packed = try gzip(noise(3_000, alphabet: 9))
    for count in [2, 5, 17, packed.count / 2, packed.count - 8, packed.count - 1] {
      let url = try folder.write(Array(packed[..<count]), to: "cut.gz")
      #expect(throws: DataFormatError.gzipTruncated(path: url.path, packedOffset: count)) {
        try readAll(url)
      }
    }
  }

  @Test func damageIsFoundWhereverItIs() throws {
    let folder = try TemporaryFolder()
    let bytes = noise(20_000, alphabet: 9)
    let packed = try gzip(bytes)
    // Method, data, checksum, length. (Time stamp, flags and system may be anything.)
    for position in [2, 20, packed.count / 2, packed.count - 8, packed.count - 1] {
      var damaged = packed
      damaged[position] ^= 0x55
      let url = try folder.write(damaged, to: "damaged.gz")
      #expect("byte \(position)") {
        _ = try readAll(url)
      } throws: {
        guard case .gzipDamaged(url.path, let offset, let reason) = $0 as? DataFormatError else {
          return false
        }
        return offset > position && offset <= packed.count && !reason.isEmpty
      }
    }
  }

  @Test func bytesAfterTheStreamAreAnError() throws {
    let folder = try TemporaryFolder()
    let packed = try gzip([1, 2, 3])
    for extra: [UInt8] in [[1], [7, 0], Array("x".utf8)] {
      let url = try folder.write(packed + extra, to: "long.gz")
      #expect(
        throws: DataFormatError.gzipTrailingBytes(path: url.path, packedOffset: packed.count)
      ) { try readAll(url) }
    }
    // It is the start of another member, but none follows.
    let url = try folder.write(packed + [0x1f], to: "long.gz")
    #expect(
      throws: DataFormatError.gzipTruncated(path: url.path, packedOffset: packed.count + 1)
    ) { try readAll(url) }
  }

  @Test func whatCannotBeOpenedSaysWhy() throws {
    let folder = try TemporaryFolder()
    let missing = folder.file("none").path
    #expect {
      try InputFile(path: missing)
    } throws: {
      "\($0)" == "\(missing): cannot be opened (No such file or directory); "
        + "check the name and the rights of the file"
    }
    #expect {
      try InputFile(path: folder.url.path)
    } throws: {
      "\($0)".contains("Is a directory")
    }
  }
}

@Suite struct LineReaderTests {
  @Test func takesBothLineEndsAndAMissingLastOne() throws {
    let folder = try TemporaryFolder()
    let url = try folder.write("\u{feff}ä\r\n\n b \r\n\r\nlast", to: "a.txt")
    let lines = LineReader(try InputFile(path: url.path))
    var found: [String] = []
    while let line = try lines.next() { found.append(line) }
    #expect(found == ["ä", "", " b ", "", "last"])
    #expect(lines.lineNumber == 5)
    #expect(try lines.next() == nil)
  }

  @Test func linesOfAllLengthsSurviveTheBuffer() throws {
    let folder = try TemporaryFolder()
    let lengths = [0, 1, 65_534, 65_535, 65_536, 65_537, 3, 200_000, 7, 131_072, 0]
    let text = lengths.map { String(repeating: "x", count: $0) }
    let url = try folder.write(try gzip(Array(text.joined(separator: "\n").utf8)), to: "a.gz")
    let lines = LineReader(try InputFile(path: url.path))
    var found: [Int] = []
    while let line = try lines.next() { found.append(line.utf8.count) }
    // The last line is empty and has no end: it is no line.
    #expect(found == Array(lengths.dropLast()))
  }

  @Test func namesTheLineThatIsTooLongOrNotText() throws {
    let folder = try TemporaryFolder()
    let long = try folder.write("abc\nabcd\nabcde\n", to: "long.txt")
    let lines = LineReader(try InputFile(path: long.path), maximumLineLength: 4)
    #expect(try lines.next() == "abc")
    #expect(try lines.next() == "abcd")
    #expect(throws: DataFormatError.lineTooLong(path: long.path, line: 3, limit: 4)) {
      try lines.next()
    }
    let binary = try folder.write([0x61, 10, 0xff, 0xfe, 10], to: "binary")
    let reader = LineReader(try InputFile(path: binary.path))
    _ = try reader.next()
    #expect(throws: DataFormatError.notUTF8(path: binary.path, line: 2)) { try reader.next() }
  }
}
