// The hint of commands that read plain text as well as CoNLL-U.

import MePropData

/// Turns the error for plain text in the place of CoNLL-U into one that names `--format text`,
/// which only `predict` has.
enum PlainTextHint {
  /// Calls `body`.
  static func adding(to body: () throws -> Void) throws {
    do {
      try body()
    } catch CoNLLUError.wrongFieldCount(let path, let line, 1) {
      throw CoNLLUError.plainText(path: path, line: line)
    }
  }
}
