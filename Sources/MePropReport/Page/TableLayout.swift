// How much room tables need, estimated from above, since the reader's font is not known.

/// Which tables fit beside a section's title, and which need the page.
enum TableLayout {
  /// How far a table reaches.
  enum Span {
    /// It fits beside the title of its section.
    case body
    /// It takes the whole page.
    case page
    /// It is wider than that, so that it scrolls.
    case beyond
  }

  /// The width of all that is on a page, and of what stands beside the titles of sections, in
  /// pixels.
  static let pageWidth = 1288.0
  static let bodyWidth = pageWidth - Double(introWidth + introGap)
  /// The widest table of which the heads need not be turned on paper, where letters are smaller.
  static let paperWidth = 840.0
  /// The width of the column with the titles, and the room beside it.
  static let introWidth = 240
  static let introGap = 56

  static let cellSize = 13.0
  static let headSize = 12.0
  /// The room right of each column.
  static let padding = 12.0
  /// The width that heads wrap at, in times the size of their letters.
  static let headWidth = 7.0
  /// The least width of names and texts that wrap, in times the size of their letters.
  static let wrappedWidth = 10.0

  /// The classes of the box around a table: `tight` where its heads are turned on paper, `vast`
  /// where it is wider than a page: with smaller letters, and not printed among the numbers of a
  /// drawing.
  static func classes(of table: ChartTable) -> String {
    let width = leastWidth(of: table)
    return "scroll" + (width > paperWidth ? " tight" : "") + (width > pageWidth ? " vast" : "")
  }

  /// How far a table reaches.
  static func span(of table: ChartTable) -> Span {
    let width = leastWidth(of: table)
    return width <= bodyWidth ? .body : width <= pageWidth ? .page : .beyond
  }

  /// The width that a table cannot go below: of each column the widest word of its head, and its
  /// widest text.
  static func leastWidth(of table: ChartTable) -> Double {
    table.head.enumerated().reduce(0) { sum, column in
      let word = widestWord(unbrokenHead(column.element), headSize)
      let texts = table.rows.map { row -> Double in
        guard column.offset < row.count else { return 0 }
        let text = row[column.offset]
        let wraps = column.offset == 0 ? isLongName(text) : isLongText(text)
        return wraps
          ? max(wrappedWidth * cellSize, widestWord(text, cellSize))
          : TextWidth.width(of: text, fontSize: cellSize)
      }
      return sum + max(word, texts.max() ?? 0) + padding
    }
  }

  private static func widestWord(_ text: String, _ fontSize: Double) -> Double {
    let widths = text.split(separator: " ").map {
      TextWidth.width(of: String($0), fontSize: fontSize)
    }
    return widths.max() ?? 0
  }

  /// Whether the head of a column has a word that is wider than heads else are.
  static func isLongHead(_ text: String) -> Bool {
    widestWord(text, headSize) > headWidth * headSize - padding
  }

  /// Whether the name of a row may wrap.
  static func isLongName(_ name: String) -> Bool { name.count > 18 }

  /// Whether the text of a cell may wrap on screens.
  static func isLongText(_ text: String) -> Bool { text.count > 28 }

  /// The text with spaces that do not break about `±` and `=` and within intervals, so that it
  /// breaks between a number and its interval, on paper.
  static func unbroken(_ text: String) -> String {
    var text = text
    for sign in ["±", "…", "="] {
      text = text.replacing(" \(sign) ", with: "\u{00A0}\(sign)\u{00A0}")
    }
    return text
  }

  /// The head of a column; a unit of one letter stays with the word before it.
  static func unbrokenHead(_ text: String) -> String {
    guard let space = text.lastIndex(of: " "), text.distance(from: space, to: text.endIndex) == 2
    else { return text }
    return "\(text[..<space])\u{00A0}\(text[text.index(after: space)...])"
  }
}
