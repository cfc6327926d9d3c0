import Foundation
import MePropData
import Testing

@Suite struct TableProfileTests {
  private func profile(_ text: String, _ hints: TableHints = TableHints()) throws -> TableProfile {
    let folder = try TemporaryFolder()
    return try TableProfile(path: folder.write(text, to: "a.csv").path, hints: hints)
  }

  @Test func columnsAreToldApart() throws {
    let lines: [String] = (0..<200).map { (row: Int) -> String in
      let x: String = row % 7 == 0 ? "?" : "\(Double(row) / 4)"
      let word: String = ["a", "b", "c"][row % 3]
      let day: String = "2024-01-\(10 + row % 20)"
      let key: String = "key-\(row * 7919 % 1000)-\(row)"
      let truth: String = row % 2 == 0 ? "true" : "FALSE"
      let mostly: String = row == 5 ? "unknown" : "\(row % 50)"
      return "\(row),\(x),\(word),\(day),same,\(key),,\(truth),\(mostly)"
    }
    let table = try profile("i,x,c,d,k,id,e,t,m\n" + lines.joined(separator: "\n"))
    #expect(table.rowCount == 200)
    #expect(
      table.columns.map(\.kind) == [
        .number, .number, .category, .date, .constant, .identifier, .constant, .category, .number,
      ])
    let x = table.columns[1]
    #expect(x.missingCount == 29 && x.numberCount == 171 && !x.isWhole)
    #expect(table.columns[0].isWhole && table.columns[0].largest == 199)
    let values = (0..<200).filter { $0 % 7 != 0 }.map { Double($0) / 4 }
    let mean = values.reduce(0, +) / Double(values.count)
    let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    #expect(abs(x.mean - mean) < 1e-9)
    #expect(abs(x.deviation - (squares / Double(values.count)).squareRoot()) < 1e-9)
    #expect(x.sortedSample == values)
    #expect(table.columns[2].sortedValues.map(\.text) == ["a", "b", "c"])
    #expect(table.columns[2].sortedValues.map(\.count) == [67, 67, 66])
    #expect(table.columns[8].exampleOfText?.text == "unknown")
    #expect(table.columns[8].exampleOfText?.line == 7)
  }

  @Test func ordersOfDatesAreToldFromThoseThatHaveOne() throws {
    let table = try profile("d,m\n3/4/2024,3/4/2024\n31/4/2024,4/31/2024\n")
    #expect(table.columns.map(\.dateOrder) == [.dayFirst, .monthFirst])
  }

  @Test func numbersSortAsNumbersAndWordsAsWords() throws {
    let table = try profile("a,b\n10,x\n9,z\n100,y\n")
    #expect(table.columns[0].sortedValues.map(\.text) == ["9", "10", "100"])
    #expect(table.columns[1].sortedValues.map(\.text) == ["x", "y", "z"])
  }

  @Test func aHeaderAloneAndBytesThatAreNotUTF8AreRefused() throws {
    #expect(throws: TableError.self) { try profile("a,b\n") }
    let folder = try TemporaryFolder()
    let url = try folder.write(Array("a,b\n1,x\n2,".utf8) + [0xff, 0x0a], to: "a.csv")
    #expect(throws: TableError.notUTF8(path: url.path, line: 3, column: "b")) {
      try TableProfile(path: url.path)
    }
  }

  @Test func theSampleIsDrawnEvenly() throws {
    let count = ColumnProfile.sampleSize * 4
    let table = try profile("x\n" + (0..<count).map { "\($0)\n" }.joined())
    let sample = table.columns[0].sortedSample
    #expect(sample.count == ColumnProfile.sampleSize)
    let mean = sample.reduce(0, +) / Double(sample.count)
    // Four deviations of the mean of a uniform sample.
    let tolerance = 4 * Double(count) / 12.0.squareRoot() / Double(sample.count).squareRoot()
    #expect(abs(mean - Double(count) / 2) < tolerance)
  }

  @Test func textsHaveTheNumbersOfTheirComing() {
    var dictionary = ByteDictionary()
    let texts = (0..<5000).map { "\($0 * 7919 % 5000)\(String(repeating: "x", count: $0 % 20))" }
    for (index, text) in texts.enumerated() {
      Array(text.utf8).withUnsafeBytes {
        #expect(dictionary.find($0) == nil)
        #expect(dictionary.insert($0) == index)
      }
    }
    for (index, text) in texts.enumerated() {
      Array(text.utf8).withUnsafeBytes {
        #expect(dictionary.find($0) == index && dictionary.insert($0) == index)
      }
    }
    #expect(dictionary.texts == texts)
    Array("none".utf8).withUnsafeBytes { #expect(dictionary.find($0) == nil) }
    Array("".utf8).withUnsafeBytes { #expect(dictionary.find($0) == nil) }
  }
}
