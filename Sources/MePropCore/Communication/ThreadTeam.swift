#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Threads that each do a part of a job, and wait for the next one.
///
/// Signals go to other threads: a handler needs a stack of its own where the dense library
/// computes.
package final class ThreadTeam: @unchecked Sendable {
  /// The number of threads.
  package let count: Int
  private let board = Board()
  private var threads: [pthread_t] = []

  /// Of each thread, in bytes: as much as the main thread has.
  private static let stackSize = 8 << 20

  /// Starts `count` threads.
  package init(count: Int) {
    self.count = count
    var all = sigset_t()
    var before = sigset_t()
    sigfillset(&all)
    pthread_sigmask(SIG_SETMASK, &all, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    pthread_attr_setstacksize(&attributes, Self.stackSize)
    defer { pthread_attr_destroy(&attributes) }
    for index in 0..<count {
      let seat = Unmanaged.passRetained(Seat(index, board)).toOpaque()
      #if canImport(Darwin)
        var thread: pthread_t?
        let code = pthread_create(
          &thread, &attributes,
          { argument in
            Seat.run(argument)
            return nil
          }, seat)
        if let thread { threads.append(thread) }
      #else
        var thread = pthread_t()
        let code = pthread_create(
          &thread, &attributes,
          { argument in
            if let argument { Seat.run(argument) }
            return nil
          }, seat)
        threads.append(thread)
      #endif
      precondition(code == 0, "ThreadTeam: the system gives no \(count) threads")
    }
  }

  deinit {
    board.close()
    for thread in threads { pthread_join(thread, nil) }
  }

  /// Calls `body` with each number below `count`, each on the thread of that number; returns when
  /// all have returned.
  package func run(_ body: @escaping @Sendable (Int) -> Void) {
    start(body)
    finish()
  }

  /// Calls `body` as ``run(_:)`` does, and returns at once; the job before must be finished.
  package func start(_ body: @escaping @Sendable (Int) -> Void) { board.start(body, by: count) }

  /// Returns when all threads have done what ``start(_:)`` began.
  package func finish() { board.waitForEnd() }

  /// Where jobs are put up.
  private final class Board: @unchecked Sendable {
    private let monitor = Monitor()
    private var job: (@Sendable (Int) -> Void)?
    private var round = 0
    private var unfinished = 0
    private var isClosed = false

    func start(_ body: @escaping @Sendable (Int) -> Void, by count: Int) {
      monitor.locked {
        precondition(unfinished == 0, "ThreadTeam: a job was begun before the last one's end")
        job = body
        unfinished = count
        round += 1
        monitor.notify()
      }
    }

    func waitForEnd() {
      monitor.locked {
        monitor.wait { unfinished == 0 }
        job = nil
      }
    }

    func close() {
      monitor.locked {
        isClosed = true
        monitor.notify()
      }
    }

    /// The job after round `round`, or `nil` when there will be none.
    func next(after round: Int) -> (round: Int, job: @Sendable (Int) -> Void)? {
      monitor.locked {
        monitor.wait { isClosed || self.round > round }
        guard !isClosed, let job else { return nil }
        return (self.round, job)
      }
    }

    /// A thread has done its part.
    func finish() {
      monitor.locked {
        unfinished -= 1
        if unfinished == 0 { monitor.notify() }
      }
    }
  }

  /// What a thread is started with; it does not keep the team.
  private final class Seat {
    private let index: Int
    private let board: Board

    init(_ index: Int, _ board: Board) {
      self.index = index
      self.board = board
    }

    static func run(_ argument: UnsafeMutableRawPointer) {
      let seat = Unmanaged<Seat>.fromOpaque(argument).takeRetainedValue()
      var round = 0
      while let work = seat.board.next(after: round) {
        round = work.round
        work.job(seat.index)
        seat.board.finish()
      }
    }
  }
}
