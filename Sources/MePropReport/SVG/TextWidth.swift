// How wide a text will be, estimated from above, since the reader's font is not known.

/// Widths of texts in the fonts that a page may be shown with.
///
/// The estimate is that of DejaVu Sans, which is wider than the other fonts of the style sheet, so
/// what is laid out with it does not overlap in those either.
public enum TextWidth {
  /// Hundredths of the font size for the characters from space to tilde.
  private static let ascii: [Int] = [
    32, 40, 46, 84, 64, 95, 78, 27, 39, 39, 50, 84, 32, 36, 32, 34, 64, 64, 64, 64, 64, 64, 64, 64,
    64, 64, 34, 34, 84, 84, 84, 53, 100, 68, 69, 70, 77, 63, 58, 77, 75, 29, 29, 66, 56, 86, 75, 79,
    60, 79, 69, 63, 61, 73, 68, 99, 69, 61, 69, 39, 34, 39, 84, 50, 50, 61, 63, 55, 63, 62, 35, 63,
    63, 28, 28, 58, 28, 97, 63, 61, 63, 63, 41, 52, 39, 63, 59, 82, 59, 59, 52, 64, 34, 64, 84,
  ]

  /// How many times as wide a text in bold letters is, estimated from above: letters of DejaVu Sans
  /// Bold are a tenth to a quarter wider.
  public static let boldFactor = 1.2

  /// The width of a text at a font size, in the same unit.
  public static func width(of text: String, fontSize: Double) -> Double {
    var hundredths = 0
    for scalar in text.unicodeScalars {
      // A space that does not break is as wide as another.
      let value = scalar == "\u{00A0}" ? 32 : Int(scalar.value)
      // Ideographs, emoji, and arrows of fonts that are asked for them are as wide as the font
      // size, marks and other letters less.
      let isWide = value >= 0x2E80 || (0x2190..<0x2200).contains(value)
      hundredths += (32..<127).contains(value) ? ascii[value - 32] : isWide ? 110 : 75
    }
    return Double(hundredths) / 100 * fontSize
  }

  /// No line of a drawing holds more characters; a name that is as long as its file costs no more.
  private static let mostCharacters = 1000

  /// The text, cut with an ellipsis where it would be wider than `limit`.
  public static func truncated(_ text: String, to limit: Double, fontSize: Double) -> String {
    if width(of: text, fontSize: fontSize) <= limit { return text }
    var kept = String(text.prefix(mostCharacters))
    while !kept.isEmpty && width(of: kept + "…", fontSize: fontSize) > limit { kept.removeLast() }
    return kept + "…"
  }

  /// The text, cut in the middle, so that what tells long names apart at their ends is kept.
  public static func shortened(_ text: String, to limit: Double, fontSize: Double) -> String {
    if width(of: text, fontSize: fontSize) <= limit { return text }
    var characters = Array(text.prefix(mostCharacters))
    if characters.count == mostCharacters {
      characters.removeLast(mostCharacters / 2)
      characters += text.suffix(mostCharacters / 2)
    }
    var kept = characters.count - 1
    while kept > 1 {
      let head = (kept + 1) / 2
      let candidate =
        String(characters[..<head]) + "…"
        + String(characters[(characters.count - kept + head)...])
      if width(of: candidate, fontSize: fontSize) <= limit { return candidate }
      kept -= 1
    }
    return "…"
  }
}
