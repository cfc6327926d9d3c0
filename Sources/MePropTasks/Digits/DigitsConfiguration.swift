// The keys of the digits task, and which of their values do not go together.

import Foundation
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

  private static let selectionKeys: [ConfigurationKey] = [
    .init(
      "select", .choice(["dense", "top-k", "unified", "random-k", "auto"]),
      default: .string("top-k"),
      "which entries of output gradients take part in back propagation; auto measures a few steps first"
    ),
    .init(
      "k", .countOrRatio, default: .ratio(0.1),
      "how many entries are kept, as a count or as a share of the layer's width"),
    .init(
      "k-epochs", .optional(.intList(1...Int.max)), default: .none,
      "k in epoch 1, 2, …; the last one holds from there on; overrides k"),
    .init(
      "memory", .auto(.double(NumberBounds(lower: 0, upper: 1))), default: .auto,
      "unit memory: how much of what selection left out is added back; auto is \(autoMemory) with "
        + "top-k and unified, 0 without"),
    .init(
      "memory-scope", .choice(MemoryScope.allCases.map(\.rawValue)),
      default: .string(MemoryScope.unit.rawValue),
      "what a memory belongs to: slot, a control for experiments, is a unit in one place of the batch"
    ),
    .init(
      "group", .optional(count), default: .none,
      "with unified: images that share one support; none is the whole batch"),
    .init("dense-start", .int(0...Int.max), default: .int(0), "first steps that are dense"),
    .init(
      "dense-every", .int(0...Int.max), default: .int(0),
      "every how many steps one is dense; 0 is never"),
    .init(
      "select-output", .bool, default: .bool(false), "whether the output layer is sparse too"),
  ]

  private static let stepKeys: [ConfigurationKey] = [
    .init(
      "optimizer", .choice(["adam", "adagrad", "sgd"]), default: .string("adam"),
      "how parameters follow their gradients"),
    .init(
      "learning-rate", .auto(.double(NumberBounds(lower: 1e-30, upper: 1e30))), default: .auto,
      "step size at the start; auto is sqrt(batch / 10) times 0.001 for adam, 0.01 for adagrad and "
        + "0.05 for sgd"),
    .init(
      "learning-rate-schedule", .choice(LearningRateSchedule.allCases.map(\.rawValue)),
      default: .string(LearningRateSchedule.linear.rawValue),
      "how the step size falls over all epochs"),
    .init("momentum", .double(.share), default: .double(0), "momentum of sgd"),
    .init(
      "untouched", .choice(Optimizer.UntouchedRows.allCases.map(\.rawValue)),
      default: .string(Optimizer.UntouchedRows.skip.rawValue),
      "weight rows that a gradient does not touch: as a dense optimizer would, or not at all"),
    .init(
      "l2", .double(NumberBounds(lower: 0, upper: 1e30)), default: .double(0),
      "factor of L2 regularization of weights"),
    .init(
      "weight-decay", .double(NumberBounds(lower: 0, upper: 1e30)), default: .double(0),
      "decoupled weight decay (AdamW)"),
    .init(
      "clip-value", .optional(.double(positive)), default: .none,
      "largest magnitude left of each gradient element"),
    .init(
      "clip-norm", .optional(.double(positive)), default: .none,
      "largest norm left of all gradients together"),
  ]

  private static let positive = NumberBounds(lower: 1e-30, upper: 1e30)

  /// What `memory: auto` stands for where there is memory at all.
  static let autoMemory = 0.9

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
    let policy = configuration.string("select")
    if configuration.value("memory") == .auto {
      let memory = policy == "top-k" || policy == "unified" ? autoMemory : 0
      try resolved.set("memory", to: String(memory), from: configuration.origin(of: "memory"))
    }
    if configuration.value("learning-rate") == .auto {
      try resolved.set(
        "learning-rate", to: automaticLearningRate(configuration),
        from: configuration.origin(of: "learning-rate"))
    }
    try checkSelection(resolved)
    try checkWidths(resolved)
    if configuration.string("data").isEmpty {
      throw configuration.conflict(
        "data", "expected the name of a data set or a folder, found nothing")
    }
    return (DigitsSettings(resolved: resolved), resolved)
  }

  /// The learning rate that suits the optimizer and the batch: noise in a mean over a batch falls with the root of its
  /// size, and the step may grow with it.
  private static func automaticLearningRate(_ configuration: Configuration) -> String {
    let base =
      switch configuration.string("optimizer") {
      case "adagrad": 0.01
      case "sgd": 0.05
      default: 0.001
      }
    return String(format: "%.4g", base * (Double(configuration.int("batch")) / 10).squareRoot())
  }

  private static func checkSelection(_ configuration: Configuration) throws {
    let policy = configuration.string("select")
    try configuration.checkSelectionValues()
    guard policy == "dense" else { return }
    // A complete file has a k even where the policy has none; a flag is meant.
    switch configuration.origin(of: "k") {
    case .flag, .assignment:
      throw configuration.conflict("k", "--select dense keeps all entries; leave k out")
    case .file, .defaultValue: break
    }
    let meaningless = [
      ("k-epochs", configuration.value("k-epochs") != .none),
      ("dense-start", configuration.int("dense-start") > 0),
      ("dense-every", configuration.int("dense-every") > 0),
      ("select-output", configuration.bool("select-output")),
    ]
    if let (key, _) = meaningless.first(where: \.1) {
      throw configuration.conflict(key, "--select dense is always dense; leave it out")
    }
  }

  private static func checkWidths(_ configuration: Configuration) throws {
    let hidden = configuration.intList("hidden")
    let classes = configuration.int("classes")
    try checkSize(of: hidden + [classes], configuration)
    guard configuration.string("select") != "dense" else { return }
    let widths = hidden + (configuration.bool("select-output") ? [classes] : [])
    let widest = widths.max() ?? 0
    func check(_ key: String, _ k: Int) throws {
      guard k > widest else { return }
      throw configuration.conflict(
        key,
        "\(k) is above every layer's width (\(widths.map(String.init).joined(separator: ", "))); "
          + "choose at most \(widest), or --select dense")
    }
    if configuration.kByEpoch.isEmpty {
      try check("k", configuration.selectionCount.resolved(outputSize: widest))
    }
    for k in configuration.kByEpoch { try check("k-epochs", k) }
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
