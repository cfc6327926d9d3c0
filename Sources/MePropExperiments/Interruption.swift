// What Ctrl-C and SIGTERM do, from the first estimate to the last table.

/// A signal stopped a reproduction; what was finished is kept.
public struct ReproductionInterrupted: Error, Equatable, Sendable {
  /// The signal.
  public var signal: Int32

  /// Creates the error of a signal.
  public init(signal: Int32) { self.signal = signal }
}
