// The rows that a shard of every batch is drawn from, and their order in an epoch.

import MePropCore
import MePropNN

/// The encoded rows of a part of a table: of all of it, or of the share that a shard of batches
/// takes its rows from.
final class TableShard {
  /// The number of the shard; 0 where a table is not divided.
  let index: Int
  /// What is trained on.
  let training: TableRows
  /// What chooses the best epoch; no rows where there are too few to divide.
  let development: TableRows
  /// What is only reported.
  let test: TableRows

  private let seed: UInt64
  private var epoch = 1
  /// The chunks in the order of the epoch, and the place in it of the first row of each.
  private var chunks: [(chunk: Int, start: Int)] = []
  /// The rows of the chunk in memory, in the order of the epoch.
  private var order: [UInt32] = []
  private var orderedChunk: (chunk: Int, epoch: Int)?

  init(
    _ index: Int, training: TableRows, development: TableRows, test: TableRows, seed: UInt64
  ) {
    self.index = index
    self.training = training
    self.development = development
    self.test = test
    self.seed = seed
  }

  /// The number of rows that differ for other rows: a hash of those that are trained on and those
  /// that choose the best epoch; of more than one chunk of the first, and of all counts.
  ///
  /// - Throws: What reading chunks throws.
  func fingerprint() throws -> Int {
    var print = DataFingerprint()
    for rows in [training, development] {
      rows.chunkCounts.forEach { print.add($0) }
      let cells = rows.chunkCounts[0] * rows.width
      guard cells > 0 else { continue }
      try rows.load(0)
      rows.withCells { base in
        print.add(bytes: UnsafeRawBufferPointer(start: base, count: cells * 4))
      }
    }
    return print.value
  }

  // MARK: Order

  /// Shuffles the chunks, if there are several: their order is a function of seed and epoch.
  func beginEpoch(_ epoch: Int) {
    self.epoch = epoch
    var order = (0..<training.chunkCounts.count).map(UInt32.init)
    var random = Philox(seed: seed, stream: stream(epoch))
    if order.count > 1 { random.shuffle(&order) }
    chunks.removeAll(keepingCapacity: true)
    var start = 0
    for chunk in order {
      chunks.append((Int(chunk), start))
      start += training.chunkCounts[Int(chunk)]
    }
  }

  /// The rows of the chunks, in the order of the epoch.
  var chunkCounts: [Int] { chunks.map { training.chunkCounts[$0.chunk] } }

  /// Gathers the rows of some places in the order of the epoch.
  ///
  /// - Throws: What reading a chunk throws.
  func gather(_ places: Range<Int>, into batch: inout TableBatch) throws {
    batch.begin(rowCount: places.count)
    var place = places.lowerBound
    while place < places.upperBound {
      let (chunk, start) = chunks[chunks.lastIndex { $0.start <= place } ?? 0]
      let end = min(places.upperBound, start + training.chunkCounts[chunk])
      try shuffle(chunk)
      batch.add(order[place - start..<end - start], of: training)
      place = end
    }
  }

  /// Brings a chunk into memory and shuffles it: its order is a function of seed, epoch and chunk.
  private func shuffle(_ chunk: Int) throws {
    try training.load(chunk)
    if let orderedChunk, orderedChunk == (chunk, epoch) { return }
    orderedChunk = (chunk, epoch)
    let count = training.chunkCounts[chunk]
    if order.count != count { order = Array(repeating: 0, count: count) }
    for index in order.indices { order[index] = UInt32(index) }
    var random = Philox(seed: seed, stream: stream(epoch + (chunk + 1) << 32))
    random.shuffle(&order)
  }

  private func stream(_ place: Int) -> UInt64 { RandomPurpose.order.stream(place + index << 46) }
}
