// Ctrl-C and SIGTERM as a flag that is looked at before each step, and within what takes longer.

import Foundation
import Synchronization

/// A request to stop at the next step, safe to set from a signal handler or another thread.
public final class InterruptFlag: Sendable {
  private let requested = Atomic<Int32>(0)

  /// The flag that signals of the process set while a loop handles them.
  public static let process = InterruptFlag()

  /// Creates a flag that is not set.
  public init() {}

  /// Asks for a stop, as if `signal` had been sent.
  public func request(_ signal: Int32) { requested.store(signal, ordering: .relaxed) }

  /// Takes the request back.
  public func clear() { requested.store(0, ordering: .relaxed) }

  /// The signal asked for, or `nil`.
  public var signal: Int32? {
    let value = requested.load(ordering: .relaxed)
    return value == 0 ? nil : value
  }
}

/// Thrown by work that looked at the flag of its run and gave up.
package struct WorkInterrupted: Error {}

extension InterruptFlag {
  /// The flag of the run that this thread works for; `nil` outside of runs.
  ///
  /// Set on the thread that runs the loop: work that is shared among threads takes it along.
  @TaskLocal package static var ofRun: InterruptFlag?

  /// Throws if the run that this thread works for was asked to stop.
  ///
  /// Evaluation, and what begins an epoch, may take much longer than a step; they call this now and
  /// then, every tenth of a second or so.
  ///
  /// - Throws: `WorkInterrupted`.
  package static func checkRun() throws {
    if ofRun?.signal != nil { throw WorkInterrupted() }
  }
}

/// Turns SIGINT and SIGTERM into the process flag; a second signal does what it does by default.
///
/// Handlers belong to the process, so traps that live at the same time, on several threads, share
/// them: the first installs them, the last puts back what was there before.
///
/// The handler has a stack of its own on the thread that creates the trap, which must be the one
/// that trains: the dense library multiplies with the stack pointer in its heap memory, and a
/// signal that used the stack then would overwrite what lies below.
package struct SignalTrap {
  private static let signals = [SIGINT, SIGTERM]
  /// Of the handler's stack, in bytes; the registers that are saved there take up to 12 KiB.
  package static let stackSize = 128 << 10

  /// The traps that live, and what handled the signals before the first of them.
  private struct Installed: @unchecked Sendable {
    var count = 0
    var previous: [sigaction] = []
  }

  private static let installed = Mutex(Installed())
  private let stack: UnsafeMutableRawPointer
  private let previousStack: stack_t

  /// Gives this thread a stack for handlers; the first trap installs them and clears the flag.
  package init() {
    stack = .allocate(byteCount: Self.stackSize, alignment: 64)
    var alternate = stack_t()
    var before = stack_t()
    alternate.ss_sp = stack
    alternate.ss_size = numericCast(Self.stackSize)
    sigaltstack(&alternate, &before)
    previousStack = before
    Self.installed.withLock { installed in
      installed.count += 1
      guard installed.count == 1 else { return }
      // The flag is created here, so that the handler finds it ready.
      InterruptFlag.process.clear()
      installed.previous = Self.signals.map(Self.install)
    }
  }

  /// Takes this thread's stack away; the last trap puts back the handlers that were there before.
  package func restore() {
    Self.installed.withLock { installed in
      installed.count -= 1
      guard installed.count == 0 else { return }
      for (number, old) in zip(Self.signals, installed.previous) {
        var old = old
        sigaction(number, &old, nil)
      }
    }
    var before = previousStack
    sigaltstack(&before, nil)
    stack.deallocate()
  }

  /// Installs the handler of a signal; returns the one before.
  private static func install(_ number: Int32) -> sigaction {
    var action = sigaction()
    var old = sigaction()
    #if canImport(Darwin)
      action.__sigaction_u.__sa_handler = handler
    #else
      action.__sigaction_handler.sa_handler = handler
    #endif
    // System calls under way go on.
    action.sa_flags = numericCast(SA_RESTART) | numericCast(SA_ONSTACK)
    sigaction(number, &action, &old)
    return old
  }

  private static let handler: @convention(c) (Int32) -> Void = { number in
    InterruptFlag.process.request(number)
    signal(SIGINT, SIG_DFL)
    signal(SIGTERM, SIG_DFL)
  }
}
