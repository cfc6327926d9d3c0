// What the digits task is trained with, as values of the layers below.

import MePropCore
import MePropNN
import MePropTraining

/// The settings of a digits run, checked against each other.
public struct DigitsSettings: Sendable, Equatable {
  /// A name of the catalogue, or a folder.
  public var data: String
  /// The number of classes; labels are below it.
  public var classCount: Int
  /// The number of training images held out for development.
  public var developmentCount: Int
  /// Only the first so many of the other training images are used; `nil` for all.
  public var trainingLimit: Int?
  /// How it trains.
  public var steps: StepSettings
  /// The widths of the hidden layers.
  public var hiddenSizes: [Int]
  /// What follows each hidden layer.
  public var activation: Activation
  /// How weights start.
  public var initialization: Initialization
  /// Whether the output layer follows the policy too; it is dense if not.
  public var selectsInOutputLayer: Bool
  /// The dropout rate after each hidden layer.
  public var dropout: Float
  /// What forward products read.
  public var precision: Precision

  /// The outputs of each layer, the output layer last.
  public var layerSizes: [Int] { hiddenSizes + [classCount] }

  /// A line for each layer that is dense because k is not below its width.
  public var denseLayerNotes: [String] {
    let layers = selectsInOutputLayer ? layerSizes : hiddenSizes
    return layers.enumerated().compactMap { index, size in
      guard let k = steps.selection.k, steps.selection.isDense(outputSize: size) else { return nil }
      let count = k.resolved(outputSize: size)
      return "layers.\(index) is dense: k = \(count) is not below its width \(size)"
    }
  }
}

extension DigitsSettings {
  /// Reads checked settings out of a configuration.
  ///
  /// - Parameter configuration: Of `DigitsConfiguration.schema`, with `auto` values decided.
  init(resolved configuration: Configuration) {
    data = configuration.string("data")
    classCount = configuration.int("classes")
    developmentCount = configuration.int("dev-count")
    trainingLimit = configuration.optionalInt("train-limit")
    steps = StepSettings(resolved: configuration)
    hiddenSizes = configuration.intList("hidden")
    activation = Activation(rawValue: configuration.string("activation")) ?? .relu
    initialization =
      Initialization(rawValue: configuration.string("initialization")) ?? .heNormal
    selectsInOutputLayer = configuration.bool("select-output")
    dropout = Float(configuration.double("dropout"))
    precision = Precision(rawValue: configuration.string("precision")) ?? .f32
  }
}
