// What the tagger sees of a word: the paper's inputs (ICML 2017, section 4.1).

import Foundation
import MePropData

/// The symbols of a word: its lower-cased form and seven features.
public enum TaggerFeatures {
  /// The number of features beside the form.
  public static let count = 7

  /// The features: prefixes and suffixes of 1, 2 and 3 letters of the lower-cased form, and its
  /// shape.
  ///
  /// A word shorter than an affix is the affix as a whole. Kinds do not share symbols.
  public static func features(of form: String, lowercased low: String) -> [String] {
    var result: [String] = []
    result.reserveCapacity(count)
    var form = form
    let isPlain = form.withUTF8 { letters in
      takeApartIfPlain(
        letters, word: { _ in },
        feature: { result.append(String(decoding: $0, as: UTF8.self)) })
    }
    if isPlain { return result }
    let letters = Array(low)
    for length in 1...3 { result.append("\(length)<" + String(letters.prefix(length))) }
    for length in 1...3 { result.append("\(length)>" + String(letters.suffix(length))) }
    result.append("=" + shape(of: form))
    return result
  }

  /// Takes a form apart if each byte is a letter of its own, as in most forms: much faster than by
  /// characters.
  ///
  /// - Parameters:
  ///   - form: The bytes of the form.
  ///   - word: Gets those of the lower-cased form.
  ///   - feature: Gets those of each feature, in the order of ``features(of:lowercased:)``.
  /// - Returns: Whether it is such a form.
  static func takeApartIfPlain(
    _ form: UnsafeBufferPointer<UInt8>, word: (UnsafeRawBufferPointer) -> Void,
    feature: (UnsafeRawBufferPointer) -> Void
  ) -> Bool {
    guard form.allSatisfy({ (0x20..<0x7f).contains($0) }) else { return false }
    let count = form.count
    // The lower-cased form, and room for a feature: two letters of its kind before it.
    withUnsafeTemporaryAllocation(byteCount: 2 * count + 2, alignment: 1) { room in
      let low = UnsafeMutableRawBufferPointer(rebasing: room[..<count])
      let text = UnsafeMutableRawBufferPointer(rebasing: room[count...])
      for place in 0..<count {
        let isUpper = (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(form[place])
        low[place] = isUpper ? form[place] | 0x20 : form[place]
      }
      word(UnsafeRawBufferPointer(low))
      for kind in [UInt8(ascii: "<"), UInt8(ascii: ">")] {
        for length in 1...3 {
          let affix = min(length, count)
          let start = kind == UInt8(ascii: "<") ? 0 : count - affix
          text[0] = UInt8(ascii: "0") + UInt8(length)
          text[1] = kind
          for place in 0..<affix { text[2 + place] = low[start + place] }
          feature(UnsafeRawBufferPointer(rebasing: text[..<(2 + affix)]))
        }
      }
      text[0] = UInt8(ascii: "=")
      var end = 1
      for letter in form {
        let kind =
          switch letter {
          case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt8(ascii: "X")
          case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt8(ascii: "x")
          case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt8(ascii: "d")
          default: letter
          }
        if end == 1 || kind != text[end - 1] {
          text[end] = kind
          end += 1
        }
      }
      feature(UnsafeRawBufferPointer(rebasing: text[..<end]))
    }
    return true
  }

  /// The form with upper-case letters as X, lower-case ones as x, digits as d, and anything else as
  /// it is; runs shortened to one.
  public static func shape(of form: String) -> String {
    var result = ""
    var last: Character?
    for letter in form {
      let kind: Character =
        letter.isUppercase ? "X" : letter.isLowercase ? "x" : letter.isWholeNumber ? "d" : letter
      if kind != last { result.append(kind) }
      last = kind
    }
    return result
  }
}

/// The numbers of words, features and tags of a tagger.
public struct TaggerVocabularies: Sendable, Equatable {
  /// Lower-cased forms.
  public var words: Vocabulary
  /// How many of the words, the first ones, training data have; others have pre-trained vectors
  /// only.
  public private(set) var trainedWordCount: Int
  /// Features of all kinds.
  public var features: Vocabulary
  /// Tags; class c is number c + 1.
  public var tags: Vocabulary

  /// Creates vocabularies; without `trainedWordCount` training data have all words.
  public init(
    words: Vocabulary, features: Vocabulary, tags: Vocabulary, trainedWordCount: Int? = nil
  ) {
    self.words = words
    self.trainedWordCount = trainedWordCount ?? words.items.count
    self.features = features
    self.tags = tags
  }

  /// Counts what is in sentences.
  public init(_ sentences: [TaggedSentence]) {
    // Taking a form apart takes longer than finding it, so each form is taken apart once.
    let forms = Vocabulary.counts(of: sentences.lazy.flatMap(\.forms)).map { form, count in
      (form: form, low: form.lowercased(), count: count)
    }
    words = Vocabulary(Vocabulary.counts(adding: forms.lazy.map { ($0.low, $0.count) }))
    trainedWordCount = words.items.count
    features = Vocabulary(
      Vocabulary.counts(
        adding: forms.lazy.flatMap { form in
          TaggerFeatures.features(of: form.form, lowercased: form.low).map { ($0, form.count) }
        }))
    tags = Vocabulary(counting: sentences.lazy.flatMap(\.tags))
  }

  /// Whether training data have a word of this number.
  func isTrained(_ word: UInt32) -> Bool { word != 0 && Int(word) <= trainedWordCount }
}

/// Words and their tags.
public struct TaggedSentence: Sendable, Equatable {
  /// The words.
  public var forms: [String]
  /// One tag a word.
  public var tags: [String]

  /// Creates a sentence.
  public init(forms: [String], tags: [String]) {
    self.forms = forms
    self.tags = tags
  }

  /// Reads the sentences of a part of a treebank.
  ///
  /// - Parameters:
  ///   - part: The part.
  ///   - column: Where the tags are.
  ///   - limit: The first so many only; `nil` for all.
  /// - Returns: The sentences that have words.
  /// - Throws: `CoNLLUError`, `PennTreeError`, `DataFormatError`.
  public static func read(
    _ part: TreebankPart, column: CoNLLUColumn, limit: Int? = nil
  ) throws -> [TaggedSentence] {
    let reader = TreebankReader(part)
    var sentences: [TaggedSentence] = []
    while sentences.count < limit ?? Int.max, let sentence = try reader.next() {
      sentences.append(
        TaggedSentence(forms: sentence.forms, tags: sentence.values(of: column)))
    }
    guard !sentences.isEmpty else { throw CoNLLUError.noSentences(path: part.path) }
    return sentences
  }
}
