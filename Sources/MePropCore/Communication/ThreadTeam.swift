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
  private let monitor = Monitor()
  private var threads: [pthread_t] = []
  private var job: (@Sendable (Int) -> Void)?
  private var round = 0
  private var unfinished = 0
  private var isClosed = false

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
      let seat = Unmanaged.passRetained(
        Seat(index) { [unowned self] in next(after: $0) })
      #if canImport(Darwin)
        var thread: pthread_t?
        let code = pthread_create(
          &thread, &attributes,
          {
            Seat.run($0); return nil
          }, seat.toOpaque())
        if let thread { threads.append(thread) }
      #else
        var thread = pthread_t()
        let code = pthread_create(
          &thread, &attributes,
          { argument in
            if let argument { Seat.run(argument) }
            return nil
          }, seat.toOpaque())
        threads.append(thread)
      #endif
      precondition(code == 0, "ThreadTeam: the system gives no \(count) threads")
    }
  }

  deinit {
    monitor.locked {
      isClosed = true
      monitor.notify()
    }
    for thread in threads { pthread_join(thread, nil) }
  }

  /// Calls `body` with each number below `count`, each on the thread of that number; returns when
  /// all have returned.
  package func run(_ body: @escaping @Sendable (Int) -> Void) {
    monitor.locked {
      job = body
      unfinished = count
      round += 1
      monitor.notify()
      monitor.wait { unfinished == 0 }
      job = nil
    }
  }

  /// The job after round `round`, or `nil` when there will be none; also says that the last is
  /// done.
  private func next(after round: Int) -> (round: Int, job: @Sendable (Int) -> Void)? {
    monitor.locked {
      if round > 0 {
        unfinished -= 1
        if unfinished == 0 { monitor.notify() }
      }
      monitor.wait { isClosed || self.round > round }
      guard !isClosed, let job else { return nil }
      return (self.round, job)
    }
  }

  /// What a thread is started with.
  private final class Seat {
    private let index: Int
    private let next: (Int) -> (round: Int, job: @Sendable (Int) -> Void)?

    init(
      _ index: Int,
      _ next: @escaping (Int) -> (round: Int, job: @Sendable (Int) -> Void)?
    ) {
      self.index = index
      self.next = next
    }

    static func run(_ argument: UnsafeMutableRawPointer) {
      let seat = Unmanaged<Seat>.fromOpaque(argument).takeRetainedValue()
      var round = 0
      while let work = seat.next(round) {
        work.job(seat.index)
        round = work.round
      }
    }
  }
}
