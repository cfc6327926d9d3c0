// A set of names that threads may add to.

import Synchronization

/// Remembers what has been shown.
final class ShownFiles: Sendable {
  private let names = Mutex<Set<String>>([])

  /// Returns whether the name is new.
  func insert(_ name: String) -> Bool { names.withLock { $0.insert(name).inserted } }
}
