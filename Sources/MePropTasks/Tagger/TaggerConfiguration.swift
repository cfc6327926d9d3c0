// The keys of the tagger task, and which of their values do not go together.

import MePropCore
import MePropData
import MePropNN
import MePropTraining

/// The configuration of the tagger task.
public enum TaggerConfiguration {
  /// All keys, in the order in which they are rendered.
  public static let schema = ConfigurationSchema(
    dataKeys + networkKeys + selectionKeys + stepKeys,
    replacements: ["final-rate": "learning-rate-schedule"])

  private static let count = ConfigurationKind.int(1...Int.max)
  private static let dataKeys: [ConfigurationKey] = [
    .init(
      "preset", .choice(["default", "paper"]), default: .string("default"),
      "where other keys are not set: paper is one sentence a step, Adam, no dropout; at a constant "
        + "rate of 0.001 if dense, else at 0.002 and falling, found best for k = 10"),
    .init(
      "data", .string, default: .string("ud-english-ewt"),
      "treebank: a folder of CoNLL-U files, or its name in MEPROP_DATA or the cache"),
    .init(
      "column", .choice(["upos", "xpos", "feats"]), default: .string("xpos"), "column to learn"),
    .init(
      "train-limit", .optional(count), default: .none,
      "train on the first so many sentences only"),
    automaticEpochs.key,
    .init(
      "patience", .optional(count), default: .none, mayChangeOnResume: true,
      "stop after so many epochs without a better dev accuracy"),
    .init(
      "target", .optional(.double(NumberBounds(lower: 0, upper: 100))), default: .none,
      mayChangeOnResume: true, "stop once the dev accuracy, in percent, reaches this"),
    .init("batch", .int(1...1_000_000), default: .int(8), "sentences a step, of similar length"),
    .init("seed", .int(0...Int.max), default: .int(1), "seed of all random numbers"),
    .init(
      "threads", .auto(.int(1...256)), default: .auto, mayChangeOnResume: true,
      "threads to compute with; auto measures a few steps; results do not depend on it"),
    .init(
      "precision", .choice(LSTMPrecision.allCases.map(\.rawValue)),
      default: .string(LSTMPrecision.int8.rawValue),
      "numbers that products of the LSTM's forward pass read in training; int8 is what a trained "
        + "tagger reads, gradients and the weights that are trained are f32"),
  ]

  static let automaticEpochs = AutomaticEpochs(fewest: 8, most: 40)

  private static let size = ConfigurationKind.int(1...100_000)
  private static let networkKeys: [ConfigurationKey] = [
    .init("word-size", size, default: .int(50), "numbers of a word's embedding"),
    .init("feature-size", size, default: .int(20), "numbers of each feature's embedding"),
    .init("hidden", size, default: .int(500), "units of each LSTM layer and direction"),
    .init("layers", .int(1...100), default: .int(1), "LSTM layers"),
    .init(
      "bidirectional", .bool, default: .bool(true), "whether each layer has a second direction"),
    .init(
      "embedding-scale", .double(NumberBounds(lower: 0, upper: 1e3)), default: .double(0.1),
      "deviation of embeddings at the start; 1 is PyTorch's"),
    .init(
      "vectors", .optional(.string), default: .none,
      "file of pre-trained word vectors to start from: text of word2vec or GloVe, plain or gzip"),
    .init(
      "vector-limit", .int(0...10_000_000), default: .int(100_000),
      "with vectors: at most so many words that training data lack are added"),
    .init(
      "dropout", .double(.share), default: .double(0.25),
      "share of the LSTM's inputs and outputs that fall out in training"),
    .init(
      "word-dropout", .double(.share), default: .double(0),
      "share of words whose form is taken for unknown in training; for words seen once it is 0.5"),
    .init(
      "variational", .bool, default: .bool(false),
      "whether the same fall out at all words of a sentence, and of the states as well"),
  ]

  private static let selectionKeys = SharedKeys.selection(
    of: "each gate's gradients", k: (.count(10), "the units of a gate"),
    autoMemory: "0, because memory makes LSTMs learn more slowly", examples: "sentences")

  private static let stepKeys = SharedKeys.steps(
    rate: .constant(0.005), average: 0.998, rows: "rows of weights and embeddings")

  /// What the preset `paper` sets where nobody else does.
  static let paperValues: [(key: String, value: String)] = [
    ("batch", "1"), ("dropout", "0"), ("word-dropout", "0"), ("average", "0"),
    ("precision", "f32"), ("epochs", "5"),
  ]
  /// The rate that it sets too: the paper's where back propagation is dense; where it is sparse that one, which leaves
  /// k = 10 half a point below dense, gives way to one with which it is not below.
  static func paperRate(isDense: Bool) -> [(key: String, value: String)] {
    isDense
      ? [("learning-rate", "0.001"), ("learning-rate-schedule", "constant")]
      : [("learning-rate", "0.002"), ("learning-rate-schedule", "linear")]
  }

  /// The most numbers that the LSTM may have: with moments some 3 GB.
  static let maximumWeightCount = 200_000_000

  /// Decides what is left open and checks that all settings go together.
  ///
  /// - Parameters:
  ///   - configuration: Of `schema`.
  ///   - sentenceCount: How many sentences are trained on, where that is known already.
  /// - Returns: The settings, and the configuration that gives just these again.
  /// - Throws: `ConfigurationError` naming the place of the setting to change.
  public static func resolve(
    _ configuration: Configuration, sentenceCount: Int? = nil
  ) throws -> (settings: TaggerSettings, configuration: Configuration) {
    var resolved = configuration
    if configuration.string("preset") == "paper" {
      let values = paperValues + paperRate(isDense: configuration.string("select") == "dense")
      for (key, value) in values where configuration.origin(of: key) == .defaultValue {
        try resolved.set(key, to: value, from: configuration.origin(of: "preset"))
      }
    }
    try configuration.requireDecidedSelection()
    try resolved.decideMemory(0)
    try resolved.decideEpochs(automaticEpochs, sentenceCount: sentenceCount)
    try resolved.checkSelectionValues()
    try resolved.checkDenseSelection(asked: configuration)
    let hidden = resolved.int("hidden")
    try resolved.checkKeptCount(upTo: hidden, "the number of units (\(hidden))")
    if resolved.optionalString("vectors")?.isEmpty == true {
      throw resolved.conflict("vectors", "expected a file of word vectors, found nothing")
    }
    if resolved.string("data").isEmpty {
      throw resolved.conflict("data", "expected the folder of a treebank, found nothing")
    }
    let settings = TaggerSettings(resolved: resolved)
    let shape = settings.shape
    let directions = shape.isBidirectional ? 2 : 1
    let weights = (0..<shape.layerCount).reduce(0) { sum, layer in
      let inputs = layer == 0 ? shape.inputSize : directions * shape.hiddenSize
      return sum + directions * 4 * shape.hiddenSize * (inputs + shape.hiddenSize)
    }
    guard weights <= maximumWeightCount else {
      throw resolved.conflict(
        "hidden",
        "expected at most \(maximumWeightCount) weights, found \(weights); choose fewer units or "
          + "layers")
    }
    return (settings, resolved)
  }
}
