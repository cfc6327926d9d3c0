// The keys of the digits task, and which of their values do not go together.

import MePropCore
import MePropNN
import MePropTraining

/// The configuration of the digits task.
public enum DigitsConfiguration {
  /// All keys, in the order in which they are rendered.
  public static let schema = ConfigurationSchema(
    dataKeys + shared.runKeys + networkKeys + shared.selectionKeys + [outputKey] + shared.stepKeys
  )

  private static let shared = SharedSettings(
    examples: "images", batchUnit: ("images", ""), batchSize: 100, metric: "dev accuracy",
    epochs: .constant(2), policy: "batch-top-k", k: .ratio(0.04),
    rate: .automatic(AutomaticRate(adam: 0.001, batch: 10)), skipsEasy: true)

  private static let dataKeys: [ConfigurationKey] = [
    .init(
      "data", .string, default: .string("mnist"), valueName: "name|folder",
      "name of a data set (see 'meprop data list') or folder of idx files"),
    .init(
      "classes", .int(2...256), default: .int(10), "number of classes; labels are below it"),
    .init(
      "dev-count", .int(1...Int.max), default: .int(5000),
      "training images held out for development, the first of the file"),
    .init(
      "train-limit", .optional(.int(1...Int.max)), default: .none,
      "train on the first so many of the other training images only"),
  ]

  private static let networkKeys: [ConfigurationKey] = [
    .init(
      "precision", .auto(.choice(Precision.allCases.map(\.rawValue))), default: .auto,
      "numbers that forward products read, in training and of the model; sums and the weights that "
        + "are trained are f32; auto is int8 where the processor has instructions for it, else f32"
    ),
    .init(
      "hidden", .intList(1...1_000_000), default: .intList([500, 500]),
      "widths of the hidden layers"),
    .init(
      "activation", .choice(["relu", "tanh", "sigmoid"]), default: .string("relu"),
      "what follows each hidden layer"),
    .init(
      "initialization", .choice(Initialization.allCases.map(\.rawValue)),
      default: .string(Initialization.heNormal.rawValue), valueName: "name",
      "how weights start; uniform-fan-in is PyTorch's, reference the authors' C# code's"),
    .init(
      "dropout", .double(.share), default: .double(0), valueName: "p",
      "share of the outputs of hidden layers that are dropped in training"),
  ]

  private static let outputKey = ConfigurationKey(
    "select-output", .bool, default: .bool(false), "whether the output layer is sparse too")

  /// Decides what is left open and checks that all settings go together.
  ///
  /// - Parameters:
  ///   - configuration: Of `schema`.
  ///   - inputSize: The pixels of an image, where that is known already.
  /// - Returns: The settings, and the configuration that gives just these again.
  /// - Throws: `ConfigurationError` naming the place of the setting to change.
  public static func resolve(
    _ configuration: Configuration, inputSize: Int? = nil
  ) throws -> (settings: DigitsSettings, configuration: Configuration) {
    var resolved = configuration
    try shared.resolve(
      &resolved, asked: configuration, data: "the name of a data set or a folder")
    if resolved.value("precision") == .auto {
      let precision = InstructionSet.preferred.multipliesBytes ? Precision.int8 : .f32
      try resolved.set(
        "precision", to: precision.rawValue, from: resolved.origin(of: "precision"))
    }
    let settings = DigitsSettings(resolved: resolved)
    try resolved.checkWeightCount(
      ofLayers: (inputSize.map { [$0] } ?? []) + settings.layerSizes)
    let widths = settings.hiddenSizes + (settings.selectsInOutputLayer ? [settings.classCount] : [])
    try resolved.checkKeptCount(
      upTo: widths.max() ?? 0,
      "every layer's width (\(widths.map(String.init).joined(separator: ", ")))")
    return (settings, resolved)
  }
}
