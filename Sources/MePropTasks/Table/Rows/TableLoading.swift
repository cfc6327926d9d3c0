// Encoding the rows of a process's shards, and what the processes tell each other of them.

import Foundation
import MePropCore
import MePropData
import MePropTraining

/// Loads the rows of a table once its columns are known.
struct TableLoading {
  /// Whether rows are divided among shards, each of which one process loads.
  let isDivided: Bool
  /// The rows of each shard of this process.
  private(set) var shards: [TableShard] = []

  private let settings: TableSettings
  private let parts: TableParts
  private let schema: TableSchema
  private let survey: TableSurvey
  private let processes: any Communicator
  private let encoding: TableEncoding
  private let chunkSize: Int
  /// Of each shard there is, the training rows among those with a target.
  private let shares: [Range<Int>]
  /// The shards of this process.
  private let own: Range<Int>
  /// The development and the test file, where there are such.
  private var others: [EvaluationSplit: OtherFile] = [:]

  /// A file that is not trained on.
  private struct OtherFile {
    var path: String
    var survey: TableSurvey?
    var shares: [Range<Int>]
  }

  /// Rows that are shown in figures, where they are divided.
  private static let sampleLimit = 16_384

  init(
    _ settings: TableSettings, _ parts: TableParts, _ schema: TableSchema,
    _ survey: TableSurvey, _ processes: any Communicator, _ status: LoadStatus
  ) throws {
    (self.settings, self.parts, self.schema) = (settings, parts, schema)
    (self.survey, self.processes) = (survey, processes)
    encoding = TableEncoding(schema, hints: settings.hints, status: status)
    let limit = min(settings.trainingLimit ?? .max, survey.targetCount)
    let shares = TableDivision.shares(of: limit, among: settings.shardCount ?? 1)
    isDivided = shares != nil
    self.shares = shares ?? [0..<limit]
    own = isDivided ? processes.share(of: self.shares.count) : 0..<1
    chunkSize = Self.chunkSize(settings, encoding.width, self.shares.count, processes)
    for (split, path) in [(EvaluationSplit.dev, parts.dev), (.test, parts.test)] {
      guard let path else { continue }
      guard isDivided else {
        others[split] = OtherFile(path: path, shares: [0..<Int.max])
        continue
      }
      let survey = try encoding.survey(path, pieces: self.shares.count, processes)
      others[split] = OtherFile(
        path: path, survey: survey,
        shares: TableDivision.shares(ofEach: survey.targetCount, among: self.shares.count))
    }
  }

  /// The rows of a chunk of a shard: all shards together hold as many as are asked for, or as the
  /// memory of the process that has least allows.
  private static func chunkSize(
    _ settings: TableSettings, _ width: Int, _ shardCount: Int, _ processes: any Communicator
  ) -> Int {
    let least = processes.gather(elements: [TableSettings.chunkSize(width: width)]).min() ?? 1
    return max(1, (settings.chunkRows ?? least) / shardCount)
  }

  /// Loads the rows of this process, and returns what all shards of all processes have.
  ///
  /// - Throws: As `TableData`.
  mutating func load() throws -> [TableShardSummary] {
    let found = try processes.together { try loadOwn() }
    guard isDivided else { return found }
    let messages = processes.gather(TableShardSummary.message(found))
    return messages.flatMap { TableShardSummary.read($0) }
  }

