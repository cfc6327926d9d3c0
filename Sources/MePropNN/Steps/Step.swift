import MePropCore

/// One pass through a model: where it is computed, which step it is, and how gradients are applied.
///
/// Combinators pass it on; layers read from it what does not belong to them.
public struct Step {
  /// Where to compute.
  public let context: ComputeContext
  /// The step of the run, from 1; 0 outside of training.
  public internal(set) var number = 0
  /// The epoch, from 1.
  public internal(set) var epoch = 1
  /// Whether this pass is part of training: dropout, and what backward needs, are left out if not.
  public internal(set) var isTraining = false
  /// The seed of all random numbers.
  public let seed: UInt64
  /// Which row is which word of which sentence; `nil` where rows are examples.
  ///
  /// Set by the layer that takes the sentences, ``Embedding`` for example, and the same for all
  /// layers of the pass.
  public var packing: PackedSequence?
  /// Seconds by phase.
  public var times = PhaseSeconds()
  /// What was counted, layer by layer.
  package var ledger = Ledger()
  /// The product that reads the output of the layer that computes now.
  package var reader: InputReader?
  /// How parameters follow their gradients.
  package var updates = Updates()
  /// When selection departs from its policy.
  package var schedule = SelectionSchedule()
  /// Gradients of parameters, by the parameters' index; empty ones until they are needed.
  package var gradients: [WeightGradient] = []
  /// The part of a batch that this is, where it is cut into shards; random numbers are its own.
  package var shard = 0
  /// The other shards, in backward passes.
  package var peers: ShardPeers?
  /// Where gradients are laid down that are final; `nil` where nobody waits for them.
  var delivery: ShardDelivery?
  /// Looks for the first output that is not finite, instead of going on.
  var brokenLayer: BrokenLayer?

  /// Creates the first pass.
  ///
  /// - Parameters:
  ///   - context: Where to compute.
  ///   - seed: Of dropout and random selection.
  public init(context: ComputeContext, seed: UInt64 = 0) {
    self.context = context
    self.seed = seed
  }

  /// How parameters follow their gradients in this step.
  package struct Updates {
    /// The rule for weights.
    var weightRule = UpdateRule(formula: .gradientDescent, rate: 0)
    /// The rule for biases and embeddings, which do not decay.
    var plainRule = UpdateRule(formula: .gradientDescent, rate: 0)
    /// Whether gradients are stored, to be clipped by their common norm, instead of applied.
    var storesGradients = false
    /// Whether rows that a gradient does not touch are updated too.
    package var updatesEveryRow = false
    /// The number of moments of a weight.
    package var momentCount = 0

    /// The rule for a parameter.
    package func rule(for parameter: Parameter) -> UpdateRule {
      parameter.decays ? weightRule : plainRule
    }
  }

  struct BrokenLayer { var name: String? }

  /// Remembers the layer of a selector if its output is not finite and it is the first.
  package mutating func check(_ output: Matrix, of selector: Selector) {
    guard brokenLayer != nil, brokenLayer?.name == nil else { return }
    for row in 0..<output.rowCount
    where !output.withRow(row, { $0.allSatisfy(\.isFinite) }) {
      brokenLayer?.name = ledger.entries[selector.index].tally.name
      return
    }
  }
}

extension Step {
  /// Applies a dense gradient to a parameter, or stores it where gradients are clipped by norm.
  ///
  /// - Parameters:
  ///   - parameter: Changed in place.
  ///   - gradient: Of its shape.
  public mutating func update(_ parameter: inout Parameter, gradient: Matrix) {
    let start = Clock.now()
    if updates.storesGradients {
      prepareGradient(of: parameter)
      gradients[parameter.index].copy(gradient)
    } else {
      let (context, rule) = (context, updates.rule(for: parameter))
      parameter.update(rows: nil) { value, moments in
        context.update(&value, &moments, by: rule, gradient: gradient)
      }
    }
    times.optimizer += Clock.now() - start
  }

  /// Makes room for the gradient of a parameter.
  package mutating func prepareGradient(of parameter: Parameter) {
    let index = parameter.index
    while gradients.count <= index {
      gradients.append(WeightGradient(outputSize: 0, inputSize: 0))
    }
    if gradients[index].values.rowCount != parameter.rowCount
      || gradients[index].values.columnCount != parameter.columnCount
    {
      gradients[index] = WeightGradient(
        outputSize: parameter.rowCount, inputSize: parameter.columnCount)
    }
  }
}

/// A number that is not finite came up in training: usually the learning rate is too high.
public struct NonFiniteError: Error, Equatable, Sendable, CustomStringConvertible {
  /// Where it was found first.
  public enum Quantity: String, Sendable {
    /// The layer's output in the forward pass.
    case output
    /// The gradient at the layer's pre-activations.
    case gradient
  }
  /// The layer's path.
  public let layer: String
  /// The step of the run, from 1.
  public let step: Int
  /// What was not finite.
  public let quantity: Quantity

  package init(layer: String, step: Int, quantity: Quantity) {
    self.layer = layer
    self.step = step
    self.quantity = quantity
  }

  /// One line for the user.
  public var description: String {
    "\(layer): the \(quantity.rawValue) is no longer finite in step \(step) of training; "
      + "lower the learning rate or clip gradients"
  }
}
