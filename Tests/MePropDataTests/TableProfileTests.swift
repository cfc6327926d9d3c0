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

  /// Profiles of so many parts of a table of equal numbers of rows, joined.
  private func joined(_ text: String, parts: Int) throws -> TableProfile {
    let folder = try TemporaryFolder()
    let path = try folder.write(text, to: "a.csv").path
    let table = try TableReader(InputFile(path: path))
    var places = [table.firstRow]
    while try table.next() { places.append(table.place) }
    var result = TableProfile(of: table)
    for part in 0..<parts {
      let bounds = [part, part + 1].map { places[(places.count - 1) * $0 / parts] }
      let reader = try TableReader(table, from: bounds[0], upTo: bounds[1].offset)
      var profile = TableProfile(of: table, part: part)
      while try reader.next() { try profile.add(reader) }
      var copy = TableProfile(of: table, part: part)
      copy.read(profile.message)
      result.merge(copy)
    }
    return result
  }

  @Test(arguments: [1, 2, 3, 7])
  func profilesOfPartsAreThatOfTheWhole(parts: Int) throws {
    let lines = (0..<900).map { row -> String in
      let x = row % 7 == 0 ? "?" : "\(Double(row) / 4)"
      let day = row % 3 == 0 ? "2024-01-\(10 + row % 20)" : "\(1 + row % 28)/4/2023 10:30"
      let mixed = row < 400 ? "\(row)" : "2024-01-\(10 + row % 20)"
      return "\(x),\(["a", "b", "c"][row % 3]),\(day),key-\(row),\(row == 5 ? "odd" : "4"),\(mixed)"
    }
    let text = "x,c,d,id,m,mixed\n" + lines.joined(separator: "\n\n")
    let (whole, found) = (try profile(text), try joined(text, parts: parts))
    #expect(found.rowCount == 900)
    for (one, other) in zip(whole.columns, found.columns) {
      #expect(one.kind == other.kind)
      #expect(one.rowCount == other.rowCount && one.missingCount == other.missingCount)
      #expect(one.numberCount == other.numberCount && one.dateCount == other.dateCount)
      #expect(one.values.texts == other.values.texts && one.counts == other.counts)
      #expect(one.smallest == other.smallest && one.largest == other.largest)
      #expect(abs(one.mean - other.mean) <= 1e-9 * abs(one.mean))
      #expect(abs(one.deviation - other.deviation) <= 1e-9 * one.deviation)
      #expect(one.sortedSample == other.sortedSample)
      #expect(one.dateOrder == other.dateOrder && one.hasTimes == other.hasTimes)
      #expect(one.exampleOfText?.text == other.exampleOfText?.text)
    }
  }

  @Test func theSampleOfPartsIsDrawnEvenly() throws {
    let count = ColumnProfile.sampleSize * 3
    let text = "x\n" + (0..<count).map { "\($0)\n" }.joined()
    let sample = try joined(text, parts: 3).columns[0].sortedSample
    #expect(sample.count == ColumnProfile.sampleSize)
    #expect(Set(sample).count == sample.count)
    for third in 0..<3 {
      let bounds = Double(count / 3 * third)..<Double(count / 3 * (third + 1))
      let share = Double(sample.count { bounds.contains($0) }) / Double(sample.count)
      // Four deviations of a share of a third.
      #expect(abs(share - 1 / 3) < 4 * (2.0 / 9 / Double(sample.count)).squareRoot())
    }
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
