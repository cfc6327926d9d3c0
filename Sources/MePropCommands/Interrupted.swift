// The end of a command that a signal asked for.

/// A run that a signal ended after its checkpoint was saved.
package struct Interrupted: Error {
  /// The signal.
  package var signal: Int32

  /// Creates the error.
  package init(signal: Int32) { self.signal = signal }
}
