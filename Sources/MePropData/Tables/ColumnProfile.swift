// What the values of a column are, counted while rows go by.

import Foundation
import MePropBase

/// What a column holds.
public enum ColumnKind: String, Sendable, Equatable, Codable {
  /// Numbers.
  case number
  /// Words, of which there are few beside the rows.
  case category
  /// Dates, perhaps with times.
  case date
  /// Another text in nearly every row: names, keys, sentences.
  case identifier
  /// One value, or none at all.
  case constant
}

/// Counts and figures of a column, in memory that does not grow with the rows.
public struct ColumnProfile: Sendable {
  /// The name.
  public let name: String
  /// All rows.
  public private(set) var rowCount = 0
  /// Fields that stand for nothing.
  public private(set) var missingCount = 0
  /// Fields that are numbers.
  public private(set) var numberCount = 0
  /// Fields that are dates.
  public private(set) var dateCount = 0
  /// Dates that can be read with day and month exchanged, and those that cannot, by their order.
  public private(set) var (dayFirstCount, monthFirstCount) = (0, 0)
  /// Whether some dates have a time.
  public private(set) var hasTimes = false
  /// Whether all numbers are whole.
  public private(set) var isWhole = true
  /// The smallest and the largest number, or date in days.
  public private(set) var (smallest, largest) = (Double.infinity, -Double.infinity)
  /// The mean of numbers or dates.
  public private(set) var mean = 0.0
  /// The different texts, in the order of their coming; no more than ``distinctLimit``.
  public private(set) var values = ByteDictionary()
  /// How often each of ``values`` came.
  public private(set) var counts: [Int] = []
  /// Whether there were more different texts than are kept.
  public private(set) var hasMoreValues = false
  /// The line of the first field that is not UTF-8; `nil`: all are.
  public private(set) var lineNotUTF8: Int?
  /// The longest text, in bytes.
  public private(set) var longest = 0
  /// A text that is neither number nor date, and its line, where most fields are numbers.
  public private(set) var exampleOfText: (text: String, line: Int)?

  /// How many different texts are told apart.
  public static let distinctLimit = 100_000
  /// The bytes of a text that is told apart from others.
  public static let lengthLimit = 1000
  /// How many numbers are kept to tell quantiles from, drawn evenly.
  public static let sampleSize = 32_768

  /// The dates that can be read with day and month exchanged.
  public private(set) var ambiguousDateCount = 0

  private var squares = 0.0
  private var sample: [Double] = []
  private var random: Philox

  /// Creates a profile of nothing.
  ///
  /// - Parameters:
  ///   - name: Of the column.
  ///   - index: Its place, for the random numbers.
  public init(_ name: String, index: Int) {
    self.name = name
    random = Philox(seed: 0x7461_626c, stream: RandomPurpose.task.stream(index))
  }

  /// Counts a field.
  ///
  /// - Parameters:
  ///   - bytes: The field.
  ///   - decimalComma: How numbers are written.
  ///   - line: Where it is.
  public mutating func add(
    _ bytes: UnsafeRawBufferPointer, decimalComma: Bool, line: Int
  ) {
    rowCount += 1
    if TableField.isMissing(bytes) {
      missingCount += 1
      return
    }
    longest = max(longest, bytes.count)
    countValue(bytes, line: line)
    if let number = TableField.number(bytes, decimalComma: decimalComma) {
      numberCount += 1
      if isWhole, number != number.rounded() || abs(number) > 1e15 { isWhole = false }
      if dateCount == 0 { add(number) }
      return
    }
    if let date = TableField.date(bytes) {
      dateCount += 1
      if date.hour != nil { hasTimes = true }
      if date.isAmbiguous {
        ambiguousDateCount += 1
      } else if let order = date.order {
        if order == .dayFirst { dayFirstCount += 1 } else { monthFirstCount += 1 }
      }
      if numberCount == 0 { add(date.days) }
      return
    }
    if exampleOfText == nil {
      exampleOfText = (String(decoding: bytes.prefix(40), as: UTF8.self), line)
    }
  }

  private mutating func countValue(_ bytes: UnsafeRawBufferPointer, line: Int) {
    if values.count >= Self.distinctLimit || bytes.count > Self.lengthLimit {
      if let index = values.find(bytes) { counts[index] += 1 } else { hasMoreValues = true }
      return
    }
    let index = values.insert(bytes)
    guard index == counts.count else {
      counts[index] += 1
      return
    }
    counts.append(1)
    if lineNotUTF8 == nil, String(validating: bytes, as: UTF8.self) == nil { lineNotUTF8 = line }
  }

