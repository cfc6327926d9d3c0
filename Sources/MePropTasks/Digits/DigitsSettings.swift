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
  /// When the run ends.
  public var stopping: StoppingRule
  /// Images a step.
  public var batchSize: Int
  /// The widths of the hidden layers.
  public var hiddenSizes: [Int]
  /// What follows each hidden layer.
  public var activation: Activation
  /// How weights start.
  public var initialization: Initialization
  /// The selection policy of the hidden layers.
  public var selection: SelectionPolicy
  /// Whether the output layer follows the policy too; it is dense if not.
  public var selectsInOutputLayer: Bool
  /// When selection departs from the policy.
  public var schedule: SelectionSchedule
  /// The dropout rate after each hidden layer.
  public var dropout: Float
  /// How parameters follow their gradients.
  public var optimizer: Optimizer
  /// How the learning rate falls over the run.
  public var learningRateSchedule: LearningRateSchedule
  /// What forward products read.
  public var precision: Precision
  /// The seed of all randomness.
  public var seed: UInt64
  /// The number of threads; `nil` to measure.
  public var threadCount: Int?

  /// The policy of each layer, the output layer last.
  public var selectionByLayer: [SelectionPolicy] {
    hiddenSizes.map { _ in selection } + [selectsInOutputLayer ? selection : .dense]
  }

  /// The outputs of each layer, the output layer last.
  public var layerSizes: [Int] { hiddenSizes + [classCount] }

  /// A line for each layer that is dense because k is not below its width.
  public var denseLayerNotes: [String] {
    zip(layerSizes, selectionByLayer).enumerated().compactMap { index, layer in
      let (size, policy) = layer
      guard let k = policy.k, policy.isDense(outputSize: size) else { return nil }
      let count = k.resolved(outputSize: size)
      return "\(MLP.layerName(index)) is dense: k = \(count) is not below its width \(size)"
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
    stopping = configuration.stoppingRule
    batchSize = configuration.int("batch")
    hiddenSizes = configuration.intList("hidden")
    activation = Activation(rawValue: configuration.string("activation")) ?? .relu
    initialization =
      Initialization(rawValue: configuration.string("initialization")) ?? .heNormal
    selection = configuration.selectionPolicy
    if let first = configuration.kByEpoch.first { selection = selection.with(k: .count(first)) }
    selectsInOutputLayer = configuration.bool("select-output")
    schedule = configuration.selectionSchedule
    dropout = Float(configuration.double("dropout"))
    optimizer = configuration.stepOptimizer
    optimizer.clipNorm = configuration.optionalDouble("clip-norm").map { Float($0) }
    learningRateSchedule = configuration.learningRateSchedule
    precision = Precision(rawValue: configuration.string("precision")) ?? .f32
    seed = UInt64(configuration.int("seed"))
    threadCount = configuration.optionalInt("threads")
  }
}
