// Numbers as people read them.

import Foundation
import MePropTraining

/// Texts of numbers; negative ones have a minus sign, not a hyphen.
public enum NumberText {
  /// A number with so many places after the point.
  public static func fixed(_ value: Double, _ places: Int) -> String {
    guard value.isFinite else { return "–" }
    let digits = String(format: "%.\(places)f", abs(value))
    // Not −0.00.
    return value < 0 && digits.contains { "123456789".contains($0) } ? "−" + digits : digits
  }

  /// A number with about three significant digits and no more places than they need.
  public static func short(_ value: Double) -> String {
    guard value.isFinite else { return "–" }
    if value == 0 { return "0" }
    if abs(value) >= 999.5 { return grouped(value) }
    let places = max(0, 2 - Int(floor(log10(abs(value) * (1 + 1e-9)))))
    var text = fixed(value, min(places, 8))
    if text.contains(".") {
      while text.hasSuffix("0") { text.removeLast() }
      if text.hasSuffix(".") { text.removeLast() }
    }
    return text
  }

  /// A whole number with thin spaces between thousands from five digits on.
  public static func grouped(_ value: Double) -> String {
    guard value.isFinite, abs(value) < 1e15 else { return "–" }
    let whole = FileNumber.whole(value)
    var digits = String(abs(whole))
    if digits.count > 4 {
      var position = digits.count - 3
      while position > 0 {
        digits.insert("\u{2009}", at: digits.index(digits.startIndex, offsetBy: position))
        position -= 3
      }
    }
    return (whole < 0 ? "−" : "") + digits
  }

  /// A large number with a unit prefix: `1.25 G`; nothing is appended below a thousand.
  public static func scaled(_ value: Double) -> String {
    guard value.isFinite else { return "–" }
    for (prefix, factor) in [("P", 1e15), ("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)]
    where abs(value) >= factor * 0.9995 {
      return short(value / factor) + "\u{00A0}" + prefix
    }
    return short(value)
  }

  /// Seconds, as minutes or hours where there are many.
  public static func duration(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds >= 0 else { return "–" }
    if seconds < 1e-3 { return short(seconds * 1e6) + "\u{00A0}µs" }
    if seconds < 1 { return short(seconds * 1e3) + "\u{00A0}ms" }
    if seconds < 119.5 { return short(seconds) + "\u{00A0}s" }
    let whole = FileNumber.whole(seconds)
    if whole < 7200 { return "\(whole / 60)\u{00A0}min \(whole % 60)\u{00A0}s" }
    return "\(whole / 3600)\u{00A0}h \(whole / 60 % 60)\u{00A0}min"
  }

  /// A share of one as percent.
  public static func percent(_ share: Double, _ places: Int = 1) -> String {
    fixed(share * 100, places) + "\u{00A0}%"
  }

  /// The texts of ticks: all with the places that the distance between them needs.
  public static func ticks(_ values: [Double]) -> [String] {
    let distance = zip(values.dropFirst(), values).map { $0 - $1 }.min() ?? abs(values.first ?? 1)
    guard distance > 0 else { return values.map(short) }
    let largest = values.map(abs).max() ?? 0
    if largest >= 1e5 { return values.map(scaled) }
    let places = max(0, -Int(floor(log10(distance) + 1e-9)))
    return values.map { fixed($0, min(places, 8)) }
  }
}
