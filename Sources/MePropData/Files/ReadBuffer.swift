// What readers of text keep of a file: bytes that have arrived and were not taken yet.

/// The bytes of a file that were read and not taken yet, side by side in memory that grows as a
/// piece needs it.
struct ReadBuffer: ~Copyable {
  /// The memory; what is in it is at ``start`` ..< ``end``.
  private(set) var bytes: UnsafeMutableRawBufferPointer
  /// The place of the first byte that was not taken.
  var start = 0
  /// The place after the last byte that was read.
  private(set) var end = 0
  /// Whether there is no more to read.
  private(set) var fileHasEnded = false

  init(capacity: Int) { bytes = .allocate(byteCount: capacity, alignment: 16) }

  deinit { bytes.deallocate() }

  /// The number of bytes that were not taken.
  var count: Int { end - start }
  /// The bytes that were not taken; valid until more is read.
  var pending: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: bytes[start..<end]) }

  /// Moves what is left to the front, makes room where there is none, and reads more.
  ///
  /// - Throws: `DataFormatError` for read errors.
  mutating func refill(from file: InputFile) throws {
    let pending = pending
    if pending.count * 2 > bytes.count {
      let larger = UnsafeMutableRawBufferPointer.allocate(
        byteCount: bytes.count * 2, alignment: 16)
      larger.copyMemory(from: pending)
      bytes.deallocate()
      bytes = larger
    } else if start > 0 {
      UnsafeMutableRawBufferPointer(rebasing: bytes[..<pending.count]).copyMemory(from: pending)
    }
    end = pending.count
    start = 0
    let count = try file.read(into: UnsafeMutableRawBufferPointer(rebasing: bytes[end...]))
    if count == 0 { fileHasEnded = true }
    end += count
  }
}
