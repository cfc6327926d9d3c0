// Tags from a tagger's model instead of the treebank's.

import Foundation
import MePropCore
import MePropData
import MePropTraining

/// Puts the tags that a tagger finds in the place of those of trees.
///
/// A parser that will read a tagger's tags must learn from tags with a tagger's mistakes. Those of
/// training sentences come from taggers that have not seen them: the sentences are dealt into
/// folds, and each fold is tagged by a tagger trained on the others (jackknifing), with the
/// settings of the tagger's run if they are beside the model, else its default ones.
public struct ParserTagger {
  /// The tagger.
  public let model: TaggerModel
  private let settings: TaggerSettings
  /// SHA-256 of all settings of its run.
  private let settingsDigest: String
  private let threadCount: Int

  /// Reads the model of a tagger, and the settings that it was trained with.
  ///
  /// - Parameters:
  ///   - url: The folder of a run, or its model folder.
  ///   - threadCount: Threads to compute with, at least 1.
  /// - Throws: `ModelFileError`, `ConfigurationError`; `ParserTaggerError` if it does not predict
  ///   UPOS or XPOS.
  public init(at url: URL, threadCount: Int) throws {
    model = try TaggerModel(at: url)
    self.threadCount = threadCount
    guard model.column == .upos || model.column == .xpos else {
      throw ParserTaggerError.wrongColumn(path: url.path, column: model.column.name)
    }
    let file = RunFolder.modelFolder(at: url).deletingLastPathComponent()
      .appendingPathComponent("config.yaml")
    let hasSettings = FileManager.default.fileExists(atPath: file.path)
    let configuration = try TrainingRequest(
      configurationFile: hasSettings ? file : nil,
      assignments: hasSettings ? [] : ["column=\(model.column.name)"]
    ).configuration(for: TaggerConfiguration.schema)
    let resolved = try TaggerConfiguration.resolve(configuration)
    settings = resolved.settings
    // The number of threads changes nothing.
    let texts = TaggerConfiguration.schema.keys.map(\.name).filter { $0 != "threads" }
    settingsDigest = JackknifedTags.digest([resolved.configuration.texts(of: texts)])
  }

  /// The columns of a parser that reads this tagger's tags.
  public var columns: ParserTagColumns { model.column == .upos ? .upos : .xpos }

  /// Trees with the tags of the model.
  public func tagging(_ trees: [DependencyTree]) -> [DependencyTree] {
    Self.tagging(trees, with: model, threadCount: threadCount)
  }

  private static func tagging(
    _ trees: [DependencyTree], with model: TaggerModel, threadCount: Int
  ) -> [DependencyTree] {
    let predictor = TaggerPredictor(model, context: ComputeContext(threadCount: threadCount))
    return zip(trees, predictor.tags(of: trees.map(\.forms))).map { tree, tags in
      tree.replacing(tags: tags, in: model.column)
    }
  }

  /// Training trees, each with the tags of a tagger that has not seen it.
  ///
  /// - Parameters:
  ///   - trees: At least `foldCount` of them.
  ///   - foldCount: How many taggers are trained, 2 or more.
  ///   - saved: A file of tags that an earlier call gave, which are taken if they are of the same
  ///     trees, settings and folds; `nil` for none.
  ///   - progress: Told what is being done.
  /// - Returns: The same trees in the same order, with other tags, and these tags.
  /// - Throws: `ParserTaggerError` if there are fewer trees; errors of training.
  func jackknifing(
    _ trees: [DependencyTree], foldCount: Int, saved: URL?, progress: (String) -> Void
  ) throws -> (trees: [DependencyTree], tags: JackknifedTags) {
    let inputs = JackknifedTags.digest(
      [[String(foldCount), model.column.name, settingsDigest]]
        + trees.flatMap { [$0.forms, model.column == .upos ? $0.upos : $0.xpos] })
    if let saved, let tags = JackknifedTags(at: saved, inputs: inputs) {
      progress("tags of training sentences: \(saved.path)")
      return (zip(trees, tags.sentences).map { $0.replacing(tags: $1, in: model.column) }, tags)
    }
    let result = try jackknifing(trees, foldCount: foldCount, progress: progress)
    let tags = result.map { model.column == .upos ? $0.upos : $0.xpos }
    return (result, JackknifedTags(inputs: inputs, sentences: tags))
  }

  private func jackknifing(
    _ trees: [DependencyTree], foldCount: Int, progress: (String) -> Void
  ) throws -> [DependencyTree] {
    precondition(foldCount >= 2, "jackknifing: \(foldCount) folds, expected 2 or more")
    guard trees.count >= foldCount else {
      throw ParserTaggerError.tooFewTrees(count: trees.count, foldCount: foldCount)
    }
    var result = trees
    for fold in 0..<foldCount {
      let (held, others) = (
        trees.indices.filter { $0 % foldCount == fold },
        trees.indices.filter { $0 % foldCount != fold }
      )
      let data = TaggerData(
        training: others.map { index in
          let tree = trees[index]
          return TaggedSentence(
            forms: tree.forms, tags: model.column == .upos ? tree.upos : tree.xpos)
        })
      let vectors = try settings.vectors.map {
        try TaggerVectors(
          path: $0, vocabularies: TaggerVocabularies(data.training),
          size: settings.shape.wordSize, limit: settings.vectorLimit)
      }
      let task = TaggerTask(
        settings: settings, data: data, vectors: vectors,
        context: ComputeContext(threadCount: threadCount))
      for epoch in 1...settings.steps.stopping.epochs {
        progress(
          "tagger for fold \(fold + 1) of \(foldCount): epoch \(epoch) of "
            + "\(settings.steps.stopping.epochs)")
        task.beginEpoch(epoch)
        for step in 0..<task.stepsPerEpoch { _ = try task.trainStep(step, ofEpoch: epoch) }
      }
      let tagged = Self.tagging(
        held.map { trees[$0] }, with: task.model, threadCount: threadCount)
      for (index, tree) in zip(held, tagged) { result[index] = tree }
    }
    return result
  }
}

extension DependencyTree {
  /// The same tree with other tags in UPOS or XPOS.
  func replacing(tags: [String], in column: CoNLLUColumn) -> DependencyTree {
    DependencyTree(
      forms: forms, upos: column == .upos ? tags : upos, xpos: column == .xpos ? tags : xpos,
      feats: feats, heads: heads, relations: relations)
  }
}

/// A tagger that a parser cannot take tags from; `description` is one line.
public enum ParserTaggerError: OneLineError {
  /// It predicts another column than UPOS or XPOS.
  case wrongColumn(path: String, column: String)
  /// It does not predict all columns that the parser reads, and there is no other place to take
  /// them from.
  case missingColumn(parser: String, tagger: String)
  /// There are fewer training trees than folds.
  case tooFewTrees(count: Int, foldCount: Int)

  /// One line: expected, found, what to do.
  public var description: String {
    switch self {
    case .wrongColumn(let path, let column):
      return "\(path): expected a tagger of upos or xpos, found one of \(column); train one with "
        + "--column upos or xpos"
    case .missingColumn(let parser, let tagger):
      return "the parser reads tags of \(parser), and the tagger predicts \(tagger); train the "
        + "parser with --tagger or --columns \(tagger), or give it CoNLL-U that has them"
    case .tooFewTrees(let count, let foldCount):
      return "expected at least \(foldCount) training sentences, one a fold, found \(count); "
        + "lower --folds"
    }
  }
}
