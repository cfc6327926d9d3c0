// What is wrong with a command before anything is done, as against a run that fails.

import Foundation
import MePropData
import MePropTraining

/// A wrong use of a command, in a line.
public struct UsageError: OneLineError {
  /// The line.
  public var description: String

  /// Creates an error with its line.
  public init(_ description: String) { self.description = description }

  /// Returns whether an error is about what the user wrote on the command line or in a
  /// configuration.
  public static func isUsage(_ error: any Error) -> Bool {
    switch error {
    case is UsageError, is ConfigurationError, DataLocationError.unknownName,
      TreebankError.notFound:
      true
    default: false
    }
  }
}
