import MePropCore

/// The examples of each epoch in a random order, a function of the seed, the epoch and, where easy
/// ones are left out, of what was told of their losses.
public struct ExampleOrder: Sendable {
  /// How many examples there are, those that are left out included.
  public let exampleCount: Int
  /// Which are left out.
  public let pruning: ExamplePruning?
  /// The examples of the epoch that has begun; before the first, all of them as they are.
  public private(set) var examples: [UInt32]

  private let seed: UInt64
  /// The last loss of each example.
  private var losses: [Float] = []
  /// The weight of each example in this epoch; 0: it is left out.
  private var factors: [Float] = []
  /// The epoch that these are of.
  private var epoch = 0
  private var weights: [Float] = []

  /// Creates an order.
  ///
  /// - Parameters:
  ///   - exampleCount: The number of examples.
  ///   - seed: Decides the order.
  ///   - pruning: Which easy examples are left out; `nil`: none.
  public init(exampleCount: Int, seed: UInt64, pruning: ExamplePruning? = nil) {
    self.exampleCount = exampleCount
    self.seed = seed
    self.pruning = pruning
    examples = (0..<exampleCount).map(UInt32.init)
    guard pruning != nil else { return }
    losses = Array(repeating: .infinity, count: exampleCount)
    factors = Array(repeating: 1, count: exampleCount)
  }

  /// Puts the examples in the order of an epoch, from 1, and leaves out easy ones.
  ///
  /// Called again for the same epoch, also after ``restore(_:epoch:)``, it gives the same order.
  public mutating func begin(_ epoch: Int) {
    if let pruning, self.epoch != epoch { decide(pruning, epoch) }
    examples.removeAll(keepingCapacity: true)
    for example in 0..<exampleCount where factors.isEmpty || factors[example] > 0 {
      examples.append(UInt32(example))
    }
    var random = Philox(seed: seed, stream: RandomPurpose.order.stream(epoch))
    random.shuffle(&examples)
  }

  private mutating func decide(_ pruning: ExamplePruning, _ epoch: Int) {
    self.epoch = epoch
    var random = Philox(seed: seed, stream: RandomPurpose.pruning.stream(epoch))
    let kept = Float(1 - pruning.share)
    for example in factors.indices {
      let isEasy = losses[example] < pruning.loss
      // One number an example, so that the choice among the others does not depend on this one.
      let isKept = random.nextUniform() < kept
      factors[example] = isEasy ? (isKept ? 1 / kept : 0) : 1
    }
    // An epoch has a batch.
    if let first = factors.indices.first, factors.allSatisfy({ $0 == 0 }) { factors[first] = 1 }
  }

  /// The weights of the examples at some places in the order; empty where all are 1.
  public mutating func weights(of places: Range<Int>) -> [Float] {
    guard hasWeights else { return [] }
    weights.removeAll(keepingCapacity: true)
    for example in examples[places] { weights.append(factors[Int(example)]) }
    return weights
  }

  /// Whether examples may have weights other than 1 in the epoch that has begun.
  public var hasWeights: Bool { pruning != nil && epoch > 1 }

  /// Takes the losses of examples from one place in the order on, not weighted.
  public mutating func record(_ losses: ArraySlice<Float>, from place: Int) {
    guard pruning != nil else { return }
    for (offset, loss) in losses.enumerated() { self.losses[Int(examples[place + offset])] = loss }
  }

  // MARK: State

  private static let lossName = "examples.losses"
  private static let factorName = "examples.weights"

  /// What ``restore(_:epoch:)`` takes back; empty where no example is left out.
  public var state: (tensors: [NamedTensor], epoch: Int) {
    guard pruning != nil else { return ([], 0) }
    let known = losses.map { $0.isFinite ? $0 : -1 }
    return (
      [
        NamedTensor(name: Self.lossName, shape: [exampleCount], values: known),
        NamedTensor(name: Self.factorName, shape: [exampleCount], values: factors),
      ], epoch
    )
  }

  /// Whether a tensor is of ``state``.
  public static func owns(_ tensor: NamedTensor) -> Bool {
    tensor.name == lossName || tensor.name == factorName
  }

  /// Takes such a state back.
  ///
  /// - Throws: ``ModelStateError`` where tensors are missing or do not fit.
  public mutating func restore(_ tensors: [NamedTensor], epoch: Int) throws(ModelStateError) {
    guard pruning != nil else { return }
    func values(_ name: String) throws(ModelStateError) -> [Float] {
      guard let tensor = tensors.first(where: { $0.name == name }) else {
        throw .missing(name: name)
      }
      guard tensor.values.count == exampleCount else {
        throw .shapeMismatch(name: name, expected: [exampleCount], found: tensor.shape)
      }
      return tensor.values
    }
    let (losses, factors) = (try values(Self.lossName), try values(Self.factorName))
    self.losses = losses.map { $0 < 0 ? .infinity : $0 }
    self.factors = factors
    self.epoch = epoch
  }
}
