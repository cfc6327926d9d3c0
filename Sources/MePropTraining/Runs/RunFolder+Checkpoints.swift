// Writing and reading checkpoints and the model of a run.

import Foundation
import MePropCore
import MePropData

/// A checkpoint: the task's tensors and all other state of the run.
public struct Checkpoint: Sendable, Equatable {
  /// The task's tensors.
  public var tensors: [NamedTensor]
  /// Everything else.
  public var state: CheckpointState

  /// Creates a checkpoint.
  public init(tensors: [NamedTensor], state: CheckpointState) {
    self.tensors = tensors
    self.state = state
  }
}

extension RunFolder {
  private static let tensorsName = "tensors.safetensors"
  private static let stateName = "state.json"

  /// Saves a checkpoint as the last one and, after the best epoch so far, as the best.
  ///
  /// A process that dies anywhere within leaves `last`, `best` and `model` each whole, and `best`
  /// and `model` never older than what `last` says of them: they are replaced first.
  ///
  /// - Parameters:
  ///   - checkpoint: The state to save.
  ///   - writeModel: Writes the model into an empty folder; `nil` if this is not the best epoch.
  /// - Throws: `FileWriteError`, and what `writeModel` throws.
  public func save(_ checkpoint: Checkpoint, writeModel: ((URL) throws -> Void)?) throws {
    try files.createFolder(checkpoints)
    let last = lastSwap
    try last.begin()
    let tensorsURL = last.temporary.appendingPathComponent(Self.tensorsName)
    let stateURL = last.temporary.appendingPathComponent(Self.stateName)
    try files.willPerform?("write", tensorsURL.path)
    try SafeTensors.write(
      checkpoint.tensors, metadata: ["format": "meprop-checkpoint"], to: tensorsURL)
    try files.write(checkpoint.state.encoded(), to: stateURL)
    if let writeModel {
      let model = modelSwap
      try model.begin()
      try files.willPerform?("write model", model.temporary.path)
      try writeModel(model.temporary)
      try files.syncTree(model.temporary)
      try model.commit()
      let best = bestSwap
      try best.begin()
      for url in [tensorsURL, stateURL] {
        try files.link(url, to: best.temporary.appendingPathComponent(url.lastPathComponent))
      }
      try best.commit()
    }
    try last.commit()
  }

  /// Loads the last checkpoint, or the best one if the last has been removed.
  ///
  /// - Returns: The checkpoint and its folder; `nil` for a run that has none yet.
  /// - Throws: `CheckpointError` naming the file and what is wrong with it.
  public func loadCheckpoint() throws -> (checkpoint: Checkpoint, folder: URL)? {
    for folder in [lastSwap.readable, bestSwap.readable] where files.exists(folder) {
      return (try Self.loadCheckpoint(from: folder), folder)
    }
    return nil
  }

  /// Loads a checkpoint from its folder.
  ///
  /// - Throws: `CheckpointError` naming the file and what is wrong with it.
  public static func loadCheckpoint(from folder: URL) throws -> Checkpoint {
    let stateURL = folder.appendingPathComponent(stateName)
    let data: Data
    do {
      data = try Data(contentsOf: stateURL)
    } catch {
      throw CheckpointError(.unreadable(reason: systemReason(of: error)), path: stateURL.path)
    }
    let state = try CheckpointState.decode(data, path: stateURL.path)
    let tensorsURL = folder.appendingPathComponent(tensorsName)
    let tensors: [NamedTensor]
    do {
      tensors = try SafeTensors.read(from: tensorsURL).tensors
    } catch {
      var found = String(describing: error)
      if found.hasPrefix(tensorsURL.path + ": ") { found.removeFirst(tensorsURL.path.count + 2) }
      throw CheckpointError(
        .corrupt(expected: "a whole safetensors file", found: found), path: tensorsURL.path)
    }
    let hash = CheckpointState.hash(of: tensors)
    guard hash == state.tensorHash else {
      throw CheckpointError(
        .corrupt(expected: "tensors of hash \(state.tensorHash)", found: hash),
        path: tensorsURL.path)
    }
    return Checkpoint(tensors: tensors, state: state)
  }
}
