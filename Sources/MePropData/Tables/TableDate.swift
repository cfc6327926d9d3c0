// Dates in tables.

/// How the parts of a date are ordered where all three are numbers and the year is not first.
public enum DateOrder: String, Sendable, Equatable, Codable {
  /// 31.12.2025, 31/12/2025.
  case dayFirst
  /// 12/31/2025.
  case monthFirst
}

/// A date as read from a field.
public struct TableDate: Sendable, Equatable {
  /// Days since the first of January 1970, with the time of day as a fraction.
  public var days: Double
  /// The month, from 1.
  public var month: Int
  /// The day of the week, 0 on Mondays.
  public var weekday: Int
  /// The hour; `nil` where there is no time.
  public var hour: Int?
  /// Whether it could also be read with day and month exchanged.
  public var isAmbiguous: Bool
  /// How it was read; `nil` where the year comes first.
  public var order: DateOrder?
}

extension TableField {
  /// A date, perhaps with a time, or `nil` for anything else.
  ///
  /// Takes `2025-12-31`, `2025/12/31`, `31.12.2025`, `31/12/2025`, `12/31/2025`, `31-12-2025`; a
  /// time may follow after a blank or a `T`: `23:59`, `23:59:30`, `23:59:30.5`, with `Z` or an
  /// offset such as `+01:00`, which is taken off.
  ///
  /// - Parameters:
  ///   - bytes: The field.
  ///   - preferred: How dates are read that can be read in two ways.
  /// - Returns: The date.
  public static func date(
    _ bytes: UnsafeRawBufferPointer, preferred: DateOrder = .monthFirst
  ) -> TableDate? {
    guard (8...35).contains(bytes.count) else { return nil }
    var scanner = Scanner(bytes: bytes)
    guard let first = scanner.digits(1...4), let mark = scanner.mark(),
      let second = scanner.digits(1...2), scanner.take(mark), let third = scanner.digits(1...4)
    else { return nil }
    var date = TableDate(days: 0, month: 0, weekday: 0, isAmbiguous: false)
    let (year, day): (Int, Int)
    if first.count == 4 {
      guard third.count <= 2 else { return nil }
      (year, date.month, day) = (first.value, second.value, third.value)
    } else {
      guard third.count == 4, first.count <= 2 else { return nil }
      year = third.value
      let canBeDayFirst = (1...12).contains(second.value)
      let canBeMonthFirst = (1...12).contains(first.value) && mark == UInt8(ascii: "/")
      date.isAmbiguous = canBeDayFirst && canBeMonthFirst && first.value != second.value
      guard canBeDayFirst || canBeMonthFirst else { return nil }
      let order: DateOrder =
        canBeDayFirst && canBeMonthFirst ? preferred : canBeDayFirst ? .dayFirst : .monthFirst
      date.order = order
      (day, date.month) =
        order == .dayFirst ? (first.value, second.value) : (second.value, first.value)
    }
    guard (1...12).contains(date.month), (1...31).contains(day), (1...9999).contains(year) else {
      return nil
    }
    let whole = dayNumber(year: year, month: date.month, day: day)
    var seconds = 0.0
    if !scanner.isAtEnd {
      guard let time = scanner.time() else { return nil }
      date.hour = time.hour
      seconds = time.seconds
    }
    date.weekday = ((whole + 3) % 7 + 7) % 7
    date.days = Double(whole) + seconds / 86_400
    return date
  }

  /// Days since 1970-01-01 of the Gregorian calendar, by arithmetic of whole numbers.
  private static func dayNumber(year: Int, month: Int, day: Int) -> Int {
    let y = month <= 2 ? year - 1 : year
    let era = (y >= 0 ? y : y - 399) / 400
    let yearOfEra = y - era * 400
    let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
  }

  /// Takes bytes from the front.
  private struct Scanner {
    let bytes: UnsafeRawBufferPointer
    var place = 0

    var isAtEnd: Bool { place == bytes.count }

    mutating func digits(_ counts: ClosedRange<Int>) -> (value: Int, count: Int)? {
      let start = place
      var value = 0
      while place < bytes.count, bytes[place] &- 0x30 <= 9, place - start < 9 {
        value = value * 10 + Int(bytes[place] &- 0x30)
        place += 1
      }
      return counts.contains(place - start) ? (value, place - start) : nil
    }

    mutating func take(_ byte: UInt8) -> Bool {
      guard place < bytes.count, bytes[place] == byte else { return false }
      place += 1
      return true
    }

    mutating func mark() -> UInt8? {
      guard place < bytes.count, [0x2d, 0x2e, 0x2f].contains(bytes[place]) else { return nil }
      place += 1
      return bytes[place - 1]
    }

    /// A time and the end of the field; seconds are those of the day, the offset taken off.
    mutating func time() -> (hour: Int, seconds: Double)? {
      guard take(0x20) || take(UInt8(ascii: "T")), let hour = digits(1...2),
        take(UInt8(ascii: ":")), let minute = digits(2...2), hour.value <= 24, minute.value < 60
      else { return nil }
      var seconds = Double(hour.value * 3600 + minute.value * 60)
      if take(UInt8(ascii: ":")) {
        guard let second = digits(2...2), second.value <= 60 else { return nil }
        seconds += Double(second.value)
        if take(UInt8(ascii: ".")) {
          guard let fraction = digits(1...9) else { return nil }
          var share = Double(fraction.value)
          for _ in 0..<fraction.count { share /= 10 }
          seconds += share
        }
      }
      if take(UInt8(ascii: "Z")) { return isAtEnd ? (min(hour.value, 23), seconds) : nil }
      if !isAtEnd, bytes[place] == UInt8(ascii: "+") || bytes[place] == UInt8(ascii: "-") {
        let sign = bytes[place] == UInt8(ascii: "-") ? 1.0 : -1.0
        place += 1
        guard let offset = digits(2...4) else { return nil }
        var minutes = offset.count == 4 ? offset.value / 100 * 60 + offset.value % 100 : 0
        if offset.count == 2 {
          minutes = offset.value * 60
          if take(UInt8(ascii: ":")) {
            guard let rest = digits(2...2) else { return nil }
            minutes += rest.value
          }
        }
        seconds += sign * Double(minutes * 60)
      }
      return isAtEnd ? (min(hour.value, 23), seconds) : nil
    }
  }
}
