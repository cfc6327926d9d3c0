// Files that were made to harm: small ones that unpack without end, names that a terminal obeys.

import Foundation
import MePropData
import Testing

@Suite struct HostileFileTests {
  @Test(
    arguments: [
      ("plain", "plain"), ("a\u{1B}[2Jb", "a\\u{1B}[2Jb"), ("a\nb\tc\rd", "a\\nb\\tc\\rd"),
      ("\u{9B}1m\u{7F}", "\\u{9B}1m\\u{7F}"), ("\u{202E}cba", "\\u{202E}cba"),
      ("na\u{308}h \u{1F600} \u{200D}", "na\u{308}h \u{1F600} \u{200D}"), ("\0", "\\u{0}"),
    ])
  func controlCharactersAreShown(text: String, printable: String) {
    #expect(text.printable == printable)
    #expect(text.printable.printable == printable)
  }

  @Test func linesStayLines() {
    #expect("a\tb\nc\u{1B}\n".printableLines == "a\tb\nc\\u{1B}\n")
    #expect(String(repeating: "x", count: 100).printable(limit: 3) == "xxx…")
    #expect("abc".printable(limit: 3) == "abc")
  }

  @Test func zerosAfterGzipArePassedOver() throws {
    let folder = try TemporaryFolder()
    let packed = try gzip(Array("a\n".utf8)) + gzip(Array("b\n".utf8))
    func read(_ bytes: [UInt8]) throws -> [String] {
      let reader = LineReader(try InputFile(path: folder.write(bytes, to: "a.gz").path))
      var lines: [String] = []
      while let line = try reader.next() { lines.append(line) }
      return lines
    }
    for count in [1, 512, 300_000] {
      #expect(try read(packed + [UInt8](repeating: 0, count: count)) == ["a", "b"])
    }
    #expect { try read(packed + [0, 0, 1]) } throws: { "\($0)".contains("bytes that are not gzip") }
    #expect { try read(packed + [0] + packed) } throws: {
      "\($0)".contains("bytes that are not gzip")
    }
  }

  @Test func blankLinesWithoutEndAreRefused() throws {
    let folder = try TemporaryFolder()
    let url = try folder.write(
      try gzip([UInt8](repeating: 10, count: 3_000_000), level: 9), to: "blank.gz")
    let limit = "more than 1000000 blank lines"
    let readers: [() throws -> Void] = [
      { _ = try CoNLLUReader(path: url.path).next() },
      {
        let reader = try PlainTextSentences(path: url.path); while try reader.next() != nil {}
      },
      { _ = try CSVRows(path: url.path, fieldCount: 3).next() },
      { _ = try WordVectorReader(path: url.path) },
    ]
    for read in readers { #expect { try read() } throws: { "\($0)".contains(limit) } }
  }

  @Test func aSentenceWithoutEndIsRefused() throws {
    let folder = try TemporaryFolder()
    let words = (1...40_000).map { "\($0)\ta\t_\t_\t_\t_\t0\t_\t_\t_\n" }.joined()
    let url = try folder.write(words + "\n", to: "long.conllu")
    #expect { _ = try CoNLLUReader(path: url.path).next() } throws: {
      "\($0)".contains("long.conllu:16386: the sentence goes on beyond 16384 words")
    }
    let comments = try folder.write(
      String(repeating: "# \(String(repeating: "c", count: 998))\n", count: 20_000), to: "comments")
    #expect { _ = try CoNLLUReader(path: comments.path).next() } throws: {
      "\($0)".contains("16777216 bytes")
    }
    let plain = try folder.write(String(repeating: "a ", count: 16_385), to: "plain")
    #expect { _ = try PlainTextSentences(path: plain.path).next() } throws: {
      "\($0)".contains("plain:1: the sentence goes on beyond 16384 words")
    }
    let trees = try folder.write(
      Array(String(repeating: "(S\n", count: 300_000).utf8), to: "x-train.mrg")
    let reader = TreebankReader(TreebankPart(name: "train", files: [trees]))
    #expect { _ = try reader.next() } throws: { "\($0)".contains("the sentence goes on beyond") }
    let short = try folder.write(
      (1...16_384).map { "\($0)\ta\t_\t_\t_\t_\t0\t_\t_\t_\n" }.joined() + "\n", to: "short")
    #expect(try CoNLLUReader(path: short.path).next()?.wordCount == 16_384)
  }

  @Test func aTreebankThatUnpacksWithoutEndIsRefused() throws {
    let folder = try TemporaryFolder()
    let sentence = Array("1\ta\t_\tX\tX\t_\t0\troot\t_\t_\n\n".utf8)
    var text: [UInt8] = []
    while text.count < 70 << 20 { text += sentence }
    try folder.write(try gzip(text, level: 9), to: "x-train.conllu.gz")
    let reader = TreebankReader(try Treebank(folder: folder.url).required("train"))
    #expect { while try reader.next() != nil {} } throws: {
      "\($0)".contains("unpack to more than")
    }
  }

  @Test func imagesAreReadPieceByPiece() throws {
    let folder = try TemporaryFolder()
    let bytes = (0..<70).map { UInt8($0) }
    let url = folder.file("images")
    try IDX(dimensions: [7, 5, 2], bytes: bytes).write(to: url)
    for packed in [false, true] {
      let data = [UInt8](try Data(contentsOf: url))
      let file = try folder.write(packed ? try gzip(data) : data, to: "copy")
      let reader = try IDXReader(InputFile(path: file.path), rank: 3)
      #expect(reader.dimensions == [7, 5, 2])
      var pieces: [[UInt8]] = []
      while let piece = try reader.next(3) { pieces.append(piece) }
      #expect(pieces.map(\.count) == [30, 30, 10] && pieces.flatMap(\.self) == bytes)
      let longer = try folder.write(packed ? try gzip(data + [1]) : data + [1], to: "longer")
      let long = try IDXReader(InputFile(path: longer.path), rank: 3)
      #expect { while try long.next(3) != nil {} } throws: {
        "\($0)".contains("goes on at byte 86")
      }
      let shorter = try folder.write(try gzip(Array(data.dropLast(3))), to: "shorter")
      let short = try IDXReader(InputFile(path: shorter.path), rank: 3)
      #expect { while try short.next(3) != nil {} } throws: { "\($0)".contains("ends at byte 83") }
    }
  }

  @Test func moreThanTheMemoryIsRefusedBeforeItIsRead() throws {
    let memory = try #require(MemoryLimit.bytes)
    #expect(memory > 1 << 20)
    #expect(MemoryLimit.allows(memory / 2) && !MemoryLimit.allows(memory))
  }
}

