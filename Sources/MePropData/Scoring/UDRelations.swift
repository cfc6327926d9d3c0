// Which relations carry content, which mark grammar, and which features are universal.

/// What the CoNLL 2018 evaluation makes of relations and features.
public enum UDRelations {
  /// Relations of content words, without subtypes: the words that CLAS, MLAS and BLEX count.
  public static let content: Set<String> = [
    "nsubj", "obj", "iobj", "csubj", "ccomp", "xcomp", "obl", "vocative", "expl", "dislocated",
    "advcl", "advmod", "discourse", "nmod", "appos", "nummod", "acl", "amod", "conj", "fixed",
    "flat", "compound", "list", "parataxis", "orphan", "goeswith", "reparandum", "root", "dep",
  ]

  /// Relations of function words, without subtypes: the children that MLAS compares.
  public static let functional: Set<String> = ["aux", "cop", "mark", "det", "clf", "case", "cc"]

  /// A relation without its subtype: `nsubj` of `nsubj:pass`.
  public static func universal(_ relation: String) -> String {
    String(relation.prefix { $0 != ":" })
  }

  /// The universal ones among morphological features, sorted: `Number=Sing` of
  /// `Own=Yes|Number=Sing`.
  public static func universal(features: String) -> String {
    features.split(separator: "|").filter { feature in
      universalFeatures.contains(String(feature.prefix { $0 != "=" }))
    }.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }.joined(separator: "|")
  }

  /// The names of universal features.
  static let universalFeatures: Set<String> = [
    "PronType", "NumType", "Poss", "Reflex", "Foreign", "Abbr", "Gender", "Animacy", "Number",
    "Case", "Definite", "Degree", "VerbForm", "Mood", "Tense", "Aspect", "Voice", "Evident",
    "Polarity", "Person", "Polite",
  ]
}
