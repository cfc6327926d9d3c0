import MePropCore
import MePropNN

/// Trains a network, whatever its loss.
protocol Engine: AnyObject {
  /// The network, with the running mean of its parameters where there is one.
  var model: PerceptronNetwork { get }
  /// Steps done.
  var stepCount: Int { get }
  /// All that training needs to go on.
  var state: [NamedTensor] { get }
  /// Takes back a state.
  func restore(_ saved: [NamedTensor], stepCount: Int) throws(ModelStateError)

  /// Trains for an epoch.
  ///
  /// - Parameters:
  ///   - data: The examples.
  ///   - batchSize: Examples a step.
  ///   - epoch: The epoch, from 1, which decides their order.
  ///   - factor: That of the learning rate, by the share of the epoch that is done.
  ///   - shouldStop: Asked after each step.
  /// - Returns: The mean loss, or `nil` where it was stopped.
  /// - Throws: `NonFiniteError`.
  func train(
    _ data: CallerData, batchSize: Int, epoch: Int, factor: (Double) -> Float,
    shouldStop: () -> Bool
  ) throws -> Double?
  /// The mean loss of examples.
  func evaluate(_ data: CallerData) throws -> Double
}

/// Examples of the caller with what their outputs should be, checked.
struct CallerData {
  /// By the network's loss.
  enum Targets {
    case classes(CallerClasses)
    case values(CallerRows)
  }

  let inputs: CallerRows
  let targets: Targets
  let weights: [Float]
}

/// What a loss takes of the caller's targets.
protocol CallerLoss: Loss {
  associatedtype Source: ExampleSource where Source.Batch == Targets
  /// - Throws: `InterfaceError` for targets of another kind, which reading has excluded.
  static func source(_ targets: CallerData.Targets) throws -> Source
}

extension SoftmaxCrossEntropy: CallerLoss {
  static func source(_ targets: CallerData.Targets) throws -> CallerClasses {
    guard case .classes(let classes) = targets else { throw InterfaceError.wrongTargets }
    return classes
  }
}

extension BinaryCrossEntropy: CallerLoss {
  static func source(_ targets: CallerData.Targets) throws -> CallerRows {
    guard case .values(let values) = targets else { throw InterfaceError.wrongTargets }
    return values
  }
}

extension SquaredError: CallerLoss {
  static func source(_ targets: CallerData.Targets) throws -> CallerRows {
    guard case .values(let values) = targets else { throw InterfaceError.wrongTargets }
    return values
  }
}

extension InterfaceError {
  fileprivate static var wrongTargets: InterfaceError {
    .argument("the targets are not of the kind that the loss takes")
  }
}

/// Trains with one loss.
final class LossEngine<L: CallerLoss>: Engine {
  private let trainer: Trainer<PerceptronNetwork, L>
  private let seed: UInt64

  init(
    _ network: PerceptronNetwork, loss: L, _ settings: NetworkSettings, _ context: ComputeContext
  ) {
    seed = settings.fields.seed
    trainer = Trainer(
      network, loss: loss, optimizer: settings.optimizer, selection: settings.selection,
      averageDecay: settings.fields.average_decay, seed: seed, context: context)
  }

  var model: PerceptronNetwork { trainer.model }
  var stepCount: Int { trainer.stepCount }
  var state: [NamedTensor] { trainer.state }

  func restore(_ saved: [NamedTensor], stepCount: Int) throws(ModelStateError) {
    try trainer.restore(saved, stepCount: stepCount)
  }

  func train(
    _ data: CallerData, batchSize: Int, epoch: Int, factor: (Double) -> Float,
    shouldStop: () -> Bool
  ) throws -> Double? {
    var loader = DataLoader(
      data.inputs, try L.source(data.targets), weights: data.weights, batchSize: batchSize,
      seed: seed)
    let batchCount = Double(loader.batchCount)
    var done = 0.0
    var sum = LossSum(sum: 0, weight: 0)
    do {
      try loader.forEachBatch(ofEpoch: epoch) { inputs, targets, weights in
        trainer.learningRateFactor = factor(done / batchCount)
        let part = try trainer.train(inputs, targets, weights: weights, epoch: epoch)
        sum.sum += part.sum
        sum.weight += part.weight
        done += 1
        if shouldStop(), done < batchCount { throw Stopped() }
      }
    } catch is Stopped {
      return nil
    }
    return sum.mean
  }

  private struct Stopped: Error {}

  func evaluate(_ data: CallerData) throws -> Double {
    trainer.evaluate(data.inputs, try L.source(data.targets), weights: data.weights)
  }
}

extension NetworkSettings {
  /// What trains a network like this.
  func makeEngine(_ network: PerceptronNetwork, _ context: ComputeContext) -> any Engine {
    switch lossKind {
    case .softmax:
      LossEngine(network, loss: SoftmaxCrossEntropy(classWeights: classWeights), self, context)
    case .binary:
      LossEngine(network, loss: BinaryCrossEntropy(classWeights: classWeights), self, context)
    case .squaredError: LossEngine(network, loss: SquaredError(), self, context)
    }
  }
}