@Suite struct FolderDigestTests {
  @Test func everyByteOfEveryFileCounts() throws {
    let folder = try TemporaryFolder()
    try folder.write("weights", to: "a.safetensors")
    try folder.write("{}", to: "b.json")
    #expect(try !FolderDigests.check(folder.url))
    try FolderDigests.contents(of: folder.url).write(to: folder.file(FolderDigests.fileName))
    #expect(try FolderDigests.check(folder.url))
    for name in ["a.safetensors", "b.json", FolderDigests.fileName] {
      let whole = try Data(contentsOf: folder.file(name))
      for place in whole.indices {
        var flipped = whole
        flipped[place] ^= 1
        try flipped.write(to: folder.file(name))
        #expect(throws: (any Error).self, "\(name), byte \(place)") {
          try FolderDigests.check(folder.url)
        }
      }
      try whole.write(to: folder.file(name))
      #expect(try FolderDigests.check(folder.url))
    }
    try FileManager.default.removeItem(at: folder.file("b.json"))
    #expect(throws: FolderDigestError.missing(path: folder.file("b.json").path)) {
      try FolderDigests.check(folder.url)
    }
  }
}

@Suite struct TreebankNameTests {
  private static let sentence = "1\ta\t_\tX\tX\t_\t0\troot\t_\t_\n\n"

  /// The words of the training part of a folder with these files, each of which has a word of its
  /// own, or the error.
  private func words(_ names: [String], told: NoticeLog = NoticeLog()) throws -> String {
    let folder = try TemporaryFolder()
    for (index, name) in names.enumerated() {
      let text = Self.sentence.replacing("a", with: "w\(index)")
      try folder.write(
        name.hasSuffix(".gz") ? try gzip(Array(text.utf8)) : Array(text.utf8), to: name)
    }
    return try told.during {
      do {
        let reader = TreebankReader(try Treebank(folder: folder.url).required("train"))
        var words: [String] = []
        while let sentence = try reader.next() { words += sentence.forms }
        return words.joined(separator: " ")
      } catch let error as TreebankError {
        return "\(error)"
      }
    }
  }

  @Test func piecesAreReadInTheOrderOfTheirNames() throws {
    #expect(try words(["x-ud-train-m.conllu", "x-ud-train-c.conllu"]) == "w1 w0")
    #expect(
      try words(["de_hdt-ud-train-a-2.conllu.gz", "de_hdt-ud-train-a-1.conllu", "x-dev.conllu"])
        == "w1 w0")
    #expect(try words(["x-train.conllu", "x-train-information.conllu"]) == "w0")
  }

  @Test(
    arguments: [
      ["x-train.conllu", "x-train-a.conllu"], ["x-train.conllu", "y-train.conllu"],
      ["x-train-a.conllu", "y-train-b.conllu"], ["x-train.conllu", "x-train.conll"],
    ])
  func whatMayBeTwoTreebanksIsRefused(names: [String]) throws {
    #expect(try words(names).contains("put treebanks into folders of their own"))
  }

  @Test func ofAPlainAndAPackedFileOneIsUsedAndTold() throws {
    let told = NoticeLog()
    #expect(try words(["x-train.conllu", "x-train.conllu.gz"], told: told) == "w0")
    #expect(told.lines.count == 1 && told.lines[0].contains("x-train.conllu: used; the packed"))
  }
}
