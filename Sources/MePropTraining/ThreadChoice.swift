// How many threads to compute with where the user leaves it open.

import MePropCore

/// Finds the number of threads that does a task's steps fastest on this machine at this moment.
///
/// The choice changes the time a run takes and nothing else: results do not depend on threads.
public enum ThreadChoice {
  /// The numbers that are tried: powers of two, and all processors.
  public static func candidates(
    upTo processors: Int = ComputeContext.availableThreads
  ) -> [Int] {
    let powers = sequence(first: 1) { $0 * 2 }.prefix { $0 < processors }
    return powers + [max(processors, 1)]
  }

  /// Measures steps with each number of threads and returns the best.
  ///
  /// The first step with each number warms up and is not counted unless it alone takes the time
  /// allowed. Medians are compared; more threads must be at least 5 % faster than fewer.
  ///
  /// - Parameters:
  ///   - candidates: Numbers of threads, ascending, at least one.
  ///   - seconds: The time to spend in all, about; at least one step is done with each number.
  ///   - makeStep: Returns a closure that does one step with so many threads.
  /// - Returns: One of `candidates`.
  public static func fastest(
    of candidates: [Int] = ThreadChoice.candidates(), seconds: Double = 0.04,
    makeStep: (_ threadCount: Int) -> () -> Void
  ) -> Int {
    precondition(!candidates.isEmpty, "ThreadChoice.fastest: found no candidates")
    if candidates.count == 1 { return candidates[0] }
    let share = seconds / Double(candidates.count)
    var best = (threads: candidates[0], seconds: Double.infinity)
    for threads in candidates {
      let step = makeStep(threads)
      let time = median(of: step, within: share)
      if time < best.seconds * 0.95 { best = (threads, time) }
    }
    return best.threads
  }

  private static func median(of step: () -> Void, within seconds: Double) -> Double {
    let clock = ContinuousClock()
    let start = clock.now
    step()
    var now = clock.now
    var times = [start.duration(to: now).inSeconds]
    if times[0] >= seconds { return times[0] }
    times.removeAll()
    repeat {
      let before = now
      step()
      now = clock.now
      times.append(before.duration(to: now).inSeconds)
    } while start.duration(to: now).inSeconds < seconds
    times.sort()
    return times[times.count / 2]
  }
}
