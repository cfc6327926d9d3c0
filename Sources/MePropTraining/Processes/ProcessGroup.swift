// Several processes that train one model: what they agree on before and while they train.

import Foundation
import MePropCore

/// The processes that this one trains with.
public enum ProcessGroup {
  /// How they exchange memory; one process alone unless the program says otherwise.
  @TaskLocal public static var current: any Communicator = SingleProcess()

  /// The shards of a batch where several processes train and nobody says how many.
  public static let defaultShardCount = 8
}

/// What keeps several processes from training together; thrown by all of them alike.
public enum ProcessGroupError: OneLineError {
  /// One of them failed.
  case failed(rank: Int, String)
  /// One of them has something else than the first.
  case differing(rank: Int, what: String, first: String, other: String)

  /// One line for the user.
  public var description: String {
    switch self {
    case .failed(let rank, let message): "process \(rank): \(message)"
    case .differing(let rank, let what, let first, let other):
      "process \(rank): expected \(what) \(first) as in process 0, found \(other); start all "
        + "processes with the same program, settings and data, on processors of one kind"
    }
  }
}

/// An error that all processes have, so that none waits for another.
public protocol CommonError: Error {}

extension ProcessGroupError: CommonError {}

/// The error of this process, which the others know of.
public struct KnownError: CommonError, CustomStringConvertible {
  /// What went wrong here.
  public let error: any Error

  /// Creates an error that all processes throw.
  public init(error: any Error) { self.error = error }

  /// What the error says.
  public var description: String { String(describing: error) }
}

extension Communicator {
  /// Does something in every process, which fails in all if it fails in one.
  ///
  /// - Throws: ``KnownError`` where it failed, and ``ProcessGroupError`` in the others; what `body`
  ///   throws where there are no others.
  package func together<Result>(_ body: () throws -> Result) throws -> Result {
    guard size > 1 else { return try body() }
    let result = Swift.Result { try body() }
    var message: [UInt8] = [0]
    if case .failure(let error) = result { message = [1] + Array(String(describing: error).utf8) }
    let messages = gather(message)
    switch result {
    case .failure(let error): throw KnownError(error: error)
    case .success(let value):
      if let rank = messages.firstIndex(where: { $0[0] == 1 }) {
        throw ProcessGroupError.failed(
          rank: rank, String(decoding: messages[rank].dropFirst(), as: UTF8.self))
      }
      return value
    }
  }

  /// Gives all processes what the first one makes.
  ///
  /// - Throws: As ``together(_:)``.
  package func ofFirst(_ body: () throws -> [UInt8]) throws -> [UInt8] {
    broadcast(try together { try rank == 0 ? body() : [] })
  }

  /// Throws in all processes if one has another text for something than the first one has.
  ///
  /// - Throws: ``ProcessGroupError/differing(rank:what:first:other:)``.
  package func requireSame(_ what: [(name: String, value: String)]) throws {
    guard size > 1 else { return }
    let lines = what.map { "\($0.name)\u{0}\($0.value)" }.joined(separator: "\u{1}")
    let all = gather(Array(lines.utf8)).map { message in
      String(decoding: message, as: UTF8.self).split(separator: "\u{1}").map { line in
        line.split(separator: "\u{0}", maxSplits: 1, omittingEmptySubsequences: false)
          .map(String.init)
      }
    }
    for (rank, lines) in all.enumerated() where lines != all[0] {
      let place = (0..<min(all[0].count, lines.count)).first { all[0][$0] != lines[$0] }
      let (first, other) = (place.map { all[0][$0] }, place.map { lines[$0] })
      throw ProcessGroupError.differing(
        rank: rank, what: first?.first ?? "as many settings",
        first: "'\((first?.last ?? "\(all[0].count)").printable(limit: 80))'",
        other: "'\((other?.last ?? "\(lines.count)").printable(limit: 80))'")
    }
  }

  /// The signal that asks any of the processes to stop, the same in all.
  package func agreedSignal(_ own: Int32?) -> Int32? {
    guard size > 1 else { return own }
    var signals = [Int32](repeating: 0, count: size)
    var signal = own ?? 0
    withUnsafeBytes(of: &signal) { signal in
      signals.withUnsafeMutableBytes {
        allGather(signal, counts: Array(repeating: 4, count: size), into: $0)
      }
    }
    return signals.first { $0 != 0 }
  }
}
