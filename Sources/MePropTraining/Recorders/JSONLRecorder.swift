// metrics.jsonl: a row an epoch, and a row for what a cut took out of a layer.

import Foundation
import MePropData
import MePropNN

/// Writes the figures of each epoch as a line of JSON into the run folder, and what was cut out of
/// layers meanwhile; such a row has `"event": "cut"`.
///
/// When a run is resumed, the file is replaced by the rows of the epochs that the checkpoint has:
/// a torn last line and rows of epochs that will be run again go, and rows that were lost come
/// back.
public final class JSONLRecorder: Recorder {
  private let run: RunFolder
  private var file: FileHandle?

  /// Creates a recorder for `metrics.jsonl` in a run folder.
  public init(run: RunFolder) { self.run = run }

  /// Writes the event if it is a cut or the end of an epoch.
  ///
  /// - Throws: `FileWriteError`.
  public func record(_ event: TrainingEvent) throws {
    switch event {
    case .runStarted(let start):
      var rows = start.history.flatMap { record in
        (record.cuts ?? []).map { $0.json(epoch: record.epoch) } + [record.json]
      }
      rows += start.cuts.map { $0.json(epoch: start.position.epoch) }
      try run.replace(
        run.metricsURL, with: Data(rows.map { $0.description + "\n" }.joined().utf8))
      file = try openForAppending(run.metricsURL)
    case .unitsCut(let cuts, let epoch):
      for cut in cuts { try write(cut.json(epoch: epoch)) }
    case .epochEnded(let record, _): try write(record.json)
    default: break
    }
  }

  private func write(_ row: JSONValue) throws {
    guard let file else { return }
    let line = Data((row.description + "\n").utf8)
    try FileSystem.writeAll(line, to: file.fileDescriptor, path: run.metricsURL.path)
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

extension UnitCut {
  /// A row of metrics.jsonl: the layer, its width after the cut, and each unit with the number of
  /// examples that kept it.
  func json(epoch: Int) -> JSONValue {
    .object([
      .init("event", .string("cut")), .init("epoch", .integer(epoch)),
      .init("step", .integer(step)), .init("layer", .string(layer)),
      .init("width", .integer(width)), .init("examples", .integer(exampleCount)),
      .init(
        "units",
        .array(
          zip(units, counts).map { unit, count in
            .object([.init("unit", .integer(unit)), .init("count", .number(count))])
          })),
    ])
  }
}
