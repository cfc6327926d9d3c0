// Reading CoNLL-U by the rules of the official evaluation, which are stricter than those of the
// format in some places (no second blank line, a blank line at the end) and looser in others.

/// Reads one file into a `ScoredFile`.
struct ScoredFileReader {
  private var file: ScoredFile
  private var line = 0
  /// The first word of the sentence under way; `nil` between sentences.
  private var sentenceStart: Int?
  /// The heads of the words of the sentence under way, and their lines.
  private var heads: [Int] = []
  private var lines: [Int] = []
  /// The lines, heads and texts of enhanced dependencies of the sentence under way.
  private var enhanced: [(line: Int, heads: [Int], text: String)] = []
  /// How many words of the multiword token under way are to come, and its identifier.
  private var wordsLeft = 0
  private var range = ""

  private static let tab = UInt8(ascii: "\t")

  private init(path: String) { file = ScoredFile(path: path) }

  /// Reads a file to its end.
  ///
  /// - Throws: `CoNLLUError`, `DependencyTreeError`, `ScoringError`, `DataFormatError`, naming the
  ///   line.
  static func read(_ input: InputFile, numbers: inout FieldNumbers) throws -> ScoredFile {
    let reader = LineReader(input)
    var state = ScoredFileReader(path: reader.path)
    while let bytes = try reader.withNextLine({ Array($0) }) {
      if reader.hasByteOrderMark { throw ScoringError.byteOrderMark(path: reader.path) }
      try reader.checkUnpackedSize()
      // A lone carriage return ends a line as well, as in Python's text files.
      for line in bytes.split(separator: 13, omittingEmptySubsequences: false) {
        state.line += 1
        try state.add(line, numbers: &numbers)
      }
    }
    if state.wordsLeft > 0 {
      throw ScoringError.unfinishedRange(path: reader.path, line: state.line, found: state.range)
    }
    if state.sentenceStart != nil {
      throw ScoringError.noFinalBlankLine(path: reader.path, line: state.line)
    }
    return state.file
  }

  private mutating func add(_ bytes: ArraySlice<UInt8>, numbers: inout FieldNumbers) throws {
    guard bytes.allSatisfy({ $0 < 0x80 }) || String(validating: bytes, as: UTF8.self) != nil else {
      throw DataFormatError.notUTF8(path: file.path, line: line)
    }
    if wordsLeft > 0, bytes.isEmpty {
      throw ScoringError.unfinishedRange(path: file.path, line: line, found: range)
    }
    if sentenceStart == nil {
      if bytes.first == UInt8(ascii: "#") { return }
      let start = file.characters.count
      file.sentences.append(.init(start: start, end: start, line: line))
      sentenceStart = file.words.count
    }
    if bytes.isEmpty { return try endSentence() }
    let fields = bytes.split(separator: Self.tab, omittingEmptySubsequences: false)
    guard fields.count == 10 else {
      throw CoNLLUError.wrongFieldCount(path: file.path, line: line, found: fields.count)
    }
    if fields[0].contains(UInt8(ascii: ".")) { return }
    if wordsLeft > 0 {
      wordsLeft -= 1
      return try addWord(fields, form: fields[1], isMultiword: true, numbers: &numbers)
    }
    let form = Self.withoutBlanks(fields[1])
    guard !form.isEmpty else { throw CoNLLUError.emptyForm(path: file.path, line: line) }
    let start = file.characters.count
    file.characters += form
    file.tokens.append(.init(start: start, end: file.characters.count, line: line))
    if fields[0].contains(UInt8(ascii: "-")) {
      let ends = fields[0].split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        .map { Self.integer($0) }
      guard ends.count == 2, let first = ends[0], let last = ends[1] else {
        throw badID(fields[0])
      }
      range = String(decoding: fields[0], as: UTF8.self)
      wordsLeft = max(0, last - first + 1)
    } else {
      guard Self.integer(fields[0]) == heads.count + 1 else { throw badID(fields[0]) }
      try addWord(fields, form: form[...], isMultiword: false, numbers: &numbers)
    }
  }

  private func badID(_ found: ArraySlice<UInt8>) -> CoNLLUError {
    .badID(
      path: file.path, line: line, expected: heads.count + 1,
      found: String(decoding: found.prefix(40), as: UTF8.self))
  }

