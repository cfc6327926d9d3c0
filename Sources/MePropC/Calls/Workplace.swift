import CMePropInterface
import MePropCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A context of the interface: threads that compute, for one call at a time.
///
/// `@unchecked Sendable`: the lock guards all that changes.
final class Workplace: @unchecked Sendable {
  /// The most threads that are asked of the system.
  static let maximumThreadCount = 1024

  let threadCount: Int
  private(set) var context: ComputeContext
  /// Raised where the threads were left behind in another process.
  private(set) var generation = 0
  private var lock: RecursiveLock
  private var process: pid_t
  private var pauses: [SignalPause] = []

  init(threadCount: Int) {
    self.threadCount = threadCount
    context = ComputeContext(threadCount: threadCount)
    lock = RecursiveLock()
    process = getpid()
  }

  /// Calls `body` when nobody else computes here; a callback of who does may call again.
  ///
  /// Signals of the calling thread wait meanwhile: see `SignalPause`.
  func compute<Result>(_ body: () throws -> Result) rethrows -> Result {
    leaveOtherProcess()
    let lock = lock
    lock.lock()
    defer { lock.unlock() }
    let pause = SignalPause()
    pauses.append(pause)
    defer {
      pauses.removeLast()
      pause.end()
    }
    return try body()
  }

  /// Lets signals that wait come in; in ``compute(_:)`` only.
  func letSignalsPass() { pauses.last?.letPass() }

  /// After a fork there are no threads but the caller, and who held the lock is gone: starts anew.
  private func leaveOtherProcess() {
    let now = getpid()
    guard now != process else { return }
    process = now
    generation += 1
    pauses = []
    lock = RecursiveLock()
    // Joining threads of another process would never end.
    _ = Unmanaged.passRetained(context)
    context = ComputeContext(threadCount: threadCount)
  }
}

/// A lock that the thread which holds it may take again.
private final class RecursiveLock: @unchecked Sendable {
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>

  init() {
    mutex = .allocate(capacity: 1)
    mutex.initialize(to: pthread_mutex_t())
    var attributes = pthread_mutexattr_t()
    pthread_mutexattr_init(&attributes)
    pthread_mutexattr_settype(&attributes, Int32(PTHREAD_MUTEX_RECURSIVE))
    pthread_mutex_init(mutex, &attributes)
    pthread_mutexattr_destroy(&attributes)
  }

  deinit {
    pthread_mutex_destroy(mutex)
    mutex.deallocate()
  }

  func lock() { pthread_mutex_lock(mutex) }
  func unlock() { pthread_mutex_unlock(mutex) }
}

/// Lets signals of the calling thread wait: the dense library multiplies with the stack pointer in
/// its heap memory, where a handler would overwrite what lies below.
struct SignalPause {
  private var before = sigset_t()

  /// Lets them wait from now on.
  init() {
    var all = sigset_t()
    sigfillset(&all)
    pthread_sigmask(SIG_SETMASK, &all, &before)
  }

  /// Lets those that wait come in, and others after them.
  func end() {
    var mask = before
    pthread_sigmask(SIG_SETMASK, &mask, nil)
  }

  /// Lets those that wait come in, and others wait again.
  func letPass() {
    end()
    _ = SignalPause()
  }
}
