// Words that come without the tags that a parser reads.

import MePropData

/// Finds out which of the columns that a parser's features are made of are `_` at every word.
struct MissingTags {
  /// The words after which it is told, rather than at the end of a stream.
  private static let enough = 1000

  private let columns: [CoNLLUColumn]
  private var filled: Set<CoNLLUColumn> = []
  private var wordCount = 0
  private var isTold = false

  init(_ columns: ParserTagColumns) {
    self.columns =
      switch columns {
      case .upos: [.upos]
      case .xpos: [.xpos]
      case .both: [.upos, .xpos]
      case .none: []
      }
  }

  /// Looks at a sentence.
  mutating func add(_ tree: DependencyTree) {
    wordCount += tree.wordCount
    for column in columns where !filled.contains(column) {
      let tags = column == .upos ? tree.upos : tree.xpos
      if tags.contains(where: { $0 != "_" && !$0.isEmpty }) { filled.insert(column) }
    }
  }

  /// Tells what is missing, once, if so many words have been seen that it is missing for certain.
  mutating func tellEarly(of path: String) { if wordCount >= Self.enough { tell(of: path) } }

  /// Tells what is missing, once.
  mutating func tell(of path: String) {
    let missing = columns.filter { !filled.contains($0) }
    guard !isTold, wordCount > 0, !missing.isEmpty else { return }
    isTold = true
    let names = missing.map(\.name).joined(separator: " and ")
    Notices.tell(
      "\(path): \(names) \(missing.count == 1 ? "is" : "are") _ at every word, and the parser "
        + "reads "
        + "\(missing.count == 1 ? "it" : "them"), so that trees will be bad; give it tagged "
        + "text, or "
        + "name a tagger with --tagger")
  }
}
