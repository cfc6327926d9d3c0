// The keys of the images task, and which of their values do not go together.

import MePropCore
import MePropData
import MePropNN
import MePropTraining

/// The configuration of the images task.
public enum ImagesConfiguration {
  /// All keys, in the order in which they are rendered.
  public static let schema = ConfigurationSchema(
    dataKeys + shared.runKeys + networkKeys + shared.selectionKeys + shared.stepKeys)

  private static let shared = SharedSettings(
    examples: "images", batchUnit: ("images", ""), batchSize: 64, metric: "dev accuracy",
    epochs: .constant(5), policy: "sampled", k: .ratio(0.05),
    whole: "the layer's outputs, of a convolution those before pooling; with unified, of its "
      + "channels",
    memory: (0, "0"),
    rate: .automatic(AutomaticRate(adam: 0.001, batch: 64)), skipsEasy: true, cutsUnits: false)

  private static let dataKeys: [ConfigurationKey] = [
    .init(
      "preset", .choice(["default", "digits"]), default: .string("default"), valueName: "name",
      "where other keys are not set: digits is what 'train digits' does: two dense layers of 500, "
        + "two epochs, batch top-k with memory"),
    .init(
      "data", .string, default: .string("mnist"), valueName: "name|folder",
      "name of a data set (see 'meprop data list'), or folder of idx or CIFAR files or of "
        + "folders of "
        + "PNG and JPEG files, one for each class"),
    .init(
      "classes", .auto(.int(2...100_000)), default: .auto,
      "number of classes; labels are below it; auto is what the training images have"),
    .init(
      "size", .auto(.string), default: .auto, valueName: "n|hxw",
      "size that all images are scaled and cropped to, such as 32 or 32x48; auto takes them as "
        + "they "
        + "are, all alike"),
    .init(
      "color", .choice(["auto", "grey", "rgb"]), default: .string("auto"),
      "channels of an image; auto is grey if all are"),
    .init(
      "dev-share", .double(NumberBounds(lower: 0.001, upper: 0.9)), default: .double(0.1),
      "share of the training images of each class held out for development, where there is no part "
        + "for it"),
    .init(
      "test-share", .double(NumberBounds(lower: 0.001, upper: 0.9)), default: .double(0.1),
      "the same for test"),
    .init("split-seed", .int(0...Int.max), default: .int(1), "seed of what is held out"),
    .init(
      "train-limit", .optional(.int(2...Int.max)), default: .none,
      "train on about so many of the other training images only, alike of every class"),
    .init(
      "shift", .int(0...1000), default: .int(0),
      "training images are moved by up to so many pixels, at random"),
    .init("mirror", .bool, default: .bool(false), "half of the training images are mirrored"),
  ]

  private static let networkKeys: [ConfigurationKey] = [
    .init(
      "network", .auto(.choice(ImageNetworkPlan.Preset.allCases.map(\.rawValue))), default: .auto,
      "dense layers only, two convolutions with pooling, or convolutions in pairs; auto is cnn, or "
        + "what layers says"),
    .init(
      "layers", .optional(.textList), default: .none, valueName: "layer,layer,…",
      "the layers before the output layer, such as conv 32 5x5 padding 2 pool 2, max-pool 2, "
        + "average-pool 2, global-average-pool, batch-norm, dropout 0.5, dense 256"),
    .init(
      "hidden", .auto(.intList(1...1_000_000)), default: .auto,
      "widths of the dense layers of network; auto is 500,500 for mlp, 256 for lenet and cnn"),
    .init(
      "dropout", .auto(.double(.share)), default: .auto, valueName: "p|auto",
      "share of the outputs of dense layers of network that are dropped in training; cnn drops "
        + "half "
        + "as much after pooling; auto is 0.5 for cnn, else 0"),
    .init(
      "initialization", .choice(Initialization.allCases.map(\.rawValue)),
      default: .string(Initialization.heNormal.rawValue), valueName: "name",
      "how weights start; uniform-fan-in is PyTorch's"),
  ]

  /// What the preset `digits` sets where nobody else does: the defaults of the digits task.
  static let digitsValues: [(key: String, value: String)] = [
    ("network", "mlp"), ("batch", "100"), ("epochs", "2"), ("learning-rate", "0.00316"),
  ]
  /// The same of selection, which goes together.
  static let digitsSelection: [(key: String, value: String)] = [
    ("select", "batch-top-k"), ("k", "0.04"), ("memory", "0.9"),
  ]

