/// Processes that compute together, each with a number: how they exchange memory.
///
/// All calls are collective: every rank makes the same calls in the same order. There is no sum
/// among them on purpose: the order of a library's sums depends on the number of ranks, and what is
/// computed here may not; see `ShardTree`.
///
/// A rank that cannot go on calls ``abort(code:)``, which ends all; so no call throws.
///
/// Calls come from one thread at a time. A ``secondLine`` is for another thread.
public protocol Communicator: AnyObject, Sendable {
  /// The number of this process, from 0.
  var rank: Int { get }
  /// The number of processes, at least 1.
  var size: Int { get }

  /// Gives all ranks the messages of all.
  ///
  /// - Parameters:
  ///   - message: Of this rank.
  ///   - counts: The bytes of each rank's message, the same everywhere.
  ///   - target: Takes the messages one after the other, by rank.
  func allGather(
    _ message: UnsafeRawBufferPointer, counts: [Int], into target: UnsafeMutableRawBufferPointer)

  /// Sends each rank a message of its own.
  ///
  /// - Parameters:
  ///   - messages: One after the other, by the rank that each is for.
  ///   - counts: Their bytes.
  ///   - target: Takes the messages for this rank, by the rank that each is from.
  ///   - targetCounts: Their bytes.
  func allToAll(
    _ messages: UnsafeRawBufferPointer, counts: [Int], into target: UnsafeMutableRawBufferPointer,
    targetCounts: [Int])

  /// Gives all ranks the memory of rank 0.
  func broadcast(_ memory: UnsafeMutableRawBufferPointer)

  /// Returns when all ranks have called it.
  func barrier()

  /// The same ranks for one more thread, whose calls may come while others are under way and have
  /// an order of their own; `nil` where there is none, as unless a type says otherwise. Exchanges
  /// then wait for the end of back propagation.
  var secondLine: (any Communicator)? { get }

  /// Says whether calls on this line leave the processor to other threads while they wait, which
  /// takes them longer; any thread may say so at any time.
  func wait(patiently isPatient: Bool)

  /// Ends the processes of all ranks.
  ///
  /// - Parameter code: The exit code, not 0.
  func abort(code: Int32) -> Never
}

/// The one process there is where nobody shares the work.
public final class SingleProcess: Communicator {
  /// Creates it.
  public init() {}
  /// 0.
  public let rank = 0
  /// 1.
  public let size = 1

  /// Copies the message.
  public func allGather(
    _ message: UnsafeRawBufferPointer, counts: [Int], into target: UnsafeMutableRawBufferPointer
  ) {
    target.copyMemory(from: message)
  }

  /// Copies the message.
  public func allToAll(
    _ messages: UnsafeRawBufferPointer, counts: [Int], into target: UnsafeMutableRawBufferPointer,
    targetCounts: [Int]
  ) {
    target.copyMemory(from: messages)
  }

  /// Does nothing.
  public func broadcast(_ memory: UnsafeMutableRawBufferPointer) {}
  /// Does nothing.
  public func barrier() {}
  /// Ends the process.
  public func abort(code: Int32) -> Never { endProcess(code) }
}

extension Communicator {
  /// `nil`.
  public var secondLine: (any Communicator)? { nil }
  /// Does nothing.
  public func wait(patiently isPatient: Bool) {}

  /// Returns the messages of all ranks, which may be of any length.
  ///
  /// Short ones travel with their length; of longer ones the rest follows.
  public func gather(_ message: [UInt8]) -> [[UInt8]] {
    guard size > 1 else { return [message] }
    let (room, header) = (256, MemoryLayout<UInt64>.size)
    var first = withUnsafeBytes(of: UInt64(message.count)) { Array($0) }
    first += message.prefix(room - header)
    first += Array(repeating: 0, count: room - first.count)
    var firsts = [UInt8](repeating: 0, count: room * size)
    first.withUnsafeBytes { first in
      firsts.withUnsafeMutableBytes {
        allGather(first, counts: Array(repeating: room, count: size), into: $0)
      }
    }
    let lengths = firsts.withUnsafeBytes { firsts in
      (0..<size).map { Int(firsts.loadUnaligned(fromByteOffset: $0 * room, as: UInt64.self)) }
    }
    let rests = lengths.map { max(0, $0 + header - room) }
    var rest = [UInt8](repeating: 0, count: rests.reduce(0, +))
    if !rest.isEmpty {
      message.withUnsafeBytes { message in
        rest.withUnsafeMutableBytes {
          let own = message[(message.count - rests[rank])...]
          allGather(UnsafeRawBufferPointer(rebasing: own), counts: rests, into: $0)
        }
      }
    }
    var start = 0
    return (0..<size).map { rank in
      let place = rank * room + header
      let short = firsts[place..<place + min(lengths[rank], room - header)]
      defer { start += rests[rank] }
      return Array(short + rest[start..<start + rests[rank]])
    }
  }

  /// Returns the message of rank 0, whatever the others give.
  public func broadcast(_ message: [UInt8]) -> [UInt8] {
    guard size > 1 else { return message }
    var count = UInt64(message.count)
    withUnsafeMutableBytes(of: &count) { broadcast($0) }
    var bytes = rank == 0 ? message : [UInt8](repeating: 0, count: Int(count))
    // In parts that every library takes.
    let part = 1 << 28
    bytes.withUnsafeMutableBytes { bytes in
      for start in stride(from: 0, to: bytes.count, by: part) {
        broadcast(
          UnsafeMutableRawBufferPointer(rebasing: bytes[start..<min(start + part, bytes.count)]))
      }
    }
    return bytes
  }
}
