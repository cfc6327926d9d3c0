// Bracketed phrase structure trees of the Penn Treebank (.mrg), read one by one.

/// A phrase structure tree with its words.
///
/// A node comes before its children, so that a loop from the last node to the first sees children
/// before their parents.
struct PennTree {
  /// A constituent, or a word with its part of speech.
  struct Node {
    /// The label, for example `NP-SBJ-1`; empty for the outermost brackets.
    var label: String
    /// The word, `nil` for a constituent.
    var word: String?
    /// The places of its children.
    var children: [Int] = []
    /// The line its bracket is on, from 1.
    var line: Int

    /// The label without functions and indices: `NP` of `NP-SBJ-1` and of `NP=2`.
    var category: String {
      if label.hasPrefix("-") { return label }
      return String(label.prefix { $0 != "-" && $0 != "=" && $0 != "|" })
    }

    /// What follows the category: `["SBJ", "1"]` of `NP-SBJ-1`.
    var functions: [String] {
      if label.hasPrefix("-") { return [] }
      return label.split { $0 == "-" || $0 == "=" || $0 == "|" }.dropFirst().map(String.init)
    }
  }

  /// The nodes, the outermost first.
  var nodes: [Node] = []
  /// The line of its first bracket, from 1.
  var line: Int { nodes.first?.line ?? 0 }
}

/// Reads trees in brackets from a text file.
///
/// `( (S (NP-SBJ (DT The) (NN dog)) (VP (VBZ barks)) (. .)) )`, with blanks and line ends anywhere
/// between brackets and names.
final class PennTreeReader {
  private let lines: LineReader
  /// What is left of the line under way.
  private var tokens: ArraySlice<Substring> = []

  /// The path or name of the file, for messages.
  var path: String { lines.path }

  /// The most nodes of a tree.
  private static let maximumNodeCount = 1 << 18

  init(_ file: InputFile) { lines = LineReader(file, maximumLineLength: 1 << 20) }

  /// Returns the next tree, or `nil` at the end.
  ///
  /// - Throws: `PennTreeError`, `DataFormatError`, `CoNLLUError.sentenceTooLong`.
  func next() throws -> PennTree? {
    guard let first = try token() else { return nil }
    guard first == "(" else {
      throw PennTreeError.unexpected(
        path: path, line: lines.lineNumber, found: String(first), expected: "(, the start of a tree"
      )
    }
    var tree = PennTree()
    var open = [0]
    tree.nodes.append(.init(label: "", line: lines.lineNumber))
    // Whether the next name is a label, rather than a word.
    var isLabelNext = true
    while let place = open.last {
      guard let token = try token() else {
        throw PennTreeError.unfinished(path: path, line: tree.line)
      }
      guard tree.nodes.count < Self.maximumNodeCount else {
        throw CoNLLUError.sentenceTooLong(
          path: path, line: lines.lineNumber, wordLimit: CoNLLUReader.maximumWordCount,
          byteLimit: CoNLLUReader.maximumByteCount)
      }
      switch token {
      case "(":
        guard tree.nodes[place].word == nil else {
          throw unexpected(token, "), as a part of speech has one word")
        }
        tree.nodes[place].children.append(tree.nodes.count)
        open.append(tree.nodes.count)
        tree.nodes.append(.init(label: "", line: lines.lineNumber))
        isLabelNext = true
      case ")":
        let node = tree.nodes[place]
        guard node.word != nil || !node.children.isEmpty else {
          throw unexpected(token, "a word or (, as \"\(node.label)\" is empty")
        }
        open.removeLast()
        isLabelNext = false
      default:
        if isLabelNext {
          tree.nodes[place].label = String(token)
          isLabelNext = false
        } else {
          let node = tree.nodes[place]
          guard node.word == nil, node.children.isEmpty, !node.label.isEmpty else {
            throw unexpected(token, "( or )")
          }
          tree.nodes[place].word = String(token)
        }
      }
    }
    return tree
  }

  private func unexpected(_ token: Substring, _ expected: String) -> PennTreeError {
    .unexpected(
      path: path, line: lines.lineNumber, found: String(token.prefix(40)), expected: expected)
  }

  /// The next bracket or name, or `nil` at the end.
  private func token() throws -> Substring? {
    while tokens.isEmpty {
      guard let line = try lines.next() else { return nil }
      // Whoever reads a treebank keeps it.
      try lines.checkUnpackedSize()
      tokens = Self.tokens(of: line)[...]
    }
    return tokens.removeFirst()
  }

  private static func tokens(of line: String) -> [Substring] {
    var tokens: [Substring] = []
    var start = line.startIndex
    for place in line.utf8.indices {
      let byte = line.utf8[place]
      guard byte == 0x28 || byte == 0x29 || byte == 0x20 || byte == 0x09 else { continue }
      if start < place { tokens.append(line[start..<place]) }
      start = line.utf8.index(after: place)
      if byte == 0x28 || byte == 0x29 { tokens.append(line[place..<start]) }
    }
    if start < line.endIndex { tokens.append(line[start...]) }
    return tokens
  }
}
