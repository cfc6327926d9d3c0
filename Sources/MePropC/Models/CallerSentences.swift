import CMePropInterface

/// Reads sentences in the caller's memory.
///
/// - Throws: `InterfaceError`.
func sentences(_ pointer: UnsafePointer<meprop_sentences>?) throws -> [[String]] {
  let given = try read(pointer, "sentences", defaults: meprop_sentences())
  try require(
    (0...CallerRows.maximumCount).contains(given.sentence_count),
    "\(given.sentence_count) sentences, expected 0 or more")
  guard given.sentence_count > 0 else { return [] }
  guard let lengths = given.lengths else {
    throw InterfaceError.argument("sentences.lengths is null")
  }
  var first = 0
  return try (0..<Int(given.sentence_count)).map { sentence in
    let length = lengths[sentence]
    try require(
      (0...CallerRows.maximumCount).contains(length),
      "sentences.lengths: sentence \(sentence) has \(length) words, expected 0 or more")
    defer { first += Int(length) }
    return try texts(given.words, first..<first + Int(length), "sentences.words")
  }
}

/// Reads texts, one a word.
///
/// - Throws: `InterfaceError` for null, empty texts and bytes that are not UTF-8.
func texts(
  _ pointer: UnsafePointer<UnsafePointer<CChar>?>?, _ words: Range<Int>, _ name: String
) throws -> [String] {
  guard !words.isEmpty else { return [] }
  guard let pointer else { throw InterfaceError.argument("\(name) is null") }
  return try words.map { word in
    let form = try text(pointer[word], "\(name)[\(word)]")
    try require(!form.isEmpty, "\(name)[\(word)] is empty, expected a text")
    return form
  }
}

/// The texts of a list, for callers who ask by number.
///
/// `@unchecked Sendable`: never written after they were made.
final class NameList: @unchecked Sendable {
  private let names: [UnsafeMutablePointer<CChar>]
  private let numbers: [String: Int32]

  init(_ names: [String]) {
    numbers = Dictionary(
      names.enumerated().map { ($1, Int32($0)) }, uniquingKeysWith: { first, _ in first })
    self.names = names.map { name in
      let bytes = name.utf8CString
      let copy = UnsafeMutablePointer<CChar>.allocate(capacity: bytes.count)
      copy.initialize(from: Array(bytes), count: bytes.count)
      return copy
    }
  }

  deinit { for name in names { name.deallocate() } }

  var count: Int { names.count }

  /// The number of a name, or -1 where it is not in the list.
  func number(of name: String) -> Int32 { numbers[name] ?? -1 }

  /// - Throws: `InterfaceError` where there are fewer.
  func name(_ number: Int64, _ kind: String) throws -> UnsafePointer<CChar> {
    try require(
      number >= 0 && number < Int64(names.count),
      "\(kind) \(number), expected 0 to \(names.count - 1)")
    return UnsafePointer(names[Int(number)])
  }
}
