// metrics.jsonl: a row an epoch.

import Foundation
import MePropData

/// Writes the figures of each epoch as a line of JSON into the run folder.
///
/// When a run is resumed, the file is replaced by the rows of the epochs that the checkpoint has:
/// a torn last line and rows of epochs that will be run again go, and rows that were lost come
/// back.
public final class JSONLRecorder: Recorder {
  private let run: RunFolder
  private var file: FileHandle?

  /// Creates a recorder for `metrics.jsonl` in a run folder.
  public init(run: RunFolder) { self.run = run }

  /// Writes the event if it is the end of an epoch.
  ///
  /// - Throws: `FileWriteError`.
  public func record(_ event: TrainingEvent) throws {
    switch event {
    case .runStarted(let start):
      let rows = start.history.map { $0.json.description + "\n" }.joined()
      try run.replace(run.metricsURL, with: Data(rows.utf8))
      file = try openForAppending(run.metricsURL)
    case .epochEnded(let record, _):
      guard let file else { return }
      let row = Data((record.json.description + "\n").utf8)
      try FileSystem.writeAll(row, to: file.fileDescriptor, path: run.metricsURL.path)
    default: break
    }
  }
}

/// Opens a file whose end is written to.
func openForAppending(_ url: URL) throws -> FileHandle {
  let descriptor = open(url.path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o666)
  guard descriptor >= 0 else {
    throw FileWriteError(code: errno, path: url.path, operation: "opening the file")
  }
  return FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
}
