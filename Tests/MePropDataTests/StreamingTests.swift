import Foundation
import MePropData
import Testing

/// Sentences from a pipe: what has arrived is known without waiting.
@Suite struct StreamingTests {
  private final class TestPipe {
    let reading: FileHandle
    let writing: FileHandle
    init() {
      let pipe = Pipe()
      (reading, writing) = (pipe.fileHandleForReading, pipe.fileHandleForWriting)
    }
    func write(_ text: String) throws { try writing.write(contentsOf: Data(text.utf8)) }
  }

  private static let sentence = "1\ta\t_\t_\t_\t_\t0\t_\t_\t_\n"

  @Test(arguments: ["\n", "\r\n"])
  func aSentenceIsReadyWithItsBlankLine(lineEnd: String) throws {
    let pipe = TestPipe()
    let line = Self.sentence.replacing("\n", with: lineEnd)
    try pipe.write("# c\(lineEnd)")
    let reader = CoNLLUReader(try InputFile(handle: pipe.reading, name: "pipe"))
    #expect(try !reader.isNextReady())
    try pipe.write(line)
    #expect(try !reader.isNextReady())
    try pipe.write(lineEnd + "# next")
    #expect(try reader.isNextReady())
    #expect(try reader.next()?.forms == ["a"])
    #expect(try !reader.isNextReady())
    // Comments and blank lines do not end a sentence that has no words.
    try pipe.write(lineEnd + lineEnd + " " + lineEnd)
    #expect(try !reader.isNextReady())
    try pipe.write(line + lineEnd + line + lineEnd + line)
    #expect(try reader.isNextReady())
    #expect(try reader.next()?.firstLine == 4)
    #expect(try reader.isNextReady())
    #expect(try reader.next()?.forms == ["a"])
    #expect(try !reader.isNextReady())
    try pipe.writing.close()
    #expect(try reader.isNextReady())
    #expect(try reader.next()?.forms == ["a"])
    #expect(try reader.isNextReady())
    #expect(try reader.next() == nil)
  }

  @Test func aLineOfTextIsReadyWithItsEnd() throws {
    let pipe = TestPipe()
    try pipe.write("a b")
    let reader = PlainTextSentences(try InputFile(handle: pipe.reading, name: "pipe"))
    #expect(try !reader.isNextReady())
    try pipe.write("\nc")
    #expect(try reader.isNextReady())
    #expect(try reader.next() == ["a", "b"])
    #expect(try !reader.isNextReady())
    try pipe.writing.close()
    #expect(try reader.isNextReady())
    #expect(try reader.next() == ["c"])
  }

  @Test func filesAreAlwaysReady() throws {
    let url = FileManager.default.temporaryDirectory
      .appendingPathComponent("meprop-\(UUID().uuidString).txt")
    defer { try? FileManager.default.removeItem(at: url) }
    try Data("a\nb".utf8).write(to: url)
    let file = try InputFile(path: url.path)
    #expect(file.isReady)
    let reader = PlainTextSentences(file)
    while try reader.next() != nil { #expect(try reader.isNextReady()) }
  }
}
