// A CoNLL-U file as the CoNLL 2018 evaluation sees it: characters, tokens, sentences, words.

/// What is compared of a CoNLL-U file.
struct ScoredFile {
  /// A part of the characters.
  struct Span: Equatable {
    /// The first byte.
    var start: Int
    /// One past the last byte.
    var end: Int
    /// The line it is on, from 1.
    var line: Int
  }

  /// A word; texts are numbers of a `FieldNumbers`.
  struct Word {
    /// The token the word is, or is part of.
    var token: Int
    /// Whether the token is a multiword token.
    var isMultiword: Bool
    var form: Int32
    var lemma: Int32
    var upos: Int32
    var xpos: Int32
    /// The universal features, sorted.
    var feats: Int32
    /// The relation without its subtype.
    var relation: Int32
    var isContent: Bool
    var isFunctional: Bool
    /// The index of its head among all words, or `root`.
    var head: Int
  }

  /// The head of a word without one.
  static let root = -1

  /// The name of the file, for messages.
  var path: String
  /// The UTF-8 of all tokens, without blanks.
  var characters: [UInt8] = []
  /// The tokens, a multiword token as one.
  var tokens: [Span] = []
  /// The sentences.
  var sentences: [Span] = []
  /// The words.
  var words: [Word] = []

  /// The words between two tokens' ends, by their token's span.
  func span(ofWord word: Int) -> Span { tokens[words[word].token] }

  /// The functional children of each word, in their order.
  func functionalChildren() -> [[Int]] {
    var children = [[Int]](repeating: [], count: words.count)
    for (index, word) in words.enumerated() where word.isFunctional && word.head != Self.root {
      children[word.head].append(index)
    }
    return children
  }
}
