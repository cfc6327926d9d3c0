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
    var state = checkpoint.state
    state.historyMark = try saveHistory(state.history)
    try files.write(state.encoded(), to: stateURL)
    let digestsURL = last.temporary.appendingPathComponent(FolderDigests.fileName)
    try files.write(FolderDigests.contents(of: last.temporary), to: digestsURL)
    if let writeModel {
      try replaceModel(writeModel)
      let best = bestSwap
      try best.begin()
      for url in [tensorsURL, stateURL, digestsURL] {
        try files.link(url, to: best.temporary.appendingPathComponent(url.lastPathComponent))
      }
      try best.commit()
    }
    try last.commit()
  }

  /// Replaces the model as a whole, with digests of its files.
  ///
  /// - Parameter write: Writes the model into an empty folder.
  /// - Throws: `FileWriteError`, and what `write` throws.
  func replaceModel(_ write: (URL) throws -> Void) throws {
    let model = modelSwap
    try model.begin()
    try files.willPerform?("write model", model.temporary.path)
    try write(model.temporary)
    try files.write(
      FolderDigests.contents(of: model.temporary),
      to: model.temporary.appendingPathComponent(FolderDigests.fileName))
    try files.syncTree(model.temporary)
    try model.commit()
  }

  /// Whether there is a model whose files are those that were written.
  var hasWholeModel: Bool { (try? FolderDigests.check(modelURL)) == true }

  /// Loads the last checkpoint.
  ///
  /// Where that is damaged or has been removed, the latest whole one of the others takes its place,
  /// which is told with `Notices`; a damaged one is kept as `last.damaged`.
  ///
  /// - Returns: The checkpoint and its folder; `nil` for a run that has none yet.
  /// - Throws: `CheckpointError` naming the file and what is wrong with it, if none is whole.
  public func loadCheckpoint() throws -> (checkpoint: Checkpoint, folder: URL)? {
    let last = lastSwap.readable
    guard files.exists(last) else { return try loadEarlierCheckpoint() }
    do {
      return try loaded(last)
    } catch let error as CheckpointError {
      guard error.isDamage, let earlier = try? loadEarlierCheckpoint() else { throw error }
      let state = earlier.checkpoint.state
      let aside = checkpoints.appendingPathComponent("last.damaged")
      try files.removeTree(aside)
      try files.rename(last, to: aside)
      Notices.tell(
        "\(error.place) is damaged (\(error.explanation)); going on from "
          + "\(earlier.folder.path), epoch \(state.position.epoch), step \(state.position.step); "
          + "the damaged checkpoint is kept as \(aside.path)")
      return earlier
    }
  }

  /// Loads the later one of the checkpoints before the last and after the best epoch.
  ///
  /// - Throws: `CheckpointError` if there are some and all of them are damaged.
  private func loadEarlierCheckpoint() throws -> (checkpoint: Checkpoint, folder: URL)? {
    var found: (checkpoint: Checkpoint, folder: URL)?
    var failure: (any Error)?
    for folder in [previousCheckpointURL, bestSwap.readable] where files.exists(folder) {
      do {
        let next = try loaded(folder)
        let isLater =
          found.map {
            let (old, new) = ($0.checkpoint.state.position, next.checkpoint.state.position)
            return (new.epoch, new.step) > (old.epoch, old.step)
          } ?? true
        if isLater { found = next }
      } catch {
        failure = failure ?? error
      }
    }
    if found == nil, let failure { throw failure }
    return found
  }

  private func loaded(_ folder: URL) throws -> (checkpoint: Checkpoint, folder: URL) {
    (try Self.loadCheckpoint(from: folder), folder)
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
    try CheckpointState.checkVersion(of: data, path: stateURL.path)
    try checkDigests(of: folder)
    var state = try CheckpointState.decode(data, path: stateURL.path)
    state.history = try readHistory(state.historyMark, beside: folder)
    let tensorsURL = folder.appendingPathComponent(tensorsName)
    do {
      return Checkpoint(tensors: try SafeTensors.read(from: tensorsURL).tensors, state: state)
    } catch {
      var found = String(describing: error)
      if found.hasPrefix(tensorsURL.path + ": ") { found.removeFirst(tensorsURL.path.count + 2) }
      throw CheckpointError(
        .corrupt(expected: "a whole safetensors file", found: found), path: tensorsURL.path)
    }
  }

  private static func checkDigests(of folder: URL) throws {
    let path = folder.appendingPathComponent(FolderDigests.fileName).path
    do {
      guard try FolderDigests.check(folder) else {
        throw CheckpointError(.corrupt(expected: "digests of its files", found: "none"), path: path)
      }
    } catch let error as FolderDigestError {
      switch error {
      case .changed(let path, let expected, let found):
        throw CheckpointError(
          .corrupt(expected: "SHA-256 \(expected)", found: found), path: path)
      case .missing(let path):
        throw CheckpointError(.corrupt(expected: "this file", found: "none"), path: path)
      case .badList(let path, let line):
        throw CheckpointError(
          .corrupt(expected: "a digest and a name in line \(line)", found: "another text"),
          path: path)
      }
    } catch let error as DataFormatError {
      throw CheckpointError(.unreadable(reason: "\(error)"), path: path)
    }
  }
}
