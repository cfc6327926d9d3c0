// The network of the parser: a sum over features, hidden layers, a score a transition.

import MePropCore
import MePropNN

/// The sizes of a parser's network.
public struct ParserShape: Sendable, Equatable, Codable {
  /// The numbers of a symbol's embedding.
  public var embeddingSize = 50
  /// The widths of the hidden layers, the feature layer's first.
  public var hiddenSizes = [500, 500]
  /// What follows the feature layer: `relu`, `cube` or `tanh`; other layers have ReLU.
  public var activation = FeatureSum.Activation.relu.rawValue

  /// Creates the paper's sizes.
  public init() {}
}

/// A parser's classifier (Chen and Manning, 2014, with as many hidden layers as one likes).
///
/// Parameters are `features.embeddings`, `features.weight`, `features.bias`, `layers.0.weight`,
/// ….
public typealias ParserNetwork = Chain<Named<FeatureSum>, Named<Stack<Linear>>>

extension ParserNetwork {
  /// Creates a network with initialized parameters, as PyTorch would initialize linear layers.
  ///
  /// - Parameters:
  ///   - shape: The sizes.
  ///   - layout: The symbols and positions of features.
  ///   - transitionCount: The number of scores.
  ///   - embeddingScale: Embeddings start within ± this.
  ///   - dropout: The share of outputs of hidden layers that are dropped in training.
  ///   - precision: What forward products above the feature layer read.
  ///   - seed: Of the random numbers.
  init(
    shape: ParserShape, layout: FeatureLayout, transitionCount: Int, embeddingScale: Float,
    dropout: Float = 0, precision: Precision = .f32, seed: UInt64
  ) {
    var features = FeatureSum(
      symbolCount: layout.symbolCount, embeddingSize: shape.embeddingSize,
      positionCount: layout.positionCount, outputSize: shape.hiddenSizes[0],
      embeddingScale: embeddingScale, initialization: .uniformFanIn, seed: seed)
    features.activation = FeatureSum.Activation(rawValue: shape.activation) ?? .relu
    // The layers above take sequences step × layers + layer.
    let site = RandomSite(offset: 1 << 40, stride: 1)
    features.dropout = DropoutRate(dropout, site: site)
    features.selector.site = site
    self = Chain {
      features.named("features")
      Stack.perceptron(
        shape.hiddenSizes + [transitionCount], dropout: dropout, precision: precision,
        initialization: .uniformFanIn, seed: seed, firstLayer: 2
      ).named("layers")
    }
  }

  /// From features to the first hidden layer.
  var features: FeatureSum { first.inner }
  /// From the first hidden layer to a score for each transition.
  var layers: Stack<Linear> { second.inner }

  /// The layers above the feature layer, whose products read `precision`.
  func layers(computingIn precision: Precision) -> Stack<Linear> {
    var layers = second.inner
    for index in layers.layers.indices { layers.layers[index].precision = precision }
    return layers
  }
}
