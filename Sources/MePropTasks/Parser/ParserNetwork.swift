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
  public var activation = FeatureActivation.relu.rawValue

  /// Creates the paper's sizes.
  public init() {}
}

/// The parameters of a parser (Chen and Manning, 2014, with as many hidden layers as one likes).
public struct ParserNetwork: Sendable, Equatable {
  /// From features to the first hidden layer.
  public var features: FeatureLayer
  /// What follows the first layer.
  public var activation: FeatureActivation
  /// From the first hidden layer to a score for each transition; ReLU between.
  public var rest: MLP

  /// Creates a network with initialized parameters, as PyTorch would initialize linear layers.
  init(
    shape: ParserShape, layout: FeatureLayout, transitionCount: Int, embeddingScale: Float,
    seed: UInt64
  ) {
    let first = shape.hiddenSizes[0]
    activation = FeatureActivation(rawValue: shape.activation) ?? .relu
    features = FeatureLayer(
      symbolCount: layout.symbolCount, size: shape.embeddingSize,
      positionCount: layout.positionCount, outputSize: first, embeddingScale: embeddingScale,
      initialization: .uniformFanIn, seed: seed, firstStream: 0)
    let sizes = shape.hiddenSizes + [transitionCount]
    rest = MLP(
      layers: (1..<sizes.count).map {
        Initialization.uniformFanIn.makeLinear(
          inputSize: sizes[$0 - 1], outputSize: sizes[$0], seed: seed, layer: 1 + $0)
      }, activation: .relu)
  }

  /// Creates a network from its parts, whose sizes must fit.
  public init(features: FeatureLayer, activation: FeatureActivation, rest: MLP) {
    precondition(
      features.outputSize == rest.inputSize,
      "ParserNetwork: \(features.outputSize) outputs before a layer of \(rest.inputSize) inputs")
    self.features = features
    self.activation = activation
    self.rest = rest
  }

  /// All parameters: embeddings, weight and bias of the first layer, then weight and bias of each other.
  var parameters: [Matrix] {
    [features.embeddings, features.weight, features.bias]
      + rest.layers.flatMap { [$0.weight, $0.bias] }
  }

  /// A network of the same shape with other parameters, in the order of ``parameters``.
  func replacing(parameters: [Matrix]) -> ParserNetwork {
    let layers = stride(from: 3, to: parameters.count, by: 2).map {
      Linear(weight: parameters[$0], bias: parameters[$0 + 1])
    }
    return ParserNetwork(
      features: FeatureLayer(
        embeddings: parameters[0], weight: parameters[1], bias: parameters[2]),
      activation: activation, rest: MLP(layers: layers, activation: .relu))
  }

  /// The sizes.
  public var shape: ParserShape {
    var shape = ParserShape()
    shape.embeddingSize = features.embeddingSize
    shape.hiddenSizes = [features.outputSize] + rest.hiddenSizes
    shape.activation = activation.rawValue
    return shape
  }
}
