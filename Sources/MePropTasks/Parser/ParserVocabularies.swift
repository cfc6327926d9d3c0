// The symbols that a parser knows.

import MePropData

/// The columns of a treebank from which a parser takes the tag of a word.
public enum ParserTagColumns: String, Sendable, CaseIterable, Codable {
  /// UPOS and XPOS together, as one symbol.
  case both
  /// UPOS.
  case upos
  /// XPOS.
  case xpos
  /// None: words only.
  case none

  /// The tag of word `word` of a tree, from 0.
  func tag(_ tree: DependencyTree, _ word: Int) -> String {
    switch self {
    case .both: tree.upos[word] + " " + tree.xpos[word]
    case .upos: tree.upos[word]
    case .xpos: tree.xpos[word]
    case .none: ""
    }
  }
}

/// What a parser is told of a word.
public struct ParserFeatureChoice: Sendable, Equatable, Codable {
  /// Where tags come from.
  public var tagColumns: ParserTagColumns
  /// How many first letters of a word are a feature; 0 for none.
  public var prefixLength: Int
  /// How many last letters of a word are a feature; 0 for none.
  public var suffixLength: Int

  /// Creates a choice; without arguments the paper's: words, and UPOS and XPOS together.
  public init(
    tagColumns: ParserTagColumns = .both, prefixLength: Int = 0, suffixLength: Int = 0
  ) {
    self.tagColumns = tagColumns
    self.prefixLength = prefixLength
    self.suffixLength = suffixLength
  }
}

/// The numbers of words, tags, affixes and relations of a parser.
public struct ParserVocabularies: Sendable, Equatable {
  /// What is known of a word.
  public var choice: ParserFeatureChoice
  /// Lower-cased forms.
  public var words: Vocabulary
  /// Tags.
  public var tags: Vocabulary
  /// First letters of lower-cased forms.
  public var prefixes: Vocabulary
  /// Last letters of lower-cased forms.
  public var suffixes: Vocabulary
  /// Relations; label l is number l + 1.
  public var relations: Vocabulary
  /// The labels that arcs from the root have in training data.
  public var rootLabels: [Int]
  /// The labels that other arcs have.
  public var plainLabels: [Int]

  /// The relation of an arc as the parser learns it.
  static func relation(_ text: String, keepsSubtypes: Bool) -> String {
    keepsSubtypes ? text : String(text.prefix { $0 != ":" })
  }

  /// Counts what is in trees.
  ///
  /// - Parameters:
  ///   - trees: Training trees, at least one with words.
  ///   - choice: What is to be known of a word.
  ///   - keepsSubtypes: Whether `nsubj:pass` is another relation than `nsubj`.
  public init(_ trees: [DependencyTree], choice: ParserFeatureChoice, keepsSubtypes: Bool) {
    self.choice = choice
    let forms = trees.lazy.flatMap { $0.forms.lazy.map { $0.lowercased() } }
    words = Vocabulary(counting: forms)
    tags = Vocabulary(
      counting: choice.tagColumns == .none
        ? []
        : trees.flatMap { tree in
          tree.forms.indices.map { choice.tagColumns.tag(tree, $0) }
        })
    prefixes = Vocabulary(
      counting: choice.prefixLength == 0
        ? [] : forms.map { String($0.prefix(choice.prefixLength)) })
    suffixes = Vocabulary(
      counting: choice.suffixLength == 0
        ? [] : forms.map { String($0.suffix(choice.suffixLength)) })
    let relations = Vocabulary(
      counting: trees.lazy.flatMap {
        $0.relations.lazy.map { Self.relation($0, keepsSubtypes: keepsSubtypes) }
      })
    var isRoot = [Bool](repeating: false, count: relations.items.count)
    var isPlain = isRoot
    for tree in trees {
      for (head, relation) in zip(tree.heads, tree.relations) {
        let label = Int(relations[Self.relation(relation, keepsSubtypes: keepsSubtypes)]) - 1
        if head == 0 { isRoot[label] = true } else { isPlain[label] = true }
      }
    }
    self.relations = relations
    rootLabels = isRoot.indices.filter { isRoot[$0] }
    plainLabels = isPlain.indices.filter { isPlain[$0] }
    // A treebank of one-word sentences has no other arcs.
    if plainLabels.isEmpty { plainLabels = rootLabels }
  }

  /// Creates vocabularies from their parts.
  init(
    choice: ParserFeatureChoice, words: Vocabulary, tags: Vocabulary, prefixes: Vocabulary,
    suffixes: Vocabulary, relations: Vocabulary, rootLabels: [Int], plainLabels: [Int]
  ) {
    self.choice = choice
    self.words = words
    self.tags = tags
    self.prefixes = prefixes
    self.suffixes = suffixes
    self.relations = relations
    self.rootLabels = rootLabels
    self.plainLabels = plainLabels
  }

  /// The number of relations.
  public var labelCount: Int { relations.items.count }
}

/// Where the symbols of each kind are among all symbols, and the features of each kind among all
/// features.
///
/// Within a kind, symbol 0 stands for a node that is not there, 1 for anything unknown, 2 for the
/// root, and the items of the vocabulary follow by falling frequency. Labels have no symbols 1 and
/// 2.
struct FeatureLayout: Sendable, Equatable {
  /// One kind of features.
  struct Block: Sendable, Equatable {
    /// The first symbol: that of no node.
    var firstSymbol: Int
    /// The number of symbols.
    var symbolCount: Int
    /// The places of its features.
    var positions: Range<Int>
    /// From here on symbols are seen once in training.
    var rareStart: Int
  }

  static let none: UInt32 = 0
  static let unknown: UInt32 = 1
  static let root: UInt32 = 2
  static let firstItem: UInt32 = 3

  /// Kinds that a node has by itself: words, tags, prefixes, suffixes.
  private(set) var nodeBlocks: [Block] = []
  /// Labels of arcs.
  private(set) var labels: Block
  let symbolCount: Int
  let positionCount: Int

  init(_ vocabularies: ParserVocabularies) {
    var lists = [vocabularies.words]
    if vocabularies.choice.tagColumns != .none { lists.append(vocabularies.tags) }
    if vocabularies.choice.prefixLength > 0 { lists.append(vocabularies.prefixes) }
    if vocabularies.choice.suffixLength > 0 { lists.append(vocabularies.suffixes) }
    var symbol = 0
    var position = 0
    for list in lists {
      let count = list.items.count + Int(Self.firstItem)
      nodeBlocks.append(
        Block(
          firstSymbol: symbol, symbolCount: count,
          positions: position..<position + FeatureTemplate.nodeCount,
          rareStart: list.rareStart + Int(Self.firstItem) - 1))
      symbol += count
      position += FeatureTemplate.nodeCount
    }
    labels = Block(
      firstSymbol: symbol, symbolCount: vocabularies.labelCount + 1,
      positions: position..<position + FeatureTemplate.labeledCount,
      rareStart: vocabularies.labelCount + 1)
    symbolCount = symbol + labels.symbolCount
    positionCount = labels.positions.upperBound
  }

  /// All kinds.
  var blocks: [Block] { nodeBlocks + [labels] }
}
