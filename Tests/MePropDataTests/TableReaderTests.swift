import Foundation
import MePropData
import Testing

@Suite struct TableReaderTests {
  /// All rows of a text, the header first.
  private func rows(_ bytes: [UInt8], _ hints: TableHints = TableHints()) throws -> [[String]] {
    let folder = try TemporaryFolder()
    let url = try folder.write(bytes, to: "a.csv")
    let reader = try TableReader(InputFile(path: url.path), hints: hints)
    var rows = [reader.names]
    while try reader.next() {
      rows.append(try (0..<reader.fieldCount).map { try reader.text($0) })
    }
    return rows
  }

  private func rows(_ text: String, _ hints: TableHints = TableHints()) throws -> [[String]] {
    try rows(Array(text.utf8), hints)
  }

  /// The error of reading a text, with the path taken away.
  private func failure(_ bytes: [UInt8], _ hints: TableHints = TableHints()) -> String {
    do {
      return "no error: \(try rows(bytes, hints))"
    } catch {
      return "\(error)".replacing(/^.*a\.csv/, with: "")
    }
  }

  private func failure(_ text: String) -> String { failure(Array(text.utf8)) }

  @Test(arguments: [",", ";", "\t", "|"], ["\n", "\r\n", "\r"])
  func tellsDelimitersAndTakesAllLineEnds(delimiter: String, end: String) throws {
    let lines = [["name", "age", "city"], ["Ann", "31", "Bonn"], ["Bo", "", "a b"]]
    for last in ["", end] {
      let text = lines.map { $0.joined(separator: delimiter) }.joined(separator: end) + last
      #expect(try rows(text) == lines)
      #expect(try rows([0xef, 0xbb, 0xbf] + Array(text.utf8)) == lines)
    }
  }

