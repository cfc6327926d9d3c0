// Perceptrons and their trainers as most tests here want them.

import MePropCore
import MePropNN

/// A multilayer perceptron.
typealias Perceptron = Stack<Linear>
/// A trainer of one for classification; its layers are `layers.0`, `layers.1`, ….
typealias PerceptronTrainer = Trainer<Named<Perceptron>, SoftmaxCrossEntropy>

extension Trainer where Model == Named<Stack<Linear>>, L == SoftmaxCrossEntropy {
  convenience init(
    _ network: Perceptron, optimizer: Optimizer = .adam(), selection: SelectionPolicy = .dense,
    schedule: SelectionSchedule = SelectionSchedule(), averageDecay: Float = 0, seed: UInt64 = 1,
    context: ComputeContext = ComputeContext()
  ) {
    self.init(
      network.named("layers"), loss: SoftmaxCrossEntropy(), optimizer: optimizer,
      selection: selection, schedule: schedule, averageDecay: averageDecay, seed: seed,
      context: context)
  }

  /// The network as the last step left it.
  var network: Perceptron { currentModel.inner }
}

extension Parameter {
  /// Replaces one number; rows and columns are counted with padding.
  mutating func set(_ row: Int, _ column: Int, to number: Float) {
    var numbers = value
    numbers[row, column] = number
    replace(with: numbers)
  }

  /// The numbers row by row, without padding.
  var unpadded: [Float] { tensor("", of: value).values }
}

/// Takes the gradient at the output from whoever trains, so that a layer can be tested alone.
struct GivenGradient: Loss {
  func differentiate(
    _ output: Matrix, _ targets: Matrix, weights: [Float], into gradient: inout Matrix,
    losses: inout [Float], _ scratch: inout Void, context: ComputeContext
  ) -> LossSum {
    gradient.copyRows(of: targets)
    return LossSum(sum: 0, weight: Double(output.rowCount))
  }
}
