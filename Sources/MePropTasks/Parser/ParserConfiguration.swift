// The keys of the parser task, and which of their values do not go together.

import MePropCore
import MePropNN
import MePropTraining

/// The configuration of the parser task.
public enum ParserConfiguration {
  /// All keys, in the order in which they are rendered.
  public static let schema = ConfigurationSchema(
    dataKeys + shared.runKeys + parsingKeys + networkKeys + shared.selectionKeys + shared.stepKeys)

  private static let shared = SharedSettings(
    examples: "sentences", batchUnit: ("transitions", ""), batchSize: 800, metric: "dev LAS",
    epochs: .automatic(AutomaticEpochs(fewest: 6, most: 40)), policy: "batch-top-k",
    k: .ratio(0.04), memory: (0.9, "0.9 with top-k and unified, 0 with others"),
    memoryPolicies: ["top-k", "unified"],
    rate: .automatic(AutomaticRate(adam: 0.002, batch: 100)), average: 0.999,
    rows: "rows of weights and embeddings")

  private static let dataKeys: [ConfigurationKey] = [
    TreebankKeys.preset(
      "arc-standard, two hidden layers of 500 with ReLU, "
        + "10,000 transitions a step, Adam at a constant rate, no dropout, no averaging"),
    TreebankKeys.data,
    .init(
      "tags", .auto(.choice(["gold", "predicted"])), default: .auto,
      "gold tags are the treebank's, predicted ones a tagger's; auto is predicted with a tagger"),
    .init(
      "tagger", .optional(.string), default: .none, valueName: "folder",
      "folder of a tagger's run or model; training sentences are tagged by taggers that have not "
        + "seen them, trained alike on the other folds"),
    .init("folds", .int(2...1000), default: .int(5), "folds of training sentences for that"),
    .init(
      "columns", .choice(ParserTagColumns.allCases.map(\.rawValue)), default: .string("both"),
      valueName: "name",
      "columns of tags that are features: upos, xpos, both as one symbol, or none"),
    .init(
      "prefix", .int(0...10), default: .int(0), "first letters of a word that are a feature"),
    .init(
      "suffix", .int(0...10), default: .int(0), "last letters of a word that are a feature"),
    .init(
      "relations", .choice(["full", "universal"]), default: .string("full"),
      "whether relations are learned with their subtypes, such as nsubj:pass"),
    TreebankKeys.trainingLimit,
  ]

  private static let parsingKeys: [ConfigurationKey] = [
    .init(
      "system", .choice(TransitionSystem.allCases.map(\.rawValue)),
      default: .string(TransitionSystem.arcHybrid.rawValue), valueName: "name",
      "transition system; swap makes non-projective trees too"),
    .init(
      "explore", .auto(.double(NumberBounds(lower: 0, upper: 1))), default: .auto,
      valueName: "p|auto",
      "share of training transitions that the parser chooses itself, learning from its dynamic "
        + "oracle what to do then; auto is \(autoExplore) with arc-hybrid, 0 without"),
    .init(
      "explore-from", .int(1...Int.max), default: .int(2), "the first epoch in which it does"),
  ]

  private static let networkKeys: [ConfigurationKey] = [
    .init(
      "embedding-size", .int(1...ComputeContext.maximumEmbeddingSize), default: .int(48),
      "numbers of the embedding of a word, tag or relation; multiples of 16 suit the processor"),
    .init(
      "hidden", .intList(1...1_000_000), default: .intList([500]),
      "widths of the hidden layers"),
    .init(
      "activation", .choice(FeatureSum.Activation.allCases.map(\.rawValue)),
      default: .string("relu"),
      valueName: "name", "what follows the first hidden layer; ReLU follows others"),
    .init(
      "precision", .choice(Precision.allCases.map(\.rawValue)),
      default: .string(Precision.f32.rawValue),
      "what forward products above the first hidden layer read, in training and use"),
    .init(
      "embedding-scale", .double(NumberBounds(lower: 0, excludesLower: true, upper: 1e3)),
      default: .double(0.1), "embeddings start uniform within plus and minus this"),
    .init(
      "dropout", .double(.share), default: .double(0.3), valueName: "p",
      "share of the units of hidden layers that are dropped in training"),
    TreebankKeys.wordDropout("taken for unknown"),
  ]

  /// What the preset `paper` sets where nobody else does.
  static let paperValues: [(key: String, value: String)] = [
    ("system", "arc-standard"), ("relations", "universal"), ("batch", "10000"), ("epochs", "15"),
    ("hidden", "500,500"), ("embedding-size", "50"), ("activation", "relu"), ("dropout", "0"),
    ("word-dropout", "0"), ("embedding-scale", "0.1"), ("select", "top-k"), ("k", "20"),
    ("learning-rate", "0.001"),
    ("learning-rate-schedule", "constant"), ("average", "0"), ("explore", "0"),
    ("untouched", "update"),
  ]

  /// What `explore: auto` stands for where the system has a dynamic oracle.
  static let autoExplore = 0.9

  /// Decides what is left open and checks that all settings go together.
  ///
  /// - Parameters:
  ///   - configuration: Of `schema`.
  ///   - sentenceCount: How many sentences are trained on, where that is known already.
  /// - Returns: The settings, and the configuration that gives just these again.
  /// - Throws: `ConfigurationError` naming the place of the setting to change.
  public static func resolve(
    _ configuration: Configuration, sentenceCount: Int? = nil
  ) throws -> (settings: ParserSettings, configuration: Configuration) {
    var resolved = configuration
    if configuration.string("preset") == "paper" { try resolved.apply(preset: paperValues) }
    try shared.resolve(
      &resolved, asked: configuration, exampleCount: sentenceCount, data: "the folder of a treebank"
    )
    let system = TransitionSystem(rawValue: resolved.string("system"))
    if resolved.value("explore") == .auto {
      let share = system?.hasDynamicOracle == true ? autoExplore : 0
      try resolved.set("explore", to: String(share), from: resolved.origin(of: "explore"))
    }
    if resolved.double("explore") > 0, system?.hasDynamicOracle != true {
      throw resolved.conflict(
        "explore",
        "only arc-hybrid has a dynamic oracle, found --system \(resolved.string("system")); leave "
          + "it out")
    }
    try resolveTags(&resolved)
    let widest = resolved.intList("hidden").max() ?? 0
    try resolved.checkKeptCount(upTo: widest, "every hidden layer's width (\(widest))")
    try resolved.checkWeightCount(
      ofLayers: [84 * resolved.int("embedding-size")] + resolved.intList("hidden"))
    return (ParserSettings(resolved: resolved), resolved)
  }

  private static func resolveTags(_ configuration: inout Configuration) throws {
    let hasTagger = configuration.optionalString("tagger") != nil
    if configuration.value("tags") == .auto {
      try configuration.set(
        "tags", to: hasTagger ? "predicted" : "gold", from: configuration.origin(of: "tags"))
    }
    if configuration.string("tags") == "gold", hasTagger {
      throw configuration.conflict(
        "tagger", "gold tags are those of the treebank; leave it out, or say --tags predicted")
    }
    if configuration.string("tags") == "predicted", !hasTagger {
      throw configuration.conflict(
        "tags", "predicted tags need a tagger; name the folder of its run with --tagger")
    }
  }
}
