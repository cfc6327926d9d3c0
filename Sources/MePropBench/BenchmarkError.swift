// Why a benchmark ends before it is done.

/// A result differs from the plain reference, so timing it would mean nothing.
public struct WrongResultError: Error, Equatable, CustomStringConvertible {
  /// The operation.
  public let operation: String
  /// The largest difference and what was allowed, in the units of the check: roundings of a sum, or
  /// shares of a whole.
  public let difference: Double, allowed: Double

  /// Creates the error.
  package init(operation: String, difference: Double, allowed: Double) {
    self.operation = operation
    self.difference = difference
    self.allowed = allowed
  }

  /// One line for the user.
  public var description: String {
    "\(operation): the result differs from the reference by \(difference), allowed are \(allowed); "
      + "please report this with your processor's name"
  }
}

/// A benchmark was asked to stop, and did.
public struct BenchmarkInterrupted: Error, Equatable, CustomStringConvertible {
  /// Creates the error.
  public init() {}

  /// One line for the user.
  public var description: String { "the benchmark was interrupted" }
}
