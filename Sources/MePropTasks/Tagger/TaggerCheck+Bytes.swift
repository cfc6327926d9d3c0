// Lines of a treebank that are not UTF-8, all of them: the reader of CoNLL-U stops at the first.

import Foundation
import MePropData

extension TaggerCheck {
  /// A line on the lines of a file that are not UTF-8; `nil` if all are.
  ///
  /// - Throws: `DataFormatError` where the file cannot be read.
  static func errorOnBytes(of url: URL) throws -> String? {
    let reader = LineReader(try InputFile(path: url.path))
    var lines: [Int] = []
    while let isText = try reader.withNextLine({ line in
      line.allSatisfy { $0 < 0x80 } || String(validating: line, as: UTF8.self) != nil
    }) {
      if !isText { lines.append(reader.lineNumber) }
    }
    guard let first = lines.first else { return nil }
    let numbers = lines.prefix(10).map(String.init).joined(separator: ", ")
    return "\(url.path):\(first): bytes that are not UTF-8 in "
      + (lines.count == 1 ? "line " : "\(lines.count) lines: ") + numbers
      + (lines.count > 10 ? ", …" : "") + "; convert the file to UTF-8, for example with iconv"
  }
}
