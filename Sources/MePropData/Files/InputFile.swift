// Reading bytes from a plain or gzip-compressed file, or from standard input, in bulk.

import Foundation

/// A file opened for reading from front to back; gzip is recognised by its magic bytes and
/// unpacked.
///
/// The name of the file plays no part: a plain file called `.gz` is read as it is. A gzip file may
/// have several members, and zeros after the last, with which tapes and some file systems pad it,
/// are passed over as gzip does. Checksums are verified, damage is an error with its place. Memory
/// is
/// constant (256 KiB), so the reader decides how much of what the file claims to hold it accepts.
public final class InputFile {
  /// The path, or a name like `standard input`, for messages.
  public let path: String
  /// The number of bytes of the file as stored; `nil` for pipes and terminals.
  public let storedSize: Int?
  /// Whether the contents are gzip and are being unpacked.
  public private(set) var isCompressed = false
  /// The number of (unpacked) bytes read so far.
  public private(set) var offset = 0

  private let descriptor: Int32
  private let handle: FileHandle?
  private let buffer: UnsafeMutableRawBufferPointer
  private var next = 0
  private var end = 0
  /// Offset in the stored file of the end of `buffer`.
  private var storedOffset = 0
  private var inflater: Inflater?
  private var memberHasEnded = false
  /// Whether zeros follow the last member.
  private var isPadded = false
  /// Bytes that were looked at and not yet read.
  private var peeked: [UInt8] = []

