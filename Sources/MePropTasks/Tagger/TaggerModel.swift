// The model folder of a tagger: what `evaluate` and `predict` take, and what Python can read.

import Foundation
import MePropCore
import MePropData
import MePropNN
import MePropTraining

/// A trained tagger with all that is needed to use it.
///
/// ```text
/// model.json           sizes, column, data set
/// vocabularies.json    words, features and tags by number; number 0 is unknown, class 0 the first tag
/// model.safetensors    word.weight, feature.weight, lstm.* and out.* in names and shapes of PyTorch
/// ```
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
  /// The version of the format that this program writes and reads.
  public static let formatVersion = 1

  /// Creates a model from its parts, whose sizes must fit.
  public init(
    network: TaggerNetwork, vocabularies: TaggerVocabularies, column: CoNLLUColumn, data: String
  ) {
    precondition(
      network.words.rowCount == vocabularies.words.count
        && network.features.rowCount == vocabularies.features.count
        && network.output.outputSize == vocabularies.tags.items.count,
      "TaggerModel: network of \(network.words.rowCount) words and \(network.output.outputSize) "
        + "tags, vocabularies of \(vocabularies.words.count) and \(vocabularies.tags.items.count)")
    self.network = network
    self.vocabularies = vocabularies
    self.column = column
    self.data = data
  }

  struct Architecture: Codable {
    var format = "meprop-model"
    var version = TaggerModel.formatVersion
    var task = TaggerTask.taskName
    var column: String
    var data: String
    var shape: TaggerShape
    var wordCount: Int
    /// Missing in models of versions without pre-trained vectors: all words.
    var trainedWordCount: Int?
    var featureCount: Int
    var tagCount: Int
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
    var tensors = [
      SafeTensors.Tensor(
        name: "word.weight", shape: [network.words.rowCount, network.words.columnCount],
        values: network.words.elements),
      SafeTensors.Tensor(
        name: "feature.weight", shape: [network.features.rowCount, network.features.columnCount],
        values: network.features.elements),
    ]
    tensors += network.lstm.parameters.map {
      SafeTensors.Tensor(name: "lstm." + $0.name, shape: $0.shape, values: $0.values)
    }
    let output = network.unpaddedOutput
    tensors += [
      SafeTensors.Tensor(
        name: "out.weight", shape: [output.outputSize, output.inputSize],
        values: output.weight.elements),
      SafeTensors.Tensor(
        name: "out.bias", shape: [output.outputSize], values: output.bias.elements),
    ]
    try SafeTensors.write(
      tensors, metadata: ["format": "meprop-model"],
      to: folder.appendingPathComponent("model.safetensors"))
    try ModelFiles.writeJSON(
      Lists(
        words: .init(vocabularies.words), features: .init(vocabularies.features),
        tags: .init(vocabularies.tags)),
      to: folder.appendingPathComponent(Self.vocabulariesName))
    let architecture = Architecture(
      column: column.name, data: data, shape: network.shape,
      wordCount: vocabularies.words.count, trainedWordCount: vocabularies.trainedWordCount,
      featureCount: vocabularies.features.count,
      tagCount: vocabularies.tags.items.count)
    try ModelFiles.writeJSON(architecture, to: folder.appendingPathComponent("model.json"))
  }

  /// Reads a model from its folder, or from the folder of its run.
  ///
  /// Nothing in the files is trusted: sizes, names, shapes and values are checked against each other.
  ///
  /// - Throws: `ModelFileError`; `SafeTensorsError` or `DataFormatError` for the weights' file.
  public init(at url: URL) throws {
    let folder = RunFolder.modelFolder(at: url)
    let files = ModelFiles(folder: folder, task: TaggerTask.taskName)
    let architecture: Architecture = try files.readArchitecture(version: Self.formatVersion)
    let lists: Lists = try files.readJSON(Self.vocabulariesName)
    let column = CoNLLUColumn.allCases.first { $0.name == architecture.column }
    guard let column, [.upos, .xpos, .feats].contains(column) else {
      throw ModelFileError.wrongField(
        path: files.architecturePath, key: "column", expected: "upos, xpos or feats",
        found: architecture.column)
    }
    for (key, list, count) in [
      ("wordCount", lists.words, architecture.wordCount - 1),
      ("featureCount", lists.features, architecture.featureCount - 1),
      ("tagCount", lists.tags, architecture.tagCount),
    ] {
      try files.require(
        list.items.count == count && count >= 1, key, "\(list.items.count)", "\(count)")
      try files.require(
        Set(list.items).count == count, key, "\(count) different items",
        "\(Set(list.items).count)")
    }
    let trainedCount = architecture.trainedWordCount ?? lists.words.items.count
    try files.require(
      (1...lists.words.items.count).contains(trainedCount), "trainedWordCount",
      "1 to \(lists.words.items.count)", "\(trainedCount)")
    self.init(
      network: try Self.network(architecture, try files.readTensors("model.safetensors")),
      vocabularies: TaggerVocabularies(
        words: lists.words.vocabulary, features: lists.features.vocabulary,
        tags: lists.tags.vocabulary, trainedWordCount: trainedCount),
      column: column, data: architecture.data)
  }

  private static func network(
    _ architecture: Architecture, _ tensors: ModelFiles.Tensors
  ) throws -> TaggerNetwork {
    let shape = architecture.shape
    let words = try tensors.matrix("word.weight", architecture.wordCount, shape.wordSize)
    let features = try tensors.matrix(
      "feature.weight", architecture.featureCount, shape.featureSize)
    let hidden = shape.hiddenSize
    let directions = shape.isBidirectional ? 2 : 1
    var parameters: [String: LSTM.Parameter] = [:]
    for layer in 0..<max(shape.layerCount, 0) {
      let inputs = layer == 0 ? shape.inputSize : directions * hidden
      for suffix in ["l\(layer)", "l\(layer)_reverse"].prefix(directions) {
        for (name, extents) in [
          ("weight_ih_", [4 * hidden, inputs]), ("weight_hh_", [4 * hidden, hidden]),
          ("bias_ih_", [4 * hidden]), ("bias_hh_", [4 * hidden]),
        ] {
          parameters[name + suffix] = LSTM.Parameter(
            name: name + suffix, shape: extents,
            values: try tensors.values("lstm." + name + suffix, extents))
        }
      }
    }
    guard
      let lstm = LSTM(
        parameters: parameters, layerCount: shape.layerCount,
        isBidirectional: shape.isBidirectional)
    else { throw ModelFileError.missingTensor(path: tensors.path, name: "lstm.weight_ih_l0") }
    let plain = Linear(
      weight: try tensors.matrix("out.weight", architecture.tagCount, directions * hidden),
      bias: try tensors.row("out.bias", architecture.tagCount))
    return TaggerNetwork(
      words: words, features: features, lstm: lstm,
      output: TaggerNetwork.padding(plain, columns: lstm.outputColumns, width: lstm.outputSize))
  }
}
