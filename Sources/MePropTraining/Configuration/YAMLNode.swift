// The nodes of a YAML text, as libyaml finds them, each with its line.

import CYAML

/// A value of a YAML text.
struct YAMLNode {
  /// What a value can be; there are no aliases, which `YAMLText` refuses.
  enum Content {
    /// A single value. `isNull` where it is nothing: empty, `~` or `null`, without quotes.
    case scalar(String, isNull: Bool)
    case sequence([YAMLNode])
    /// Keys and values in the order of the text; no scalar is a key twice.
    case mapping([(key: YAMLNode, value: YAMLNode)])
  }

  let content: Content
  /// The line that it begins in, counted from 1.
  let line: Int

  /// Its text if it is a single value, else `nil`.
  var scalar: String? {
    if case .scalar(let text, _) = content { text } else { nil }
  }

  /// The root of a text, or `nil` where the text says nothing.
  ///
  /// - Throws: `YAMLError` with the first mistake, also where there is more than one document.
  static func root(of text: String) throws(YAMLError) -> YAMLNode? {
    let parser = YAMLParser(text)
    _ = try parser.next()  // the stream's start
    guard case .documentStart = try parser.next().kind else { return nil }
    let root = try node(from: try parser.next(), parser)
    _ = try parser.next()  // the document's end
    let after = try parser.next()
    guard case .streamEnd = after.kind else {
      throw YAMLError(line: after.line, problem: .syntax("expected one document, found another"))
    }
    return root
  }

  private static func node(
    from event: YAMLParser.Event, _ parser: YAMLParser
  ) throws(YAMLError) -> YAMLNode {
    let content: Content
    switch event.kind {
    case .scalar(let text, let isNull): content = .scalar(text, isNull: isNull)
    case .sequenceStart:
      var elements: [YAMLNode] = []
      while let element = try element(parser) { elements.append(element) }
      content = .sequence(elements)
    case .mappingStart:
      var entries: [(key: YAMLNode, value: YAMLNode)] = []
      var names: Set<String> = []
      while let key = try element(parser) {
        if let name = key.scalar, !names.insert(name).inserted {
          throw YAMLError(line: key.line, problem: .duplicateKey(name))
        }
        entries.append((key, try node(from: try parser.next(), parser)))
      }
      content = .mapping(entries)
    default:
      throw YAMLError(line: event.line, problem: .syntax("expected a value"))
    }
    return YAMLNode(content: content, line: event.line)
  }

  /// The next element of a list, or key of a mapping; `nil` at its end.
  private static func element(_ parser: YAMLParser) throws(YAMLError) -> YAMLNode? {
    let event = try parser.next()
    if case .collectionEnd = event.kind { return nil }
    return try node(from: event, parser)
  }
}

/// A text that is not YAML as configurations need it.
struct YAMLError: Error {
  enum Problem {
    case syntax(String)
    case duplicateKey(String)
  }

  /// Counted from 1; `nil` where the parser knows none.
  var line: Int?
  var problem: Problem
}

/// libyaml's parser, which tells a text's parts one after the other.
private final class YAMLParser {
  enum Kind {
    case streamEnd, documentStart, sequenceStart, mappingStart, collectionEnd, other
    case scalar(String, isNull: Bool)
  }

  struct Event {
    var kind: Kind
    var line: Int
  }

  private let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
  private let text: UnsafeMutableBufferPointer<UInt8>

  init(_ string: String) {
    text = .allocate(capacity: string.utf8.count)
    _ = text.initialize(from: string.utf8)
    precondition(yaml_parser_initialize(parser) == 1, "no memory for a YAML parser")
    yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
    yaml_parser_set_input_string(parser, text.baseAddress, text.count)
  }

  deinit {
    yaml_parser_delete(parser)
    parser.deallocate()
    text.deallocate()
  }

  func next() throws(YAMLError) -> Event {
    var event = yaml_event_t()
    guard yaml_parser_parse(parser, &event) == 1 else { throw error }
    defer { yaml_event_delete(&event) }
    return Event(kind: Self.kind(of: event), line: event.start_mark.line + 1)
  }

  private static func kind(of event: yaml_event_t) -> Kind {
    switch event.type {
    case YAML_STREAM_END_EVENT: return .streamEnd
    case YAML_DOCUMENT_START_EVENT: return .documentStart
    case YAML_SEQUENCE_START_EVENT: return .sequenceStart
    case YAML_MAPPING_START_EVENT: return .mappingStart
    case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT: return .collectionEnd
    case YAML_SCALAR_EVENT:
      let scalar = event.data.scalar
      let bytes = UnsafeBufferPointer(start: scalar.value, count: scalar.length)
      let text = String(decoding: bytes, as: UTF8.self)
      // A value that is said to be a text is one.
      let isNull =
        scalar.style == YAML_PLAIN_SCALAR_STYLE && scalar.tag == nil
        && ["", "~", "null", "Null", "NULL"].contains(text)
      return .scalar(text, isNull: isNull)
    default: return .other
    }
  }

  /// What the parser found wrong.
  private var error: YAMLError {
    let problem = parser.pointee.problem.map { String(cString: $0) } ?? "no memory to read it"
    // The reader of bytes knows no line.
    let knowsLine = parser.pointee.error != YAML_READER_ERROR
    return YAMLError(
      line: knowsLine ? parser.pointee.problem_mark.line + 1 : nil, problem: .syntax(problem))
  }
}
