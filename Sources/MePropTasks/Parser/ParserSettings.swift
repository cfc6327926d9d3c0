// What the parser task is trained with, as values of the layers below.

import MePropCore
import MePropNN
import MePropTraining

/// The settings of a parser run, checked against each other.
public struct ParserSettings: Sendable, Equatable {
  /// The name of a treebank, or a folder.
  public var data: String
  /// The folder of the tagger whose tags are read; `nil` for the treebank's tags.
  public var tagger: String?
  /// The folds of training sentences that are tagged by taggers trained on the others.
  public var foldCount: Int
  /// What the parser is told of a word.
  public var choice: ParserFeatureChoice
  /// Whether `nsubj:pass` is another relation than `nsubj`.
  public var keepsSubtypes: Bool
  /// Only the first so many training sentences are used; `nil` for all.
  public var trainingLimit: Int?
  /// The transition system.
  public var system: TransitionSystem
  /// How often the parser goes its own way in training, from 0 to 1.
  public var explorationShare: Double
  /// The first epoch in which it does.
  public var explorationStart: Int
  /// The sizes of the network.
  public var shape: ParserShape
  /// Embeddings start within ± this.
  public var embeddingScale: Float
  /// The share of words that are unknown in training.
  public var wordDropout: Double
  /// How it trains.
  public var steps: StepSettings
  /// The share of the units of hidden layers that are dropped.
  public var dropout: Float
  /// What forward products above the feature layer read.
  public var precision: Precision

  /// Reads checked settings out of a configuration of `ParserConfiguration.schema`.
  init(resolved configuration: Configuration) {
    data = configuration.string("data")
    tagger = configuration.optionalString("tagger")
    foldCount = configuration.int("folds")
    choice = ParserFeatureChoice(
      tagColumns: ParserTagColumns(rawValue: configuration.string("columns")) ?? .both,
      prefixLength: configuration.int("prefix"), suffixLength: configuration.int("suffix"))
    keepsSubtypes = configuration.string("relations") == "full"
    trainingLimit = configuration.optionalInt("train-limit")
    system = TransitionSystem(rawValue: configuration.string("system")) ?? .arcHybrid
    explorationShare = configuration.double("explore")
    explorationStart = configuration.int("explore-from")
    shape = ParserShape()
    shape.embeddingSize = configuration.int("embedding-size")
    shape.hiddenSizes = configuration.intList("hidden")
    shape.activation = configuration.string("activation")
    embeddingScale = Float(configuration.double("embedding-scale"))
    wordDropout = configuration.double("word-dropout")
    steps = StepSettings(resolved: configuration)
    dropout = Float(configuration.double("dropout"))
    precision = Precision(rawValue: configuration.string("precision")) ?? .f32
  }
}