  private mutating func addWord(
    _ fields: [ArraySlice<UInt8>], form: ArraySlice<UInt8>, isMultiword: Bool,
    numbers: inout FieldNumbers
  ) throws {
    guard let head = Self.integer(fields[6]), head >= 0 else {
      throw DependencyTreeError.badHead(
        path: file.path, line: line, found: String(decoding: fields[6].prefix(40), as: UTF8.self))
    }
    try addEnhanced(fields[8])
    guard heads.count < CoNLLUReader.maximumWordCount else {
      throw CoNLLUError.sentenceTooLong(
        path: file.path, line: line, wordLimit: CoNLLUReader.maximumWordCount,
        byteLimit: CoNLLUReader.maximumByteCount)
    }
    heads.append(head)
    lines.append(line)
    let relation = fields[7].prefix { $0 != UInt8(ascii: ":") }
    let relationText = String(decoding: relation, as: UTF8.self)
    file.words.append(
      .init(
        token: file.tokens.count - 1, isMultiword: isMultiword, form: numbers.number(of: form),
        lemma: numbers.number(of: fields[2]), upos: numbers.number(of: fields[3]),
        xpos: numbers.number(of: fields[4]),
        feats: numbers.universal(featuresOf: numbers.number(of: fields[5])),
        relation: numbers.number(of: relation),
        isContent: UDRelations.content.contains(relationText),
        isFunctional: UDRelations.functional.contains(relationText), head: ScoredFile.root))
  }

  private mutating func addEnhanced(_ field: ArraySlice<UInt8>) throws {
    if field.isEmpty || field.elementsEqual([UInt8(ascii: "_")]) { return }
    let text = String(decoding: field.prefix(40), as: UTF8.self)
    var found: [Int] = []
    for arc in field.split(separator: UInt8(ascii: "|"), omittingEmptySubsequences: false) {
      let head = arc.prefix { $0 != UInt8(ascii: ":") }
      let number = Self.integer(head)
      let isEmptyNode = head.contains(UInt8(ascii: "."))
      guard head.count < arc.count, isEmptyNode || number != nil else {
        throw ScoringError.badEnhancedDependencies(path: file.path, line: line, found: text)
      }
      if let number, !isEmptyNode { found.append(number) }
    }
    enhanced.append((line, found, text))
  }

  private mutating func endSentence() throws {
    guard let start = sentenceStart, !heads.isEmpty else {
      throw ScoringError.emptySentence(path: file.path, line: line)
    }
    let allowed = 0...heads.count
    for (head, line) in zip(heads, lines) where !allowed.contains(head) {
      throw DependencyTreeError.headOutOfRange(
        path: file.path, line: line, found: head, wordCount: heads.count)
    }
    for (line, heads, text) in enhanced where !heads.allSatisfy(allowed.contains) {
      throw ScoringError.badEnhancedDependencies(path: file.path, line: line, found: text)
    }
    switch DependencyTree.defects(ofHeads: heads).first {
    case .cycle(let words):
      throw DependencyTreeError.cycle(path: file.path, line: lines[words[0] - 1], words: words)
    case .severalRoots(let words):
      throw DependencyTreeError.severalRoots(
        path: file.path, line: lines[words[1] - 1], words: words)
    case nil: break
    }
    for (word, head) in heads.enumerated() where head > 0 {
      file.words[start + word].head = start + head - 1
    }
    file.sentences[file.sentences.count - 1].end = file.characters.count
    sentenceStart = nil
    heads.removeAll(keepingCapacity: true)
    lines.removeAll(keepingCapacity: true)
    enhanced.removeAll(keepingCapacity: true)
  }

  /// A text without the characters that Unicode calls space separators.
  static func withoutBlanks(_ field: ArraySlice<UInt8>) -> [UInt8] {
    if field.allSatisfy({ $0 > 0x20 && $0 < 0x80 }) { return Array(field) }
    let kept = String(decoding: field, as: UTF8.self).unicodeScalars.filter {
      $0.properties.generalCategory != .spaceSeparator
    }
    return Array(String(String.UnicodeScalarView(kept)).utf8)
  }

  /// A whole number as Python's `int` takes it, for example `12`, ` +3 ` or `1_000`; `nil` for
  /// others.
  static func integer(_ field: ArraySlice<UInt8>) -> Int? {
    var scalars = String(decoding: field, as: UTF8.self).unicodeScalars[...]
    while scalars.first?.properties.isWhitespace == true { scalars.removeFirst() }
    while scalars.last?.properties.isWhitespace == true { scalars.removeLast() }
    let isNegative = scalars.first == "-"
    if isNegative || scalars.first == "+" { scalars.removeFirst() }
    var value = 0
    var lastWasDigit = false
    for scalar in scalars {
      if scalar == "_", lastWasDigit {
        lastWasDigit = false
        continue
      }
      guard scalar.properties.numericType == .decimal,
        let digit = scalar.properties.numericValue
      else { return nil }
      let (tenfold, overflows) = value.multipliedReportingOverflow(by: 10)
      guard !overflows, tenfold < Int.max - 9 else { return nil }
      value = tenfold + Int(digit)
      lastWasDigit = true
    }
    guard lastWasDigit else { return nil }
    return isNegative ? -value : value
  }
}
