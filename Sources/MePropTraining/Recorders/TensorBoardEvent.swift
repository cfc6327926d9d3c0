// The part of TensorBoard's event files that meprop writes, as protocol buffers.

import Foundation

/// A record of an event file: scalars, or the start of a session.
///
/// Field numbers are those of TensorFlow's `event.proto` and `summary.proto`. A reader takes an
/// absent field for zero, so a zero is not written, except for the value of a point.
package struct TensorBoardEvent: Sendable {
  /// What a record says.
  package enum Content: Sendable {
    /// The format, in the first record of a file only: `brain.Event:2`.
    case fileVersion(String)
    /// A point of each of several curves.
    case scalars([(tag: String, value: Float)])
    /// Readers drop what earlier sessions wrote at this event's step and later.
    case sessionStart
  }

  /// Seconds since 1970.
  package var wallTime: Double
  /// Training steps since the start of the run.
  package var step: Int
  /// What it says.
  package var content: Content

  /// Creates a record.
  package init(wallTime: Double, step: Int, content: Content) {
    self.wallTime = wallTime
    self.step = step
    self.content = content
  }

  /// The message `Event` as bytes.
  package var bytes: Data {
    var event = ProtocolBuffer()
    if wallTime.bitPattern != 0 { event.append(1, double: wallTime) }
    if step != 0 { event.append(2, integer: Int64(step)) }
    switch content {
    case .fileVersion(let text): event.append(3, bytes: Data(text.utf8))
    case .scalars(let scalars):
      var summary = ProtocolBuffer()
      for (tag, value) in scalars {
        var point = ProtocolBuffer()
        if !tag.isEmpty { point.append(1, bytes: Data(tag.utf8)) }
        point.append(2, float: value)
        summary.append(1, bytes: point.bytes)
      }
      event.append(5, bytes: summary.bytes)
    case .sessionStart:
      var session = ProtocolBuffer()
      session.append(1, integer: 1)
      event.append(7, bytes: session.bytes)
    }
    return event.bytes
  }
}

/// A message that is written field by field in the wire format of protocol buffers.
///
/// Each field is its number and its wire type, `number · 8 + type`, and then the value. See
/// https://protobuf.dev/programming-guides/encoding.
private struct ProtocolBuffer {
  private enum WireType: UInt64 {
    case varint = 0
    case fixed64 = 1
    case lengthDelimited = 2
    case fixed32 = 5
  }

  private(set) var bytes = Data()

  /// Appends an integer, of which a negative one takes ten bytes.
  mutating func append(_ field: UInt64, integer value: Int64) {
    appendKey(field, .varint)
    appendVarint(UInt64(bitPattern: value))
  }

  mutating func append(_ field: UInt64, double value: Double) {
    appendKey(field, .fixed64)
    appendLittleEndian(value.bitPattern)
  }

  mutating func append(_ field: UInt64, float value: Float) {
    appendKey(field, .fixed32)
    appendLittleEndian(value.bitPattern)
  }

  /// Appends a text in UTF-8, or a message.
  mutating func append(_ field: UInt64, bytes value: Data) {
    appendKey(field, .lengthDelimited)
    appendVarint(UInt64(value.count))
    bytes += value
  }

  private mutating func appendKey(_ field: UInt64, _ type: WireType) {
    appendVarint(field << 3 | type.rawValue)
  }

  /// Appends seven bits a byte, the lowest first; the top bit says that more bytes follow.
  private mutating func appendVarint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  private mutating func appendLittleEndian(_ value: some FixedWidthInteger) {
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
  }
}
