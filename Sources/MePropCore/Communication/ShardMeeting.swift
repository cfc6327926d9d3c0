/// A shard could not go on, so that no other can.
package struct ShardFailure: Error {
  /// What it said, for all ranks the same.
  package let reason: String
}

/// Where the shards of a batch meet in their backward passes, on all ranks, to agree on what to
/// keep.
///
/// Shards of one process run on threads of their own, no more of them at a time than the process
/// may use. A shard that waits for the others lets another one run, and so does one that has come
/// further than others that wait for their turn; see ``yield(stage:)``.
///
/// All ranks' shards meet equally often, or a shard fails: it leaves, and all others get its
/// ``ShardFailure`` at their next meeting.
package final class ShardMeeting: @unchecked Sendable {
  /// Over which ranks meet.
  package let line: MeteredLine
  private let limit: Int
  private let monitor = Monitor()
  private var running = 0
  /// How far shards have come that wait for their turn, or have not joined.
  private var waiting: [Int] = []
  private var staying = 0
  private var arrived = 0
  private var round = 0
  private var posts: [(shard: Int, message: [UInt8])] = []
  private var messages: [[UInt8]] = []
  private var failure: String?
  private var isKnown = false

  /// Creates a meeting of shards of which at most `limit` run at a time in this process.
  package init(_ communicator: any Communicator, limit: Int) {
    line = MeteredLine(communicator)
    self.limit = limit
  }

  /// Who exchanges the messages.
  package var communicator: any Communicator { line.communicator }

  /// Begins a pass of `count` shards of this rank.
  package func begin(_ count: Int) {
    staying = count
    waiting = Array(repeating: 0, count: count)
    arrived = 0
    posts = []
    failure = nil
    isKnown = false
  }

  /// A shard of this rank begins to run outside of a pass.
  package func enter() {
    monitor.locked {
      monitor.wait { running < limit }
      running += 1
    }
  }

  /// A shard of this rank begins its pass, at stage 0.
  package func join() { monitor.locked { waitForTurn(stage: 0) } }

  /// A shard of this rank that has come to a stage lets those run first that have come less far, so
  /// that all of them come to it early.
  package func yield(stage: Int) {
    monitor.locked {
      guard staying > limit else { return }
      running -= 1
      waiting.append(stage)
      monitor.notify()
      waitForTurn(stage: stage)
    }
  }

  private func waitForTurn(stage: Int) {
    monitor.wait { running < limit && !waiting.contains { $0 < stage } }
    if let place = waiting.firstIndex(of: stage) { waiting.remove(at: place) }
    running += 1
    // Those that waited for this one to go first may have room too.
    monitor.notify()
  }

  /// A shard of this rank ends a run in which it meets nobody.
  package func pause() {
    monitor.locked {
      running -= 1
      monitor.notify()
    }
  }

  /// A shard of this rank ends its run, with what kept it from going on, if anything.
  package func leave(failure reason: String? = nil) {
    monitor.locked {
      running -= 1
      staying -= 1
      if let reason, failure == nil { failure = reason }
      if staying > 0 && arrived == staying { exchangePosts() }
      monitor.notify()
    }
  }

  /// Gives all shards of all ranks the messages of all.
  ///
  /// - Parameters:
  ///   - message: Of this shard.
  ///   - shard: Its number; `nil` for one that others do too, whose message nobody gets.
  /// - Returns: The messages by shard.
  /// - Throws: ``ShardFailure``.
  package func exchange(_ message: [UInt8], from shard: Int?) throws -> [[UInt8]] {
    let (messages, reason) = monitor.locked {
      if let shard { posts.append((shard, message)) }
      arrived += 1
      running -= 1
      let mine = round
      if arrived == staying { exchangePosts() }
      monitor.notify()
      monitor.wait { round > mine && running < limit }
      running += 1
      return (self.messages, isKnown ? failure : nil)
    }
    if let reason { throw ShardFailure(reason: reason) }
    return messages
  }

  /// Ends a pass when all shards of this rank have left.
  ///
  /// - Throws: ``ShardFailure`` if one of any rank failed.
  package func finish() throws {
    if !isKnown { exchangePosts() }
    if let failure { throw ShardFailure(reason: failure) }
  }

  /// The messages of all ranks' shards, outside of a pass.
  package func gather(_ own: [(shard: Int, message: [UInt8])]) -> [[UInt8]] {
    posts = own
    failure = nil
    isKnown = false
    exchangePosts()
    return messages
  }

  /// A message of a rank is 1 and the reason of a failure; or 0 and, for each shard, its number,
  /// the length of its message, and the message.
  private func exchangePosts() {
    var frame: [UInt8] = [failure == nil ? 0 : 1]
    if let failure {
      frame += failure.utf8
    } else {
      for (shard, message) in posts {
        for number in [shard, message.count] {
          withUnsafeBytes(of: UInt32(number)) { frame.append(contentsOf: $0) }
        }
        frame += message
      }
    }
    read(line.gather(frame))
    posts = []
    arrived = 0
    round += 1
  }

  private func read(_ frames: [[UInt8]]) {
    messages = []
    for frame in frames where frame[0] == 1 {
      failure = String(decoding: frame.dropFirst(), as: UTF8.self)
      isKnown = true
      return
    }
    var found: [(shard: Int, message: [UInt8])] = []
    for frame in frames {
      var place = 1
      func number() -> Int {
        defer { place += 4 }
        return frame.withUnsafeBytes {
          Int($0.loadUnaligned(fromByteOffset: place, as: UInt32.self))
        }
      }
      while place < frame.count {
        let (shard, length) = (number(), number())
        found.append((shard, Array(frame[place..<place + length])))
        place += length
      }
    }
    found.sort { $0.shard < $1.shard }
    messages = found.map(\.message)
  }
}

/// The other shards of a batch, to one of them.
package final class ShardPeers {
  /// The number of this shard.
  package let shard: Int
  private let meeting: ShardMeeting
  private let posts: Bool

  /// Creates the peers of a shard; with `posts` false nobody gets what it says.
  package init(_ meeting: ShardMeeting, shard: Int, posts: Bool) {
    self.meeting = meeting
    self.shard = shard
    self.posts = posts
  }

  /// Gives all shards the numbers of all; returns them by shard.
  ///
  /// - Throws: ``ShardFailure``.
  package func gather<Number: BitwiseCopyable>(_ numbers: [Number]) throws -> [[Number]] {
    let message = numbers.withUnsafeBytes { Array($0) }
    return try meeting.exchange(message, from: posts ? shard : nil).map { message in
      message.withUnsafeBytes { bytes in
        (0..<message.count / MemoryLayout<Number>.stride).map {
          bytes.loadUnaligned(fromByteOffset: $0 * MemoryLayout<Number>.stride, as: Number.self)
        }
      }
    }
  }
}
