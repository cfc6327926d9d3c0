// The keys of the tagger task, and which of their values do not go together.

import MePropCore
import MePropData
import MePropNN
import MePropTraining

/// The configuration of the tagger task.
public enum TaggerConfiguration {
  /// All keys, in the order in which they are rendered.
  public static let schema = ConfigurationSchema(dataKeys + networkKeys + selectionKeys + stepKeys)

  private static let count = ConfigurationKind.int(1...Int.max)
  private static let dataKeys: [ConfigurationKey] = [
    .init(
      "preset", .choice(["default", "paper"]), default: .string("default"),
      "where other keys are not set: paper is one sentence a step, Adam at a constant rate, no "
        + "dropout"),
    .init(
      "data", .string, default: .string("ud-english-ewt"),
      "treebank: a folder of CoNLL-U files, or its name in MEPROP_DATA or the cache"),
    .init(
      "column", .choice(["upos", "xpos", "feats"]), default: .string("xpos"), "column to learn"),
    .init(
      "train-limit", .optional(count), default: .none,
      "train on the first so many sentences only"),
    .init(
      "epochs", .int(1...1_000_000), default: .int(10), mayChangeOnResume: false,
      "passes over the training sentences; the learning rate follows it"),
    .init(
      "patience", .optional(count), default: .none, mayChangeOnResume: true,
      "stop after so many epochs without a better dev accuracy"),
    .init(
      "target", .optional(.double(NumberBounds(lower: 0, upper: 100))), default: .none,
      mayChangeOnResume: true, "stop once the dev accuracy, in percent, reaches this"),
    .init("batch", .int(1...1_000_000), default: .int(16), "sentences a step, of similar length"),
    .init("seed", .int(0...Int.max), default: .int(1), "seed of all random numbers"),
    .init(
      "threads", .auto(.int(1...256)), default: .auto, mayChangeOnResume: true,
      "threads to compute with; auto measures a few steps; results do not depend on it"),
    .init(
      "precision", .choice(LSTMPrecision.allCases.map(\.rawValue)),
      default: .string(LSTMPrecision.f32.rawValue),
      "numbers that products of the LSTM's forward pass read in training; int8 is what a trained "
        + "tagger reads, gradients and the weights that are trained are f32"),
  ]

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
      "dropout", .double(.share), default: .double(0.4),
      "share of the LSTM's inputs and outputs that fall out in training"),
    .init(
      "word-dropout", .double(.share), default: .double(0),
      "share of words whose form is taken for unknown in training; for words seen once it is 0.5"),
    .init(
      "variational", .bool, default: .bool(false),
      "whether the same fall out at all words of a sentence, and of the states as well"),
  ]

  private static let selectionKeys: [ConfigurationKey] = [
    .init(
      "select", .choice(["dense", "top-k", "unified", "random-k", "auto"]),
      default: .string("top-k"),
      "which entries of each gate's gradients take part in back propagation; auto measures a few steps first"
    ),
    .init("k", .countOrRatio, default: .count(10), "how many entries of each gate are kept"),
    .init(
      "memory", .double(NumberBounds(lower: 0, upper: 1)), default: .double(0),
      "unit memory, one vector a gate: how much of what selection left out is added back"),
    .init(
      "memory-scope", .choice(MemoryScope.allCases.map(\.rawValue)),
      default: .string(MemoryScope.unit.rawValue),
      "what a memory belongs to: slot, a control for experiments, is a unit in one place of the batch"
    ),
    .init(
      "group", .optional(count), default: .none,
      "with unified: sentences that share one support in each time step; none is the whole batch"),
    .init("dense-start", .int(0...Int.max), default: .int(0), "first steps that are dense"),
    .init(
      "dense-every", .int(0...Int.max), default: .int(0),
      "every how many steps one is dense; 0 is never"),
  ]

  private static let positive = NumberBounds(lower: 1e-30, upper: 1e30)
  private static let stepKeys: [ConfigurationKey] = [
    .init(
      "optimizer", .choice(["adam", "adagrad", "sgd"]), default: .string("adam"),
      "how parameters follow their gradients"),
    .init(
      "learning-rate", .double(positive), default: .double(0.002), "step size at the start"),
    .init(
      "final-rate", .double(NumberBounds(lower: 0, upper: 1)), default: .double(0.05),
      "share of the learning rate to which it falls, linearly, until the last step"),
    .init(
      "average", .double(.share), default: .double(0),
      "factor by which a running mean of all parameters fades each step; the mean is what is "
        + "evaluated and kept; 0 is none"),
    .init("momentum", .double(.share), default: .double(0), "momentum of sgd"),
    .init(
      "untouched", .choice(Optimizer.UntouchedRows.allCases.map(\.rawValue)),
      default: .string(Optimizer.UntouchedRows.skip.rawValue),
      "rows of weights and embeddings that a gradient does not touch: as a dense optimizer would, "
        + "or not at all"),
    .init(
      "l2", .double(NumberBounds(lower: 0, upper: 1e30)), default: .double(0),
      "factor of L2 regularization of weights"),
    .init(
      "weight-decay", .double(NumberBounds(lower: 0, upper: 1e30)), default: .double(0),
      "decoupled weight decay (AdamW)"),
    .init(
      "clip-value", .optional(.double(positive)), default: .none,
      "largest magnitude left of each gradient element"),
  ]

  /// What the preset `paper` sets where nobody else does.
  static let paperValues: [(key: String, value: String)] = [
    ("batch", "1"), ("dropout", "0"), ("word-dropout", "0"),
    ("learning-rate", "0.001"), ("final-rate", "1"),
    ("epochs", "5"),
  ]

  /// The most numbers that the LSTM may have: with moments some 3 GB.
  static let maximumWeightCount = 200_000_000

  /// Decides what is left open and checks that all settings go together.
  ///
  /// - Parameter configuration: Of `schema`.
  /// - Returns: The settings, and the configuration that gives just these again.
  /// - Throws: `ConfigurationError` naming the place of the setting to change.
  public static func resolve(
    _ configuration: Configuration
  ) throws -> (settings: TaggerSettings, configuration: Configuration) {
    var resolved = configuration
    if configuration.string("preset") == "paper" {
      for (key, value) in paperValues where configuration.origin(of: key) == .defaultValue {
        try resolved.set(key, to: value, from: configuration.origin(of: "preset"))
      }
    }
    try configuration.requireDecidedSelection()
    try checkSelection(resolved)
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

  private static func checkSelection(_ configuration: Configuration) throws {
    let policy = configuration.string("select")
    try configuration.checkSelectionValues()
    guard policy == "dense" else {
      let hidden = configuration.int("hidden")
      let k = configuration.selectionCount.resolved(outputSize: hidden)
      guard k <= hidden else {
        throw configuration.conflict(
          "k",
          "\(k) is above the number of units (\(hidden)); choose at most that, or --select dense")
      }
      return
    }
    switch configuration.origin(of: "k") {
    case .flag, .assignment:
      throw configuration.conflict("k", "--select dense keeps all entries; leave k out")
    case .file, .defaultValue: break
    }
    for key in ["dense-start", "dense-every"] where configuration.int(key) > 0 {
      throw configuration.conflict(key, "--select dense is always dense; leave it out")
    }
  }
}