  @Test func quotedFieldsHoldDelimitersQuotesAndLineEnds() throws {
    let text = "a,b\n\"1,5\",\"say \"\"hi\"\"\"\n \"x\ny\" , z \n\"\",\"\"\"\"\n\n5\" disk,q\n"
    #expect(
      try rows(text)
        == [["a", "b"], ["1,5", "say \"hi\""], ["x\ny", "z"], ["", "\""], ["5\" disk", "q"]])
  }

  @Test func linesAreThoseInWhichRowsBegin() throws {
    let folder = try TemporaryFolder()
    let url = try folder.write("a,b\n\"1\n2\n3\",4\n\n5,6\n", to: "a.csv")
    let reader = try TableReader(InputFile(path: url.path))
    var lines: [Int] = []
    while try reader.next() { lines.append(reader.lineNumber) }
    #expect(lines == [2, 6])
  }

  @Test(arguments: ["\n", "\r\n", "\r"], [false, true])
  func partsOfATableAreTheWhole(end: String, packed: Bool) throws {
    let lines = [
      "a,b", "1,\"x\(end)y\"", "2,z", "", "3,\"\"\"\"", "4,last",
    ]
    let folder = try TemporaryFolder()
    for hasHeader in [true, false] {
      for mark in [[], [0xef, 0xbb, 0xbf]] as [[UInt8]] {
        let text = mark + Array(lines.dropFirst(hasHeader ? 0 : 1).joined(separator: end).utf8)
        let url = try folder.write(packed ? gzip(text) : text, to: "a.csv")
        let table = try TableReader(InputFile(path: url.path))
        var (places, rows) = ([table.place], [] as [String])
        #expect(table.place == table.firstRow)
        while try table.next() {
          rows.append(try table.text(0) + table.text(1) + "\(table.lineNumber)")
          places.append(table.place)
        }
        #expect(rows.count == 4)
        #expect(places[4].offset == text.count)
        for first in 0..<4 {
          for last in first...4 {
            let part = try TableReader(table, from: places[first], upTo: places[last].offset)
            var found: [String] = []
            while try part.next() {
              found.append(try part.text(0) + part.text(1) + "\(part.lineNumber)")
            }
            #expect(found == Array(rows[first..<last]))
            #expect(part.place.offset >= places[last].offset)
          }
        }
        guard !packed else {
          #expect(table.seekableSize == nil)
          continue
        }
        #expect(table.seekableSize == text.count)
        for offset in places[0].offset + 1...text.count {
          let rest = text[(offset - 1)...]
          var expected = rest.firstIndex { $0 == 0x0a || $0 == 0x0d }.map { $0 + 1 } ?? text.count
          if expected < text.count, text[expected - 1] == 0x0d, text[expected] == 0x0a {
            expected += 1
          }
          #expect(try table.likelyRow(from: offset) == expected)
        }
      }
    }
  }

  @Test func aFirstRowOfValuesIsNoHeader() throws {
    #expect(try rows("1,2\n3,4\n") == [["column1", "column2"], ["1", "2"], ["3", "4"]])
    #expect(try rows("x,2024-01-31\ny,2024-02-01\n").first == ["column1", "column2"])
    #expect(try rows("x,y\nx,z\nx,y\n").first == ["column1", "column2"])
    #expect(try rows("x,y\n1,2\n").first == ["x", "y"])
    // What is expected by name is a header whatever else is in it.
    #expect(try rows("2019,y\n1,2\n", TableHints(names: ["y"])).first == ["2019", "y"])
    #expect(try rows("x,y\n1,2\n", TableHints(hasHeader: false)).count == 3)
  }

  @Test func namesThatRepeatOrAreEmptyAreMadeDifferent() throws {
    let folder = try TemporaryFolder()
    let url = try folder.write("a,b,a,,a\nu,v,w,x,y\n", to: "a.csv")
    let reader = try TableReader(InputFile(path: url.path), hints: TableHints(hasHeader: true))
    #expect(reader.names == ["a", "b", "a.2", "column4", "a.3"])
    #expect(reader.repeatedNames == ["a"])
  }

  @Test func decimalCommasAreTold() throws {
    func dialect(_ text: String) throws -> TableDialect {
      let folder = try TemporaryFolder()
      return try TableReader(InputFile(path: folder.write(text, to: "a.csv").path)).dialect
    }
    #expect(try dialect("a;b\n1,5;x\n2,25;y\n").hasDecimalComma)
    #expect(try dialect("a;b\n1.234,5;x\n2.000,25;y\n").hasDecimalComma)
    #expect(try dialect("a,b\n\"1,5\",x\n\"2,25\",y\n").hasDecimalComma)
    #expect(try !dialect("a,b\n\"1,500\",x\n\"2,250\",y\n").hasDecimalComma)
    #expect(try !dialect("a;b\n1.5;x\n2.25;y\n").hasDecimalComma)
  }

  @Test func raggedRowsNameTheLine() {
    #expect(
      failure("a,b\n1,2\n\n3\n").hasPrefix(
        ":4: expected 2 fields as in the first row, found 1; mend"))
    #expect(failure("a,b\n\"1\n\",2\n3,4,5\n").hasPrefix(":4: expected 2 fields"))
  }

  @Test func whatIsNoTableIsSaid() {
    #expect(failure("").hasPrefix(": is empty"))
    #expect(failure("\n \n").hasPrefix(": is empty"))
    #expect(failure("a,b\n1,\"2\n3,4\n").hasPrefix(":2: the quote of a field"))
    #expect(
      failure("a,b\n1,\"2\"x,3\n").hasPrefix(":2: field 2 goes on with \"x,3\" after its closing"))
    #expect(failure([0xff, 0xfe, 0x61, 0]).contains("is UTF-16 text"))
    #expect(failure([0x61, 0, 0x62]).contains("bytes that no text has"))
    #expect(failure(Array("a,b\n1,".utf8) + [0xe4, 0x0a]).contains(":2: column 'b' is not UTF-8"))
  }

  @Test func rowsLongerThanTheBufferAndGzipAreRead() throws {
    let long = String(repeating: "ab\"\"c,", count: 100_000)
    let text = "x,y\n1,\"\(long)\"\n" + (0..<50_000).map { "\($0),v\n" }.joined()
    let expected = try rows(text)
    #expect(expected.count == 50_002)
    #expect(expected[1][1] == long.replacing("\"\"", with: "\""))
    #expect(expected[50_001] == ["49999", "v"])
    #expect(try rows(try gzip(Array(text.utf8))) == expected)
  }

  // MARK: Fields

  private func number(_ text: String, _ comma: Bool = false) -> Double? {
    Array(text.utf8).withUnsafeBytes { TableField.number($0, decimalComma: comma) }
  }

  @Test func numbersAreThoseOfTheStandardLibrary() {
    for text in [
      "0", "-1", "+2.5", ".25", "7.", "1e3", "-2.5E-7", "123456789012345678", "0.1", "1e308",
      "4.9e-324", "12345678901234567890.5", "0.00000000000000000000000001", "9007199254740993",
    ] {
      #expect(number(text) == Double(text), "\(text)")
    }
    for text in [
      "", "-", ".", "e5", "1e", "1e+", "0x10", "inf", "nan", "1 2", "1.2.3", "--1", "1e400", "12%",
      "1,23", "1,2345", ",123", "1,234,56",
    ] {
      #expect(number(text) == nil, "\(text)")
    }
    #expect(number("1,234") == 1234 && number("-12,345,678.5") == -12_345_678.5)
    #expect(number("1,5", true) == 1.5 && number("1.234,5", true) == 1234.5)
    #expect(number("1 234,5", true) == 1234.5 && number("1.5", true) == nil)
  }

  @Test func whatStandsForNothingIsMissing() {
    func isMissing(_ text: String) -> Bool {
      Array(text.utf8).withUnsafeBytes { TableField.isMissing($0) }
    }
    for text in [
      "", "NA", "na", "N/A", "NaN", "NULL", "null", "None", "?", "-", "--", ".", "#N/A", "<NA>",
      "\\N", "nil", "(null)", "-nan",
    ] {
      #expect(isMissing(text), "\(text)")
    }
    for text in ["0", "no", "nat", "-1", "Nan Goldin", "a", "..", "n"] {
      #expect(!isMissing(text), "\(text)")
    }
  }

  @Test func datesAreReadWithTimesAndOrders() {
    func date(_ text: String, _ order: DateOrder = .monthFirst) -> TableDate? {
      Array(text.utf8).withUnsafeBytes { TableField.date($0, preferred: order) }
    }
    #expect(date("1970-01-01")?.days == 0 && date("1970-01-01")?.weekday == 3)
    #expect(date("2024-02-29")?.days == 19_782 && date("2024-02-29")?.hour == nil)
    #expect(date("2024/02/29")?.days == 19_782 && date("29.02.2024")?.days == 19_782)
    #expect(date("2/29/2024")?.days == 19_782 && date("29/2/2024")?.days == 19_782)
    #expect(date("3/4/2024")?.month == 3 && date("3/4/2024", .dayFirst)?.month == 4)
    #expect(date("3/4/2024")?.isAmbiguous == true && date("31/4/2024")?.isAmbiguous == false)
    #expect(date("1970-01-02T12:00:00Z")?.days == 1.5)
    #expect(date("1970-01-02 12:00")?.hour == 12)
    let seconds: Double = 86_400 + 11 * 3600 + 0.5
    #expect(date("1970-01-02T12:00:00.5+01:00")?.days == seconds / 86_400)
    #expect(date("1969-12-31")?.days == -1 && date("1969-12-31")?.weekday == 2)
    for text in ["2024-13-01", "2024-02-32", "20240229", "1.2.3", "2024-02-29x", "12:00", "a-b-c"] {
      #expect(date(text) == nil, "\(text)")
    }
  }
}
