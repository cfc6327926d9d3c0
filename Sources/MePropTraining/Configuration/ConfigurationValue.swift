// Typed values of configuration keys, and how they are written in YAML.

/// The value of one configuration key.
public enum ConfigurationValue: Sendable, Equatable {
  /// A whole number.
  case int(Int)
  /// A number.
  case double(Double)
  /// A text.
  case string(String)
  /// Yes or no.
  case bool(Bool)
  /// A list of whole numbers.
  case intList([Int])
  /// A list of texts.
  case textList([String])
  /// A number of things, of a key that takes a count or a ratio.
  case count(Int)
  /// A share of all things in 0...1, of a key that takes a count or a ratio.
  case ratio(Double)
  /// Left for the program to choose.
  case auto
  /// Switched off.
  case none

  /// The value as YAML; parsing the text gives the value back.
  public var yaml: String {
    switch self {
    case .int(let value), .count(let value): String(value)
    case .double(let value), .ratio(let value): Self.text(of: value)
    case .string(let value): Self.quotedIfNeeded(value)
    case .bool(let value): value ? "true" : "false"
    case .intList(let values): "[" + values.map(String.init).joined(separator: ", ") + "]"
    case .textList(let values): "[" + values.map(Self.quotedIfNeeded).joined(separator: ", ") + "]"
    case .auto: "auto"
    case .none: "none"
    }
  }

  /// The value as a single word, as `--set KEY=VALUE` and error texts show it.
  public var text: String {
    switch self {
    case .string(let value): value
    case .intList(let values): values.map(String.init).joined(separator: ",")
    case .textList(let values): values.joined(separator: ", ")
    default: yaml
    }
  }

  /// The shortest decimal text that reads back as `value`, with a point so that every YAML reader
  /// takes it for a number (`1.0e-05`, where Swift writes `1e-05`).
  private static func text(of value: Double) -> String {
    let text = value.description
    guard let exponent = text.firstIndex(of: "e"), !text.contains(".") else { return text }
    return text[..<exponent] + ".0" + text[exponent...]
  }

  private static func quotedIfNeeded(_ text: String) -> String {
    let reserved = ["null", "true", "false", "yes", "no", "on", "off", "auto", "none", "y", "n"]
    let isPlain = text.unicodeScalars.allSatisfy { scalar in
      ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar)
        || ("0"..."9").contains(scalar) || "/._-".unicodeScalars.contains(scalar)
    }
    let startsPlainly = text.first.map { $0.isLetter || $0 == "/" } ?? false
    if isPlain && startsPlainly && !reserved.contains(text.lowercased()) { return text }
    var quoted = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": quoted += "\\\""
      case "\\": quoted += "\\\\"
      // Not to be taken for an anchor or an alias, which are refused.
      case "&": quoted += "\\x26"
      case "*": quoted += "\\x2A"
      // Nor for one of many lists.
      case "[": quoted += "\\x5B"
      case "{": quoted += "\\x7B"
      case "\n": quoted += "\\n"
      case "\t": quoted += "\\t"
      case _ where scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value):
        let digits = String(scalar.value, radix: 16)
        quoted += "\\x" + (digits.count == 1 ? "0" + digits : digits)
      default: quoted.unicodeScalars.append(scalar)
      }
    }
    return quoted + "\""
  }
}
