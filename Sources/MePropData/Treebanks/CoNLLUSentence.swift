// One sentence of a CoNLL-U file with every byte of its text, so that it can be written back as it
// was. See https://universaldependencies.org/format.html.

/// The columns of CoNLL-U, in their order.
public enum CoNLLUColumn: Int, Sendable, CaseIterable {
  /// The number of the word in its sentence, from 1.
  case id
  /// The word as it is written.
  case form
  /// Its dictionary form.
  case lemma
  /// Its universal part of speech.
  case upos
  /// Its part of speech in the language's own tag set.
  case xpos
  /// Its morphological features.
  case feats
  /// The number of its head, 0 for the root.
  case head
  /// Its relation to the head.
  case deprel
  /// Enhanced dependencies.
  case deps
  /// Anything else.
  case misc

  /// The name in lower case, for example `xpos`.
  public var name: String { String(describing: self) }
}

/// A sentence of a CoNLL-U file: its words, and its text byte for byte.
///
/// Comments, multiword ranges (`3-4`), empty nodes (`8.1`) and line ends are part of the text but
/// are not words. The last sentence of a file may have no words, if the file ends in comments.
public struct CoNLLUSentence: Sendable, Equatable {
  /// Every byte from the end of the sentence before to the end of the blank line after this one.
  public internal(set) var text: [UInt8] = []
  /// The number of its first line, from 1.
  public internal(set) var firstLine = 1
  /// For each word where its fields are in `text`: eleven places, each field ends before the next.
  var fieldStarts: [Int] = []
  /// The line of each word.
  var lines: [Int] = []

  /// Creates a sentence without words and text.
  public init() {}

  /// Creates a sentence from the ten fields of each word, which have no tabs and line ends.
  init(rows: [[String]], lines: [Int]) {
    for row in rows {
      for field in row {
        fieldStarts.append(text.count)
        text += field.utf8
        text.append(UInt8(ascii: "\t"))
      }
      fieldStarts.append(text.count)
      text[text.count - 1] = UInt8(ascii: "\n")
    }
    text.append(UInt8(ascii: "\n"))
    self.lines = lines
    firstLine = lines.first ?? 1
  }

  /// The number of words; multiword ranges and empty nodes do not count.
  public var wordCount: Int { lines.count }

  /// The line of word `word`, from 1; words count from 0.
  public func line(ofWord word: Int) -> Int { lines[word] }

  /// Where in `text` a field of word `word` is; words count from 0.
  public func range(of column: CoNLLUColumn, ofWord word: Int) -> Range<Int> {
    precondition(
      word >= 0 && word < wordCount, "CoNLLUSentence: word \(word) of \(wordCount) words")
    let at = word * Self.placesPerWord + column.rawValue
    return fieldStarts[at]..<(fieldStarts[at + 1] - 1)
  }

  /// A field of word `word`; words count from 0.
  public func field(_ column: CoNLLUColumn, ofWord word: Int) -> String {
    String(decoding: text[range(of: column, ofWord: word)], as: UTF8.self)
  }

  /// The forms of all words; `_` may be a real underscore.
  public var forms: [String] { (0..<wordCount).map { field(.form, ofWord: $0) } }

  /// The values of one column of all words.
  public func values(of column: CoNLLUColumn) -> [String] {
    (0..<wordCount).map { field(column, ofWord: $0) }
  }

  /// The head of word `word`, which counts from 0, or `nil` if the field is no number.
  public func head(ofWord word: Int) -> Int? {
    let digits = text[range(of: .head, ofWord: word)]
    guard (1...9).contains(digits.count), digits.allSatisfy({ (0x30...0x39).contains($0) }) else {
      return nil
    }
    return digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
  }

  /// Appends the sentence to `bytes`, byte for byte except for one column of its words.
  ///
  /// - Parameters:
  ///   - column: The column to replace.
  ///   - values: Its new values, one a word, without tabs and line ends.
  ///   - bytes: Where to append.
  public func append(
    replacing column: CoNLLUColumn, with values: [String], to bytes: inout [UInt8]
  ) {
    append(replacing: [(column, values)], to: &bytes)
  }

  /// Appends the sentence to `bytes`, byte for byte except for the heads and relations of its
  /// words.
  ///
  /// - Parameters:
  ///   - heads: The number of each word's head, 0 for the root.
  ///   - relations: Each word's relation, without tabs and line ends.
  ///   - bytes: Where to append.
  public func append(heads: [Int], relations: [String], to bytes: inout [UInt8]) {
    append(replacing: [(.head, heads.map(String.init)), (.deprel, relations)], to: &bytes)
  }

  /// Appends the sentence to `bytes`, byte for byte except for some columns of its words.
  ///
  /// - Parameters:
  ///   - columns: The columns to replace, in the order of the format, each with one value a word
  ///     without tabs and line ends.
  ///   - bytes: Where to append.
  public func append(
    replacing columns: [(column: CoNLLUColumn, values: [String])], to bytes: inout [UInt8]
  ) {
    for (place, (column, values)) in columns.enumerated() {
      precondition(
        values.count == wordCount,
        "CoNLLUSentence: \(values.count) values of \(column.name) for \(wordCount) words")
      precondition(
        place == 0 || columns[place - 1].column.rawValue < column.rawValue,
        "CoNLLUSentence: column \(column.name) after \(columns[max(place - 1, 0)].column.name)")
    }
    var done = 0
    for word in 0..<wordCount {
      for (column, values) in columns {
        let range = range(of: column, ofWord: word)
        bytes += text[done..<range.lowerBound]
        bytes += values[word].utf8
        done = range.upperBound
      }
    }
    bytes += text[done...]
  }

  /// The starts of ten fields, and one more than the end of the last.
  static let placesPerWord = 11
}
