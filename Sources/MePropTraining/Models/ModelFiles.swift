// Reading and writing the files of a model folder, with nothing in them trusted.

import Foundation
import MePropCore
import MePropData

/// The files of a model folder.
///
/// `model.json` says under `format`, `version` and `task` what it is, so that nothing else is read
/// wrongly.
public struct ModelFiles {
  /// The name of the file that describes a model.
  public static let architectureName = "model.json"
  /// What `model.json` says of its format.
  public static let format = "meprop-model"
  /// Larger descriptions are not of this format; vocabularies may be.
  static let maximumByteCount = 1 << 20

  /// Where they are.
  package let folder: URL
  /// The task that the model is expected to be of.
  package let task: String

  /// Files of a model in a folder, which is expected to be of a task.
  package init(folder: URL, task: String) {
    self.folder = folder
    self.task = task
  }

  private struct Head: Decodable {
    var format: String?
    var version: Int?
    var task: String?
  }

  /// The path of `model.json`.
  package var architecturePath: String { folder.appendingPathComponent(Self.architectureName).path }

  /// Reads `model.json`, whose format, version and task have to be those expected.
  ///
  /// - Throws: `ModelFileError`.
  package func readArchitecture<Value: Decodable>(version: Int) throws -> Value {
    let head: Head = try readJSON(Self.architectureName)
    try require(head.format == Self.format, "format", Self.format, head.format ?? "nothing")
    try require(
      head.version == version, "version", "\(version)", head.version.map(String.init) ?? "nothing")
    try require(head.task == task, "task", task, head.task ?? "nothing")
    return try readJSON(Self.architectureName)
  }

  /// Throws unless a value of `model.json`, or of another file, is as expected.
  ///
  /// - Throws: `ModelFileError.wrongField`.
  package func require(
    _ holds: Bool, _ key: String, _ expected: String, _ found: String,
    in name: String = ModelFiles.architectureName
  ) throws {
    guard holds else {
      throw ModelFileError.wrongField(
        path: folder.appendingPathComponent(name).path, key: key, expected: expected, found: found)
    }
  }

  /// The value that a word of `model.json` stands for.
  ///
  /// - Throws: `ModelFileError.wrongField`.
  package func value<Value: RawRepresentable<String> & CaseIterable>(
    _ key: String, _ word: String
  ) throws -> Value {
    guard let value = Value(rawValue: word) else {
      throw ModelFileError.wrongField(
        path: architecturePath, key: key,
        expected: Value.allCases.map(\.rawValue).joined(separator: ", "), found: word)
    }
    return value
  }

  /// Reads a JSON file.
  ///
  /// - Throws: `ModelFileError`.
  package func readJSON<Value: Decodable>(_ name: String) throws -> Value {
    let file = folder.appendingPathComponent(name)
    let data: Data
    do {
      let limit = name == Self.architectureName ? Self.maximumByteCount : Int.max
      // A pipe or a device has no size, and might never end.
      let size = try InputFile(path: file.path, unpacksGzip: false).storedSize
      guard let size, size <= limit else {
        throw ModelFileError.notJSON(
          path: file.path, found: size.map { "\($0) bytes" } ?? "no file of bytes")
      }
      data = try Data(contentsOf: file)
    } catch DataFormatError.cannotOpen(_, let reason) {
      throw ModelFileError.noModel(path: file.path, reason: reason)
    }
    do {
      return try JSONDecoder().decode(Value.self, from: data)
    } catch let error as DecodingError {
      throw ModelFileError.notJSON(path: file.path, found: Self.words(for: error))
    }
  }

  private static func words(for error: DecodingError) -> String {
    func place(_ context: DecodingError.Context) -> String {
      context.codingPath.map(\.stringValue).joined(separator: ".")
    }
    switch error {
    case .keyNotFound(let key, _): return "no key '\(key.stringValue)'"
    case .typeMismatch(_, let context), .valueNotFound(_, let context):
      return context.codingPath.isEmpty ? "other JSON" : "another type at key '\(place(context))'"
    case .dataCorrupted(let context) where !context.codingPath.isEmpty:
      return "a value of another kind at key '\(place(context))'"
    default: return "text that is not JSON"
    }
  }

  /// Writes a JSON file, pretty, with sorted keys.
  ///
  /// - Throws: `FileWriteError`.
  package static func writeJSON(_ value: some Encodable, to file: URL) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    try AtomicFile.write(encoder.encode(value) + Data("\n".utf8), to: file)
  }

  /// The tensors of a file by name.
  ///
  /// - Throws: `SafeTensorsError`, `DataFormatError`.
  package func readTensors(_ name: String) throws -> Tensors {
    let file = folder.appendingPathComponent(name)
    let tensors = try SafeTensors.read(from: file).tensors
    return Tensors(
      path: file.path,
      byName: Dictionary(tensors.map { ($0.name, $0) }, uniquingKeysWith: { $1 }))
  }

  /// The tensors of a file.
  package struct Tensors {
    package let path: String
    package let byName: [String: SafeTensors.Tensor]

    /// The values of a tensor of that shape.
    ///
    /// - Throws: `ModelFileError`.
    package func values(_ name: String, _ shape: [Int]) throws -> [Float] {
      guard let tensor = byName[name] else {
        throw ModelFileError.missingTensor(path: path, name: name)
      }
      guard tensor.shape == shape else {
        throw ModelFileError.wrongShape(
          path: path, name: name, expected: shape, found: tensor.shape)
      }
      if let index = tensor.values.firstIndex(where: { !$0.isFinite }) {
        throw ModelFileError.notFinite(
          path: path, name: name, index: index, found: "\(tensor.values[index])")
      }
      return tensor.values
    }

    package func matrix(_ name: String, _ rows: Int, _ columns: Int) throws -> Matrix {
      Matrix(rowCount: rows, columnCount: columns, elements: try values(name, [rows, columns]))
    }

    package func row(_ name: String, _ columns: Int) throws -> Matrix {
      Matrix(rowCount: 1, columnCount: columns, elements: try values(name, [columns]))
    }
  }

  /// The task of the model in a folder, or in the folder of its run; `nil` where there is none.
  public static func taskName(at url: URL) -> String? {
    struct Head: Decodable { var task: String? }
    let file = RunFolder.modelFolder(at: url).appendingPathComponent("model.json")
    guard let data = try? Data(contentsOf: file) else { return nil }
    return (try? JSONDecoder().decode(Head.self, from: data))?.task
  }
}

/// A vocabulary as it stands in a model's JSON.
package struct VocabularyList: Codable {
  package var items: [String]
  package var rareStart: Int

  package init(_ vocabulary: Vocabulary) {
    items = vocabulary.items
    rareStart = vocabulary.rareStart
  }

  package var vocabulary: Vocabulary { Vocabulary(items: items, rareStart: rareStart) }
}
