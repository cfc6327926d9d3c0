// The types of configuration keys: what texts they take, and how they describe what they expect.

/// The numbers that a key of kind `double` takes.
public struct NumberBounds: Sendable, Equatable {
  /// The smallest number, or `nil` for no limit.
  public var lower: Double?
  /// Whether `lower` itself is refused.
  public var excludesLower: Bool
  /// The largest number, or `nil` for no limit.
  public var upper: Double?
  /// Whether `upper` itself is refused.
  public var excludesUpper: Bool

  /// Creates bounds; without arguments every finite number is taken.
  public init(
    lower: Double? = nil, excludesLower: Bool = false, upper: Double? = nil,
    excludesUpper: Bool = false
  ) {
    self.lower = lower
    self.excludesLower = excludesLower
    self.upper = upper
    self.excludesUpper = excludesUpper
  }

  /// Any finite number.
  public static let any = NumberBounds()
  /// Numbers above zero.
  public static let positive = NumberBounds(lower: 0, excludesLower: true)
  /// Zero and above.
  public static let nonNegative = NumberBounds(lower: 0)
  /// From zero to below one, such as a dropout or a decay.
  public static let share = NumberBounds(lower: 0, upper: 1, excludesUpper: true)

  /// Returns whether `value` is finite and within the bounds.
  public func contains(_ value: Double) -> Bool {
    guard value.isFinite else { return false }
    if let lower, excludesLower ? value <= lower : value < lower { return false }
    if let upper, excludesUpper ? value >= upper : value > upper { return false }
    return true
  }

  /// The bounds in words, for example `a number above 0`.
  public var description: String {
    func short(_ value: Double) -> String { ConfigurationKind.short(value) }
    switch (lower, upper) {
    case (nil, nil): return "a finite number"
    case (let lower?, nil):
      return "a number \(excludesLower ? "above" : "of at least") \(short(lower))"
    case (nil, let upper?):
      return "a number \(excludesUpper ? "below" : "of at most") \(short(upper))"
    case (let lower?, let upper?):
      return "a number \(excludesLower ? "above" : "from") \(short(lower)) "
        + "\(excludesUpper ? "to below" : "to") \(short(upper))"
    }
  }
}

