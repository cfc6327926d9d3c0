// Errors as a user reads them.

import Foundation

/// An error that says all there is to say in one line, `description`.
public protocol OneLineError: Error, Equatable, Sendable, CustomStringConvertible, LocalizedError {}

extension OneLineError {
  /// The same line, for callers that print Foundation's errors.
  public var errorDescription: String? { description }
}