  /// Decides what is left open and checks that all settings go together.
  ///
  /// - Parameters:
  ///   - configuration: Of `schema`.
  ///   - data: What is trained on, where that is known already.
  /// - Returns: The settings, and the configuration that gives just these again.
  /// - Throws: `ConfigurationError` naming the place of the setting to change.
  public static func resolve(
    _ configuration: Configuration, for data: ImageData? = nil
  ) throws -> (settings: ImagesSettings, configuration: Configuration) {
    var resolved = configuration
    if configuration.string("preset") == "digits" { try applyDigits(to: &resolved) }
    try shared.resolve(
      &resolved, asked: configuration, data: "the name of a data set or a folder")
    try decideNetwork(&resolved)
    let layers = layers(of: resolved, for: data?.training.shape)
    let settings = ImagesSettings(
      data: resolved.string("data"), options: try options(resolved),
      trainingLimit: resolved.optionalInt("train-limit"),
      augmentation: Augmentation(
        shift: resolved.int("shift"), mirrors: resolved.bool("mirror")),
      layers: layers,
      initialization: Initialization(rawValue: resolved.string("initialization")) ?? .heNormal,
      steps: StepSettings(resolved: resolved))
    try check(settings, resolved, data)
    return (settings, resolved)
  }

  /// A network or a policy that the user named has settings of its own.
  private static func applyDigits(to configuration: inout Configuration) throws {
    let values =
      configuration.value("layers") == .none ? digitsValues : Array(digitsValues.dropFirst())
    let keepsSelection = configuration.origin(of: "select") != .defaultValue
    try configuration.apply(preset: values + (keepsSelection ? [] : digitsSelection))
  }

  /// What the user named, or what goes with it.
  private static func decideNetwork(_ configuration: inout Configuration) throws {
    if configuration.value("layers") != .none {
      for key in ["network", "hidden", "dropout"] where configuration.value(key) != .auto {
        throw configuration.conflict(
          key, "layers says what the network is; leave one of them out")
      }
      return
    }
    let preset =
      configuration.optionalString("network").flatMap(ImageNetworkPlan.Preset.init(rawValue:))
      ?? .cnn
    try configuration.set(
      "network", to: preset.rawValue, from: configuration.origin(of: "network"))
    if configuration.value("hidden") == .auto {
      try configuration.set(
        "hidden", to: ConfigurationValue.intList(preset.hidden).text,
        from: configuration.origin(of: "hidden"))
    }
    if configuration.value("dropout") == .auto {
      try configuration.set(
        "dropout", to: preset == .cnn ? "0.5" : "0", from: configuration.origin(of: "dropout"))
    }
  }

  private static func layers(of configuration: Configuration, for shape: ImageShape?) -> [String] {
    if configuration.value("layers") != .none { return configuration.textList("layers") }
    let preset = ImageNetworkPlan.Preset(rawValue: configuration.string("network")) ?? .cnn
    return preset.layers(
      configuration.intList("hidden"), dropout: configuration.double("dropout"), for: shape)
  }

  private static func options(_ configuration: Configuration) throws -> ImageData.Options {
    var size: ImageExtent?
    if let text = configuration.optionalString("size") {
      let sides = text.split(separator: "x", omittingEmptySubsequences: false).map { Int($0) }
      guard (1...2).contains(sides.count), let height = sides[0],
        let width = sides[sides.count - 1], (1...4096).contains(height),
        (1...4096).contains(width)
      else {
        throw configuration.conflict(
          "size",
          "expected pixels down and across from 1 to 4096, such as 32 or 32x48, found "
            + "'\(text)'")
      }
      size = ImageExtent(height, width)
    }
    let channels: Int? =
      switch configuration.string("color") {
      case "grey": 1
      case "rgb": 3
      default: nil
      }
    return ImageData.Options(
      size: size, channels: channels, classCount: configuration.optionalInt("classes"),
      developmentShare: configuration.double("dev-share"),
      testShare: configuration.double("test-share"),
      splitSeed: UInt64(configuration.int("split-seed")))
  }

  /// Makes the network once, without initial weights, to find what does not fit.
  private static func check(
    _ settings: ImagesSettings, _ configuration: Configuration, _ data: ImageData?
  ) throws {
    let key = configuration.value("layers") == .none ? "network" : "layers"
    do {
      let plan = try ImageNetworkPlan(settings.layers)
      guard let data else { return }
      let shape = data.training.shape
      if settings.augmentation.shift >= min(shape.height, shape.width) {
        throw configuration.conflict(
          "shift", "images are \(shape), expected less than their size; choose a smaller one")
      }
      let network = try plan.makeNetwork(
        shape, classCount: data.training.classes.count, initialization: nil)
      let hidden = network.inner.layers.dropLast()
      try configuration.checkKeptCount(
        upTo: hidden.compactMap(\.selectedWidth).max() ?? 0, "every layer's outputs")
      let hasConvolution = hidden.contains { $0.convolution != nil }
      if hasConvolution, configuration.value("group") != .none {
        throw configuration.conflict(
          "group", "convolutions keep channels for the whole batch; leave it out")
      }
    } catch let problem as LayerText.Problem {
      throw configuration.conflict(key, problem.reason)
    }
  }
}
