import MePropCore

/// A multilayer perceptron: linear layers with an activation after each but the last.
public struct MLP: Sendable, Equatable {
  /// The layers from the input on.
  public var layers: [Linear]
  /// What follows each layer but the last.
  public var activation: Activation

  /// Creates a network with initialized parameters.
  ///
  /// - Parameters:
  ///   - inputSize: The number of inputs, at least 1.
  ///   - hiddenSizes: The widths of the hidden layers, each at least 1; may be empty.
  ///   - outputSize: The number of outputs, at least 1.
  ///   - activation: What follows each layer but the last.
  ///   - initialization: How weights start.
  ///   - seed: Of the random numbers.
  public init(
    inputSize: Int, hiddenSizes: [Int], outputSize: Int, activation: Activation = .relu,
    initialization: Initialization = .heNormal, seed: UInt64
  ) {
    let sizes = [inputSize] + hiddenSizes + [outputSize]
    precondition(sizes.allSatisfy { $0 >= 1 }, "MLP: sizes are \(sizes), expected at least 1 each")
    layers = (0..<(sizes.count - 1)).map {
      initialization.makeLinear(
        inputSize: sizes[$0], outputSize: sizes[$0 + 1], seed: seed, layer: $0)
    }
    self.activation = activation
  }

  /// Creates a network from its layers; each must take as many inputs as the one before has outputs.
  public init(layers: [Linear], activation: Activation) {
    precondition(!layers.isEmpty, "MLP: found no layers, expected at least 1")
    for (a, b) in zip(layers, layers.dropFirst()) {
      precondition(
        a.outputSize == b.inputSize,
        "MLP: a layer of \(a.outputSize) outputs before one of \(b.inputSize) inputs")
    }
    self.layers = layers
    self.activation = activation
  }

  /// The number of inputs.
  public var inputSize: Int { layers[0].inputSize }
  /// The number of outputs.
  public var outputSize: Int { layers[layers.count - 1].outputSize }
  /// The widths of the hidden layers.
  public var hiddenSizes: [Int] { layers.dropLast().map(\.outputSize) }

  /// The stable name of a layer, the prefix of its parameters' names: `layers.0`, `layers.1`, ….
  public static func layerName(_ index: Int) -> String { "layers.\(index)" }

  /// The activation of layer `index`.
  public func activation(ofLayer index: Int) -> Activation {
    index == layers.count - 1 ? .identity : activation
  }
}
