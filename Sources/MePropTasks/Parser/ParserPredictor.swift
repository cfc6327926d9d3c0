// Trees for text: sentence by sentence from a stream, in constant memory, order kept.

import Foundation
import MePropCore
import MePropData
import MePropNN
import MePropTraining

/// Parses sentences with a model.
public final class ParserPredictor {
  /// The model.
  public let model: ParserModel
  private let engine: ParserEngine
  private let encoder: WordEncoder
  private let beamWidth: Int
  private let threadCount: Int
  private let tagger: ParserTagger?
  private var trees: EncodedTrees

  /// About how many words are parsed at once where nobody waits for each sentence.
  static let wordsAtOnce = 32 * ParserBatches.wordCount

  /// Creates a predictor.
  ///
  /// - Parameters:
  ///   - model: The model.
  ///   - beamWidth: Hypotheses a sentence; 1 takes the best transition at every step.
  ///   - tagger: Whose tags are read; `nil` for those that the words come with.
  ///   - threadCount: Threads to compute with, at least 1.
  public init(
    _ model: ParserModel, beamWidth: Int = 1, tagger: ParserTagger? = nil, threadCount: Int = 1
  ) {
    precondition(beamWidth >= 1, "ParserPredictor: beam of \(beamWidth), expected at least 1")
    self.model = model
    self.beamWidth = beamWidth
    self.tagger = tagger
    self.threadCount = threadCount
    encoder = WordEncoder(model.vocabularies)
    trees = EncodedTrees(FeatureLayout(model.vocabularies))
    engine = ParserEngine(
      model.network, vocabularies: model.vocabularies, system: model.system,
      precision: model.precision, context: ComputeContext(threadCount: 1))
  }

  /// The heads (0 for the root) and relations of the words of each sentence.
  ///
  /// Of `sentences` the words and tags count; heads and relations are not looked at, and with a
  /// tagger its column of tags is not either.
  public func parse(_ sentences: [DependencyTree]) -> [(heads: [Int], relations: [String])] {
    parseTagged(tagger?.tagging(sentences) ?? sentences)
  }

  private func parseTagged(
    _ sentences: [DependencyTree]
  ) -> [(heads: [Int], relations: [String])] {
    trees.removeAll()
    for sentence in sentences { trees.append(sentence, encoder) }
    let parsed = engine.parse(trees, beamWidth: beamWidth, threadCount: threadCount)
    let relations = model.vocabularies.relations.items
    return sentences.indices.map { sentence in
      let nodes = trees.starts[sentence] + 1..<trees.starts[sentence + 1]
      return (
        nodes.map { Int(parsed.heads[$0]) }, nodes.map { relations[Int(parsed.labels[$0])] }
      )
    }
  }

  /// Parses all sentences of a file or stream.
  ///
  /// Of CoNLL-U only HEAD and DEPREL of words change; with a tagger they are parsed by its tags,
  /// which do not come out. Text becomes CoNLL-U with form, the tagger's column, HEAD and DEPREL.
  ///
  /// - Parameters:
  ///   - file: What to read.
  ///   - isText: Whether that is text, a sentence a line with blanks between tokens, instead of
  ///     CoNLL-U.
  ///   - flushesEachSentence: Whether each sentence is parsed and handed on before the next is
  ///     read, as for a pipe that somebody talks through; otherwise many go together.
  ///   - writesObjects: Whether sentences come out as objects `{"tokens", "heads", "relations"}`,
  ///     one a line.
  ///   - receive: Takes the output, piece by piece and in order.
  /// - Throws: `CoNLLUError`, `DataFormatError`, and what `receive` throws. Sentences before the
  ///   damaged one have been handed on.
  public func predict(
    _ file: InputFile, isText: Bool = false, flushesEachSentence: Bool,
    writesObjects: Bool = false, _ receive: ([UInt8]) throws -> Void
  ) throws {
    if isText {
      let reader = PlainTextSentences(file)
      try run(
        reader.path, flushesEachSentence, next: { try reader.next() },
        words: DependencyTree.init(untagged:),
        write: { _, words, tree, bytes in
          let tree = words.replacing(heads: tree.heads, relations: tree.relations)
          bytes += (writesObjects ? "\(tree.json)\n" : tree.conllu).utf8
        }, receive)
    } else {
      let reader = CoNLLUReader(file)
      try run(
        reader.path, flushesEachSentence, next: { try reader.next() },
        words: DependencyTree.init(wordsOf:),
        write: { sentence, words, tree, bytes in
          guard writesObjects else {
            return sentence.append(heads: tree.heads, relations: tree.relations, to: &bytes)
          }
          guard words.wordCount > 0 else { return }
          let tree = words.replacing(heads: tree.heads, relations: tree.relations)
          bytes += "\(tree.json)\n".utf8
        }, receive)
    }
  }

  private func run<Sentence>(
    _ path: String, _ flushesEachSentence: Bool, next: () throws -> Sentence?,
    words: (Sentence) -> DependencyTree,
    write: (
      Sentence, DependencyTree, (heads: [Int], relations: [String]), inout [UInt8]
    ) -> Void, _ receive: ([UInt8]) throws -> Void
  ) throws {
    var missing = MissingTags(model.vocabularies.choice.tagColumns)
    defer { missing.tell(of: path) }
    try SentenceGroups.forEach(
      wordLimit: flushesEachSentence ? 1 : Self.wordsAtOnce,
      next: { try next().map { (sentence: $0, words: words($0)) } },
      wordCount: { $0.words.wordCount }
    ) { group in
      var bytes: [UInt8] = []
      let trees = group.map(\.words)
      let tagged = tagger?.tagging(trees) ?? trees
      for tree in tagged { missing.add(tree) }
      missing.tellEarly(of: path)
      for (index, tree) in parseTagged(tagged).enumerated() {
        write(group[index].sentence, tagged[index], tree, &bytes)
      }
      if !bytes.isEmpty { try receive(bytes) }
    }
  }
}

extension DependencyTree {
  /// The words of a sentence with their tags, all attached to the root: what is there before
  /// parsing.
  init(wordsOf sentence: CoNLLUSentence) {
    let count = sentence.wordCount
    self.init(
      forms: sentence.forms, upos: sentence.values(of: .upos), xpos: sentence.values(of: .xpos),
      feats: sentence.values(of: .feats), heads: Array(repeating: 0, count: count),
      relations: Array(repeating: "_", count: count))
  }

  /// Words without any annotation.
  init(untagged forms: [String]) {
    let blanks = Array(repeating: "_", count: forms.count)
    self.init(
      forms: forms, upos: blanks, xpos: blanks, feats: blanks,
      heads: Array(repeating: 0, count: forms.count), relations: blanks)
  }

  /// The words with their heads and relations.
  fileprivate var json: JSONValue {
    .object([
      .init("tokens", .array(forms.map { .string($0) })),
      .init("heads", .array(heads.map { .integer($0) })),
      .init("relations", .array(relations.map { .string($0) })),
    ])
  }

  /// The tree in CoNLL-U, with the blank line after it.
  fileprivate var conllu: String {
    forms.indices.map { word in
      "\(word + 1)\t\(forms[word])\t_\t\(upos[word])\t\(xpos[word])\t\(feats[word])\t\(heads[word])"
        + "\t\(relations[word])\t_\t_\n"
    }.joined() + "\n"
  }
}
