import Foundation
import MePropData
import Testing

@Suite struct CSVRowsTests {
  private func rows(_ text: String, fieldCount: Int = 3) throws -> [[Float]] {
    let folder = try TemporaryFolder()
    let reader = try CSVRows(
      path: try folder.write(text, to: "a.csv").path, fieldCount: fieldCount)
    var rows: [[Float]] = []
    while let row = try reader.next() { rows.append(row) }
    return rows
  }

  /// The error of reading `text`, with the path taken away.
  private func failure(_ text: String, fieldCount: Int = 3) -> String {
    do {
      return "no error: \(try rows(text, fieldCount: fieldCount))"
    } catch {
      return "\(error)".replacing(/^.*a\.csv/, with: "")
    }
  }

  @Test func takesCommasSpacesAndBothLineEnds() throws {
    let text = "\n1,2,3\r\n \t\n 4 5\t6 \n7 , 8,9\n-1.5,+2e3,.25"
    #expect(try rows(text) == [[1, 2, 3], [4, 5, 6], [7, 8, 9], [-1.5, 2000, 0.25]])
    #expect(try rows("") == [])
    #expect(try rows("\n\n") == [])
  }

  @Test func valuesAreThoseOfTheStandardLibrary() throws {
    let texts = ["0", "255", "9999999", "16777217", "123456789", "0.1", "1e-45", "3.4028235e38"]
    let found = try rows(texts.joined(separator: ","), fieldCount: texts.count)
    #expect(found == [try texts.map { try #require(Float($0)) }])
  }

  @Test(arguments: ["a,b,c", "\"x\",1,2", "# comment", "pixel0 pixel1 pixel2", "_,1,2", "e1,2,3"])
  func skipsAHeader(header: String) throws {
    let told = NoticeLog()
    let found = try told.during { try rows("\n\(header)\n1,2,3\n") }
    #expect(found == [[1, 2, 3]])
    // It is said, so that nobody misses a row.
    #expect(told.lines.count == 1 && told.lines[0].contains("a.csv:2: taken for a header"))
    // Only as the first line, and only once.
    #expect(failure("1,2,3\n\(header)\n").hasPrefix(":2:1: field 1 is"))
    #expect(failure("\(header)\n\(header)\n").hasPrefix(":2:1: field 1 is"))
  }

  @Test(
    arguments: [
      "\"1\",\"2\",\"3\"", "\"1\" \"2\" \"3\"", "1,\"2\",3", " \" 1\" , \"2 \" ,\"3\"",
    ])
  func numbersInQuotesAreNumbers(row: String) throws {
    let told = NoticeLog()
    let found = try told.during {
      (
        try rows(row), try rows("\(row)\n\(row)\n"),
        try rows("\"a\",\"b\",\"c\"\n\(row)\r\n")
      )
    }
    #expect(found.0 == [[1, 2, 3]])
    #expect(found.1 == [[1, 2, 3], [1, 2, 3]])
    #expect(found.2 == [[1, 2, 3]])
    #expect(told.lines.count == 1, "\(told.lines)")
  }

  /// Of a row that cannot be read nothing is lost in silence.
  @Test(
    arguments: [
      ("garbage\n", ":1: expected 3 numbers, found 1"),
      ("O,0,0\n0,0,0\n", ":1:1: field 1 is \"O\""),
      ("\"O\",0,0\n", ":1:1: field 1 is \"O\""), ("O,9,18\n", ":1:1: field 1 is \"O\""),
      ("O,2,1\n", ":1:1: field 1 is \"O\""),
      ("label,1,2,3\n5,1,2,3\n", ":1: expected 3 numbers, found 4; is the first or the last"),
      ("1,2,3,4\n", ":1: expected 3 numbers, found 4; is the first or the last a label?"),
      ("\"1,2,3\n", ":1:1: field 1 is"), ("\"1\"2,3,4", ":1:1: field 1 is"),
      ("\"\",1,2\n", ":1:1: field 1 is \"\""), ("1;2;3\n", ":1:1: field 1 is \"1;2;3\""),
    ])
  func whatIsNoRowIsAnError(text: String, message: String) {
    #expect(failure(text).hasPrefix(message), "\(failure(text))")
  }

  @Test func namesLineAndColumn() {
    #expect(
      failure("1,2,3\n\n4,x5,6\n") == ":3:3: field 2 is \"x5\", expected a finite number")
    #expect(failure("1x,2,3") == ":1:1: field 1 is \"1x\", expected a finite number")
    #expect(failure("1,,3") == ":1:3: field 2 is \"\", expected a finite number")
    #expect(failure("1,2,") == ":1:5: field 3 is \"\", expected a finite number")
    #expect(failure(",1,2") == ":1:1: field 1 is \"\", expected a finite number")
    #expect(failure("1,2\n") == ":1: expected 3 numbers, found 2")
    #expect(failure("a,b,c\n1,2,3,4,x\n") == ":2: expected 3 numbers, found 5")
  }

  @Test(arguments: ["nan", "NaN", "inf", "-inf", "Infinity", "1e39", "-1e39", "0x10", "1e", "--1"])
  func refusesWhatIsNotAFiniteDecimalNumber(field: String) {
    let message = "is \"\(field)\", expected a finite number"
    #expect(failure("1,2,\(field)") == ":1:5: field 3 \(message)")
    #expect(failure("\(field),2,3") == ":1:1: field 1 \(message)")
  }

  @Test func linesWithoutEndAreRefused() {
    let text = String(repeating: "1", count: 100_000)
    #expect(failure(text).hasPrefix(":1: line longer than"))
  }

  @Test func readsGzipAndReusesTheRow() throws {
    let folder = try TemporaryFolder()
    let line = (0..<784).map { String($0 % 256) }.joined(separator: ",") + "\n"
    let text = String(repeating: line, count: 50)
    let url = try folder.write(try gzip(Array(text.utf8)), to: "a.csv.gz")
    let reader = CSVRows(try InputFile(path: url.path), fieldCount: 784)
    var row: [Float] = []
    var count = 0
    while try reader.readRow(into: &row) {
      count += 1
      #expect(row == (0..<784).map { Float($0 % 256) })
      #expect(reader.lineNumber == count)
    }
    #expect(count == 50)
  }
}
