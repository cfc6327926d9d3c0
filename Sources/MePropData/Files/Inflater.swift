// A gzip decoder over zlib's streaming inflate. It checks header, checksum and length of the
// stream.

import CZlib

/// One zlib inflate stream for gzip data; it owns zlib's state, whose address must not change.
final class Inflater {
  /// How a call of `run` ended.
  enum Outcome {
    case more
    case finished
    case damaged(reason: String)
  }

  private let stream: UnsafeMutablePointer<z_stream>
  private let isReady: Bool

  init() {
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    // 15: the largest window; 16: gzip wrapper, not zlib's.
    let status = inflateInit2_(
      stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    isReady = status == Z_OK
  }

  deinit {
    if isReady { inflateEnd(stream) }
    stream.deallocate()
  }

  /// Starts a new gzip member.
  func reset() {
    if isReady { inflateReset(stream) }
  }

  /// Unpacks from `input` into `output`, until one of them is used up or the stream ends.
  ///
  /// - Returns: The outcome, the bytes of `input` used and the bytes of `output` written.
  func run(
    input: UnsafeRawBufferPointer, output: UnsafeMutableRawBufferPointer
  ) -> (outcome: Outcome, consumed: Int, produced: Int) {
    guard isReady else { return (.damaged(reason: "zlib could not be started"), 0, 0) }
    let inputCount = min(input.count, Int(UInt32.max))
    let outputCount = min(output.count, Int(UInt32.max))
    stream.pointee.next_in = UnsafeMutablePointer(
      mutating: input.baseAddress?.assumingMemoryBound(to: UInt8.self))
    stream.pointee.avail_in = uInt(inputCount)
    stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
    stream.pointee.avail_out = uInt(outputCount)
    let status = inflate(stream, Z_NO_FLUSH)
    let consumed = inputCount - Int(stream.pointee.avail_in)
    let produced = outputCount - Int(stream.pointee.avail_out)
    switch status {
    case Z_OK, Z_BUF_ERROR: return (.more, consumed, produced)
    case Z_STREAM_END: return (.finished, consumed, produced)
    default:
      let reason = stream.pointee.msg.map { String(cString: $0) } ?? "zlib error \(status)"
      return (.damaged(reason: reason), consumed, produced)
    }
  }
}
