// Names of runs that are compared, short enough for drawings.

/// Leaves out what names have in common.
enum RunNames {
  /// The names without the words that all begin with and all end with.
  ///
  /// Words lie between `-`, `_`, `/` and spaces: `digits-dense/seed-1` and `digits-k20/seed-1` are
  /// `dense` and `k20`. Each name keeps a word at least, and none is left with digits only.
  ///
  /// - Parameter names: The names; a single one stays as it is.
  /// - Returns: The short names in the same order; names that differ stay different.
  static func shortened(_ names: [String]) -> [String] {
    guard names.count > 1 else { return names }
    let parts = names.map(words)
    let first = parts[0]
    let limit = (parts.map(\.count).min() ?? 1) - 1
    var head = 0
    while head < limit, parts.allSatisfy({ $0[head] == first[head] }) { head += 1 }
    var tail = 0
    while tail < limit - head,
      parts.allSatisfy({ $0[$0.count - 1 - tail] == first[first.count - 1 - tail] })
    {
      tail += 1
    }
    // Only whole words go, with what is between them and the rest.
    func alignHead() { while head > 0, !isSeparator(first[head - 1]) { head -= 1 } }
    func alignTail() { while tail > 0, !isSeparator(first[first.count - tail]) { tail -= 1 } }
    func short() -> [String] { parts.map { $0[head..<($0.count - tail)].joined() } }
    alignHead()
    alignTail()
    while head > 0, short().contains(where: isNumber) {
      head -= 1
      alignHead()
    }
    while tail > 0, short().contains(where: isNumber) {
      tail -= 1
      alignTail()
    }
    return short()
  }

  /// The words of a name and the separators between them.
  private static func words(_ name: String) -> [String] {
    var words: [String] = []
    for character in name {
      let text = String(character)
      if let last = words.last, !isSeparator(text), !isSeparator(last) {
        words[words.count - 1] = last + text
      } else {
        words.append(text)
      }
    }
    return words.isEmpty ? [""] : words
  }

  private static func isSeparator(_ text: String) -> Bool { ["-", "_", "/", " "].contains(text) }

  private static func isNumber(_ text: String) -> Bool {
    text.allSatisfy { $0.isNumber || $0 == "(" || $0 == ")" }
  }
}
