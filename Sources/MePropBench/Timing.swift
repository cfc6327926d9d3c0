// Repeated timing of operations that take turns, so that a machine whose speed drifts is fair to all of them.

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
  static func now() -> Double { Double(DispatchTime.now().uptimeNanoseconds) * 1e-3 }

  /// Times operations in turn: each once, then each again, and so on.
  ///
  /// - Parameters:
  ///   - operations: What to time; the argument counts turns, for operations that rotate their buffers.
  ///   - seconds: Roughly how long in all; at least 7 and at most 2,000 turns are taken, after two that do not count.
  /// - Returns: One timing for each operation.
  static func alternating(_ operations: [(Int) -> Void], seconds: Double) -> [Timing] {
    var times = operations.map { _ in [Double]() }
    let start = now()
    var turn = 0
    while turn < 9 || (turn < 2_002 && now() - start < seconds * 1e6) {
      for (index, operation) in operations.enumerated() {
        let before = now()
        operation(turn)
        let after = now()
        if turn >= 2 { times[index].append(after - before) }
      }
      turn += 1
    }
    return times.map(Timing.init)
  }
}