  /// Opens the file at `path`.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - unpacksGzip: Whether gzip is unpacked; else all files are read as they are.
  /// - Throws: `DataFormatError.cannotOpen` or `.cannotRead`, for example for a folder.
  public convenience init(path: String, unpacksGzip: Bool = true) throws {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw DataFormatError.cannotOpen(path: path, reason: systemReason(errno))
    }
    let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    try self.init(handle: handle, name: path, unpacksGzip: unpacksGzip)
  }

  /// Opens the file at `path` and goes to a place in it.
  ///
  /// In a plain file it goes there at once; gzip is unpacked from the beginning.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - start: The (unpacked) bytes to pass over; where there are fewer, it is at the end.
  /// - Throws: As `init(path:unpacksGzip:)` and `read(into:)`.
  public convenience init(path: String, from start: Int) throws {
    try self.init(path: path)
    if !isCompressed, storedSize != nil {
      guard lseek(descriptor, off_t(start), SEEK_SET) == off_t(start) else {
        throw DataFormatError.cannotRead(
          path: path, packedOffset: start, reason: systemReason(errno))
      }
      (next, end) = (0, 0)
      (storedOffset, offset) = (start, start)
      return
    }
    try withUnsafeTemporaryAllocation(byteCount: 64 << 10, alignment: 1) { room in
      while offset < start {
        let part = UnsafeMutableRawBufferPointer(
          rebasing: room[..<min(room.count, start - offset)])
        if try read(into: part) == 0 { break }
      }
    }
  }

  /// Reads from an open file, for example `FileHandle.standardInput`, which is left open.
  ///
  /// - Parameters:
  ///   - handle: Where to read, from its present position.
  ///   - name: What to call it in messages.
  ///   - unpacksGzip: Whether gzip is unpacked; else all files are read as they are.
  /// - Throws: `DataFormatError.cannotRead` if the first bytes cannot be read.
  public init(handle: FileHandle, name: String, unpacksGzip: Bool = true) throws {
    path = name
    self.handle = handle
    descriptor = handle.fileDescriptor
    var information = stat()
    let isRegular =
      fstat(descriptor, &information) == 0 && information.st_mode & S_IFMT == S_IFREG
    storedSize = isRegular ? Int(information.st_size) : nil
    buffer = .allocate(
      byteCount: Self.bufferSize(of: storedSize), alignment: Self.bufferAlignment)
    guard unpacksGzip else { return }
    // A pipe may deliver the two magic bytes one by one.
    while end < 2 {
      let count = try readStored(into: UnsafeMutableRawBufferPointer(rebasing: buffer[end...]))
      if count == 0 { break }
      end += count
    }
    if end >= 2, buffer[0] == 0x1f, buffer[1] == 0x8b {
      isCompressed = true
      inflater = Inflater()
    }
  }

  deinit { buffer.deallocate() }

  /// A size for buffers that a file of so many bytes is read into; `nil`: not known.
  ///
  /// Small files have small ones: each epoch of a run reads some of them.
  static func bufferSize(of storedSize: Int?) -> Int {
    min(max(storedSize ?? .max, 4096), 256 * 1024)
  }

  /// The alignment of plain blocks.
  ///
  /// More is had at the price of holes between blocks, which add up where many files are read.
  static let bufferAlignment = 16

  /// Reads up to `target.count` bytes.
  ///
  /// - Returns: The number of bytes read; 0 only at the end (or if `target` is empty).
  /// - Throws: `DataFormatError` for read errors and damaged, truncated or trailed gzip data.
  public func read(into target: UnsafeMutableRawBufferPointer) throws -> Int {
    guard !target.isEmpty else { return 0 }
    let count: Int
    if !peeked.isEmpty {
      count = min(peeked.count, target.count)
      target.copyBytes(from: peeked[..<count])
      peeked.removeFirst(count)
    } else if let inflater {
      count = try readUnpacked(into: target, with: inflater)
    } else if next < end {
      count = min(end - next, target.count)
      target.copyMemory(from: UnsafeRawBufferPointer(rebasing: buffer[next..<(next + count)]))
      next += count
    } else {
      count = try readStored(into: target)
    }
    offset += count
    return count
  }

  /// Whether `read(into:)` would return without waiting for whoever writes into a pipe.
  ///
  /// True for files, and for gzip, in which nobody talks.
  public var isReady: Bool {
    if storedSize != nil || inflater != nil || !peeked.isEmpty || next < end { return true }
    var request = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return poll(&request, 1, 0) != 0
  }

  /// Reads until `target` is full or the file ends, and returns the number of bytes read.
  ///
  /// - Throws: As `read(into:)`.
  public func fill(_ target: UnsafeMutableRawBufferPointer) throws -> Int {
    var filled = 0
    while filled < target.count {
      let count = try read(into: UnsafeMutableRawBufferPointer(rebasing: target[filled...]))
      if count == 0 { break }
      filled += count
    }
    return filled
  }

  /// Returns the next `count` bytes, fewer only at the end; they are read again afterwards.
  ///
  /// Tells formats apart, also where a pipe cannot be opened a second time.
  ///
  /// - Throws: As `read(into:)`.
  public func peek(_ count: Int) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    let found = try bytes.withUnsafeMutableBytes { try fill($0) }
    peeked = bytes[..<found] + peeked
    offset -= found
    return Array(bytes[..<found])
  }

  /// Whether all has been read; for gzip this also verifies checksum and length of the stream.
  ///
  /// A byte that does follow is consumed: use this only where the end is expected.
  ///
  /// - Throws: As `read(into:)`.
  public func isAtEnd() throws -> Bool {
    try withUnsafeTemporaryAllocation(byteCount: 1, alignment: 1) { try read(into: $0) == 0 }
  }

  private func readUnpacked(
    into target: UnsafeMutableRawBufferPointer, with inflater: Inflater
  ) throws -> Int {
    var produced = 0
    while produced < target.count {
      if next == end {
        next = 0
        end = 0
        end = try readStored(into: buffer)
        if end == 0 {
          guard memberHasEnded else {
            throw DataFormatError.gzipTruncated(path: path, packedOffset: storedOffset)
          }
          return produced
        }
      }
      if memberHasEnded {
        if buffer[next] == 0 { isPadded = true }
        if isPadded {
          while next < end, buffer[next] == 0 { next += 1 }
          if next == end { continue }
        }
        guard !isPadded, buffer[next] == 0x1f else {
          throw DataFormatError.gzipTrailingBytes(path: path, packedOffset: packedOffset)
        }
        inflater.reset()
        memberHasEnded = false
      }
      let step = inflater.run(
        input: UnsafeRawBufferPointer(rebasing: buffer[next..<end]),
        output: UnsafeMutableRawBufferPointer(rebasing: target[produced...]))
      next += step.consumed
      produced += step.produced
      switch step.outcome {
      case .more: continue
      case .finished: memberHasEnded = true
      case .damaged(let reason):
        throw DataFormatError.gzipDamaged(
          path: path, packedOffset: packedOffset, reason: reason)
      }
    }
    return produced
  }

  private var packedOffset: Int { storedOffset - (end - next) }

  /// Reads stored bytes once, trying again where a signal came between.
  private func readStored(into target: UnsafeMutableRawBufferPointer) throws -> Int {
    while true {
      let count = Foundation.read(descriptor, target.baseAddress, target.count)
      if count >= 0 {
        storedOffset += count
        return count
      }
      guard errno == EINTR else {
        throw DataFormatError.cannotRead(
          path: path, packedOffset: storedOffset, reason: systemReason(errno))
      }
    }
  }
}

/// The system's words for an error number.
func systemReason(_ code: Int32) -> String { String(cString: strerror(code)) }
