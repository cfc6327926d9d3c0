// Text of files, names and messages as it may go to a terminal.

extension StringProtocol {
  /// The text with every character escaped that a terminal would obey instead of showing it.
  ///
  /// These are the control characters of C0 and C1 and DEL, with which a file could move the
  /// cursor, set the title or make the terminal answer, the line and paragraph separators, and the
  /// controls of writing direction, with which a text can look like another. They come out as
  /// `\n`, `\t`, `\r`, or as their code point, `\u{1B}`. All else stays as it is.
  ///
  /// - Complexity: O(*n*); a text without such characters is copied once.
  package var printable: String { escaped { _ in false } }

  /// The same for a text of several lines: line feeds and tabs stay.
  package var printableLines: String { escaped { $0 == "\n" || $0 == "\t" } }

  /// The same on one line, with at most `limit` characters; an ellipsis says that there were more.
  package func printable(limit: Int) -> String {
    // Cut before it is escaped: a found value may be as long as its file.
    let start = prefix(limit)
    return start.printable + (start.endIndex < endIndex ? "…" : "")
  }

  private func escaped(_ isKept: (Unicode.Scalar) -> Bool) -> String {
    let needsWork = unicodeScalars.contains { $0.isObeyed && !isKept($0) }
    guard needsWork else { return String(self) }
    var text = String.UnicodeScalarView()
    for scalar in unicodeScalars {
      if !scalar.isObeyed || isKept(scalar) {
        text.append(scalar)
      } else {
        text.append(contentsOf: scalar.escape.unicodeScalars)
      }
    }
    return String(text)
  }
}

extension Unicode.Scalar {
  /// Whether a terminal, or what lays out text, obeys the character instead of showing it.
  package var isObeyed: Bool {
    switch value {
    case 0..<0x20, 0x7F...0x9F, 0x2028, 0x2029: true
    case 0x200E, 0x200F, 0x202A...0x202E, 0x2066...0x2069: true
    default: false
    }
  }

  fileprivate var escape: String {
    switch self {
    case "\n": "\\n"
    case "\t": "\\t"
    case "\r": "\\r"
    default: "\\u{" + String(value, radix: 16, uppercase: true) + "}"
    }
  }
}
