// Reading and writing the files of a model folder, with nothing in them trusted.

import Foundation
import MePropCore
import MePropData
import MePropNN

/// A saved model: what its network looks like, its parameters, and what else its task has to know.
///
/// ```text
/// model.json          format, version, writtenBy, task (none for a network of one's own), network,
///                     details
/// model.safetensors   the parameters under their paths, without padding; weights are
///                     [outputSize, inputSize] as PyTorch's are
/// uncut/              where units were cut: the model with all of them, as a model of its own
/// SHA256SUMS          digests of all files, checked when the parameters are read; whoever changes
///                     a file by hand removes this one
/// ```
///
/// `network` is the description of the network. A saved model is only loaded into a network of the
/// same description whose parameters have the same paths and shapes, so that nothing is read
/// wrongly.
///
/// ```swift
/// try network.save(to: folder)
/// try other.load(from: folder)
/// ```
public struct SavedModel {
  /// The name of the file that describes a model.
  public static let descriptionName = "model.json"
  /// The name of the file of parameters.
  public static let parametersName = "model.safetensors"
  /// The name of the folder within a model's that has the model with all units, where some were
  /// cut.
  public static let uncutName = "uncut"
  /// What `model.json` says of its format.
  public static let format = "meprop-model"
  /// The version of the format that this program writes and reads.
  public static let version = 2
  /// Larger descriptions are not of this format; vocabularies may be.
  private static let maximumByteCount = 1 << 20
  /// Of the largest vocabularies: ten million words.
  private static let maximumListByteCount = 1 << 29

  /// Where it is.
  package let folder: URL
  /// The task that it is of; `nil` for a network of one's own.
  public let task: String?
  /// The description of its network.
  public let network: String

  private struct Head: Decodable {
    var format: String?
    var version: Int?
    var writtenBy: String?
    var task: String?
    var network: String?
  }

  private struct Description<Details: Codable>: Codable {
    var format = SavedModel.format
    var version = SavedModel.version
    var writtenBy = "meprop \(MePropVersion.current)"
    var task: String?
    var network: String
    var details: Details
  }

  /// Opens a model in its folder, or in the folder of its run.
  ///
  /// - Parameters:
  ///   - url: The folder.
  ///   - task: The task that it has to be of; `nil`: any, or none.
  /// - Throws: ``ModelFileError``.
  public init(at url: URL, task: String? = nil) throws {
    folder = RunFolder.modelFolder(at: url)
    let head: Head = try Self.readJSON(Self.descriptionName, in: folder)
    let path = folder.appendingPathComponent(Self.descriptionName).path
    func wrong(_ key: String, _ expected: String, _ found: String?) -> ModelFileError {
      .wrongField(path: path, key: key, expected: expected, found: found ?? "nothing")
    }
    guard head.format == Self.format else { throw wrong("format", Self.format, head.format) }
    guard let version = head.version else { throw wrong("version", "\(Self.version)", nil) }
    guard version == Self.version else {
      // Version 1 did not say who wrote it.
      throw ModelFileError.otherVersion(
        path: path, expected: Self.version, found: version,
        writtenBy: head.writtenBy ?? (version == 1 ? "meprop 0.1" : "another version of meprop"))
    }
    guard task == nil || head.task == task else { throw wrong("task", task ?? "", head.task) }
    guard let network = head.network else { throw wrong("network", "a description", nil) }
    self.task = head.task
    self.network = network
  }

  // MARK: Writing

  /// Writes a model into an existing folder.
  ///
  /// - Parameters:
  ///   - model: The network.
  ///   - task: The task that it is of; `nil` for a network of one's own.
  ///   - details: What else the task has to know.
  ///   - folder: Where to write.
  /// - Throws: `FileWriteError`.
  package static func write(
    _ model: some Layer, task: String?, details: some Codable, to folder: URL
  ) throws {
    try SafeTensors.write(
      model.parameters, metadata: ["format": format],
      to: folder.appendingPathComponent(parametersName))
    try writeJSON(
      Description(task: task, network: model.description, details: details),
      to: folder.appendingPathComponent(descriptionName))
  }

  // MARK: Reading

  /// What else the task has to know.
  ///
  /// - Throws: ``ModelFileError``.
  package func details<Details: Codable>(_: Details.Type = Details.self) throws -> Details {
    let description: Description<Details> = try readJSON(Self.descriptionName)
    return description.details
  }

  /// Gives a network the parameters of the model.
  ///
  /// - Parameter model: Must have the description, the paths and the shapes of the saved one.
  /// - Throws: ``ModelFileError``, `SafeTensorsError` or `DataFormatError`; the network is then as
  ///   it was.
  public func restore(_ model: inout some Layer) throws {
    let file = folder.appendingPathComponent(Self.parametersName)
    try require(model.description == network, "network", model.description, network)
    try checkDigests()
    let tensors = try SafeTensors.read(from: file).tensors
    for tensor in tensors {
      if let index = tensor.values.firstIndex(where: { !$0.isFinite }) {
        throw ModelFileError.notFinite(
          path: file.path, name: tensor.name, index: index, found: "\(tensor.values[index])")
      }
    }
    do {
      try model.replaceParameters(with: tensors)
    } catch {
      switch error {
      case .missing(let name): throw ModelFileError.missingTensor(path: file.path, name: name)
      case .unexpected(let name):
        throw ModelFileError.unexpectedTensor(path: file.path, name: name)
      case .wrongUnits(let name, _):
        throw ModelFileError.unexpectedTensor(path: file.path, name: name)
      case .shapeMismatch(let name, let expected, let found):
        throw ModelFileError.wrongShape(
          path: file.path, name: name, expected: expected, found: found)
      }
    }
  }

