// The model folder of a parser: what `evaluate` and `predict` take, and what Python can read.

import Foundation
import MePropCore
import MePropData
import MePropNN
import MePropTraining

/// A trained parser with all that is needed to use it.
///
/// ```text
/// model.json           sizes, transition system, features, data set
/// vocabularies.json    words, tags, affixes and relations by number, the most frequent first
/// model.safetensors    embedding.weight [symbols, size], layers.N.weight and layers.N.bias as
///                      PyTorch's Linear: layers.0 takes the embeddings of all features side by side
/// ```
///
/// Symbols are, kind after kind (words, tags, prefixes, suffixes, relations): no node, unknown, the root, then the
/// vocabulary; relations have no unknown and no root.
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

  /// The version of the format that this program writes and reads.
  public static let formatVersion = 1

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
        && network.rest.outputSize == numbers.count,
      "ParserModel: network of \(network.features.symbolCount) symbols, "
        + "\(network.features.positionCount) positions and \(network.rest.outputSize) transitions, "
        + "vocabularies of \(layout.symbolCount), \(layout.positionCount) and \(numbers.count)")
    self.network = network
    self.vocabularies = vocabularies
    self.system = system
    self.precision = precision
    self.data = data
  }

  private struct Description: Codable {
    var format = "meprop-model"
    var version = ParserModel.formatVersion
    var task = ParserTask.taskName
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
    let first = network.features.linear
    var tensors = [
      SafeTensors.Tensor(
        name: "embedding.weight",
        shape: [network.features.symbolCount, network.features.embeddingSize],
        values: network.features.embeddings.elements)
    ]
    for (index, layer) in ([first] + network.rest.layers).enumerated() {
      tensors.append(
        SafeTensors.Tensor(
          name: "layers.\(index).weight", shape: [layer.outputSize, layer.inputSize],
          values: layer.weight.elements))
      tensors.append(
        SafeTensors.Tensor(
          name: "layers.\(index).bias", shape: [layer.outputSize], values: layer.bias.elements))
    }
    try SafeTensors.write(
      tensors, metadata: ["format": "meprop-model"],
      to: folder.appendingPathComponent("model.safetensors"))
    let relations = vocabularies.relations.items
    try ModelFiles.writeJSON(
      Lists(
        words: .init(vocabularies.words), tags: .init(vocabularies.tags),
        prefixes: .init(vocabularies.prefixes), suffixes: .init(vocabularies.suffixes),
        relations: .init(vocabularies.relations),
        rootRelations: vocabularies.rootLabels.map { relations[$0] },
        otherRelations: vocabularies.plainLabels.map { relations[$0] }),
      to: folder.appendingPathComponent("vocabularies.json"))
    try ModelFiles.writeJSON(
      Description(
        system: system.rawValue, precision: precision.rawValue, data: data, shape: network.shape,
        features: vocabularies.choice),
      to: folder.appendingPathComponent("model.json"))
  }

  /// Reads a model from its folder, or from the folder of its run.
  ///
  /// Nothing in the files is trusted: sizes, names, shapes and values are checked against each other.
  ///
  /// - Throws: `ModelFileError`; `SafeTensorsError` or `DataFormatError` for the weights' file.
  public init(at url: URL) throws {
    let folder = RunFolder.modelFolder(at: url)
    let files = ModelFiles(folder: folder, task: ParserTask.taskName)
    let description: Description = try files.readArchitecture(version: Self.formatVersion)
    let lists: Lists = try files.readJSON("vocabularies.json")
    let system: TransitionSystem = try files.value("system", description.system)
    let precision: Precision = try files.value("precision", description.precision)
    let shape = description.shape
    let activation: FeatureActivation = try files.value("activation", shape.activation)
    let sizes = 1...1_000_000
    try files.require(
      !shape.hiddenSizes.isEmpty && shape.hiddenSizes.allSatisfy(sizes.contains), "hiddenSizes",
      "widths from 1 to 1000000", "\(shape.hiddenSizes)")
    try files.require(
      (1...ComputeContext.maximumEmbeddingSize).contains(shape.embeddingSize), "embeddingSize",
      "1 to \(ComputeContext.maximumEmbeddingSize)", "\(shape.embeddingSize)")
    let choice = description.features
    try files.require(
      (0...10).contains(choice.prefixLength) && (0...10).contains(choice.suffixLength),
      "features", "affixes of 0 to 10 letters", "\(choice.prefixLength), \(choice.suffixLength)")
    let vocabularies = try Self.vocabularies(lists, choice, folder)
    self.init(
      network: try Self.network(files, shape, activation, vocabularies, system),
      vocabularies: vocabularies, system: system, precision: precision, data: description.data)
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

  private static func network(
    _ files: ModelFiles, _ shape: ParserShape, _ activation: FeatureActivation,
    _ vocabularies: ParserVocabularies, _ system: TransitionSystem
  ) throws -> ParserNetwork {
    let tensors = try files.readTensors("model.safetensors")
    let layout = FeatureLayout(vocabularies)
    let transitions = TransitionNumbers(system: system, labelCount: vocabularies.labelCount).count
    let embeddings = try tensors.matrix(
      "embedding.weight", layout.symbolCount, shape.embeddingSize)
    let sizes = [layout.positionCount * shape.embeddingSize] + shape.hiddenSizes + [transitions]
    let layers = try (1..<sizes.count).map { index in
      Linear(
        weight: try tensors.matrix("layers.\(index - 1).weight", sizes[index], sizes[index - 1]),
        bias: try tensors.row("layers.\(index - 1).bias", sizes[index]))
    }
    return ParserNetwork(
      features: FeatureLayer(
        embeddings: embeddings, linear: layers[0], positionCount: layout.positionCount),
      activation: activation, rest: MLP(layers: Array(layers.dropFirst()), activation: .relu))
  }
}
