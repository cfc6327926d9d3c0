// Ctrl-C and SIGTERM as a flag that the loop looks at before each step.

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

/// Turns SIGINT and SIGTERM into the process flag; a second signal does what it does by default.
struct SignalTrap {
  private static let signals = [SIGINT, SIGTERM]
  private let previous: [sigaction]

  /// Installs the handlers and clears the flag.
  init() {
    // Created here, so that the handler finds the flag ready.
    InterruptFlag.process.clear()
    previous = Self.signals.map { number in
      var action = sigaction()
      var old = sigaction()
      #if canImport(Darwin)
        action.__sigaction_u.__sa_handler = Self.handler
      #else
        action.__sigaction_handler.sa_handler = Self.handler
      #endif
      // System calls under way go on.
      action.sa_flags = Int32(SA_RESTART)
      sigaction(number, &action, &old)
      return old
    }
  }

  /// Puts back the handlers that were there before.
  func restore() {
    for (number, old) in zip(Self.signals, previous) {
      var old = old
      sigaction(number, &old, nil)
    }
  }

  private static let handler: @convention(c) (Int32) -> Void = { number in
    InterruptFlag.process.request(number)
    signal(SIGINT, SIG_DFL)
    signal(SIGTERM, SIG_DFL)
  }
}
