import MePropCore
import MePropNN
import Testing
import _MePropTestSupport

@Suite struct InitializationTests {
  /// The documented deviation of weights, and the bound of uniform ones.
  private func expected(_ initialization: Initialization, fanIn: Double, fanOut: Double) -> (
    deviation: Double, bound: Double?
  ) {
    switch initialization {
    case .heNormal: return ((2 / fanIn).squareRoot(), nil)
    case .glorotUniform:
      let bound = (6 / (fanIn + fanOut)).squareRoot()
      return (bound / 3.0.squareRoot(), bound)
    case .uniformFanIn:
      let bound = 1 / fanIn.squareRoot()
      return (bound / 3.0.squareRoot(), bound)
    case .reference: return ((6 / (fanIn + fanOut)).squareRoot(), nil)
    }
  }

  @Test(arguments: Initialization.allCases)
  func weightsHaveTheDocumentedDistribution(initialization: Initialization) {
    let (inputs, outputs) = (200, 150)
    let layer = initialization.makeLinear(inputSize: inputs, outputSize: outputs, seed: 1, layer: 0)
    let weights = layer.weight.value.elements.map(Double.init)
    let (deviation, bound) = expected(
      initialization, fanIn: Double(inputs), fanOut: Double(outputs))
    let count = Double(weights.count)
    let mean = weights.reduce(0, +) / count
    let variance = weights.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count
    // Deviations of mean and variance of 30,000 numbers; four and five of them.
    #expect(abs(mean) < 4 * deviation / count.squareRoot())
    #expect(abs(variance / (deviation * deviation) - 1) < 5 * (2 / count).squareRoot())
    let largest = weights.map(abs).max() ?? 0
    if let bound {
      #expect(largest <= bound * (1 + 1e-6) && largest > 0.99 * bound)
    } else {
      #expect(largest > 3 * deviation, "normal numbers have tails")
    }
    let biases = layer.bias.value.elements.map(Double.init)
    if initialization == .uniformFanIn {
      #expect(biases.allSatisfy { abs($0) <= 1 / Double(inputs).squareRoot() })
      #expect(Set(biases).count > 100)
    } else {
      #expect(biases.allSatisfy { $0 == 0 })
    }
  }

  @Test(arguments: Initialization.allCases)
  func isAFunctionOfSeedAndLayer(initialization: Initialization) {
    func layer(seed: UInt64, index: Int) -> Linear {
      initialization.makeLinear(inputSize: 9, outputSize: 7, seed: seed, layer: index)
    }
    #expect(layer(seed: 1, index: 0) == layer(seed: 1, index: 0))
    #expect(layer(seed: 1, index: 0) != layer(seed: 2, index: 0))
    #expect(layer(seed: 1, index: 0) != layer(seed: 1, index: 1))
  }

  @Test func namesAreStable() {
    #expect(
      Initialization.allCases.map(\.rawValue) == [
        "he-normal", "glorot-uniform", "uniform-fan-in", "reference",
      ])
    #expect(
      Perceptron.perceptron([2, 3, 1], seed: 1).named("layers").parameters.map(\.name) == [
        "layers.0.weight", "layers.0.bias", "layers.1.weight", "layers.1.bias",
      ])
    #expect(Optimizer.UntouchedRows.allCases.map(\.rawValue) == ["update", "skip"])
  }

  @Test func aNetworkHasTheSizesAskedFor() {
    let network = Perceptron.perceptron([7, 5, 9, 3], dropout: 0.25, seed: 1)
    #expect(network.layers.map(\.inputSize) == [7, 5, 9])
    #expect(network.layers.map(\.outputSize) == [5, 9, 3])
    #expect(network.layers.map(\.weight.rowCount) == [5, 9, 3], "weights are [outputs, inputs]")
    #expect(network.inputSize == 7 && network.outputSize == 3)
    #expect(network.layers.map(\.activation) == [.relu, .relu, .identity])
    #expect(network.layers.map(\.dropout.rate) == [0.25, 0.25, 0])
    #expect(network.layers.map(\.weight.decays) == [true, true, true])
    #expect(network.layers.map(\.bias.decays) == [false, false, false])
    #expect(Perceptron.perceptron([7, 3], seed: 1).layers.count == 1)
  }
}
