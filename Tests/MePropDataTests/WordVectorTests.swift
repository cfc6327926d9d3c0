import Foundation
import MePropData
import Testing

@Suite struct WordVectorTests {
  private func read(
    _ text: Data, name: String = "v.txt"
  ) throws -> (dimension: Int, words: [(String, [Float])], path: String) {
    let folder = try TemporaryFolder()
    let url = folder.url.appendingPathComponent(name)
    try text.write(to: url)
    let reader = try WordVectorReader(path: url.path)
    var words: [(String, [Float])] = []
    var vector: [Float] = []
    while let word = try reader.next(into: &vector) { words.append((word, vector)) }
    return (reader.dimension, words, url.path)
  }

  private func error(_ text: String) -> String {
    do {
      _ = try read(Data(text.utf8))
      return "no error"
    } catch {
      return "\(error)"
    }
  }

  @Test(
    arguments: [
      "a 1 -2e-1\nder Hund 0.5 3\n", "2 2\r\na 1 -0.2 \r\nder Hund 0.5 3",
      "a\t1\t-.2\n\nder Hund 0.5 3",
      "\u{feff}2 2\na 1 -0.2\nder Hund 0.5 3\n",
    ])
  func bothFormats(text: String) throws {
    let (dimension, words, _) = try read(Data(text.utf8))
    #expect(dimension == 2)
    #expect(words.map(\.0) == ["a", "der Hund"])
    #expect(words.map(\.1) == [[1, -0.2], [0.5, 3]])
  }

  @Test func packed() throws {
    let packed = Data(try gzip(Array("1 3\nword 1 2 3\n".utf8)))
    let (_, words, _) = try read(packed, name: "v.gz")
    #expect(words.map(\.1) == [[1, 2, 3]])
    #expect { _ = try read(packed.prefix(packed.count - 9), name: "v.gz") } throws: {
      "\($0)".contains("incomplete")
    }
  }

  @Test(
    arguments: [
      ("", ": is empty, expected a word and its numbers a line"),
      ("word\n", ":1: expected a word and its numbers with blanks between, found 1 field"),
      ("a 1 2\nb 1\n", ":2: expected a word and 2 numbers, found 2 fields"),
      ("a 1 2\nb 1 2 3\n", ":2: expected a word and 2 numbers, found 4 fields"),
      ("a 1 2\nb 1 x\n", ":2: field 3 is 'x', expected a finite number"),
      ("a 1 2\nb 1 nan\n", ":2: field 3 is 'nan', expected a finite number"),
      ("3 2\na 1 2\nb 1 2\n", ": expected 3 words as the first line says, found 2"),
    ])
  func errorsSayWhereAndWhat(text: String, message: String) {
    #expect(error(text).contains("v.txt" + message), "\(error(text))")
  }

  @Test func binaryVectorsAreRecognized() throws {
    let bytes = Data("2 2\na ".utf8) + Data([0xff, 0xfe, 0x10, 0x80, 10])
    #expect { _ = try read(bytes) } throws: { "\($0)".contains("v.txt:2: not UTF-8") }
  }

  /// Lines of real files: words that were cut inside a character, words that are empty.
  @Test(arguments: ["5 2\n", ""])
  func damagedWordsArePassedOver(head: String) throws {
    let bytes =
      Data((head + "a 1 2\n").utf8) + Data([0xe2, 0x82]) + Data(" 3 4\n".utf8)
      + Data(" 5 6\nb 7 8\n\u{a0} 9 10\n".utf8)
    let (dimension, words, _) = try read(bytes)
    #expect(dimension == 2)
    #expect(words.map(\.0) == ["a", "b", "\u{a0}"])
    #expect(words.map(\.1) == [[1, 2], [7, 8], [9, 10]])
  }

  @Test func whatWasPassedOverIsCounted() throws {
    let folder = try TemporaryFolder()
    let lines = (0..<3000).map { "w\($0) 1 2\n" }
    let url = folder.url.appendingPathComponent("v.txt")
    try Data((lines.joined() + "x 1 nan\n 3 4\n").utf8).write(to: url)
    let reader = try WordVectorReader(path: url.path)
    var vector: [Float] = []
    var count = 0
    while try reader.next(into: &vector) != nil { count += 1 }
    #expect(count == 3000 && reader.skippedCount == 2)
    #expect("\(try #require(reader.firstSkipped))".contains("v.txt:3001: field 3 is 'nan'"))
  }

  @Test func aPromiseOfTooManyNumbersIsNoTrap() {
    #expect(error("1 \(Int.max)\na 1\n").contains("expected at most 100000 numbers a word"))
    #expect(error("\(Int.max) 1\na 1\n").contains("expected \(Int.max) words"))
  }
}
