import MePropCore
import MePropNN
import Testing
import _MePropTestSupport

extension NaiveMLP {
  /// The same network in double precision.
  init(_ network: Perceptron) {
    self.init(
      layers: network.layers.map {
        Layer(
          weight: DoubleMatrix($0.weight.value), bias: $0.bias.value.elements.map(Double.init))
      }, activation: network.layers[0].activation)
  }
}

/// Training by plain gradient descent in double precision, with all that a trainer can do.
struct NaiveTraining {
  var network: NaiveMLP
  let rate: Double
  let policies: [SelectionPolicy]
  var schedule = SelectionSchedule()
  var dropout: Float = 0
  var seed: UInt64 = 1
  private(set) var step = 0
  private(set) var memory: [[Double]]
  /// The gradients of the last step.
  private(set) var gradients: [NaiveMLP.Gradient] = []

  init(_ network: Perceptron, rate: Float, policies: [SelectionPolicy]) {
    self.network = NaiveMLP(network)
    self.rate = Double(rate)
    self.policies = policies
    memory = network.layers.map { Array(repeating: 0, count: $0.outputSize) }
  }

  /// Does one step and returns the loss added up over the batch.
  mutating func train(_ input: Matrix, labels: [Int32], epoch: Int = 1) throws -> Double {
    step += 1
    let count = network.layers.count
    var factors: [DoubleMatrix] = []
    if dropout > 0 {
      factors = (0..<(count - 1)).map { index in
        NaiveReference.dropoutFactors(
          Dropout(
            rate: dropout, seed: seed, stream: RandomPurpose.dropout.stream(step * count + index)),
          rowCount: input.rowCount, columnCount: network.layers[index].weight.rowCount)
      }
    }
    let cache = network.forward(DoubleMatrix(input), dropout: factors)
    let loss = (0..<input.rowCount).reduce(0.0) {
      $0
        + NaiveReference.crossEntropy(
          cache.activations[count].row($1), label: Int(labels[$1]))
    }
    let effective = (0..<count).map { schedule.policy(policies[$0], step: step, epoch: epoch) }
    let scaled = (0..<count).map { index in
      memory[index].map { $0 * Double(policies[index].memory) }
    }
    gradients = network.backward(cache, labels: labels, dropout: factors, memory: scaled) {
      index, d in
      kept(of: d, by: effective[index], layer: index)
    }
    for (index, gradient) in gradients.enumerated() {
      if policies[index].memory > 0 {
        memory[index] = NaiveReference.remainder(of: gradient.full, kept: gradient.kept)
      }
      for entry in gradient.weight.elements.indices {
        network.layers[index].weight.elements[entry] -= rate * gradient.weight.elements[entry]
      }
      for entry in gradient.bias.indices {
        network.layers[index].bias[entry] -= rate * gradient.bias[entry]
      }
    }
    return loss
  }

  private func kept(of d: DoubleMatrix, by policy: SelectionPolicy, layer: Int) -> [[Int]]? {
    guard !policy.isDense(outputSize: d.columnCount), let k = policy.k else { return nil }
    let count = k.resolved(outputSize: d.columnCount)
    switch policy {
    case .dense: return nil
    case .top: return NaiveReference.topIndices(of: d, count: count)
    case .unified(_, let groupSize, _):
      return NaiveReference.unifiedIndices(of: d, count: count, groupSize: groupSize ?? d.rowCount)
    case .batchTop, .sampled: preconditionFailure("NaiveTraining: no reference for \(policy)")
    case .random:
      let support = GradientSupport()
      let stream = RandomPurpose.selection.stream(step * network.layers.count + layer)
      try? support.selectRandom(count, of: d.single, seed: seed, stream: stream)
      return (0..<d.rowCount).map { support.entries(ofExample: $0).map(\.output) }
    }
  }
}

/// Batches of random inputs and labels.
struct Batches {
  var batches: [(input: Matrix, labels: [Int32])]

  init(_ sizes: [Int], inputSize: Int, classCount: Int, seed: UInt64) {
    var random = Philox(seed: seed, stream: 99)
    batches = sizes.map { size in
      (random.nextMatrix(size, inputSize), random.nextLabels(size, classCount: classCount))
    }
  }
}