  /// Throws where a file of the model was changed since it was written.
  private func checkDigests() throws {
    let isRun = folder.lastPathComponent == "model"
    for attempt in 1... {
      do {
        try FolderDigests.check(folder)
        return
      } catch let error as FolderDigestError {
        // A run that goes on may have put another model in its place just now.
        if attempt < 3 {
          Thread.sleep(forTimeInterval: 0.05)
          continue
        }
        throw ModelFileError.damaged("\(error)", isOfRun: isRun)
      }
    }
  }

  /// The path of `model.json`.
  package var descriptionPath: String { folder.appendingPathComponent(Self.descriptionName).path }

  /// Throws unless a value of `model.json`, or of another file, is as expected.
  ///
  /// - Throws: `ModelFileError.wrongField`.
  package func require(
    _ holds: Bool, _ key: String, _ expected: String, _ found: String,
    in name: String = SavedModel.descriptionName
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
        path: descriptionPath, key: key,
        expected: Value.allCases.map(\.rawValue).joined(separator: ", "), found: word)
    }
    return value
  }

  /// Reads a JSON file of the folder.
  ///
  /// - Throws: ``ModelFileError``.
  package func readJSON<Value: Decodable>(_ name: String) throws -> Value {
    try Self.readJSON(name, in: folder)
  }

  private static func readJSON<Value: Decodable>(_ name: String, in folder: URL) throws -> Value {
    let file = folder.appendingPathComponent(name)
    let data: Data
    do {
      let limit = name == descriptionName ? maximumByteCount : maximumListByteCount
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
      throw ModelFileError.notJSON(path: file.path, found: words(for: error))
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
}

extension Layer {
  /// Saves the network in a folder, which is made if it is not there; what was saved there before
  /// is replaced as a whole.
  ///
  /// - Throws: `FileWriteError`.
  public func save(to folder: URL) throws {
    try save(to: folder, task: nil, details: [String: String]())
  }

  /// Saves the network as a model of a task, with what else that has to know.
  ///
  /// - Throws: `FileWriteError`.
  package func save(to folder: URL, task: String?, details: some Codable) throws {
    let swap = FolderSwap(target: folder, files: FileSystem())
    try RunFolder.createFolders(folder.deletingLastPathComponent(), FileSystem())
    try swap.begin()
    try SavedModel.write(self, task: task, details: details, to: swap.temporary)
    try swap.files.write(
      FolderDigests.contents(of: swap.temporary),
      to: swap.temporary.appendingPathComponent(FolderDigests.fileName))
    try swap.files.syncTree(swap.temporary)
    try swap.commit()
  }

  /// Takes the parameters of a network that was saved.
  ///
  /// - Parameter folder: Where ``save(to:)``, or a run of a task, put it.
  /// - Throws: ``ModelFileError`` if it does not fit, `SafeTensorsError` or `DataFormatError`; the
  ///   network is then as it was.
  public mutating func load(from folder: URL) throws {
    try SavedModel(at: folder).restore(&self)
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

extension RunFolder {
  /// Makes a model of another folder this run's, with a third one as that with all units.
  ///
  /// - Throws: `FileWriteError`, and what copying throws.
  package func takeModel(_ source: URL, uncut: URL) throws {
    let swap = modelSwap
    try swap.begin()
    try Self.copyModel(source, to: swap.temporary)
    if source != uncut {
      let whole = swap.temporary.appendingPathComponent(SavedModel.uncutName, isDirectory: true)
      try swap.files.createFolder(whole)
      try Self.copyModel(uncut, to: whole)
    }
    try swap.files.syncTree(swap.temporary)
    try swap.commit()
  }

  /// Puts a model in the place of another one, which is kept in a folder within.
  ///
  /// - Parameters:
  ///   - folder: The model's folder.
  ///   - source: The model that takes its place.
  ///   - name: The name of the folder within.
  /// - Throws: `FileWriteError`, and what copying throws.
  package static func replaceModel(
    at folder: URL, by source: URL, keepingOldAs name: String
  ) throws {
    let swap = FolderSwap(target: folder, files: FileSystem())
    try swap.begin()
    try copyModel(source, to: swap.temporary)
    let kept = swap.temporary.appendingPathComponent(name, isDirectory: true)
    try swap.files.createFolder(kept)
    try copyModel(folder, to: kept)
    try swap.files.syncTree(swap.temporary)
    try swap.commit()
  }

  /// Copies the files of a folder, without the folders in it.
  private static func copyModel(_ source: URL, to target: URL) throws {
    let files = FileSystem()
    for name in try files.entries(of: source) {
      let file = source.appendingPathComponent(name)
      guard !files.isFolder(file) else { continue }
      try FileManager.default.copyItem(at: file, to: target.appendingPathComponent(name))
    }
  }
}
