import MePropCore

/// How weights start.
///
/// Biases start at zero, except under `.uniformFanIn`.
///
/// fan-in is the number of inputs of a layer, fan-out that of its outputs. Random numbers come from
/// sequence `RandomPurpose.initialization.stream(layer)` of the seed.
public enum Initialization: String, Sendable, CaseIterable {
  /// Weights normal with deviation √(2 / fan-in) (He et al., 2015), for ReLU layers.
  case heNormal = "he-normal"
  /// Weights uniform within ±√(6 / (fan-in + fan-out)) (Glorot and Bengio, 2010).
  case glorotUniform = "glorot-uniform"
  /// Weights and biases uniform within ±1/√fan-in: what PyTorch's `Linear` does.
  case uniformFanIn = "uniform-fan-in"
  /// Weights normal with deviation √(6 / (fan-in + fan-out)): what the authors' C# code does.
  case reference

  /// Returns a layer of `outputSize` × `inputSize` weights; `layer` is its place in the network.
  public func makeLinear(inputSize: Int, outputSize: Int, seed: UInt64, layer: Int) -> Linear {
    var random = Philox(seed: seed, stream: RandomPurpose.initialization.stream(layer))
    let fanIn = Float(max(inputSize, 1))
    let sum = Float(max(inputSize + outputSize, 1))
    var weight = Matrix(rowCount: outputSize, columnCount: inputSize)
    var bias = Matrix(rowCount: 1, columnCount: outputSize)
    for row in 0..<outputSize {
      weight.withMutableRow(row) { weights in
        for column in weights.indices {
          weights[column] =
            switch self {
            case .heNormal: (2 / fanIn).squareRoot() * random.nextNormal()
            case .glorotUniform: (6 / sum).squareRoot() * (2 * random.nextUniform() - 1)
            case .uniformFanIn: (1 / fanIn).squareRoot() * (2 * random.nextUniform() - 1)
            case .reference: (6 / sum).squareRoot() * random.nextNormal()
            }
        }
      }
    }
    if self == .uniformFanIn {
      bias.withMutableRow(0) { bias in
        for column in bias.indices {
          bias[column] = (1 / fanIn).squareRoot() * (2 * random.nextUniform() - 1)
        }
      }
    }
    return Linear(weight: Parameter(weight), bias: Parameter(bias, decays: false))
  }
}
