import CMePropInterface
import MePropData
import MePropTasks

/// A parser of the interface.
private final class CallerParser: Sendable {
  let relations: NameList
  /// The tags that callers give.
  let columns: ParserTagColumns
  private let predictor: PlacedPredictor<ParserPredictor>

  /// - Throws: `ParserTaggerError` for a tagger of other tags than the parser reads.
  init(_ model: ParserModel, _ tagger: ParserTagger?, _ workplace: Workplace) throws {
    let read = model.vocabularies.choice.tagColumns
    if let tagger, read != .none, read != tagger.columns {
      throw ParserTaggerError.missingColumn(
        parser: read.rawValue, tagger: tagger.columns.rawValue)
    }
    columns = tagger == nil ? read : .none
    relations = NameList(model.vocabularies.relations.items)
    predictor = PlacedPredictor(in: workplace) {
      ParserPredictor(model, tagger: tagger, threadCount: $0.threadCount)
    }
  }

  func parse(
    _ trees: [DependencyTree], heads: UnsafeMutablePointer<Int32>,
    relations places: UnsafeMutablePointer<Int32>
  ) {
    let found = predictor.compute { $0.parse(trees) }
    var place = 0
    for sentence in found {
      for word in sentence.heads.indices {
        heads[place] = Int32(sentence.heads[word])
        places[place] = relations.number(of: sentence.relations[word])
        place += 1
      }
    }
  }
}

private func parser(_ handle: meprop_parser) throws -> CallerParser {
  try Handles.object(handle, "parser")
}

/// See meprop.h.
@c @implementation
public func meprop_parser_load(
  _ context: meprop_context, _ folder: UnsafePointer<CChar>!,
  _ tagger_folder: UnsafePointer<CChar>!, _ parser: UnsafeMutablePointer<meprop_parser>!
) -> meprop_status {
  attempt("meprop_parser_load") {
    let parser = try place(parser, "parser")
    let workplace: Workplace = try Handles.object(context, "context")
    let model = try ParserModel(at: try folderURL(folder))
    let tagger = try tagger_folder.map {
      try ParserTagger(at: try folderURL($0), threadCount: workplace.threadCount)
    }
    parser.pointee = Handles.add(
      try workplace.compute { try CallerParser(model, tagger, workplace) })
  }
}

/// See meprop.h.
@c @implementation
public func meprop_parser_free(_ parser: meprop_parser) -> meprop_status {
  attempt("meprop_parser_free") {
    try Handles.remove(parser, "parser", as: CallerParser.self)
  }
}

/// See meprop.h.
@c @implementation
public func meprop_parser_tags(
  _ handle: meprop_parser, _ columns: UnsafeMutablePointer<Int32>!
) -> meprop_status {
  attempt("meprop_parser_tags") {
    let columns = try place(columns, "columns")
    let found =
      switch try parser(handle).columns {
      case .none: MEPROP_TAGS_NONE
      case .upos: MEPROP_TAGS_UPOS
      case .xpos: MEPROP_TAGS_XPOS
      case .both: MEPROP_TAGS_BOTH
      }
    columns.pointee = Int32(found)
  }
}

/// See meprop.h.
@c @implementation
public func meprop_parser_relation_count(
  _ handle: meprop_parser, _ count: UnsafeMutablePointer<Int64>!
) -> meprop_status {
  attempt("meprop_parser_relation_count") {
    try place(count, "count").pointee = Int64(try parser(handle).relations.count)
  }
}

/// See meprop.h.
@c @implementation
public func meprop_parser_relation_name(
  _ handle: meprop_parser, _ relation: Int64,
  _ name: UnsafeMutablePointer<UnsafePointer<CChar>?>!
) -> meprop_status {
  attempt("meprop_parser_relation_name") {
    try place(name, "name").pointee = try parser(handle).relations.name(relation, "relation")
  }
}

/// See meprop.h.
@c @implementation
public func meprop_parser_parse(
  _ handle: meprop_parser, _ given: UnsafePointer<meprop_sentences>!,
  _ upos: UnsafePointer<UnsafePointer<CChar>?>!, _ xpos: UnsafePointer<UnsafePointer<CChar>?>!,
  _ heads: UnsafeMutablePointer<Int32>!, _ relations: UnsafeMutablePointer<Int32>!
) -> meprop_status {
  attempt("meprop_parser_parse") {
    let parser = try parser(handle)
    let forms = try sentences(given)
    guard forms.contains(where: { !$0.isEmpty }) else { return }
    let needsUPOS = parser.columns == .upos || parser.columns == .both
    let needsXPOS = parser.columns == .xpos || parser.columns == .both
    var first = 0
    let trees = try forms.map { forms in
      let words = first..<first + forms.count
      first = words.upperBound
      let blanks = Array(repeating: "_", count: forms.count)
      return DependencyTree(
        forms: forms, upos: needsUPOS ? try texts(upos, words, "upos") : blanks,
        xpos: needsXPOS ? try texts(xpos, words, "xpos") : blanks, feats: blanks,
        heads: Array(repeating: 0, count: forms.count), relations: blanks)
    }
    parser.parse(
      trees, heads: try place(heads, "heads"), relations: try place(relations, "relations"))
  }
}
