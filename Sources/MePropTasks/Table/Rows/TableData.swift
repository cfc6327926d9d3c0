// The rows that a run trains and evaluates on, encoded.

import Foundation
import MePropCore
import MePropData
import MePropNN
import MePropTraining

/// A table read, learned and divided: what is trained on, and what is evaluated on.
///
/// The training file is read twice: to learn its columns, and to encode its rows. Neither takes
/// memory that grows with the file, apart from the rows where they may all be held.
///
/// Where batches are cut into shards, rows are divided among these, and each of several processes
/// reads and holds the rows of its shards.
public struct TableData {
  /// What was learned of the columns.
  public let schema: TableSchema
  /// The rows of each shard of this process; of a table that is not divided, all in one.
  let shards: [TableShard]
  /// How rows are divided; `nil`: all processes have all.
  let division: TableDivision?
  /// Some of the test or development rows, from all shards, where rows are divided.
  let sample: TableRows?
  /// The files.
  let parts: TableParts
  /// What the user should know of them.
  let notes: [String]
  /// How many training rows are of each class, or have each label; of numbers none.
  let classCounts: [Int]
  /// The number of rows trained on.
  public let trainingCount: Int
  /// The number of rows that choose the best epoch.
  public let developmentCount: Int
  /// The number of rows that are only reported.
  public let testCount: Int
  /// The number of rows, of all three kinds, that this process holds.
  public var heldCount: Int {
    shards.reduce(0) { $0 + $1.training.count + $1.development.count + $1.test.count }
  }
  /// Differs for other rows.
  let fingerprint: Int

  /// Reads a table, in several processes at once where they train together.
  ///
  /// - Throws: `TableError`, `DataFormatError`, `UsageError`, `FileWriteError`, `ShardingError`;
  ///   where several processes read, all of them throw.
  init(_ settings: TableSettings, from source: DataSource) throws {
    let processes: any Communicator =
      settings.shardCount == nil ? SingleProcess() : ProcessGroup.current
    if let count = settings.shardCount, count < processes.size {
      throw ShardingError.tooManyRanks(ranks: processes.size, shards: count)
    }
    let parts = try processes.together { try TableParts(settings.data, source) }
    try parts.requireSame(in: processes)
    let status = LoadStatus()
    defer { status.clear() }
    let survey = try TableSurvey(settings, parts, processes, status)
    let schema = try TableSchema(
      survey.profile, settings.request(names: survey.table.names, path: parts.train))
    var loading = try TableLoading(settings, parts, schema, survey, processes, status)
    let summaries = try loading.load()
    var total = TableShardSummary()
    for summary in summaries { total.add(summary) }
    guard total.trainingCount > 0 else { throw TableError.noRows(path: parts.train) }
    self.parts = parts
    self.schema = schema
    shards = loading.shards
    division =
      loading.isDivided
      ? try TableDivision(summaries.map(\.trainingCount), processes, path: parts.train) : nil
    sample = loading.isDivided ? try loading.sample(hasTest: total.testCount > 0) : nil
    notes = Self.notes(survey.profile, schema, parts) + loading.notes(total)
    classCounts = total.classCounts
    (trainingCount, developmentCount) = (total.trainingCount, total.developmentCount)
    testCount = total.testCount
    fingerprint = total.fingerprint
  }

  private init(_ whole: TableData, shard: TableShard) {
    schema = whole.schema
    shards = [shard]
    division = nil
    sample = nil
    parts = whole.parts
    notes = []
    classCounts = whole.classCounts
    (trainingCount, developmentCount) = (shard.training.count, shard.development.count)
    testCount = shard.test.count
    fingerprint = whole.fingerprint
  }

  /// The first rows alone, for a short trial.
  func prefix(_ count: Int) -> TableData {
    guard let rows = try? shards[0].training.prefix(count) else { return self }
    return TableData(
      self, shard: TableShard(0, training: rows, development: rows, test: rows, seed: 0))
  }

  /// The cells of a row: inputs, target, weight.
  static func width(_ schema: TableSchema, _ features: TableFeatures) -> Int {
    features.cellCount + schema.target.cellCount + (schema.weight == nil ? 0 : 1)
  }

  /// What the user should know of the columns.
  private static func notes(
    _ profile: TableProfile, _ schema: TableSchema, _ parts: TableParts
  ) -> [String] {
    profile.repeatedNames.map {
      "\(parts.train): more than one column is called '\($0)'; the second is taken as '\($0).2'"
    }
      + schema.ignored.filter { $0.reason != "as asked" }.map {
        "column '\($0.name)' is left out: it \($0.reason)"
      }
  }
}

extension TableSurvey {
  /// The survey of the training file.
  init(
    _ settings: TableSettings, _ parts: TableParts, _ processes: any Communicator,
    _ status: LoadStatus
  ) throws {
    try self.init(
      parts.train, hints: settings.hints, pieces: settings.shardCount ?? 1, processes,
      isProfiled: true, status: status
    ) { table in
      let request = try settings.request(names: table.names, path: parts.train)
      return RowEncoder.targetTest(table, request.targets, kind: request.kind)
    }
  }
}
