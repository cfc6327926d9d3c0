// The model folder of a tagger: what `evaluate` and `predict` take, and what Python can read.

import Foundation
import MePropCore
import MePropData
import MePropNN
import MePropTraining

/// A trained tagger with all that is needed to use it.
///
/// Its files are those of `SavedModel`, and `vocabularies.json`: words, features and tags by
/// number; number 0 is unknown, class 0 the first tag.
public struct TaggerModel: Sendable, Equatable {
  /// The network.
  public let network: TaggerNetwork
  /// The numbers of words, features and tags.
  public let vocabularies: TaggerVocabularies
  /// The column that is predicted.
  public let column: CoNLLUColumn
  /// The treebank it was trained on, as the user named it.
  public let data: String

  /// The name of the file of vocabularies.
  public static let vocabulariesName = "vocabularies.json"

  /// Creates a model from its parts, whose sizes must fit.
  public init(
    network: TaggerNetwork, vocabularies: TaggerVocabularies, column: CoNLLUColumn, data: String
  ) {
    precondition(
      network.embedding.tables[0].vectors.rowCount == vocabularies.words.count
        && network.embedding.tables[1].vectors.rowCount == vocabularies.features.count
        && network.outputSize == vocabularies.tags.items.count,
      "TaggerModel: network of \(network.embedding) and \(network.outputSize) "
        + "tags, vocabularies of \(vocabularies.words.count) and \(vocabularies.tags.items.count)")
    self.network = network
    self.vocabularies = vocabularies
    self.column = column
    self.data = data
  }

  struct Details: Codable {
    var column: String
    var data: String
    var shape: TaggerShape
    var trainedWordCount: Int
  }

  struct Lists: Codable {
    var words: VocabularyList
    var features: VocabularyList
    var tags: VocabularyList
  }

  /// Writes the files into an existing folder.
  ///
  /// - Throws: `FileWriteError`.
  public func write(to folder: URL) throws {
    try SavedModel.writeJSON(
      Lists(
        words: .init(vocabularies.words), features: .init(vocabularies.features),
        tags: .init(vocabularies.tags)),
      to: folder.appendingPathComponent(Self.vocabulariesName))
    let details = Details(
      column: column.name, data: data, shape: network.shape,
      trainedWordCount: vocabularies.trainedWordCount)
    try SavedModel.write(network, task: Tagger.name, details: details, to: folder)
  }

  /// Reads a model from its folder, or from the folder of its run.
  ///
  /// Nothing in the files is trusted: sizes, names, shapes and values are checked against each
  /// other.
  ///
  /// - Throws: `ModelFileError`; `SafeTensorsError` or `DataFormatError` for the weights' file.
  public init(at url: URL) throws {
    let saved = try SavedModel(at: url, task: Tagger.name)
    let details: Details = try saved.details()
    let lists: Lists = try saved.readJSON(Self.vocabulariesName)
    let column = CoNLLUColumn.allCases.first { $0.name == details.column }
    guard let column, [.upos, .xpos, .feats].contains(column) else {
      throw ModelFileError.wrongField(
        path: saved.descriptionPath, key: "column", expected: "upos, xpos or feats",
        found: details.column)
    }
    for (key, list) in [
      ("words", lists.words), ("features", lists.features), ("tags", lists.tags),
    ] {
      try saved.require(
        !list.items.isEmpty && Set(list.items).count == list.items.count, key,
        "\(max(list.items.count, 1)) different items", "\(Set(list.items).count)",
        in: Self.vocabulariesName)
    }
    try saved.require(
      (1...lists.words.items.count).contains(details.trainedWordCount), "trainedWordCount",
      "1 to \(lists.words.items.count)", "\(details.trainedWordCount)")
    let vocabularies = TaggerVocabularies(
      words: lists.words.vocabulary, features: lists.features.vocabulary,
      tags: lists.tags.vocabulary, trainedWordCount: details.trainedWordCount)
    try details.shape.check(saved)
    var network = TaggerNetwork(
      shape: details.shape, wordCount: vocabularies.words.count,
      featureCount: vocabularies.features.count, tagCount: vocabularies.tags.items.count, seed: 1)
    try saved.restore(&network)
    self.init(
      network: network, vocabularies: vocabularies, column: column, data: details.data)
  }
}

extension TaggerShape {
  /// Throws unless all sizes are possible.
  fileprivate func check(_ saved: SavedModel) throws {
    let sizes = 1...100_000
    for (key, size) in [
      ("wordSize", wordSize), ("featureSize", featureSize), ("hiddenSize", hiddenSize),
    ] {
      try saved.require(sizes.contains(size), key, "1 to 100000", "\(size)")
    }
    try saved.require((1...100).contains(layerCount), "layerCount", "1 to 100", "\(layerCount)")
    guard let hiddenSizes else { return }
    try saved.require(
      hiddenSizes.count == layerCount && hiddenSizes.allSatisfy(sizes.contains), "hiddenSizes",
      "\(layerCount) of 1 to 100000", "\(hiddenSizes)".printable(limit: 80))
  }
}

extension TaggerNetwork {
  /// The sizes.
  var shape: TaggerShape {
    var shape = TaggerShape()
    shape.wordSize = embedding.tables[0].vectors.columnCount
    shape.featureSize = embedding.tables[1].vectors.columnCount
    shape.setWidths(lstm.map(\.hiddenSize))
    shape.layerCount = lstm.count
    shape.isBidirectional = lstm[0].directions.count == 2
    return shape
  }
}
