// The keys of the tagger task, and which of their values do not go together.

import MePropCore
import MePropData
import MePropNN
import MePropTraining

/// The configuration of the tagger task.
public enum TaggerConfiguration {
  /// All keys, in the order in which they are rendered.
  public static let schema = ConfigurationSchema(
    dataKeys + shared.runKeys + networkKeys + shared.selectionKeys + shared.stepKeys,
    replacements: ["final-rate": "learning-rate-schedule"])

  private static let shared = SharedSettings(
    examples: "sentences", batchUnit: ("sentences", ", of similar length"), batchSize: 8,
    metric: "dev accuracy", epochs: .automatic(AutomaticEpochs(fewest: 8, most: 40)),
    gradients: "each gate's gradients", k: .count(10), whole: "the units of a gate",
    memory: (0, "0, because memory makes LSTMs learn more slowly"), rate: .constant(0.005),
    average: 0.998, rows: "rows of weights and embeddings")

  private static let dataKeys: [ConfigurationKey] = [
    TreebankKeys.preset(
      "one sentence a step, Adam, no dropout; at a constant "
        + "rate of 0.001 if dense, else at 0.002 and falling, found best for k = 10"),
    TreebankKeys.data,
    .init(
      "column", .choice(["upos", "xpos", "feats"]), default: .string("xpos"), valueName: "name",
      "column to learn"),
    TreebankKeys.trainingLimit,
  ]

  private static let size = ConfigurationKind.int(1...100_000)
  private static let networkKeys: [ConfigurationKey] = [
    .init(
      "precision", .choice(Precision.allCases.map(\.rawValue)),
      default: .string(Precision.int8.rawValue),
      "numbers that products of the LSTM's forward pass read in training; int8 is what a trained "
        + "tagger reads, gradients and the weights that are trained are f32"),
    .init("word-size", size, default: .int(50), "numbers of a word's embedding"),
    .init("feature-size", size, default: .int(20), "numbers of each feature's embedding"),
    .init(
      "hidden", .intList(1...100_000), default: .intList([500]),
      "units of each direction of an LSTM layer: of all layers, or one number a layer"),
    .init("layers", .int(1...100), default: .int(1), "LSTM layers"),
    .init(
      "bidirectional", .bool, default: .bool(true), "whether each layer has a second direction"),
    .init(
      "embedding-scale", .double(NumberBounds(lower: 0, upper: 1e3)), default: .double(0.1),
      "deviation of embeddings at the start; 1 is PyTorch's"),
    .init(
      "vectors", .optional(.string), default: .none, valueName: "file",
      "file of pre-trained word vectors to start from: text of word2vec or GloVe, plain or gzip"),
    .init(
      "vector-limit", .int(0...10_000_000), default: .int(100_000),
      "with vectors: at most so many words that training data lack are added"),
    .init(
      "dropout", .double(.share), default: .double(0.25), valueName: "p",
      "share of the LSTM's inputs and outputs that are dropped in training"),
    TreebankKeys.wordDropout("whose form is taken for unknown"),
    .init(
      "variational", .bool, default: .bool(false),
      "whether the same are dropped at all words of a sentence, and of the states as well"),
  ]

  /// What the preset `paper` sets where nobody else does.
  static let paperValues: [(key: String, value: String)] = [
    ("batch", "1"), ("dropout", "0"), ("word-dropout", "0"), ("average", "0"),
    ("precision", "f32"), ("epochs", "5"),
  ]
  /// The rate that it sets too: the paper's where back propagation is dense; where it is sparse
  /// that one, which leaves k = 10 half a point below dense, gives way to one with which it is not
  /// below.
  static func paperRate(isDense: Bool) -> [(key: String, value: String)] {
    isDense
      ? [("learning-rate", "0.001"), ("learning-rate-schedule", "constant")]
      : [("learning-rate", "0.002"), ("learning-rate-schedule", "linear")]
  }

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
      try resolved.apply(
        preset: paperValues + paperRate(isDense: configuration.string("select") == "dense"))
    }
    try shared.resolve(
      &resolved, asked: configuration, exampleCount: sentenceCount, data: "the folder of a treebank"
    )
    let hidden = resolved.intList("hidden")
    let layerCount = resolved.int("layers")
    guard hidden.count == 1 || hidden.count == layerCount else {
      throw resolved.conflict(
        "hidden",
        "expected one number for all layers, or one for each of \(layerCount), found "
          + "\(hidden.count)")
    }
    let widest = hidden.max() ?? 0
    try resolved.checkKeptCount(upTo: widest, "the number of units (\(widest))")
    if resolved.optionalString("vectors")?.isEmpty == true {
      throw resolved.conflict("vectors", "expected a file of word vectors, found nothing")
    }
    let settings = TaggerSettings(resolved: resolved)
    let shape = settings.shape
    let directions = shape.isBidirectional ? 2 : 1
    let weights = (0..<shape.layerCount).reduce(0) { sum, layer in
      let width = shape.width(ofLayer: layer)
      let inputs = layer == 0 ? shape.inputSize : directions * shape.width(ofLayer: layer - 1)
      return sum + directions * 4 * width * (inputs + width)
    }
    try resolved.checkWeightCount(weights, "choose fewer units or layers")
    return (settings, resolved)
  }
}
