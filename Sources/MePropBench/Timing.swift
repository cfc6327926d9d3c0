// Repeated timing of operations that take turns, so that a machine whose speed drifts is fair to
// all of them.

import Dispatch

/// The median of repeated times and how far they spread.
public struct Timing: Sendable, Equatable {
  /// The median, in microseconds.
  public var microseconds: Double
  /// The distance between the quartiles, as a share of the median.
  public var spread: Double

  /// Summarizes times in microseconds; at least one.
  public init(_ times: [Double]) {
    precondition(!times.isEmpty, "Timing: found no times, expected at least 1")
    let sorted = times.sorted()
    microseconds = sorted[sorted.count / 2]
    spread = (sorted[sorted.count * 3 / 4] - sorted[sorted.count / 4]) / max(microseconds, 1e-9)
  }

  /// Monotonic time in microseconds.
  package static func now() -> Double { Double(DispatchTime.now().uptimeNanoseconds) * 1e-3 }

  /// The most turns that count.
  private static let mostTurns = 2_000

  /// Times operations in turn: each once, then each again, and so on.
  ///
  /// - Parameters:
  ///   - operations: What to time. The argument counts the calls of all of them, so that operations
  ///     which rotate their buffers by it never find what the one before has left in a cache.
  ///   - seconds: Roughly how long in all; at most 2,000 turns count.
  ///   - warmUp: Turns that do not count.
  ///   - leastTurns: The fewest that do.
  ///   - isInterrupted: Asked before each call.
  /// - Returns: The times of each operation, in microseconds.
  /// - Throws: ``BenchmarkInterrupted``, and what operations throw.
  package static func samples(
    of operations: [(Int) throws -> Void], seconds: Double, warmUp: Int = 2, leastTurns: Int = 7,
    isInterrupted: () -> Bool = { false }
  ) throws -> [[Double]] {
    var times = operations.map { _ in [Double]() }
    let start = now()
    var turn = 0
    while turn < warmUp + leastTurns
      || (turn < warmUp + mostTurns && now() - start < seconds * 1e6)
    {
      for (index, operation) in operations.enumerated() {
        if isInterrupted() { throw BenchmarkInterrupted() }
        let before = now()
        try operation(turn * operations.count + index)
        let after = now()
        if turn >= warmUp { times[index].append(after - before) }
      }
      turn += 1
    }
    return times
  }

  /// Times operations in turn as ``samples(of:seconds:warmUp:leastTurns:isInterrupted:)`` does; one
  /// timing for each.
  ///
  /// - Throws: ``BenchmarkInterrupted``, and what operations throw.
  package static func alternating(
    _ operations: [(Int) throws -> Void], seconds: Double, isInterrupted: () -> Bool = { false }
  ) throws -> [Timing] {
    try samples(of: operations, seconds: seconds, isInterrupted: isInterrupted).map { Timing($0) }
  }

  /// Times one operation that cannot fail, at least 7 times after two that do not count.
  static func repeating(seconds: Double, _ operation: () -> Void) -> Timing {
    var times: [Double] = []
    let start = now()
    operation()
    operation()
    while times.count < 7 || (times.count < mostTurns && now() - start < seconds * 1e6) {
      let before = now()
      operation()
      times.append(now() - before)
    }
    return Timing(times)
  }
}
