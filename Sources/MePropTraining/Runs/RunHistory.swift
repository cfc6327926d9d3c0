// The figures of all epochs beside the checkpoints: appended to, so that the last epoch of a long
// run costs no more than its first.

import Foundation
import MePropData

/// How much of `history.jsonl` a checkpoint is of: its first bytes, and a digest of them.
///
/// The digest is a chain, SHA-256 of the digest before and of the row, so that it grows with each
/// row without the others being read again.
struct HistoryMark: Sendable, Codable, Equatable {
  /// The number of rows.
  var count = 0
  /// Their bytes, ends of lines included.
  var byteCount = 0
  /// The digest; empty for no rows.
  var digest = ""

  /// Goes on by a row without its end.
  mutating func add(_ row: some Collection<UInt8>) {
    count += 1
    byteCount += row.count + 1
    digest = FileDigest.sha256(of: Array(digest.utf8) + row)
  }
}

/// What is in `history.jsonl` by what this process wrote or read.
struct SavedHistory {
  var mark = HistoryMark()
  /// The record in its last row; not all of them, because a copy of a list that grows costs as much
  /// as the list is long.
  var last: EpochRecord?
}

extension RunFolder {
  static let historyName = "history.jsonl"
  var historyURL: URL { checkpoints.appendingPathComponent(Self.historyName) }
  /// Where the file is written when it is written as a whole.
  var temporaryHistoryURL: URL { checkpoints.appendingPathComponent(".\(Self.historyName).tmp") }

  /// Brings `history.jsonl` to the records of a checkpoint that is to be saved.
  ///
  /// Rows are on the disk before the checkpoint that needs them. What a process that died appended
  /// beyond its last checkpoint is cut off.
  ///
  /// - Returns: How much of the file they are.
  func saveHistory(_ records: [EpochRecord]) throws -> HistoryMark {
    var saved = savedHistory ?? SavedHistory()
    let isContinued =
      savedHistory != nil && saved.mark.count <= records.count
      && saved.last == records[..<saved.mark.count].last
    if !isContinued { saved = SavedHistory() }
    var rows = Data()
    for record in records[saved.mark.count...] {
      let row = try Self.row(of: record)
      saved.mark.add(row)
      rows += row + [0x0A]
    }
    saved.last = records.last
    // A file that is not known to end where the rows before do is written as a whole.
    if !isContinued {
      try files.write(rows, to: temporaryHistoryURL)
      try files.rename(temporaryHistoryURL, to: historyURL)
      try files.sync(checkpoints)
    } else if !rows.isEmpty {
      try files.append(rows, to: historyURL, from: saved.mark.byteCount - rows.count)
    }
    savedHistory = saved
    return saved.mark
  }

  /// Reads the records that a checkpoint is of.
  ///
  /// - Throws: `CheckpointError` if the file lacks some of them or was changed.
  static func readHistory(_ mark: HistoryMark, beside folder: URL) throws -> [EpochRecord] {
    let url = folder.deletingLastPathComponent().appendingPathComponent(historyName)
    guard mark.count > 0 else { return [] }
    let data: Data
    do {
      data = try Data(contentsOf: url)
    } catch {
      throw CheckpointError(.unreadable(reason: systemReason(of: error)), path: url.path)
    }
    func damaged(_ found: String) -> CheckpointError {
      CheckpointError(
        .corrupt(
          expected: "\(mark.count) rows in \(mark.byteCount) bytes of digest \(mark.digest)",
          found: found), path: url.path)
    }
    guard mark.byteCount <= data.count else { throw damaged("\(data.count) bytes") }
    var found = HistoryMark()
    var records: [EpochRecord] = []
    let decoder = CheckpointState.decoder
    for row in data.prefix(mark.byteCount).split(separator: 0x0A, omittingEmptySubsequences: false)
      .dropLast()
    {
      found.add(row)
      guard let record = try? decoder.decode(EpochRecord.self, from: row),
        record.epoch == found.count, record.hasPossibleCounts
      else { throw damaged("row \(found.count) that is no epoch's") }
      records.append(record)
    }
    guard found == mark else { throw damaged("\(found.count) rows of \(found.digest)") }
    return records
  }

  private static func row(of record: EpochRecord) throws -> Data {
    let encoder = CheckpointState.encoder
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return try encoder.encode(record)
  }
}