/// The type of a configuration key.
public indirect enum ConfigurationKind: Sendable, Equatable {
  /// A whole number in a range; an upper bound of `Int.max` stands for none.
  case int(ClosedRange<Int>)
  /// A finite number within bounds.
  case double(NumberBounds)
  /// A text, which may be empty.
  case string
  /// `true` or `false`.
  case bool
  /// One or more whole numbers, each in the range: `[500, 500]`, `500,500`.
  case intList(ClosedRange<Int>)
  /// One or more texts without commas: `[first, second]`, `first, second`.
  case textList
  /// One of these words.
  case choice([String])
  /// A count of at least 1 (`20`), or, if written with a point, a ratio above 0 up to 1 (`0.04`).
  case countOrRatio
  /// `auto`, or a value of the other kind.
  case auto(ConfigurationKind)
  /// `none`, or a value of the other kind.
  case optional(ConfigurationKind)

  /// The most numbers of a list: no network has so many layers.
  public static let maximumListCount = 1000

  /// What the kind expects, in words that complete "expected …".
  public var expectation: String {
    switch self {
    case .int(let range): "a whole number\(Self.words(for: range))"
    case .double(let bounds): bounds.description
    case .string: "a text"
    case .bool: "true or false"
    case .intList(let range):
      "whole numbers\(Self.words(for: range)) with commas between, \(Self.maximumListCount) at most"
    case .textList: "texts with commas between, \(Self.maximumListCount) at most"
    case .choice(let words):
      words.count == 2 ? words.joined(separator: " or ") : "one of " + words.joined(separator: ", ")
    case .countOrRatio: "a count of at least 1, or a ratio above 0 up to 1 such as 0.04"
    case .auto(.choice(let words)): Self.choice(words + ["auto"]).expectation
    case .auto(let kind): "auto, or " + kind.expectation
    case .optional(let kind): "none, or " + kind.expectation
    }
  }

  /// What a value is called in help texts, for example `n` for a whole number.
  var valueName: String {
    switch self {
    case .int: "n"
    case .double: "x"
    case .string: "text"
    case .bool: "true|false"
    case .intList: "n,n,…"
    case .textList: "text,text,…"
    case .choice(let words): words.count <= 3 ? words.joined(separator: "|") : "name"
    case .countOrRatio: "n|ratio"
    case .auto(let kind): kind.valueName + "|auto"
    case .optional(let kind): kind.valueName
    }
  }

  /// The words among its values, which shells offer; empty where values are numbers or any text.
  public var words: [String] {
    switch self {
    case .choice(let words): words
    case .bool: ["true", "false"]
    case .auto(let kind): kind.words.isEmpty ? [] : kind.words + ["auto"]
    case .optional(let kind): kind.words
    default: []
    }
  }

  /// Returns the value that `text` stands for, or `nil` where it is no value of this kind.
  public func value(from text: String) -> ConfigurationValue? {
    let text = Self.trimmed(text)
    switch self {
    case .int(let range): return Int(text).flatMap { range.contains($0) ? .int($0) : nil }
    case .double(let bounds):
      return Self.number(text).flatMap { bounds.contains($0) ? .double($0) : nil }
    case .string: return .string(text)
    case .bool: return text == "true" ? .bool(true) : text == "false" ? .bool(false) : nil
    case .intList(let range):
      let fields = Self.listFields(text)
      let values = fields.compactMap { Int($0) }
      guard values.count == fields.count, values.count <= Self.maximumListCount,
        values.allSatisfy(range.contains)
      else { return nil }
      return .intList(values)
    case .textList:
      let fields = Self.listFields(text)
      return fields.contains("") || fields.count > Self.maximumListCount ? nil : .textList(fields)
    case .choice(let words): return words.contains(text) ? .string(text) : nil
    case .countOrRatio:
      if let count = Int(text) { return count >= 1 ? .count(count) : nil }
      return Self.number(text).flatMap { $0 > 0 && $0 <= 1 ? .ratio($0) : nil }
    case .auto(let kind): return text == "auto" ? .auto : kind.value(from: text)
    case .optional(let kind):
      return text == "none" ? ConfigurationValue.none : kind.value(from: text)
    }
  }

  /// Whether a YAML sequence can be a value of this kind.
  var takesList: Bool {
    switch self {
    case .intList, .textList: true
    case .auto(let kind), .optional(let kind): kind.takesList
    default: false
    }
  }

  /// The parts of a list, in brackets or not, without space around them.
  private static func listFields(_ text: String) -> [String] {
    var inner = Substring(text)
    if inner.first == "[", inner.last == "]", inner.count >= 2 {
      inner = inner.dropFirst().dropLast()
    }
    return inner.split(separator: ",", omittingEmptySubsequences: false)
      .map { trimmed(String($0)) }
  }

  private static func trimmed(_ text: String) -> String {
    let isSpace: (Character) -> Bool = { $0 == " " || $0 == "\t" || $0.isNewline }
    guard let first = text.firstIndex(where: { !isSpace($0) }),
      let last = text.lastIndex(where: { !isSpace($0) })
    else { return "" }
    return String(text[first...last])
  }

  /// A decimal number; refuses the hexadecimal forms, infinities and NaN that `Double` would read.
  private static func number(_ text: String) -> Double? {
    guard text.allSatisfy({ $0.isASCII && ($0.isNumber || "+-.eE".contains($0)) }),
      let value = Double(text), value.isFinite
    else { return nil }
    return value
  }

  private static func words(for range: ClosedRange<Int>) -> String {
    switch (range.lowerBound, range.upperBound) {
    case (.min, .max): ""
    case (let lower, .max): " of at least \(lower)"
    case (let lower, let upper): " from \(lower) to \(upper)"
    }
  }

  static func short(_ value: Double) -> String {
    value == value.rounded() && abs(value) < 1e15
      ? String(FileNumber.whole(value)) : value.description
  }
}