  private mutating func loadOwn() throws -> [TableShardSummary] {
    var summaries = own.map { _ in TableShardSummary(schema.target) }
    shards = try own.map { shard in
      TableShard(
        shard,
        training: try TableRows(
          width: encoding.width, chunkSize: chunkSize, capacity: shares[shard].count,
          seed: settings.steps.seed, shard: shard),
        development: encoding.makeRows(chunkSize: chunkSize),
        test: encoding.makeRows(chunkSize: chunkSize), seed: settings.steps.seed)
    }
    try loadTraining(&summaries)
    for (split, file) in others {
      for (place, shard) in own.enumerated() {
        let rows = split == .dev ? shards[place].development : shards[place].test
        summaries[place].notes[split] = try encode(
          file.survey, file.path, Self.span(file.shares, shard, isWhole: true)
        ) { try rows.append($0) }
      }
    }
    for (place, shard) in shards.enumerated() {
      for rows in [shard.training, shard.development, shard.test] { try rows.finish() }
      summaries[place].trainingCount = shard.training.count
      summaries[place].developmentCount = shard.development.count
      summaries[place].testCount = shard.test.count
      summaries[place].fingerprint = try shard.fingerprint()
    }
    return summaries
  }

  /// Divides the rows of the training file into those that are trained on and those that are held
  /// out.
  private func loadTraining(_ summaries: inout [TableShardSummary]) throws {
    let target = schema.target
    let cell = encoding.features.cellCount
    let isWhole = settings.trainingLimit ?? .max >= survey.targetCount
    for (place, shard) in shards.enumerated() {
      var split = StratifiedSplit(
        target, survey.profile, share: parts.dev == nil ? settings.developmentShare : 0,
        seed: settings.splitSeed, shard: shard.index)
      var counts = summaries[place].classCounts
      summaries[place].trainingNotes = try encode(
        survey, parts.train, Self.span(shares, shard.index, isWhole: isWhole)
      ) { cells in
        if split.takes(cells[cell]) { return try shard.development.append(cells) }
        try shard.training.append(cells)
        if target.kind == .classes { counts[Int(cells[cell])] += 1 }
        if target.kind == .labels {
          for label in counts.indices { counts[label] += Int(cells[cell + label]) }
        }
      }
      summaries[place].classCounts = counts
    }
  }

  /// The rows that are read for a shard; of a whole file the last shard has those without a target
  /// that follow the last row with one.
  private static func span(_ shares: [Range<Int>], _ shard: Int, isWhole: Bool) -> Range<Int> {
    let share = shares[shard]
    return share.lowerBound..<(isWhole && shard == shares.count - 1 ? Int.max : share.upperBound)
  }

  private func encode(
    _ survey: TableSurvey?, _ path: String, _ rows: Range<Int>,
    _ take: (UnsafeBufferPointer<UInt32>) throws -> Void
  ) throws -> EncodingNotes {
    guard let survey else {
      return try encoding.encodeAll(encoding.reader(path), rows: rows, take)
    }
    let (reader, first) = try survey.reader(before: rows.lowerBound)
    return try encoding.encode(reader, from: first, rows: rows, take)
  }

  /// What the user should know of all files.
  func notes(_ total: TableShardSummary) -> [String] {
    var lines = total.trainingNotes.lines(parts.train, schema)
    for split in [EvaluationSplit.dev, .test] {
      guard let file = others[split], let notes = total.notes[split] else { continue }
      lines += notes.lines(file.path, schema)
    }
    return lines
  }

  /// Some of the test or else development rows of all shards, in all processes.
  ///
  /// - Throws: What reading chunks throws.
  func sample(hasTest: Bool) throws -> TableRows {
    let limit = Self.sampleLimit / shares.count
    let message = try processes.together { () throws -> [UInt8] in
      var message: [UInt8] = []
      for shard in shards {
        let rows = try (hasTest ? shard.test : shard.development).prefix(limit)
        guard rows.count > 0 else { continue }
        rows.withCells { cells in
          message += UnsafeRawBufferPointer(start: cells, count: rows.count * rows.width * 4)
        }
      }
      return message
    }
    let result = encoding.makeRows(chunkSize: Self.sampleLimit)
    for message in processes.gather(message) {
      try message.withUnsafeBytes { bytes in
        let cells = bytes.bindMemory(to: UInt32.self)
        for start in stride(from: 0, to: cells.count, by: result.width) {
          try result.append(UnsafeBufferPointer(rebasing: cells[start..<start + result.width]))
        }
      }
    }
    return result
  }
}
