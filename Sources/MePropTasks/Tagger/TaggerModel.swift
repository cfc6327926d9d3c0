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
    struct List: Codable {
      var items: [String]
      var rareStart: Int
    }
    var words: List
    var features: List
    var tags: List
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
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    let lists = Lists(
      words: .init(items: vocabularies.words.items, rareStart: vocabularies.words.rareStart),
      features: .init(
        items: vocabularies.features.items, rareStart: vocabularies.features.rareStart),
      tags: .init(items: vocabularies.tags.items, rareStart: vocabularies.tags.rareStart))
    try AtomicFile.write(
      encoder.encode(lists) + Data("\n".utf8),
      to: folder.appendingPathComponent(Self.vocabulariesName))
    let architecture = Architecture(
      column: column.name, data: data, shape: network.shape,
      wordCount: vocabularies.words.count, trainedWordCount: vocabularies.trainedWordCount,
      featureCount: vocabularies.features.count,
      tagCount: vocabularies.tags.items.count)
    try AtomicFile.write(
      encoder.encode(architecture) + Data("\n".utf8),
      to: folder.appendingPathComponent("model.json"))
  }

  /// The task of the model in a folder, or in the folder of its run; `nil` where there is none.
  public static func taskName(at url: URL) -> String? {
    struct Head: Decodable { var task: String? }
    let file = RunFolder.modelFolder(at: url).appendingPathComponent("model.json")
    guard let data = try? Data(contentsOf: file) else { return nil }
    return (try? JSONDecoder().decode(Head.self, from: data))?.task
  }

  /// Reads a model from its folder, or from the folder of its run.
  ///
  /// Nothing in the files is trusted: sizes, names, shapes and values are checked against each other.
  ///
  /// - Throws: `TaggerModelError`; `SafeTensorsError` or `DataFormatError` for the weights' file.
  public init(at url: URL) throws {
    let folder = RunFolder.modelFolder(at: url)
    let file = folder.appendingPathComponent("model.json")
    let architecture: Architecture = try Self.decode(file)
    let lists: Lists = try Self.decode(folder.appendingPathComponent(Self.vocabulariesName))
    func require(_ holds: Bool, _ key: String, _ expected: String, _ found: String) throws {
      guard holds else {
        throw TaggerModelError.wrongField(
          path: file.path, key: key, expected: expected, found: found)
      }
    }
    try require(
      architecture.format == "meprop-model", "format", "meprop-model", architecture.format)
    try require(
      architecture.version == Self.formatVersion, "version", "\(Self.formatVersion)",
      "\(architecture.version)")
    try require(
      architecture.task == TaggerTask.taskName, "task", TaggerTask.taskName, architecture.task)
    let column = CoNLLUColumn.allCases.first { $0.name == architecture.column }
    guard let column, [.upos, .xpos, .feats].contains(column) else {
      throw TaggerModelError.wrongField(
        path: file.path, key: "column", expected: "upos, xpos or feats", found: architecture.column)
    }
    for (key, list, count) in [
      ("wordCount", lists.words, architecture.wordCount - 1),
      ("featureCount", lists.features, architecture.featureCount - 1),
      ("tagCount", lists.tags, architecture.tagCount),
    ] {
      try require(list.items.count == count && count >= 1, key, "\(list.items.count)", "\(count)")
      try require(
        Set(list.items).count == count, key, "\(count) different items",
        "\(Set(list.items).count)")
    }
    let trainedCount = architecture.trainedWordCount ?? lists.words.items.count
    try require(
      (1...lists.words.items.count).contains(trainedCount), "trainedWordCount",
      "1 to \(lists.words.items.count)", "\(trainedCount)")
    let weights = folder.appendingPathComponent("model.safetensors")
    let network = try Self.network(architecture, in: weights)
    self.init(
      network: network,
      vocabularies: TaggerVocabularies(
        words: Vocabulary(items: lists.words.items, rareStart: lists.words.rareStart),
        features: Vocabulary(items: lists.features.items, rareStart: lists.features.rareStart),
        tags: Vocabulary(items: lists.tags.items, rareStart: lists.tags.rareStart),
        trainedWordCount: trainedCount),
      column: column, data: architecture.data)
  }

  private static func decode<Value: Decodable>(_ file: URL) throws -> Value {
    guard let data = try? Data(contentsOf: file) else {
      throw TaggerModelError.noModel(path: file.path)
    }
    do {
      return try JSONDecoder().decode(Value.self, from: data)
    } catch {
      throw TaggerModelError.notJSON(path: file.path)
    }
  }

  private static func network(_ architecture: Architecture, in file: URL) throws -> TaggerNetwork {
    let tensors = try SafeTensors.read(from: file).tensors
    let byName = Dictionary(tensors.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
    let shape = architecture.shape
    func tensor(_ name: String, _ expected: [Int]) throws -> SafeTensors.Tensor {
      guard let tensor = byName[name] else {
        throw TaggerModelError.missingTensor(path: file.path, name: name)
      }
      guard tensor.shape == expected else {
        throw TaggerModelError.wrongShape(
          path: file.path, name: name, expected: expected, found: tensor.shape)
      }
      guard tensor.values.allSatisfy(\.isFinite) else {
        throw TaggerModelError.notFinite(path: file.path, name: name)
      }
      return tensor
    }
    func matrix(_ name: String, _ rows: Int, _ columns: Int) throws -> Matrix {
      Matrix(
        rowCount: rows, columnCount: columns, elements: try tensor(name, [rows, columns]).values)
    }
    let words = try matrix("word.weight", architecture.wordCount, shape.wordSize)
    let features = try matrix("feature.weight", architecture.featureCount, shape.featureSize)
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
          let found = try tensor("lstm." + name + suffix, extents)
          parameters[name + suffix] = LSTM.Parameter(
            name: name + suffix, shape: extents, values: found.values)
        }
      }
    }
    guard
      let lstm = LSTM(
        parameters: parameters, layerCount: shape.layerCount,
        isBidirectional: shape.isBidirectional)
    else { throw TaggerModelError.missingTensor(path: file.path, name: "lstm.weight_ih_l0") }
    let plain = Linear(
      weight: try matrix("out.weight", architecture.tagCount, directions * hidden),
      bias: Matrix(
        rowCount: 1, columnCount: architecture.tagCount,
        elements: try tensor("out.bias", [architecture.tagCount]).values))
    return TaggerNetwork(
      words: words, features: features, lstm: lstm,
      output: TaggerNetwork.padding(plain, columns: lstm.outputColumns, width: lstm.outputSize))
  }
}

