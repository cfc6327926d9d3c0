import Foundation
import MePropData
import Testing

@Suite struct CoNLLUTests {
  private static let sample = """
    # sent_id = 1
    # text = don't go _
    1-2\tdon't\t_\t_\t_\t_\t_\t_\t_\t_
    1\tdo\tdo\tAUX\tVBP\t_\t3\taux\t_\t_
    2\tn't\tnot\tPART\tRB\t_\t3\tadvmod\t_\t_
    3\tgo\tgo\tVERB\tVB\t_\t0\troot\t_\t_
    3.1\tback\tback\tADV\tRB\t_\t_\t_\t3:advmod\t_
    4\t_\t_\tPUNCT\tNFP\t_\t3\tpunct\t_\tSpaceAfter=No

    # a comment alone stays with the sentence after it

    1\tnew York\tNew York\tPROPN\t_\t_\t0\troot\t_\t_

    """
  private static let crlf = sample.replacing("\n", with: "\r\n")

  private func sentences(_ bytes: [UInt8]) throws -> [CoNLLUSentence] {
    let folder = try TemporaryFolder()
    let reader = try CoNLLUReader(path: try folder.write(bytes, to: "a.conllu").path)
    var found: [CoNLLUSentence] = []
    while let sentence = try reader.next() { found.append(sentence) }
    return found
  }

  private func failure(_ text: String) -> String {
    do {
      return "no error: \(try sentences(Array(text.utf8)))"
    } catch {
      return "\(error)".replacing(/^.*a\.conllu/, with: "")
    }
  }

  @Test(arguments: [sample, crlf])
  func wordsAreWords(text: String) throws {
    let found = try sentences(Array(text.utf8))
    try #require(found.count == 2)
    #expect(found[0].forms == ["do", "n't", "go", "_"])
    #expect(found[0].values(of: .xpos) == ["VBP", "RB", "VB", "NFP"])
    #expect(found[0].field(.misc, ofWord: 3) == "SpaceAfter=No")
    #expect(found[0].line(ofWord: 3) == 8)
    #expect(found[1].forms == ["new York"])
    #expect(found[1].firstLine == 10)
    #expect(found[1].line(ofWord: 0) == 12)
  }

  @Test(
    arguments: [
      sample, crlf, String(sample.dropLast()), String(sample.dropLast(2)), String(crlf.dropLast()),
      "\n\n" + sample + "\n\n# the end", "\u{FEFF}" + sample, "", "\n", "# only a comment\n",
      sample.replacing("\n\n", with: "\n \t\n"), sample + "\r", sample.replacing("go", with: "gö"),
    ])
  func textsAddUpToTheFile(text: String) throws {
    #expect(try sentences(Array(text.utf8)).flatMap(\.text) == Array(text.utf8))
    #expect(try sentences(gzip(Array(text.utf8))).flatMap(\.text) == Array(text.utf8))
  }

  @Test(arguments: [sample, crlf, String(sample.dropLast()), "\u{FEFF}" + sample])
  func onlyThePredictedColumnChanges(text: String) throws {
    for column in [CoNLLUColumn.upos, .xpos, .feats, .misc, .id] {
      var written: [UInt8] = []
      for sentence in try sentences(Array(text.utf8)) {
        let same = sentence.values(of: column)
        var unchanged: [UInt8] = []
        sentence.append(replacing: column, with: same, to: &unchanged)
        #expect(unchanged == sentence.text)
        sentence.append(replacing: column, with: same.map { $0 + "ß" }, to: &written)
      }
      // The naive way: split every line of a word, change the field, join.
      let end = text.contains("\r\n") ? "\r\n" : "\n"
      let expected = text.components(separatedBy: end).map { line in
        var fields = line.components(separatedBy: "\t")
        guard fields.count == 10, Int(fields[0]) != nil else { return line }
        fields[column.rawValue] += "ß"
        return fields.joined(separator: "\t")
      }
      #expect(String(decoding: written, as: UTF8.self) == expected.joined(separator: end))
    }
  }

