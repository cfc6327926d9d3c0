// Encoded rows: in memory, or on disk and in memory by chunks.

import Foundation
import MePropCore
import MePropData

/// Rows of cells of 32 bits: those of the inputs, of the target, and the weight of the row.
///
/// Where there are more rows than may be held they lie in a temporary file that nobody else sees,
/// in chunks of which one is in memory. Rows to be trained on go into chunks at random, so that
/// each chunk is a sample of the whole even where the table is sorted.
final class TableRows {
  /// The cells of a row.
  let width: Int
  /// The rows.
  private(set) var count = 0
  /// The rows of each chunk.
  private(set) var chunkCounts = [0]
  /// The chunk that is in memory.
  private(set) var loaded = 0

  private let chunkSize: Int
  private var memory: [UInt32] = []
  private var file: FileHandle?
  /// Of each chunk that rows go to at random, those that are not written yet.
  private var pending: [[UInt32]] = []
  private var random: Philox

  /// The rows of a chunk that are written at once.
  private static let blockSize = 512

  /// Creates a place for rows that are kept in their order.
  ///
  /// - Parameters:
  ///   - width: The cells of a row.
  ///   - chunkSize: The rows that may be held in memory, at least 1.
  init(width: Int, chunkSize: Int) {
    self.width = width
    self.chunkSize = chunkSize
    random = Philox(seed: 0)
  }

  /// Creates a place for rows that are trained on.
  ///
  /// - Parameters:
  ///   - width: The cells of a row.
  ///   - chunkSize: The rows that may be held in memory, at least 1.
  ///   - capacity: No more rows will come.
  ///   - seed: Decides which chunk a row goes to.
  ///   - shard: The shard of batches that the rows are for.
  /// - Throws: `FileWriteError`.
  init(width: Int, chunkSize: Int, capacity: Int, seed: UInt64, shard: Int) throws {
    self.width = width
    self.chunkSize = chunkSize
    random = Philox(seed: seed, stream: RandomPurpose.task.stream(1 << 20 + shard))
    let chunks = (capacity + chunkSize - 1) / chunkSize
    guard chunks > 1 else {
      memory.reserveCapacity(capacity * width)
      return
    }
    chunkCounts = Array(repeating: 0, count: chunks)
    pending = Array(repeating: [], count: chunks)
    file = try Self.temporaryFile()
  }

  private static func temporaryFile() throws -> FileHandle {
    let path = FileManager.default.temporaryDirectory
      .appendingPathComponent("meprop-rows-\(UUID().uuidString)").path
    let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else {
      throw FileWriteError(code: errno, path: path, operation: "creating")
    }
    // Without a name it is gone with the process, however that ends.
    unlink(path)
    return FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
  }

  /// Adds a row.
  ///
  /// - Throws: `FileWriteError`.
  func append(_ cells: UnsafeBufferPointer<UInt32>) throws {
    count += 1
    guard pending.isEmpty else { return try appendAtRandom(cells) }
    if chunkCounts[chunkCounts.count - 1] == chunkSize {
      try writeMemory()
      chunkCounts.append(0)
    }
    memory.append(contentsOf: cells)
    chunkCounts[chunkCounts.count - 1] += 1
  }

  private func appendAtRandom(_ cells: UnsafeBufferPointer<UInt32>) throws {
    var chunk = Int(random.next(below: UInt32(chunkCounts.count)))
    while chunkCounts[chunk] == chunkSize { chunk = (chunk + 1) % chunkCounts.count }
    chunkCounts[chunk] += 1
    pending[chunk].append(contentsOf: cells)
    if pending[chunk].count == Self.blockSize * width { try writePending(chunk) }
  }

  /// Ends adding, and loads the first chunk.
  ///
  /// - Throws: `FileWriteError`, `DataFormatError.cannotRead`.
  func finish() throws {
    guard file != nil else { return }
    if pending.isEmpty {
      try writeMemory()
    } else {
      for chunk in pending.indices where !pending[chunk].isEmpty { try writePending(chunk) }
      pending = []
    }
    loaded = -1
    try load(0)
  }

  /// Writes what is in memory as the last chunk.
  private func writeMemory() throws {
    if file == nil { file = try Self.temporaryFile() }
    try write(memory, at: (chunkCounts.count - 1) * chunkSize * width)
    memory.removeAll(keepingCapacity: true)
  }

  private func writePending(_ chunk: Int) throws {
    try write(
      pending[chunk], at: (chunk * chunkSize + chunkCounts[chunk]) * width - pending[chunk].count)
    pending[chunk].removeAll(keepingCapacity: true)
  }

  /// Writes cells at a place of the file, counted in cells.
  private func write(_ cells: [UInt32], at place: Int) throws {
    guard let file else { return }
    try cells.withUnsafeBytes { bytes in
      var done = 0
      while done < bytes.count {
        let part = UnsafeRawBufferPointer(rebasing: bytes[done...])
        let written = pwrite(
          file.fileDescriptor, part.baseAddress, part.count, off_t(place * 4 + done))
        if written < 0, errno == EINTR { continue }
        guard written > 0 else {
          throw FileWriteError(
            code: errno, path: FileManager.default.temporaryDirectory.path,
            operation: "writing a temporary file")
        }
        done += written
      }
    }
  }

  /// Brings a chunk into memory, in place of the one that is there.
  ///
  /// - Throws: `DataFormatError.cannotRead`.
  func load(_ chunk: Int) throws {
    guard let file, chunk != loaded else { return }
    let size = chunkCounts[chunk] * width
    if memory.count < chunkSize * width {
      memory = Array(repeating: 0, count: chunkSize * width)
    }
    try memory.withUnsafeMutableBytes { bytes in
      var done = 0
      while done < size * 4 {
        let part = UnsafeMutableRawBufferPointer(rebasing: bytes[done..<size * 4])
        let offset = chunk * chunkSize * width * 4 + done
        let count = pread(file.fileDescriptor, part.baseAddress, part.count, off_t(offset))
        if count < 0, errno == EINTR { continue }
        guard count > 0 else {
          throw DataFormatError.cannotRead(
            path: "a temporary file", packedOffset: offset,
            reason: count == 0 ? "it is too short" : String(cString: strerror(errno)))
        }
        done += count
      }
    }
    loaded = chunk
  }

  /// Calls `body` with the cells of the chunk that is in memory, row by row.
  func withCells<Result>(_ body: (UnsafePointer<UInt32>) throws -> Result) rethrows -> Result {
    try memory.withUnsafeBufferPointer { cells in
      guard let base = cells.baseAddress else {
        preconditionFailure("TableRows: no rows to look at")
      }
      return try body(base)
    }
  }

  /// Gives the rows of the chunk in memory some cells of other rows.
  ///
  /// - Parameters:
  ///   - places: Which cells.
  ///   - other: Has as many rows in memory.
  ///   - order: The row of `other` that each row takes them from.
  func replace(_ places: [Int], by other: TableRows, order: [UInt32]) {
    for (row, from) in order.enumerated() {
      for place in places {
        memory[row * width + place] = other.memory[Int(from) * width + place]
      }
    }
  }

  /// The first rows alone, in memory.
  func prefix(_ limit: Int) throws -> TableRows {
    let kept = min(limit, chunkCounts[0])
    let result = TableRows(width: width, chunkSize: max(kept, 1))
    try load(0)
    if kept > 0 {
      try withCells { cells in
        for row in 0..<kept {
          try result.append(UnsafeBufferPointer(start: cells + row * width, count: width))
        }
      }
    }
    return result
  }
}
