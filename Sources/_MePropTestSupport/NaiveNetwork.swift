// Whole networks once more, in double precision and by plain loops: layers that compose, selection
// with its memory, and optimizer steps. What the layers of the package are tested against.

import MePropCore
import MePropNN

/// One pass through a reference, and how near it came to where rounding decides.
package final class NaiveStep {
  /// Of two magnitudes at the border of a selection, the least relative difference that a test can
  /// rely on in single precision.
  package static let tieMargin = 1e-4
  /// The least relative distance of a sum from zero, where the derivative of ReLU jumps.
  package static let kinkMargin = 1e-5

  /// The step of the run, from 1.
  package var number: Int
  /// Of all random numbers.
  package let seed: UInt64
  /// Whether dropout drops.
  package var isTraining = true
  /// Which row is which word.
  package var packing: PackedSequence?
  /// Whether rounding may have decided what was selected, or on which side of zero a sum is.
  package var isNearTie = false

  package init(number: Int = 1, seed: UInt64 = 1, packing: PackedSequence? = nil) {
    self.number = number
    self.seed = seed
    self.packing = packing
  }
}

/// A matrix that is trained, with its gradient.
package final class NaiveParameter {
  package var value: DoubleMatrix
  /// Of the last backward pass.
  package var gradient: DoubleMatrix
  /// The rows that the gradient touches; `nil`: all.
  package var touched: Set<Int>?
  /// Whether L2 regularization and weight decay apply.
  package let decays: Bool
  package var optimizer: NaiveOptimizer?

  package init(_ value: DoubleMatrix, decays: Bool = true) {
    self.value = value
    self.decays = decays
    gradient = DoubleMatrix(rowCount: value.rowCount, columnCount: value.columnCount)
  }
}

/// The reference of a layer.
package protocol NaiveLayer: AnyObject {
  /// In the order in which the layer visits them.
  var parameters: [NaiveParameter] { get }
  var selectors: [NaiveSelector] { get }
  var dropouts: [NaiveDropout] { get }
  /// Whether a selector without a policy is that of a layer whose output is the model's.
  func makeOutputDense()
  func forward(_ x: DoubleMatrix, _ step: NaiveStep) -> DoubleMatrix
  /// Sets the gradients of all parameters and returns that at the input of the last forward pass.
  func backward(_ dy: DoubleMatrix, _ step: NaiveStep) -> DoubleMatrix
}

extension NaiveLayer {
  package var parameters: [NaiveParameter] { [] }
  package var selectors: [NaiveSelector] { [] }
  package var dropouts: [NaiveDropout] { [] }
  package func makeOutputDense() {}
}
