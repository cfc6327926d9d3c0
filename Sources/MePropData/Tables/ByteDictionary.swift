// Numbers for texts, looked up by their bytes without making strings.

import Foundation

/// Numbers texts from 0 in the order in which they are added.
///
/// A text is looked up by its bytes, as fields of a table come: nothing is allocated, and strings
/// are made only where somebody asks for ``texts``. Open addressing; a text takes its bytes and
/// some 20 more.
public struct ByteDictionary: Sendable {
  /// The number of texts.
  public private(set) var count = 0

  private var bytes: [UInt8] = []
  private var ends: [UInt32] = []
  private var hashes: [UInt64] = []
  /// Numbers plus 1, or 0 for a free slot; a power of two of them.
  private var slots: [UInt32]

  /// Creates an empty dictionary.
  public init() { slots = Array(repeating: 0, count: 64) }

  /// Creates a dictionary of texts, which must differ.
  public init(_ texts: [String]) {
    self.init()
    for text in texts {
      var text = text
      text.withUTF8 { _ = insert(UnsafeRawBufferPointer($0)) }
    }
    precondition(count == texts.count, "ByteDictionary: \(texts.count) texts, \(count) differ")
  }

  /// The texts, by their numbers.
  public var texts: [String] { (0..<count).map(text) }

  /// The text of a number.
  public func text(_ index: Int) -> String {
    String(decoding: bytes[range(index)], as: UTF8.self)
  }

  /// Calls `body` with the bytes of the text of a number.
  func withBytes(of index: Int, _ body: (UnsafeRawBufferPointer) -> Void) {
    bytes.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[range(index)])) }
  }

  /// The number of a text, or `nil` where it was not added.
  public func find(_ text: UnsafeRawBufferPointer) -> Int? {
    let hash = Self.hash(text)
    let mask = slots.count - 1
    var slot = Int(truncatingIfNeeded: hash) & mask
    while slots[slot] != 0 {
      let index = Int(slots[slot]) - 1
      if hashes[index] == hash, isEqual(index, text) { return index }
      slot = (slot + 1) & mask
    }
    return nil
  }

  /// The number of a text, which is added where it is new.
  public mutating func insert(_ text: UnsafeRawBufferPointer) -> Int {
    let hash = Self.hash(text)
    let mask = slots.count - 1
    var slot = Int(truncatingIfNeeded: hash) & mask
    while slots[slot] != 0 {
      let index = Int(slots[slot]) - 1
      if hashes[index] == hash, isEqual(index, text) { return index }
      slot = (slot + 1) & mask
    }
    slots[slot] = UInt32(count + 1)
    bytes.append(contentsOf: text)
    ends.append(UInt32(bytes.count))
    hashes.append(hash)
    count += 1
    if count * 2 > slots.count { grow() }
    return count - 1
  }

  private func range(_ index: Int) -> Range<Int> {
    Int(index == 0 ? 0 : ends[index - 1])..<Int(ends[index])
  }

  private func isEqual(_ index: Int, _ text: UnsafeRawBufferPointer) -> Bool {
    let range = range(index)
    guard range.count == text.count else { return false }
    return bytes.withUnsafeBytes { bytes in
      guard let base = bytes.baseAddress, let start = text.baseAddress else { return true }
      return memcmp(base + range.lowerBound, start, text.count) == 0
    }
  }

  private mutating func grow() {
    slots = Array(repeating: 0, count: slots.count * 2)
    let mask = slots.count - 1
    for index in 0..<count {
      var slot = Int(truncatingIfNeeded: hashes[index]) & mask
      while slots[slot] != 0 { slot = (slot + 1) & mask }
      slots[slot] = UInt32(index + 1)
    }
  }

  /// Eight bytes at a time, multiplied and mixed; the last may be read twice.
  private static func hash(_ text: UnsafeRawBufferPointer) -> UInt64 {
    let count = text.count
    var hash = 0x9e37_79b9_7f4a_7c15 ^ UInt64(count)
    guard let start = text.baseAddress, count > 0 else { return mix(hash) }
    guard count >= 8 else {
      let rest: UInt64
      if count >= 4 {
        let first = start.loadUnaligned(as: UInt32.self)
        let last = start.loadUnaligned(fromByteOffset: count - 4, as: UInt32.self)
        rest = UInt64(first) << 32 | UInt64(last)
      } else {
        rest = UInt64(text[0]) << 16 | UInt64(text[count / 2]) << 8 | UInt64(text[count - 1])
      }
      return mix(hash ^ rest)
    }
    var place = 0
    while place + 8 < count {
      hash = mix(hash ^ start.loadUnaligned(fromByteOffset: place, as: UInt64.self))
      place += 8
    }
    return mix(hash ^ start.loadUnaligned(fromByteOffset: count - 8, as: UInt64.self))
  }

  private static func mix(_ value: UInt64) -> UInt64 {
    let (high, low) = value.multipliedFullWidth(by: 0xa076_1d64_78bd_642f)
    return high ^ low
  }
}
