// The model folder of a parser: what `evaluate` and `predict` take, and what Python can read.

import Foundation
import MePropCore
import MePropData
import MePropNN
import MePropTraining

/// A trained parser with all that is needed to use it.
///
/// Its files are those of `SavedModel`, and `vocabularies.json`: words, tags, affixes and relations
/// by number, the most frequent first. `features.weight` is `[positions · outputs, size]`,
/// position after position.
///
/// Symbols are, kind after kind (words, tags, prefixes, suffixes, relations): no node, unknown, the
/// root, then the vocabulary; relations have no unknown and no root.
public struct ParserModel: Sendable, Equatable {
  /// The network.
  public let network: ParserNetwork
  /// The numbers of words, tags and relations.
  public let vocabularies: ParserVocabularies
  /// The transition system.
  public let system: TransitionSystem
  /// What forward products above the first layer read: of a new model what it was trained with.
  public var precision: Precision
  /// The treebank it was trained on, as the user named it.
  public let data: String

  /// Creates a model from its parts, whose sizes must fit.
  public init(
    network: ParserNetwork, vocabularies: ParserVocabularies, system: TransitionSystem,
    precision: Precision = .f32, data: String
  ) {
    let layout = FeatureLayout(vocabularies)
    let numbers = TransitionNumbers(system: system, labelCount: vocabularies.labelCount)
    precondition(
      network.features.symbolCount == layout.symbolCount
        && network.features.positionCount == layout.positionCount
        && network.outputSize == numbers.count,
      "ParserModel: network of \(network.features.symbolCount) symbols, "
        + "\(network.features.positionCount) positions and \(network.outputSize) transitions, "
        + "vocabularies of \(layout.symbolCount), \(layout.positionCount) and \(numbers.count)")
    self.network = network
    self.vocabularies = vocabularies
    self.system = system
    self.precision = precision
    self.data = data
  }

  private struct Details: Codable {
    var system: String
    var precision: String
    var data: String
    var shape: ParserShape
    var features: ParserFeatureChoice
  }

  private struct Lists: Codable {
    var words: VocabularyList
    var tags: VocabularyList
    var prefixes: VocabularyList
    var suffixes: VocabularyList
    var relations: VocabularyList
    var rootRelations: [String]
    var otherRelations: [String]
  }

  /// Writes the files into an existing folder.
  ///
  /// - Throws: `FileWriteError`.
  public func write(to folder: URL) throws {
    let relations = vocabularies.relations.items
    try SavedModel.writeJSON(
      Lists(
        words: .init(vocabularies.words), tags: .init(vocabularies.tags),
        prefixes: .init(vocabularies.prefixes), suffixes: .init(vocabularies.suffixes),
        relations: .init(vocabularies.relations),
        rootRelations: vocabularies.rootLabels.map { relations[$0] },
        otherRelations: vocabularies.plainLabels.map { relations[$0] }),
      to: folder.appendingPathComponent("vocabularies.json"))
    let details = Details(
      system: system.rawValue, precision: precision.rawValue, data: data, shape: network.shape,
      features: vocabularies.choice)
    try SavedModel.write(network, task: Parser.name, details: details, to: folder)
  }

  /// Reads a model from its folder, or from the folder of its run.
  ///
  /// Nothing in the files is trusted: sizes, names, shapes and values are checked against each
  /// other.
  ///
  /// - Throws: `ModelFileError`; `SafeTensorsError` or `DataFormatError` for the weights' file.
  public init(at url: URL) throws {
    let saved = try SavedModel(at: url, task: Parser.name)
    let details: Details = try saved.details()
    let lists: Lists = try saved.readJSON("vocabularies.json")
    let system: TransitionSystem = try saved.value("system", details.system)
    let precision: Precision = try saved.value("precision", details.precision)
    let shape = details.shape
    let _: FeatureSum.Activation = try saved.value("activation", shape.activation)
    let sizes = 1...1_000_000
    try saved.require(
      !shape.hiddenSizes.isEmpty && shape.hiddenSizes.allSatisfy(sizes.contains), "hiddenSizes",
      "widths from 1 to 1000000", "\(shape.hiddenSizes)")
    try saved.require(
      (1...ComputeContext.maximumEmbeddingSize).contains(shape.embeddingSize), "embeddingSize",
      "1 to \(ComputeContext.maximumEmbeddingSize)", "\(shape.embeddingSize)")
    let choice = details.features
    try saved.require(
      (0...10).contains(choice.prefixLength) && (0...10).contains(choice.suffixLength),
      "features", "affixes of 0 to 10 letters", "\(choice.prefixLength), \(choice.suffixLength)")
    let vocabularies = try Self.vocabularies(lists, choice, saved.folder)
    let transitions = TransitionNumbers(system: system, labelCount: vocabularies.labelCount)
    var network = ParserNetwork(
      shape: shape, layout: FeatureLayout(vocabularies), transitionCount: transitions.count,
      embeddingScale: 1, precision: precision, seed: 1)
    try saved.restore(&network)
    self.init(
      network: network, vocabularies: vocabularies, system: system, precision: precision,
      data: details.data)
  }

  private static func vocabularies(
    _ lists: Lists, _ choice: ParserFeatureChoice, _ folder: URL
  ) throws -> ParserVocabularies {
    let path = folder.appendingPathComponent("vocabularies.json").path
    for (key, list) in [
      ("words", lists.words), ("tags", lists.tags), ("prefixes", lists.prefixes),
      ("suffixes", lists.suffixes), ("relations", lists.relations),
    ] {
      let different = Set(list.items).count
      guard different == list.items.count, (1...list.items.count + 1).contains(list.rareStart)
      else {
        throw ModelFileError.wrongField(
          path: path, key: key, expected: "different items and where rare ones start",
          found: "\(different) different ones of \(list.items.count), \(list.rareStart)")
      }
    }
    let relations = lists.relations.vocabulary
    func labels(_ key: String, _ names: [String]) throws -> [Int] {
      let labels = names.map { Int(relations[$0]) - 1 }
      guard !labels.isEmpty, labels.allSatisfy({ $0 >= 0 }) else {
        throw ModelFileError.wrongField(
          path: path, key: key, expected: "one or more of the relations",
          found: names.joined(separator: ", "))
      }
      return labels
    }
    return ParserVocabularies(
      choice: choice, words: lists.words.vocabulary, tags: lists.tags.vocabulary,
      prefixes: lists.prefixes.vocabulary, suffixes: lists.suffixes.vocabulary,
      relations: relations, rootLabels: try labels("rootRelations", lists.rootRelations),
      plainLabels: try labels("otherRelations", lists.otherRelations))
  }
}

extension ParserNetwork {
  /// The sizes.
  fileprivate var shape: ParserShape {
    var shape = ParserShape()
    shape.embeddingSize = features.embeddingSize
    shape.hiddenSizes = [features.outputSize] + layers.layers.dropLast().map(\.outputSize)
    shape.activation = features.activation.rawValue
    return shape
  }
}
