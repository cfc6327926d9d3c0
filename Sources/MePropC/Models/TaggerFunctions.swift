import CMePropInterface
import MePropTasks

/// A tagger of the interface.
///
/// `@unchecked Sendable`: it computes in `Workplace.compute` only, one call at a time.
private final class CallerTagger: @unchecked Sendable {
  let workplace: Workplace
  let tags: NameList
  private let numbers: [String: Int32]
  private var predictor: TaggerPredictor
  private var generation: Int

  init(_ model: TaggerModel, _ workplace: Workplace) {
    self.workplace = workplace
    let items = model.vocabularies.tags.items
    tags = NameList(items)
    numbers = Dictionary(
      items.enumerated().map { ($1, Int32($0)) }, uniquingKeysWith: { first, _ in first })
    predictor = TaggerPredictor(model, context: workplace.context)
    generation = workplace.generation
  }

  func tag(_ sentences: [[String]], into tags: UnsafeMutablePointer<Int32>) {
    let found = workplace.compute {
      if generation != workplace.generation {
        _ = Unmanaged.passRetained(predictor)
        predictor = TaggerPredictor(predictor.model, context: workplace.context)
        generation = workplace.generation
      }
      return predictor.tags(of: sentences)
    }
    for (word, tag) in found.joined().enumerated() { tags[word] = numbers[tag] ?? -1 }
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
