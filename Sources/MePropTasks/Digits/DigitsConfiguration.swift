// The keys of the digits task, and which of their values do not go together.

import MePropCore
import MePropNN
import MePropTraining

/// The configuration of the digits task.
public enum DigitsConfiguration {
  /// All keys, in the order in which they are rendered.
  public static let schema = ConfigurationSchema(dataKeys + networkKeys + selectionKeys + stepKeys)

  private static let count = ConfigurationKind.int(1...Int.max)
  private static let dataKeys: [ConfigurationKey] = [
    .init(
      "data", .string, default: .string("mnist"),
      "name of a data set (see 'meprop data list') or folder of idx files"),
    .init(
      "classes", .int(2...256), default: .int(10), "number of classes; labels are below it"),
    .init(
      "dev-count", .int(1...Int.max), default: .int(5000),
      "training images held out for development, the first of the file"),
    .init(
      "train-limit", .optional(count), default: .none,
      "train on the first so many of the other training images only"),
    .init(
      "epochs", .int(1...1_000_000), default: .int(3), mayChangeOnResume: true,
      "passes over the training images"),
    .init(
      "patience", .optional(count), default: .none, mayChangeOnResume: true,
      "stop after so many epochs without a better dev accuracy"),
    .init(
      "target", .optional(.double(NumberBounds(lower: 0, upper: 100))), default: .none,
      mayChangeOnResume: true, "stop once the dev accuracy, in percent, reaches this"),
    .init("batch", .int(1...1_000_000), default: .int(100), "images a step"),
    .init("seed", .int(0...Int.max), default: .int(1), "seed of all random numbers"),
    .init(
      "threads", .auto(.int(1...256)), default: .auto, mayChangeOnResume: true,
      "threads to compute with; auto measures a few steps; results do not depend on it"),
    .init(
      "precision", .choice(Precision.allCases.map(\.rawValue)),
      default: .string(Precision.f32.rawValue),
      "numbers that forward products read, in training and of the model; sums and the weights that "
        + "are trained are f32"),
  ]

  private static let networkKeys: [ConfigurationKey] = [
    .init(
      "hidden", .intList(1...1_000_000), default: .intList([500, 500]),
      "widths of the hidden layers"),
    .init(
      "activation", .choice(["relu", "tanh", "sigmoid"]), default: .string("relu"),
      "what follows each hidden layer"),
    .init(
      "initialization", .choice(Initialization.allCases.map(\.rawValue)),
      default: .string(Initialization.heNormal.rawValue),
      "how weights start; uniform-fan-in is PyTorch's, reference the authors' C# code's"),
    .init(
      "dropout", .double(.share), default: .double(0),
      "share of the outputs of hidden layers that fall out in training"),
  ]

  private static let selectionKeys =
    SharedKeys.selection(
      of: "output gradients", k: (.ratio(0.1), "the layer's width"),
      autoMemory: "\(SharedKeys.autoMemory) with top-k and unified, 0 without",
      examples: "images") + [
      .init(
        "select-output", .bool, default: .bool(false), "whether the output layer is sparse too")
    ]

  private static let automaticRate = AutomaticRate(adam: 0.001, batch: 10)
  private static let stepKeys =
    SharedKeys.steps(rate: .automatic(automaticRate), average: nil, rows: "weight rows") + [
      SharedKeys.clipNorm
    ]

  /// The most weights that a network may have: with moments and a gradient some 3 GB.
  static let maximumWeightCount = 200_000_000

  /// Decides what is left open and checks that all settings go together.
  ///
  /// - Parameter configuration: Of `schema`.
  /// - Returns: The settings, and the configuration that gives just these again.
  /// - Throws: `ConfigurationError` naming the place of the setting to change.
  public static func resolve(
    _ configuration: Configuration
  ) throws -> (settings: DigitsSettings, configuration: Configuration) {
    var resolved = configuration
    try configuration.requireDecidedSelection()
    try resolved.decideMemory(SharedKeys.autoMemory)
    try resolved.decideLearningRate(automaticRate)
    try resolved.checkSelectionValues()
    try resolved.checkDenseSelection(asked: configuration)
    try checkWidths(resolved)
    if configuration.string("data").isEmpty {
      throw configuration.conflict(
        "data", "expected the name of a data set or a folder, found nothing")
    }
    return (DigitsSettings(resolved: resolved), resolved)
  }

  private static func checkWidths(_ configuration: Configuration) throws {
    let hidden = configuration.intList("hidden")
    let classes = configuration.int("classes")
    try checkSize(of: hidden + [classes], configuration)
    let widths = hidden + (configuration.bool("select-output") ? [classes] : [])
    try configuration.checkKeptCount(
      upTo: widths.max() ?? 0,
      "every layer's width (\(widths.map(String.init).joined(separator: ", ")))")
  }

  /// Throws if a network of these layer sizes, from the first known one on, has too many weights.
  static func checkSize(of sizes: [Int], _ configuration: Configuration) throws {
    let weights = zip(sizes, sizes.dropFirst()).reduce(0) { $0 + $1.0 * $1.1 }
    guard weights <= maximumWeightCount else {
      throw configuration.conflict(
        "hidden",
        "expected at most \(maximumWeightCount) weights, found \(weights); choose fewer or "
          + "narrower layers")
    }
  }
}