/// A tagger model that cannot be used; `description` is one line.
public enum TaggerModelError: Error, Equatable, Sendable, CustomStringConvertible, LocalizedError {
  /// A file of the model cannot be read.
  case noModel(path: String)
  /// A file is not the JSON that is expected.
  case notJSON(path: String)
  /// A key has a value that this program does not take, or that does not fit the others.
  case wrongField(path: String, key: String, expected: String, found: String)
  /// The weights' file lacks a tensor.
  case missingTensor(path: String, name: String)
  /// A tensor does not have the shape that the architecture asks for.
  case wrongShape(path: String, name: String, expected: [Int], found: [Int])
  /// A weight is infinite or not a number.
  case notFinite(path: String, name: String)

  /// One line: file, place, expected, found, what to do.
  public var description: String {
    switch self {
    case .noModel(let path):
      return "\(path): cannot be read; name the folder of a run, or its model folder"
    case .notJSON(let path):
      return "\(path): expected the JSON of a tagger model, found something else; train it again"
    case .wrongField(let path, let key, let expected, let found):
      return "\(path): \(key) is \(found), expected \(expected); the model is not of this program "
        + "or was changed"
    case .missingTensor(let path, let name):
      return "\(path): expected a tensor '\(name)', found none; the weights belong to another model"
    case .wrongShape(let path, let name, let expected, let found):
      return "\(path): tensor '\(name)' has shape \(found), expected \(expected); the weights "
        + "belong to another model"
    case .notFinite(let path, let name):
      return "\(path): tensor '\(name)' has a value that is not finite; train the model again"
    }
  }

  /// The same line, for callers that print Foundation's errors.
  public var errorDescription: String? { description }
}
