// details.jsonl, confusion.json and run.json: what a report shows besides the figures of epochs.

import Foundation
import MePropData

/// Writes what was counted in each epoch, the confusion after the best one, and how a run ended.
///
/// Rows of `details.jsonl` are synced before the checkpoint that follows them is saved. When a run
/// is resumed, rows of epochs that will be run again, and a torn one, are dropped; the counts of
/// the epoch that is under way come from the checkpoint.
public final class DetailsRecorder: Recorder {
  private let run: RunFolder
  private var file: FileHandle?
  private var summary: [JSONValue.Member] = []

  /// Creates a recorder for a run folder.
  public init(run: RunFolder) { self.run = run }

  /// Writes the event if it is one of those above.
  ///
  /// - Throws: `FileWriteError`, `RunFolderError`.
  public func record(_ event: TrainingEvent) throws {
    switch event {
    case .runStarted(let start): try begin(start)
    case .epochDetailed(let details, let confusions, let isBest):
      try append(details)
      if isBest { try save(confusions, epoch: details.epoch) }
    case .finished(let result): try end(Self.name(of: result.outcome))
    case .interrupted(_, let result): try end(Self.name(of: result.outcome))
    case .failed(let message): try end("failed", error: message)
    case .epochStarted, .progress, .unitsCut, .epochEnded, .checkpointSaved: break
    }
  }

  private func begin(_ start: RunStart) throws {
    var rows = Data()
    if start.position.epoch > 1, let old = try? Data(contentsOf: run.detailsURL) {
      for row in old.split(separator: 0x0A) where row.endIndex < old.endIndex {
        guard let details = try? JSONDecoder().decode(EpochDetails.self, from: row),
          details.epoch < start.position.epoch
        else { break }
        rows += row + [0x0A]
      }
    }
    try run.replace(run.detailsURL, with: rows)
    file = try openForAppending(run.detailsURL)
    summary = [
      .init("task", .string(start.task)), .init("exampleUnit", .string(start.exampleUnit)),
      .init("epochs", .integer(start.epochs)),
      .init("stepsPerEpoch", .integer(start.stepsPerEpoch)),
      .init("description", .array(start.description.map { .string($0) })),
    ]
    try end("running")
  }

  private func append(_ details: EpochDetails) throws {
    guard let file else { return }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let row = try encoder.encode(details) + [0x0A]
    try FileSystem.writeAll(row, to: file.fileDescriptor, path: run.detailsURL.path)
    if fsync(file.fileDescriptor) != 0 && errno != EINVAL {
      throw FileWriteError(
        code: errno, path: run.detailsURL.path, operation: "synchronizing with the disk")
    }
  }

  private func save(_ confusions: [EvaluationSplit: ConfusionMatrix], epoch: Int) throws {
    guard !confusions.isEmpty else { return }
    let splits = EvaluationSplit.allCases.compactMap { split in
      confusions[split].map { JSONValue.Member(split.rawValue, $0.json) }
    }
    let object = JSONValue.object([.init("epoch", .integer(epoch))] + splits)
    try run.replace(run.confusionURL, with: Data("\(object)\n".utf8))
  }

  private func end(_ outcome: String, error: String? = nil) throws {
    guard !summary.isEmpty else { return }
    let error = error.map { [JSONValue.Member("error", .string($0))] } ?? []
    let time = JSONValue.Member("time", .string(Date().ISO8601Format()))
    let object = JSONValue.object(
      summary + [.init("outcome", .string(outcome)), time] + error)
    try run.replace(run.summaryURL, with: Data("\(object)\n".utf8))
  }

  private static func name(of outcome: TrainingOutcome) -> String {
    switch outcome {
    case .finished: "finished"
    case .stoppedEarly: "stoppedEarly"
    case .reachedTarget: "reachedTarget"
    case .interrupted: "interrupted"
    }
  }
}

extension ConfusionMatrix {
  /// The matrix as an object: labels, and cells as `[true, found, count]`.
  var json: JSONValue {
    .object([
      .init("labels", .array(labels.map { .string($0) })),
      .init(
        "cells",
        .array(cells.map { .array([.integer($0.gold), .integer($0.found), .integer($0.count)]) })),
    ])
  }
}
