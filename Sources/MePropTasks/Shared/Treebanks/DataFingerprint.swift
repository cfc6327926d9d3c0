// A number that tells data apart, so that a run is gone on with on the data it was started with.

import MePropData

/// A hash of numbers and texts, 64-bit FNV-1a.
///
/// Kept in checkpoints. It says whether data at another place are the same, so it covers all that
/// decides what is learned and which epoch is kept.
struct DataFingerprint {
  private var hash: UInt64 = 0xcbf2_9ce4_8422_2325

  /// Adds a number.
  mutating func add(_ number: Int) {
    hash = (hash ^ UInt64(bitPattern: Int64(number))) &* 0x100_0000_01b3
  }

  /// Adds the items of a vocabulary, in their order.
  mutating func add(_ vocabulary: Vocabulary) {
    for item in vocabulary.items {
      for byte in item.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
      hash = (hash ^ 0xff) &* 0x100_0000_01b3
    }
  }

  /// Adds bytes, eight at a time, and their count.
  mutating func add(bytes: UnsafeRawBufferPointer) {
    let whole = bytes.count & ~7
    for place in stride(from: 0, to: whole, by: 8) {
      let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self))
      hash = (hash ^ word) &* 0x100_0000_01b3
    }
    for byte in bytes[whole...] { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    hash = (hash ^ UInt64(bytes.count)) &* 0x100_0000_01b3
    // A word's highest bits would only reach the hash's highest.
    hash ^= hash >> 29
  }

  /// The hash, 0 or more.
  var value: Int { Int(hash >> 1) }
}
