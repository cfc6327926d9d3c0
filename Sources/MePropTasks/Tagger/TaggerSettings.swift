// What the tagger task is trained with, as values of the layers below.

import MePropCore
import MePropData
import MePropNN
import MePropTraining

/// The settings of a tagger run, checked against each other.
public struct TaggerSettings: Sendable, Equatable {
  /// The name of a treebank, or a folder.
  public var data: String
  /// The column to learn.
  public var column: CoNLLUColumn
  /// Only the first so many training sentences are used; `nil` for all.
  public var trainingLimit: Int?
  /// The sizes of the network.
  public var shape: TaggerShape
  /// The deviation of embeddings at the start.
  public var embeddingScale: Float
  /// A file of pre-trained word vectors that embeddings start from; `nil` for none.
  public var vectors: String?
  /// At most so many words of that file that training data lack are added.
  public var vectorLimit: Int
  /// The share of words whose form is unknown in training while their features stay.
  public var wordDropout: Double
  /// How it trains.
  public var steps: StepSettings
  /// The share of inputs, and of outputs of each LSTM layer, that are dropped.
  public var dropout: Float
  /// Whether the same are dropped at all words of a sentence, and of the states as well.
  public var isVariational: Bool
  /// What the products of the LSTM's forward pass read.
  public var precision: Precision

  /// Reads checked settings out of a configuration of `TaggerConfiguration.schema`.
  init(resolved configuration: Configuration) {
    data = configuration.string("data")
    column = CoNLLUColumn.allCases.first { $0.name == configuration.string("column") } ?? .xpos
    trainingLimit = configuration.optionalInt("train-limit")
    shape = TaggerShape()
    shape.wordSize = configuration.int("word-size")
    shape.featureSize = configuration.int("feature-size")
    shape.layerCount = configuration.int("layers")
    shape.setWidths(configuration.intList("hidden"))
    shape.isBidirectional = configuration.bool("bidirectional")
    embeddingScale = Float(configuration.double("embedding-scale"))
    vectors = configuration.optionalString("vectors")
    vectorLimit = configuration.int("vector-limit")
    wordDropout = configuration.double("word-dropout")
    steps = StepSettings(resolved: configuration)
    dropout = Float(configuration.double("dropout"))
    isVariational = configuration.bool("variational")
    precision = Precision(rawValue: configuration.string("precision")) ?? .f32
  }
}
