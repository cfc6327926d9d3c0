// Sentences as numbers of a parser's vocabularies.

import MePropCore
import MePropData

/// Sentences as symbols: for each node, the root included, a symbol of each kind, its head and its
/// label.
struct EncodedTrees: Sendable {
  /// Where the nodes of each sentence start, and the end of the last.
  private(set) var starts = [0]
  /// The symbols of each node, `kindCount` of them.
  private(set) var symbols: [UInt32] = []
  /// Its head within the sentence; 0 for the root itself.
  private(set) var heads: [Int32] = []
  /// The label of the arc to it; -1 for the root and for relations that training data do not have.
  private(set) var labels: [Int32] = []
  let layout: FeatureLayout
  var kindCount: Int { layout.nodeBlocks.count }

  init(_ layout: FeatureLayout) { self.layout = layout }

  init(_ trees: [DependencyTree], _ vocabularies: ParserVocabularies, keepsSubtypes: Bool) {
    layout = FeatureLayout(vocabularies)
    let encoder = WordEncoder(vocabularies)
    for tree in trees {
      append(tree, encoder)
      for (word, relation) in tree.relations.enumerated() {
        let text = ParserVocabularies.relation(relation, keepsSubtypes: keepsSubtypes)
        let node = starts[starts.count - 2] + word + 1
        heads[node] = Int32(tree.heads[word])
        labels[node] = Int32(vocabularies.relations[text]) - 1
      }
    }
  }

  /// The number of sentences.
  var count: Int { starts.count - 1 }
  /// The number of words of a sentence.
  func wordCount(_ sentence: Int) -> Int { starts[sentence + 1] - starts[sentence] - 1 }
  /// The number of words of all sentences.
  var wordCount: Int { heads.count - count }

  mutating func removeAll() {
    starts.removeLast(starts.count - 1)
    symbols.removeAll(keepingCapacity: true)
    heads.removeAll(keepingCapacity: true)
    labels.removeAll(keepingCapacity: true)
  }

  /// Adds a sentence without heads and labels.
  mutating func append(_ tree: DependencyTree, _ encoder: WordEncoder) {
    for block in layout.nodeBlocks {
      symbols.append(UInt32(block.firstSymbol) + FeatureLayout.root)
    }
    for word in tree.forms.indices { encoder.append(tree, word, to: &symbols) }
    let count = tree.wordCount + 1
    heads.append(contentsOf: repeatElement(0, count: count))
    labels.append(contentsOf: repeatElement(-1, count: count))
    starts.append(heads.count)
  }

  /// A copy of the symbols in which each word and affix that is rare is unknown with probability
  /// one half, and any other word with probability `wordDropout`.
  func hidingRare(wordDropout: Double, seed: UInt64, epoch: Int) -> [UInt32] {
    var random = Philox(seed: seed, stream: RandomPurpose.task.stream(epoch))
    let threshold = UInt32(wordDropout * 0x1p32)
    var result = symbols
    let kinds = kindCount
    for (kind, block) in layout.nodeBlocks.enumerated() {
      let first = UInt32(block.firstSymbol)
      let rare = first + UInt32(block.rareStart)
      for place in stride(from: kind, to: result.count, by: kinds) {
        let limit: UInt32 = result[place] >= rare ? 1 << 31 : kind == 0 ? threshold : 0
        guard limit > 0, result[place] != first + FeatureLayout.root else { continue }
        if random.next32() < limit { result[place] = first + FeatureLayout.unknown }
      }
    }
    return result
  }

  /// A fingerprint, so that a run is only resumed with the data it was started with.
  var fingerprint: Int {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    func add(_ number: UInt64) { hash = (hash ^ number) &* 0x100_0000_01b3 }
    for number in symbols { add(UInt64(number)) }
    for number in heads { add(UInt64(bitPattern: Int64(number))) }
    for number in labels { add(UInt64(bitPattern: Int64(number))) }
    for number in starts { add(UInt64(number)) }
    return Int(hash >> 1)
  }
}

/// Finds the symbols of words, and remembers those of words that come again.
final class WordEncoder {
  private let vocabularies: ParserVocabularies
  private let layout: FeatureLayout
  private var places: [String: Int] = [:]
  private var remembered: [UInt32] = []
  private var tagSymbols: [String: UInt32] = [:]

  /// The most forms that are remembered.
  static let capacity = 1 << 16

  init(_ vocabularies: ParserVocabularies) {
    self.vocabularies = vocabularies
    layout = FeatureLayout(vocabularies)
  }

  func append(_ tree: DependencyTree, _ word: Int, to symbols: inout [UInt32]) {
    let choice = vocabularies.choice
    let place = places[tree.forms[word]] ?? remember(tree.forms[word])
    symbols.append(remembered[place])
    if choice.tagColumns != .none { symbols.append(tagSymbol(choice.tagColumns.tag(tree, word))) }
    if choice.prefixLength > 0 { symbols.append(remembered[place + 1]) }
    if choice.suffixLength > 0 { symbols.append(remembered[place + 2]) }
  }

  private func symbol(_ number: UInt32, kind: Int) -> UInt32 {
    UInt32(layout.nodeBlocks[kind].firstSymbol)
      + (number == 0 ? FeatureLayout.unknown : number + FeatureLayout.firstItem - 1)
  }

  private func tagSymbol(_ tag: String) -> UInt32 {
    if let known = tagSymbols[tag] { return known }
    let found = symbol(vocabularies.tags[tag], kind: 1)
    if tagSymbols.count < Self.capacity { tagSymbols[tag] = found }
    return found
  }

  private func remember(_ form: String) -> Int {
    if places.count >= Self.capacity {
      places.removeAll(keepingCapacity: true)
      remembered.removeAll(keepingCapacity: true)
    }
    let choice = vocabularies.choice
    let place = remembered.count
    let low = form.lowercased()
    var kind = choice.tagColumns == .none ? 1 : 2
    remembered.append(symbol(vocabularies.words[low], kind: 0))
    remembered.append(0)
    remembered.append(0)
    if choice.prefixLength > 0 {
      let prefix = String(low.prefix(choice.prefixLength))
      remembered[place + 1] = symbol(vocabularies.prefixes[prefix], kind: kind)
      kind += 1
    }
    if choice.suffixLength > 0 {
      let suffix = String(low.suffix(choice.suffixLength))
      remembered[place + 2] = symbol(vocabularies.suffixes[suffix], kind: kind)
    }
    places[form] = place
    return place
  }
}