  @Test func errorsNameTheLine() {
    let word = "\tx\t_\t_\t_\t_\t_\t_\t_\t_\n"
    #expect(
      failure("# c\n1" + word + "2\tx\n")
        == ":3: expected 10 fields with tabs between, found 2; separate fields by single tabs")
    #expect(failure("hello world\n").hasPrefix(":1: expected 10 fields with tabs between, found 1"))
    #expect(failure("1" + word + "3" + word).hasPrefix(":2: the first field is \"3\", expected 2"))
    #expect(failure("1" + word + "1" + word).hasPrefix(":2: the first field is \"1\", expected 2"))
    #expect(failure("x" + word).hasPrefix(":1: the first field is \"x\", expected 1"))
    #expect(failure("1-" + word).hasPrefix(":1: the first field is \"1-\", expected 1"))
    #expect(failure("1\t\t_\t_\t_\t_\t_\t_\t_\t_\n").hasPrefix(":1: the second field"))
  }

  @Test func bytesThatAreNotUTF8() throws {
    var bytes = Array(Self.sample.utf8)
    let place = try #require(bytes.firstIndex(of: UInt8(ascii: "g")))
    bytes[place] = 0xff
    let line = bytes[..<place].count { $0 == 10 } + 1
    #expect {
      try sentences(bytes)
    } throws: { error in
      guard case DataFormatError.notUTF8(_, line) = error else { return false }
      return "\(error)".hasSuffix("a.conllu:\(line): not UTF-8 text; convert the file")
    }
  }

  @Test func aFileWithoutWordsIsAnErrorWhereWordsAreNeeded() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("# nothing\n\n", to: "a.conllu").path
    #expect(throws: CoNLLUError.noSentences(path: path)) { try CoNLLUReader.readAll(path: path) }
  }

  @Test func readsStandardInputBeforeItEnds() throws {
    let pipe = Pipe()
    let file = { try InputFile(handle: pipe.fileHandleForReading, name: "standard input") }
    try pipe.fileHandleForWriting.write(contentsOf: Data((Self.sample + "\n").utf8))
    let reader = CoNLLUReader(try file())
    // The writing end is open: a reader that wanted more than a sentence would wait for ever.
    #expect(try reader.next()?.forms == ["do", "n't", "go", "_"])
    #expect(try reader.next()?.forms == ["new York"])
    try pipe.fileHandleForWriting.close()
    #expect(try reader.next() == nil)
  }

  @Test func plainText() throws {
    let folder = try TemporaryFolder()
    let url = try folder.write("a  b\tc \r\n\n  \nein Döner", to: "a.txt")
    let reader = try PlainTextSentences(path: url.path)
    var found: [[String]] = []
    while let tokens = try reader.next() { found.append(tokens) }
    #expect(found == [["a", "b", "c"], [], [], ["ein", "Döner"]])
    #expect(reader.lineNumber == 4)
  }

  @Test func theEnglishWebTreebank() throws {
    guard let data = developmentData(for: "theEnglishWebTreebank") else { return }
    let folder = data.appendingPathComponent("ud-english-ewt")
    guard FileManager.default.fileExists(atPath: folder.path) else { return }
    let expected = [("train", 12_544, 204_577), ("dev", 2_001, 25_147), ("test", 2_077, 25_094)]
    for (part, sentenceCount, wordCount) in expected {
      let path = folder.appendingPathComponent("en_ewt-ud-\(part).conllu.gz").path
      let reader = try CoNLLUReader(path: path)
      var counts = (sentences: 0, words: 0)
      var bytes: [UInt8] = []
      while let sentence = try reader.next() {
        counts.sentences += 1
        counts.words += sentence.wordCount
        bytes += sentence.text
      }
      #expect(counts == (sentenceCount, wordCount))
      #expect(try readAll(URL(fileURLWithPath: path)) == bytes)
    }
  }
}
