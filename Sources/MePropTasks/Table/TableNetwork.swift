// The network of a table: sparse rows in, logits or a number out.

import MePropCore
import MePropNN

/// A multilayer perceptron on the rows of a table.
///
/// The first layer reads categories and knots as they are, so that its weights are their embeddings
/// in the first hidden layer. Parameters are `input.weight`, `input.bias`, `layers.0.weight`, …;
/// the last layer is the output.
public typealias TableNetwork = Chain<Named<SparseLinear>, Named<Stack<TableBlock>>>

/// A hidden or output layer, to whose output its input may be added.
///
/// With a residual `y = x + f(x W + b)`, as `Residual`, else `y = f(x W + b)`.
public struct TableBlock: Layer, Equatable {
  /// The layer.
  public var linear: Linear
  /// Whether its input is added.
  public let isResidual: Bool

  /// Creates a block; a residual one must have as many outputs as inputs.
  public init(_ linear: Linear, isResidual: Bool) {
    precondition(
      !isResidual || linear.inputSize == linear.outputSize,
      "TableBlock: a residual of \(linear.inputSize) inputs and \(linear.outputSize) outputs")
    self.linear = linear
    self.isResidual = isResidual
  }

  /// The layer's.
  public var outputSize: Int { linear.outputSize }
  /// The layer's.
  public var multiplyAdds: Int { linear.multiplyAdds }
  /// The layer's, in `Residual(…)` if it is one.
  public var description: String { isResidual ? "Residual(\(linear))" : linear.description }

  /// The memory of the layer, its output, and its own copy of the gradient there.
  public struct Scratch {
    var linear: Linear.Scratch
    var output: Matrix
    var gradient: Matrix
  }

  /// Makes empty memory.
  public func makeScratch() -> Scratch {
    let empty = Matrix(rowCount: 0, columnCount: outputSize)
    return Scratch(linear: linear.makeScratch(), output: empty, gradient: empty)
  }

  /// The layer's.
  public func reader(_ scratch: Scratch) -> InputReader? { linear.reader(scratch.linear) }

  /// Computes the layer, and adds the input.
  public func forward(
    _ x: Matrix, into y: inout Matrix, _ scratch: inout Scratch, _ step: inout Step
  ) {
    guard isResidual else { return linear.forward(x, into: &y, &scratch.linear, &step) }
    let reader = step.reader
    step.reader = nil
    linear.forward(x, into: &scratch.output, &scratch.linear, &step)
    step.reader = reader
    y.setRowCount(x.rowCount)
    y.copyRows(of: x)
    y.add(scratch.output)
  }

  /// Goes back through the layer, and adds the gradient.
  public mutating func backward(
    _ x: Matrix, _ y: Matrix, _ dy: inout Matrix, into dx: inout InputGradient,
    _ scratch: inout Scratch, _ step: inout Step
  ) throws {
    guard isResidual else {
      return try linear.backward(x, y, &dy, into: &dx, &scratch.linear, &step)
    }
    scratch.gradient.setRowCount(dy.rowCount)
    scratch.gradient.copyRows(of: dy)
    try linear.backward(
      x, scratch.output, &scratch.gradient, into: &dx, &scratch.linear, &step)
    if dx.isNeeded { dx.values.add(dy) }
  }

  /// The parts of the layer.
  public mutating func visit(_ visitor: inout some LayerVisitor) { linear.visit(&visitor) }
  /// The layer's is.
  public mutating func makeOutputDense() { linear.makeOutputDense() }
}

/// What the outputs of a batch of rows should be.
public struct TableTargets: Sendable {
  /// Classes, one a row; empty where the target is no class.
  public var classes: [Int32] = []
  /// Numbers or labels, a row each; no rows where the target is a class.
  public var values: Matrix
}

/// The loss of a table, by what its target is.
public enum TableLoss: Loss, Equatable {
  /// Of classes.
  case classes(SoftmaxCrossEntropy)
  /// Of labels.
  case labels(BinaryCrossEntropy)
  /// Of a number.
  case number(SquaredError)

  /// The loss of the kind that it is.
  public func differentiate(
    _ output: Matrix, _ targets: TableTargets, weights: [Float], into gradient: inout Matrix,
    losses: inout [Float], _ scratch: inout Void, context: ComputeContext
  ) -> LossSum {
    switch self {
    case .classes(let loss):
      loss.differentiate(
        output, targets.classes, weights: weights, into: &gradient, losses: &losses, &scratch,
        context: context)
    case .labels(let loss):
      loss.differentiate(
        output, targets.values, weights: weights, into: &gradient, losses: &losses, &scratch,
        context: context)
    case .number(let loss):
      loss.differentiate(
        output, targets.values, weights: weights, into: &gradient, losses: &losses, &scratch,
        context: context)
    }
  }
}

extension TableSchema {
  /// Makes the network at the start of a run, or with weights to be replaced.
  ///
  /// - Parameters:
  ///   - hiddenSizes: The widths of the hidden layers, at least one.
  ///   - activation: What follows each.
  ///   - isResidual: Whether inputs are added where widths are equal.
  ///   - dropout: After each hidden layer.
  ///   - seed: Of the initial weights.
  /// - Returns: The network.
  func makeNetwork(
    hiddenSizes: [Int], activation: Activation, isResidual: Bool, dropout: Float = 0,
    seed: UInt64 = 0
  ) -> TableNetwork {
    let features = TableFeatures(self)
    // A number has three entries, of which two share one unit of mass.
    let first = SparseLinear(
      features.inputSize, hiddenSizes[0], entryCount: features.entryLimit, activation: activation,
      dropout: dropout, seed: seed, place: 0)
    let sizes = hiddenSizes + [target.outputSize]
    let blocks = (1..<sizes.count).map { index in
      let isOutput = index == sizes.count - 1
      var linear = Initialization.heNormal.makeLinear(
        inputSize: sizes[index - 1], outputSize: sizes[index], seed: seed, layer: index)
      if !isOutput {
        linear.activation = activation
        linear.dropout = DropoutRate(dropout)
      }
      return TableBlock(
        linear, isResidual: isResidual && !isOutput && sizes[index - 1] == sizes[index])
    }
    return Chain {
      first.named("input")
      Stack(blocks).named("layers")
    }
  }
}
