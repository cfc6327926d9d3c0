// What is wrong with data, with the option of the command at hand that mends it.

import MePropData

/// An error of a data file with what to do; `description` is one line.
///
/// Readers of formats do not know which command reads for them, so that whoever does adds the hint.
public struct HintedDataError: OneLineError {
  /// What is wrong.
  public var error: DataFormatError
  /// What to do.
  public var hint: String

  /// The error's line, then the hint.
  public var description: String { "\(error); \(hint)" }

  /// Calls `body`, and adds to its error what `hint` says of it, if that is anything.
  static func adding<Result>(
    _ hint: (DataFormatError) -> String?, to body: () throws -> Result
  ) throws -> Result {
    do {
      return try body()
    } catch let error as DataFormatError {
      guard let text = hint(error) else { throw error }
      throw HintedDataError(error: error, hint: text)
    }
  }
}