  private mutating func add(_ number: Double) {
    let count = Double(numberCount + dateCount)
    smallest = min(smallest, number)
    largest = max(largest, number)
    let difference = number - mean
    mean += difference / count
    squares += difference * (number - mean)
    // Every number has the same chance to be among those kept (Vitter, 1985).
    if sample.count < Self.sampleSize {
      sample.append(number)
    } else {
      let place = Int(random.next(below: UInt32(min(numberCount + dateCount, Int(UInt32.max)))))
      if place < Self.sampleSize { sample[place] = number }
    }
  }

  // MARK: Figures

  /// The fields that stand for something.
  public var presentCount: Int { rowCount - missingCount }
  /// The number of different texts; a lower bound where ``hasMoreValues``.
  public var distinctCount: Int { values.count }
  /// The deviation of numbers or dates.
  public var deviation: Double {
    let count = Double(numberCount + dateCount)
    return count > 0 ? (squares / count).squareRoot() : 0
  }
  /// How dates are to be read that can be read in two ways.
  public var dateOrder: DateOrder {
    dayFirstCount > monthFirstCount ? .dayFirst : .monthFirst
  }
  /// Whether there are dates that can be read in two ways, and no other tells which.
  public var hasUndecidedDates: Bool { ambiguousDateCount > 0 && dayFirstCount == monthFirstCount }
  /// Numbers or dates in increasing order: all of them, or as many as are kept.
  public var sortedSample: [Double] { sample.sorted() }

  /// What the column holds.
  ///
  /// Numbers where at least 95 % of what is there are numbers and the rest are a few words, such as
  /// `unknown`; dates where all are; an identifier where nearly every row has another text, or
  /// where there are more different texts than can be told apart.
  public var kind: ColumnKind {
    if presentCount == 0 { return .constant }
    if values.count == 1, !hasMoreValues { return .constant }
    if numberCount * 100 >= presentCount * 95, numberCount > 0 {
      let words = presentCount - numberCount
      if words == 0 || words <= 20 || words * 100 <= presentCount { return .number }
    }
    if dateCount == presentCount { return .date }
    if hasMoreValues { return .identifier }
    // Of few rows nothing can be said.
    if presentCount >= 50, values.count * 10 > presentCount * 9 { return .identifier }
    if longest > 200, values.count * 2 > presentCount { return .identifier }
    return .category
  }

  /// The values in their order: as numbers where all are, else as text, with how often they came.
  public var sortedValues: [(text: String, count: Int)] {
    let all = (0..<values.count).map { (text: values.text($0), count: counts[$0]) }
    let numbers = all.compactMap { Double($0.text) }
    guard numbers.count == all.count else { return all.sorted { $0.text < $1.text } }
    return zip(all, numbers).sorted { ($0.1, $0.0.text) < ($1.1, $1.0.text) }.map(\.0)
  }
}

/// The profiles of all columns of a table.
public struct TableProfile: Sendable {
  /// The path of the file.
  public let path: String
  /// How the table is written.
  public let dialect: TableDialect
  /// The columns, in their order.
  public private(set) var columns: [ColumnProfile]
  /// Names of the header that come more than once.
  public let repeatedNames: [String]
  /// The number of rows.
  public private(set) var rowCount = 0

  /// Reads a table from its beginning to its end.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - hints: What is known of its dialect.
  ///   - progress: Told the bytes read so far, now and then.
  /// - Throws: ``TableError`` or `DataFormatError`.
  public init(
    path: String, hints: TableHints = TableHints(), progress: (Int) -> Void = { _ in }
  ) throws {
    let reader = try TableReader(InputFile(path: path), hints: hints)
    self.path = path
    dialect = reader.dialect
    repeatedNames = reader.repeatedNames
    columns = reader.names.enumerated().map { ColumnProfile($1, index: $0) }
    let decimalComma = dialect.hasDecimalComma
    while try reader.next() {
      rowCount += 1
      for index in columns.indices {
        columns[index].add(
          reader.bytes(index), decimalComma: decimalComma, line: reader.lineNumber)
        if let line = columns[index].lineNotUTF8 {
          throw TableError.notUTF8(path: path, line: line, column: columns[index].name)
        }
      }
      if rowCount % 65_536 == 0 { progress(reader.offset) }
    }
    guard rowCount > 0 else { throw TableError.noRows(path: path) }
  }
}
