import MePropCore
import MePropNN

/// Steps of a reference network: forward, gradients, optimizer.
package final class NaiveTrainer {
  package let network: any NaiveLayer
  package let optimizer: Optimizer
  /// The output of the last step.
  package private(set) var output = DoubleMatrix(rowCount: 0, columnCount: 0)
  /// The gradient at the input of the last step.
  package private(set) var inputGradient = DoubleMatrix(rowCount: 0, columnCount: 0)
  /// Whether rounding may have decided anything so far.
  package private(set) var isNearTie = false
  private let seed: UInt64
  private var stepCount = 0

  /// Creates a trainer that numbers the places of random numbers as the package's does.
  package init(
    _ network: any NaiveLayer, optimizer: Optimizer, selection: SelectionPolicy = .dense,
    seed: UInt64 = 1
  ) {
    self.network = network
    self.optimizer = optimizer
    self.seed = seed
    network.makeOutputDense()
    let (selectors, dropouts) = (network.selectors, network.dropouts)
    for (index, selector) in selectors.enumerated() {
      selector.policy = selector.policy ?? selection
      (selector.offset, selector.stride) = (index, selectors.count)
    }
    for (index, dropout) in dropouts.enumerated() {
      (dropout.offset, dropout.stride) = (index, dropouts.count)
    }
    for parameter in network.parameters {
      let method: NaiveOptimizer.Method =
        switch optimizer.method {
        case .gradientDescent(let momentum):
          momentum == 0 ? .gradientDescent : .momentum(Double(momentum))
        case .adaGrad(let epsilon): .adaGrad(epsilon: Double(epsilon))
        case .adam(let beta1, let beta2, let epsilon):
          .adam(beta1: Double(beta1), beta2: Double(beta2), epsilon: Double(epsilon))
        }
      var naive = NaiveOptimizer(
        method, learningRate: Double(optimizer.learningRate),
        count: parameter.value.elements.count)
      naive.clip = optimizer.clipValue.map(Double.init) ?? .infinity
      if parameter.decays {
        naive.l2 = Double(optimizer.l2)
        naive.weightDecay = Double(optimizer.weightDecay)
      }
      parameter.optimizer = naive
    }
  }

  /// Does one step; `gradient` gives that at the output.
  package func train(
    _ x: DoubleMatrix, packing: PackedSequence? = nil, gradient: (DoubleMatrix) -> DoubleMatrix
  ) {
    stepCount += 1
    let step = NaiveStep(number: stepCount, seed: seed, packing: packing)
    output = network.forward(x, step)
    inputGradient = network.backward(gradient(output), step)
    isNearTie = isNearTie || step.isNearTie
    update()
  }

  private func update() {
    let parameters = network.parameters
    var scale = 1.0
    if let limit = optimizer.clipNorm {
      let sum = parameters.reduce(0.0) { $0 + $1.gradient.elements.reduce(0) { $0 + $1 * $1 } }
      if sum.squareRoot() > Double(limit) { scale = Double(limit) / sum.squareRoot() }
    }
    for parameter in parameters {
      let columns = parameter.value.columnCount
      for row in 0..<parameter.value.rowCount {
        if optimizer.untouchedRows == .skip, let touched = parameter.touched,
          !touched.contains(row)
        {
          continue
        }
        for index in (row * columns)..<((row + 1) * columns) {
          parameter.optimizer?.update(
            &parameter.value.elements[index], at: index,
            gradient: scale * parameter.gradient.elements[index], step: stepCount)
        }
      }
    }
  }
}
