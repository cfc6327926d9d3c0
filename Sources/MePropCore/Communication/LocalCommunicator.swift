#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Ends the process.
func endProcess(_ code: Int32) -> Never { exit(code) }

/// Ranks that are threads of one process: what several processes compute, for tests.
public final class LocalCommunicator: Communicator, @unchecked Sendable {
  /// The number of this rank.
  public let rank: Int
  /// The number of ranks.
  public let size: Int
  /// The same ranks in a room of their own.
  public let secondLine: (any Communicator)?
  private let room: Room

  private init(rank: Int, size: Int, room: Room, secondLine: LocalCommunicator? = nil) {
    self.rank = rank
    self.size = size
    self.room = room
    self.secondLine = secondLine
  }

  /// Creates `size` ranks that know each other; each is for a thread of its own.
  public static func group(of size: Int) -> [LocalCommunicator] {
    let (room, second) = (Room(size: size), Room(size: size))
    return (0..<size).map {
      LocalCommunicator(
        rank: $0, size: size, room: room,
        secondLine: LocalCommunicator(rank: $0, size: size, room: second))
    }
  }

  /// Copies the messages of all.
  public func allGather(
    _ message: UnsafeRawBufferPointer, counts: [Int], into target: UnsafeMutableRawBufferPointer
  ) {
    room.meet(rank, message) { messages in
      var start = 0
      for (message, count) in zip(messages, counts) {
        Self.copy(message, 0..<count, to: target, at: start)
        start += count
      }
    }
  }

  /// Copies what is for this rank.
  public func allToAll(
    _ messages: UnsafeRawBufferPointer, counts: [Int], into target: UnsafeMutableRawBufferPointer,
    targetCounts: [Int]
  ) {
    let places = counts.reduce(into: [0]) { $0.append(($0.last ?? 0) + $1) }
    // What is for this rank begins elsewhere in each message, which only its sender knows.
    var frame = places.withUnsafeBytes { Array($0) }
    frame.append(contentsOf: messages)
    let header = places.count * MemoryLayout<Int>.size
    frame.withUnsafeBytes { frame in
      room.meet(rank, frame) { frames in
        var start = 0
        for (frame, count) in zip(frames, targetCounts) {
          let from = header + frame.loadUnaligned(fromByteOffset: rank * 8, as: Int.self)
          Self.copy(frame, from..<from + count, to: target, at: start)
          start += count
        }
      }
    }
  }

  /// Copies the memory of rank 0.
  public func broadcast(_ memory: UnsafeMutableRawBufferPointer) {
    room.meet(rank, UnsafeRawBufferPointer(memory)) { messages in
      if rank > 0 { Self.copy(messages[0], 0..<memory.count, to: memory, at: 0) }
    }
  }

  /// Waits for all.
  public func barrier() { room.meet(rank, UnsafeRawBufferPointer(start: nil, count: 0)) { _ in } }

  /// Ends the process.
  public func abort(code: Int32) -> Never { endProcess(code) }

  private static func copy(
    _ source: UnsafeRawBufferPointer, _ range: Range<Int>, to target: UnsafeMutableRawBufferPointer,
    at start: Int
  ) {
    precondition(
      range.upperBound <= source.count && start + range.count <= target.count,
      "LocalCommunicator: \(range) of \(source.count) bytes to place \(start) of \(target.count)")
    guard !range.isEmpty else { return }
    UnsafeMutableRawBufferPointer(rebasing: target[start..<start + range.count])
      .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[range]))
  }

  /// Where the threads meet.
  private final class Room: @unchecked Sendable {
    private let size: Int
    private let monitor = Monitor()
    private var messages: [UnsafeRawBufferPointer]
    private var arrived = 0
    private var left = 0

    init(size: Int) {
      self.size = size
      messages = Array(repeating: UnsafeRawBufferPointer(start: nil, count: 0), count: size)
    }

    /// Shows all ranks all messages; nobody goes on before everybody has read them.
    func meet(
      _ rank: Int, _ message: UnsafeRawBufferPointer, _ read: ([UnsafeRawBufferPointer]) -> Void
    ) {
      let shown = monitor.locked {
        // The last meeting may not be over yet.
        monitor.wait { left == 0 }
        messages[rank] = message
        arrived += 1
        monitor.notify()
        monitor.wait { arrived == size }
        return messages
      }
      read(shown)
      monitor.locked {
        left += 1
        if left == size {
          left = 0
          arrived = 0
          monitor.notify()
        } else {
          monitor.wait { left == 0 }
        }
      }
    }
  }
}
