// The rows that were held out when a model was trained, found again.

import MePropCore
import MePropData
import MePropTraining

extension TableModel {
  /// The rows of the model's training file that were held out when it was trained.
  ///
  /// - Throws: `TableError`, `DataFormatError`, `FileWriteError`.
  func heldOutRows(
    of path: String, chunkSize: Int, notes: inout [String], status: LoadStatus
  ) throws -> TableRows {
    var hints = TableHints(names: schema.target.columns)
    hints.delimiter = schema.dialect.delimiter
    hints.hasHeader = schema.dialect.hasHeader
    hints.hasDecimalComma = schema.dialect.hasDecimalComma
    let shardCount = details.shards ?? 1
    let survey = try TableSurvey(
      path, hints: hints, pieces: shardCount, SingleProcess(), isProfiled: true, status: status
    ) { RowEncoder.targetTest($0, schema.target.columns, kind: schema.target.kind) }
    let count = min(details.trainingLimit ?? .max, survey.targetCount)
    let shares = TableDivision.shares(of: count, among: shardCount) ?? [0..<count]
    let encoding = TableEncoding(schema, hints: hints, status: status)
    let rows = encoding.makeRows(chunkSize: chunkSize)
    var found = EncodingNotes()
    for (shard, share) in shares.enumerated() {
      var split = StratifiedSplit(
        schema.target, survey.profile, share: details.developmentShare,
        seed: UInt64(max(0, details.splitSeed)), shard: shard)
      let (reader, first) = try survey.reader(before: share.lowerBound)
      found.add(
        try encoding.encode(reader, from: first, rows: share) { cells in
          if split.takes(cells[encoding.features.cellCount]) { try rows.append(cells) }
        })
    }
    notes += found.lines(path, schema)
    try rows.finish()
    return rows
  }
}
