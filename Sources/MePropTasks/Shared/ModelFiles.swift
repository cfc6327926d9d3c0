// Reading and writing the files of a model folder, with nothing in them trusted.

import Foundation
import MePropCore
import MePropData
import MePropTraining

/// The files of a model folder.
public struct ModelFiles {
  let folder: URL
  /// The task that the model is expected to be of, for messages.
  let task: String

  /// Reads a JSON file.
  ///
  /// - Throws: `ModelFileError`.
  func readJSON<Value: Decodable>(_ name: String) throws -> Value {
    let file = folder.appendingPathComponent(name)
    guard let data = try? Data(contentsOf: file) else {
      throw ModelFileError.noModel(path: file.path)
    }
    do {
      return try JSONDecoder().decode(Value.self, from: data)
    } catch {
      throw ModelFileError.notJSON(path: file.path, task: task)
    }
  }

  /// Writes a JSON file, pretty, with sorted keys.
  ///
  /// - Throws: `FileWriteError`.
  static func writeJSON(_ value: some Encodable, to file: URL) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    try AtomicFile.write(encoder.encode(value) + Data("\n".utf8), to: file)
  }

  /// The tensors of a file by name.
  ///
  /// - Throws: `SafeTensorsError`, `DataFormatError`.
  func readTensors(_ name: String) throws -> Tensors {
    let file = folder.appendingPathComponent(name)
    let tensors = try SafeTensors.read(from: file).tensors
    return Tensors(
      path: file.path,
      byName: Dictionary(tensors.map { ($0.name, $0) }, uniquingKeysWith: { $1 }))
  }

  /// The tensors of a file.
  struct Tensors {
    let path: String
    let byName: [String: SafeTensors.Tensor]

    /// The values of a tensor of that shape.
    ///
    /// - Throws: `ModelFileError`.
    func values(_ name: String, _ shape: [Int]) throws -> [Float] {
      guard let tensor = byName[name] else {
        throw ModelFileError.missingTensor(path: path, name: name)
      }
      guard tensor.shape == shape else {
        throw ModelFileError.wrongShape(
          path: path, name: name, expected: shape, found: tensor.shape)
      }
      guard tensor.values.allSatisfy(\.isFinite) else {
        throw ModelFileError.notFinite(path: path, name: name)
      }
      return tensor.values
    }

    func matrix(_ name: String, _ rows: Int, _ columns: Int) throws -> Matrix {
      Matrix(rowCount: rows, columnCount: columns, elements: try values(name, [rows, columns]))
    }

    func row(_ name: String, _ columns: Int) throws -> Matrix {
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
struct VocabularyList: Codable {
  var items: [String]
  var rareStart: Int

  init(_ vocabulary: Vocabulary) {
    items = vocabulary.items
    rareStart = vocabulary.rareStart
  }

  var vocabulary: Vocabulary { Vocabulary(items: items, rareStart: rareStart) }
}

/// A model that cannot be used; `description` is one line.
public enum ModelFileError: Error, Equatable, Sendable, CustomStringConvertible, LocalizedError {
  /// A file of the model cannot be read.
  case noModel(path: String)
  /// A file is not the JSON that is expected.
  case notJSON(path: String, task: String)
  /// A key has a value that this program does not take, or that does not fit the others.
  case wrongField(path: String, key: String, expected: String, found: String)
  /// The weights' file lacks a tensor.
  case missingTensor(path: String, name: String)
  /// A tensor does not have the shape that the model asks for.
  case wrongShape(path: String, name: String, expected: [Int], found: [Int])
  /// A weight is infinite or not a number.
  case notFinite(path: String, name: String)

  /// One line: file, place, expected, found, what to do.
  public var description: String {
    switch self {
    case .noModel(let path):
      return "\(path): cannot be read; name the folder of a run, or its model folder"
    case .notJSON(let path, let task):
      return "\(path): expected the JSON of a \(task) model, found something else; train it again"
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
