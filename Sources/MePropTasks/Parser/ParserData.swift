// The trees that a parser is trained and evaluated on.

import Foundation
import MePropData

#if canImport(Glibc)
  import Glibc
#endif

/// The trees of a treebank.
public typealias ParserData = TreebankParts<DependencyTree>

extension TreebankParts<DependencyTree> {
  /// Reads a treebank, without the morphological features of words, which no feature is made of.
  ///
  /// Training trees get one root, as all trees that are built have; others stay as they are.
  ///
  /// - Throws: `TreebankError`, `CoNLLUError`, `PennTreeError`, `DataFormatError`,
  ///   `DependencyTreeError`.
  public init(_ treebank: Treebank, trainingLimit: Int? = nil) throws {
    try self.init(treebank, limit: trainingLimit) { part, limit in
      try Self.read(part, limit: limit, keepsMorphology: false)
    }
    training = training.map(\.withOneRoot)
    Self.returnFreeMemory()
  }

  /// Gives back what text took that is no longer needed, before matrices are made.
  private static func returnFreeMemory() {
    #if canImport(Glibc)
      // Swift's module of the C library leaves this function out; other C libraries do not have it.
      typealias Trim = @convention(c) (Int) -> Int32
      if let symbol = dlsym(nil, "malloc_trim") { _ = unsafeBitCast(symbol, to: Trim.self)(0) }
    #endif
  }

  /// Reads the trees of a part of a treebank, `limit` of them at most.
  ///
  /// - Throws: `CoNLLUError`, `PennTreeError`, `DataFormatError`,
  ///   `DependencyTreeError`.
  public static func read(
    _ part: TreebankPart, limit: Int? = nil, keepsMorphology: Bool = true
  ) throws -> [DependencyTree] {
    let reader = TreebankReader(part)
    var trees: [DependencyTree] = []
    // The first sentence that is to be parsed and is not yet: all of a part are, or it is a
    // mistake.
    var blind: DependencyTreeError?
    while trees.count < limit ?? Int.max, let sentence = try reader.next() {
      if sentence.lacksHeads {
        blind =
          blind
          ?? .badHead(path: reader.path, line: sentence.line(ofWord: 0), found: "_")
      } else {
        let tree = try DependencyTree(sentence, path: reader.path, allowsSeveralRoots: true)
        trees.append(keepsMorphology ? tree : tree.withoutMorphology)
      }
      if let blind, !trees.isEmpty { throw blind }
    }
    if let blind {
      // What is trained on needs trees.
      if part.name == "train" { throw blind }
      throw MissingGoldError(path: part.path, column: CoNLLUColumn.head.name)
    }
    guard !trees.isEmpty else { throw CoNLLUError.noSentences(path: part.path) }
    if part.name != "train",
      trees.allSatisfy({ $0.relations.allSatisfy { $0 == "_" || $0.isEmpty } })
    {
      throw MissingGoldError(path: part.path, column: CoNLLUColumn.deprel.name)
    }
    return trees
  }
}

extension CoNLLUSentence {
  /// Whether HEAD is `_`, or empty, at every word.
  fileprivate var lacksHeads: Bool {
    (0..<wordCount).allSatisfy { word in
      let field = text[range(of: .head, ofWord: word)]
      return field.isEmpty || field.elementsEqual([UInt8(ascii: "_")])
    }
  }
}

extension DependencyTree {
  /// The same tree without morphological features.
  fileprivate var withoutMorphology: DependencyTree {
    DependencyTree(
      forms: forms, upos: upos, xpos: xpos, feats: Array(repeating: "_", count: wordCount),
      heads: heads, relations: relations)
  }
}

/// Trees that no parser can be trained on.
public enum ParserDataError: OneLineError {
  /// The system can build none of them.
  case nothingToLearn(data: String, system: String, treeCount: Int)

  /// One line: what was expected and found, and what to do.
  public var description: String {
    switch self {
    case .nothingToLearn(let data, let system, let treeCount):
      return "\(data): expected trees that \(system) can build, found none among \(treeCount) "
        + "training sentences; try --system swap"
    }
  }
}
