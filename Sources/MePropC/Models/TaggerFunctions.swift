import CMePropInterface
import MePropTasks

/// A tagger of the interface.
private final class CallerTagger: Sendable {
  let tags: NameList
  private let predictor: PlacedPredictor<TaggerPredictor>

  init(_ model: TaggerModel, _ workplace: Workplace) {
    tags = NameList(model.vocabularies.tags.items)
    predictor = PlacedPredictor(in: workplace) { TaggerPredictor(model, context: $0.context) }
  }

  func tag(_ sentences: [[String]], into places: UnsafeMutablePointer<Int32>) {
    let found = predictor.compute { $0.tags(of: sentences) }
    for (word, tag) in found.joined().enumerated() { places[word] = tags.number(of: tag) }
  }
}

private func tagger(_ handle: meprop_tagger) throws -> CallerTagger {
  try Handles.object(handle, "tagger")
}

/// See meprop.h.
@c @implementation
public func meprop_tagger_load(
  _ context: meprop_context, _ folder: UnsafePointer<CChar>!,
  _ tagger: UnsafeMutablePointer<meprop_tagger>!
) -> meprop_status {
  attempt("meprop_tagger_load") {
    let tagger = try place(tagger, "tagger")
    let workplace: Workplace = try Handles.object(context, "context")
    let model = try TaggerModel(at: try folderURL(folder))
    tagger.pointee = Handles.add(workplace.compute { CallerTagger(model, workplace) })
  }
}

/// See meprop.h.
@c @implementation
public func meprop_tagger_free(_ tagger: meprop_tagger) -> meprop_status {
  attempt("meprop_tagger_free") {
    try Handles.remove(tagger, "tagger", as: CallerTagger.self)
  }
}

/// See meprop.h.
@c @implementation
public func meprop_tagger_tag_count(
  _ handle: meprop_tagger, _ count: UnsafeMutablePointer<Int64>!
) -> meprop_status {
  attempt("meprop_tagger_tag_count") {
    try place(count, "count").pointee = Int64(try tagger(handle).tags.count)
  }
}

/// See meprop.h.
@c @implementation
public func meprop_tagger_tag_name(
  _ handle: meprop_tagger, _ tag: Int64,
  _ name: UnsafeMutablePointer<UnsafePointer<CChar>?>!
) -> meprop_status {
  attempt("meprop_tagger_tag_name") {
    try place(name, "name").pointee = try tagger(handle).tags.name(tag, "tag")
  }
}

/// See meprop.h.
@c @implementation
public func meprop_tagger_tag(
  _ handle: meprop_tagger, _ given: UnsafePointer<meprop_sentences>!,
  _ tags: UnsafeMutablePointer<Int32>!
) -> meprop_status {
  attempt("meprop_tagger_tag") {
    let tagger = try tagger(handle)
    let forms = try sentences(given)
    guard forms.contains(where: { !$0.isEmpty }) else { return }
    tagger.tag(forms, into: try place(tags, "tags"))
  }
}
