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
  /// How many numbers are kept to tell quantiles from, drawn evenly.
  public static let sampleSize = NumberSummary.sampleSize
  /// The bytes of a text that is told apart from others.
  public static let lengthLimit = 1000
  /// The dates that can be read with day and month exchanged.
  public private(set) var ambiguousDateCount = 0

  /// Of numbers, or of dates in days: of those that came before the first of the other.
  private var numbers: NumberSummary
  private var areDates = false

  /// Creates a profile of nothing.
  ///
  /// - Parameters:
  ///   - name: Of the column.
  ///   - index: Its place, for the random numbers.
  ///   - part: The part of the table that is counted, for the random numbers.
  public init(_ name: String, index: Int, part: Int = 0) {
    self.name = name
    numbers = NumberSummary(stream: index + part << 40)
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
      if dateCount == 0 { numbers.add(number) }
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
      if numberCount == 0 {
        areDates = true
        numbers.add(date.days)
      }
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

  // MARK: Parts of a table

  /// Adds what was counted in the rows that follow.
  ///
  /// All counts are those of one pass over both; moments are so up to rounding, and the sample is
  /// drawn evenly from both.
  public mutating func merge(_ next: ColumnProfile) {
    if numbers.count == 0 {
      areDates = next.areDates
      numbers.merge(next.numbers)
    } else if numberCount == 0 || dateCount == 0, areDates == next.areDates {
      numbers.merge(next.numbers)
    }
    rowCount += next.rowCount
    missingCount += next.missingCount
    numberCount += next.numberCount
    dateCount += next.dateCount
    dayFirstCount += next.dayFirstCount
    monthFirstCount += next.monthFirstCount
    ambiguousDateCount += next.ambiguousDateCount
    hasTimes = hasTimes || next.hasTimes
    isWhole = isWhole && next.isWhole
    longest = max(longest, next.longest)
    hasMoreValues = hasMoreValues || next.hasMoreValues
    exampleOfText = exampleOfText ?? next.exampleOfText
    lineNotUTF8 = lineNotUTF8 ?? next.lineNotUTF8
    for index in 0..<next.values.count {
      next.values.withBytes(of: index) { bytes in
        if values.count >= Self.distinctLimit, values.find(bytes) == nil {
          hasMoreValues = true
          return
        }
        let place = values.insert(bytes)
        if place == counts.count { counts.append(0) }
        counts[place] += next.counts[index]
      }
    }
  }

  /// Moves lines of examples, where rows are counted from the middle of a table.
  mutating func moveLines(by count: Int) {
    exampleOfText?.line += count
    lineNotUTF8? += count
  }

  /// Writes all counts.
  func write(to message: inout MessageWriter) {
    for number in [
      rowCount, missingCount, numberCount, dateCount, dayFirstCount, monthFirstCount,
      ambiguousDateCount, hasTimes ? 1 : 0, isWhole ? 1 : 0, longest, hasMoreValues ? 1 : 0,
      areDates ? 1 : 0, exampleOfText?.line ?? -1, lineNotUTF8 ?? -1,
    ] {
      message.add(number)
    }
    message.add(Array((exampleOfText?.text ?? "").utf8))
    numbers.write(to: &message)
    message.add(values.count)
    for index in 0..<values.count {
      message.add(counts[index])
      values.withBytes(of: index) { message.add(Array($0)) }
    }
  }

  /// Reads what `write(to:)` has written, in place of what was counted.
  mutating func read(from message: inout MessageReader) {
    rowCount = message.int()
    missingCount = message.int()
    numberCount = message.int()
    dateCount = message.int()
    dayFirstCount = message.int()
    monthFirstCount = message.int()
    ambiguousDateCount = message.int()
    hasTimes = message.int() == 1
    isWhole = message.int() == 1
    longest = message.int()
    hasMoreValues = message.int() == 1
    areDates = message.int() == 1
    let (exampleLine, otherLine) = (message.int(), message.int())
    let text = String(decoding: message.bytes(), as: UTF8.self)
    exampleOfText = exampleLine < 0 ? nil : (text, exampleLine)
    lineNotUTF8 = otherLine < 0 ? nil : otherLine
    numbers.read(from: &message)
    (values, counts) = (ByteDictionary(), [])
    for _ in 0..<message.int() {
      counts.append(message.int())
      message.bytes().withUnsafeBytes { _ = values.insert($0) }
    }
  }

  // MARK: Figures

  /// The fields that stand for something.
  public var presentCount: Int { rowCount - missingCount }
  /// The number of different texts; a lower bound where ``hasMoreValues``.
  public var distinctCount: Int { values.count }
  /// The smallest number, or date in days; infinite where there is none.
  public var smallest: Double { numbers.smallest }
  /// The largest number, or date in days; minus infinity where there is none.
  public var largest: Double { numbers.largest }
  /// The mean of numbers or dates.
  public var mean: Double { numbers.mean }
  /// The deviation of numbers or dates.
  public var deviation: Double { numbers.deviation }
  /// How dates are to be read that can be read in two ways.
  public var dateOrder: DateOrder {
    dayFirstCount > monthFirstCount ? .dayFirst : .monthFirst
  }
  /// Whether there are dates that can be read in two ways, and no other tells which.
  public var hasUndecidedDates: Bool { ambiguousDateCount > 0 && dayFirstCount == monthFirstCount }
  /// Numbers or dates in increasing order: all of them, or as many as are kept.
  public var sortedSample: [Double] { numbers.sample.sorted() }

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
