// How the rows of a table are divided among the shards of batches.

import MePropCore
import MePropData
import MePropTraining

/// Which rows each shard of a batch is drawn from.
///
/// A shard has the same rows in all epochs: neighboring rows of the file, as many as any other
/// shard has, but for those that are held out. So a process reads, encodes and holds the rows of
/// its shards alone. Each batch has rows of all shards, of each its share: an epoch takes every row
/// once, and batches are as large as was asked for, or have a few rows more or fewer. All of it
/// depends on the number of shards, not on that of processes.
struct TableDivision {
  /// How many training rows each shard has.
  let counts: [Int]
  /// The processes among which shards are divided.
  let processes: any Communicator

  /// Tables of fewer rows a shard are not divided.
  static let smallestShare = 64

  /// The rows of each shard, among those that have a target; `nil` for too few to divide.
  static func shares(of rowCount: Int, among shardCount: Int) -> [Range<Int>]? {
    guard shardCount > 1, rowCount >= shardCount * smallestShare else { return nil }
    return shares(ofEach: rowCount, among: shardCount)
  }

  /// The same for rows of which a shard may have none: those of test and development files.
  static func shares(ofEach rowCount: Int, among shardCount: Int) -> [Range<Int>] {
    (0..<shardCount).map {
      rowCount * $0 / shardCount..<rowCount * ($0 + 1) / shardCount
    }
  }

  /// Creates the division of so many training rows of each shard.
  ///
  /// - Throws: `UsageError` where a shard has none.
  init(_ counts: [Int], _ processes: any Communicator, path: String) throws {
    guard let fewest = counts.min(), fewest > 0 else {
      throw UsageError(
        "\(path): all rows of one of \(counts.count) shards are held out; use fewer --shards")
    }
    self.counts = counts
    self.processes = processes
  }

  /// The shards of this process.
  var own: Range<Int> { processes.share(of: counts.count) }

  /// The steps of an epoch of batches of `batchSize` rows, or a few more or fewer; each has rows of
  /// all shards.
  func stepsPerEpoch(batchSize: Int) -> Int {
    let all = counts.reduce(0, +)
    return min((all + batchSize - 1) / batchSize, counts.min() ?? 1)
  }

  /// The places, in the order of a shard's epoch, of its rows in a step, from 0.
  func places(ofShard shard: Int, step: Int, of stepsPerEpoch: Int) -> Range<Int> {
    counts[shard] * step / stepsPerEpoch..<counts[shard] * (step + 1) / stepsPerEpoch
  }
}
