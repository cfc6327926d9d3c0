// Numbers and bytes one after the other, for another process of the same program on a processor of
// the same kind.

/// Writes a message.
package struct MessageWriter {
  /// What was written.
  package private(set) var bytes: [UInt8] = []

  /// Creates an empty message.
  package init() {}

  /// Adds a whole number.
  package mutating func add(_ number: Int) {
    withUnsafeBytes(of: number) { bytes.append(contentsOf: $0) }
  }

  /// Adds a number.
  package mutating func add(_ number: Double) {
    withUnsafeBytes(of: number) { bytes.append(contentsOf: $0) }
  }

  /// Adds numbers, and how many they are.
  package mutating func add(_ numbers: [Double]) {
    add(numbers.count)
    numbers.withUnsafeBytes { bytes.append(contentsOf: $0) }
  }

  /// Adds bytes, and how many they are.
  package mutating func add(_ more: [UInt8]) {
    add(more.count)
    bytes.append(contentsOf: more)
  }
}

/// Reads a message, in the order in which it was written.
package struct MessageReader {
  private let message: [UInt8]
  private var place = 0

  /// Creates a reader of the bytes of a writer.
  package init(_ message: [UInt8]) { self.message = message }

  private mutating func number<Number: BitwiseCopyable>(_ type: Number.Type) -> Number {
    defer { place += MemoryLayout<Number>.size }
    return message.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: place, as: type) }
  }

  /// Whether all was read.
  package var isAtEnd: Bool { place == message.count }

  /// The next whole number.
  package mutating func int() -> Int { number(Int.self) }

  /// The next number.
  package mutating func double() -> Double { number(Double.self) }

  /// The next numbers.
  package mutating func doubles() -> [Double] { (0..<int()).map { _ in double() } }

  /// The next bytes.
  package mutating func bytes() -> ArraySlice<UInt8> {
    let count = int()
    defer { place += count }
    return message[place..<place + count]
  }
}
