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
/// The handler has a stack of its own on the thread that creates the trap, which must be the one
/// that trains: the dense library multiplies with the stack pointer in its heap memory, and a
/// signal that used the stack then would overwrite what lies below.
package struct SignalTrap {
  private static let signals = [SIGINT, SIGTERM]
  /// Of the handler's stack, in bytes; the registers that are saved there take up to 12 KiB.
  package static let stackSize = 128 << 10
  private let previous: [sigaction]
  private let stack: UnsafeMutableRawPointer
  private let previousStack: stack_t

  /// Installs the handlers and clears the flag.
  package init() {
    // Created here, so that the handler finds the flag ready.
    InterruptFlag.process.clear()
    stack = .allocate(byteCount: Self.stackSize, alignment: 64)
    var alternate = stack_t()
    var before = stack_t()
    alternate.ss_sp = stack
    alternate.ss_size = numericCast(Self.stackSize)
    sigaltstack(&alternate, &before)
    previousStack = before
    previous = Self.signals.map { number in
      var action = sigaction()
      var old = sigaction()
      #if canImport(Darwin)
        action.__sigaction_u.__sa_handler = Self.handler
      #else
        action.__sigaction_handler.sa_handler = Self.handler
      #endif
      // System calls under way go on.
      action.sa_flags = numericCast(SA_RESTART) | numericCast(SA_ONSTACK)
      sigaction(number, &action, &old)
      return old
    }
  }

  /// Puts back the handlers that were there before, and the stack of this thread's.
  package func restore() {
    for (number, old) in zip(Self.signals, previous) {
      var old = old
      sigaction(number, &old, nil)
    }
    var before = previousStack
    sigaltstack(&before, nil)
    stack.deallocate()
  }

  private static let handler: @convention(c) (Int32) -> Void = { number in
    InterruptFlag.process.request(number)
    signal(SIGINT, SIG_DFL)
    signal(SIGTERM, SIG_DFL)
  }
}
