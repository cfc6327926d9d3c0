// One training step of the parser.

import MePropCore
import MePropNN
import MePropTraining

/// How the parser trains.
public struct ParserTraining: Sendable, Equatable {
  /// How parameters follow their gradients.
  public var optimizer: Optimizer
  /// What the backward pass keeps in hidden layers; the output layer is dense.
  public var selection: SelectionPolicy
  /// When selection departs from it.
  public var schedule: SelectionSchedule
  /// The share of the units of hidden layers that fall out.
  public var dropout: Float
  /// How the learning rate falls.
  public var rateSchedule: LearningRateSchedule
  /// The decay of the running mean of all parameters that is evaluated and saved; 0 for the parameters themselves.
  public var averageDecay: Float
  /// What forward products above the feature layer read.
  public var precision: Precision
  /// The seed of dropout and random selection.
  public var seed: UInt64

  /// Creates dense training with Adam.
  public init(
    optimizer: Optimizer = .adam(), selection: SelectionPolicy = .dense,
    schedule: SelectionSchedule = SelectionSchedule(), dropout: Float = 0,
    rateSchedule: LearningRateSchedule = .constant, averageDecay: Float = 0,
    precision: Precision = .f32, seed: UInt64 = 1
  ) {
    self.optimizer = optimizer
    self.selection = selection
    self.schedule = schedule
    self.dropout = dropout
    self.rateSchedule = rateSchedule
    self.averageDecay = averageDecay
    self.precision = precision
    self.seed = seed
  }
}

/// Trains the network of a parser, one batch of transitions at a time.
final class ParserTrainer {
  let training: ParserTraining
  let features: FeatureLayerTrainer
  let rest: MLPTrainer
  var times = PhaseSeconds()
  private let activation: FeatureActivation
  private var average: ParameterAverage?

  init(_ network: ParserNetwork, training: ParserTraining, context: ComputeContext) {
    self.training = training
    activation = network.activation
    features = FeatureLayerTrainer(
      network.features, activation: network.activation, optimizer: training.optimizer,
      selection: training.selection, context: context)
    rest = MLPTrainer(
      network.rest, optimizer: training.optimizer, selection: training.selection,
      schedule: training.schedule, dropout: training.dropout, precision: training.precision,
      seed: training.seed, context: context)
    rest.computesInputGradient = true
    if training.averageDecay > 0 {
      average = ParameterAverage(
        network.parameters, decay: training.averageDecay, context: context)
    }
  }

  var step: Int { rest.step }

  /// Does one step.
  ///
  /// - Parameters:
  ///   - batch: Symbols by transition and position.
  ///   - transitions: The transitions to learn.
  ///   - epoch: From 1.
  ///   - progress: The share of the run that is done.
  /// - Returns: The loss added up over the transitions.
  /// - Throws: `NonFiniteError`.
  func train(
    _ batch: [UInt32], transitions: [Int32], epoch: Int, progress: Double
  ) throws -> Double {
    let step = rest.step + 1
    let start = Clock.now()
    // The network above has streams step × layers + layer for its layers.
    let stream = (1 << 40) + step
    features.forward(
      batch, batchSize: transitions.count,
      dropout: training.dropout > 0
        ? Dropout(
          rate: training.dropout, seed: training.seed, stream: RandomPurpose.dropout.stream(stream))
        : .none)
    let middle = Clock.now()
    times.forward += middle - start
    let factor = training.rateSchedule.factor(progress: progress)
    rest.learningRateFactor = factor
    rest.times = PhaseTimes()
    // One matrix takes the gradient between both parts, and stays below until it is needed above again.
    swap(&features.outputGradient, &rest.inputGradient)
    let loss = try rest.train(features.output, labels: transitions, epoch: epoch)
    swap(&features.outputGradient, &rest.inputGradient)
    let above = Clock.now()
    var phases = PhaseTimes()
    do {
      try features.backward(
        policy: training.schedule.policy(training.selection, step: step, epoch: epoch),
        step: step, seed: training.seed, stream: RandomPurpose.selection.stream(stream),
        rateFactor: factor, times: &phases)
    } catch is NaNGradientError {
      throw NonFiniteError(in: FeatureLayerTrainer.name, step: step, quantity: .gradient)
    }
    let below = Clock.now()
    times.forward += rest.times.forward
    times.backward += rest.times.backward + below - above - phases.optimizer
    times.selection += rest.times.selection + phases.selection
    times.products += rest.times.products + phases.products
    times.optimizer += rest.times.optimizer + phases.optimizer
    if average?.isDue(step: step) == true {
      average?.update(currentNetwork.parameters, step: step)
      times.optimizer += Clock.now() - below
    }
    return loss
  }

  /// Gives back the memory of the last batch's matrices; the next step takes it again.
  func releaseBatchMemory() {
    features.releaseBatchMemory()
    rest.releaseBatchMemory()
  }

  // MARK: State

  private var currentNetwork: ParserNetwork {
    ParserNetwork(features: features.layer, activation: activation, rest: rest.network)
  }

  /// The network to use: of averaged parameters, if there is an average.
  var network: ParserNetwork {
    guard let average, average.hasValues else { return currentNetwork }
    return currentNetwork.replacing(parameters: average.values)
  }

  /// All matrices that a restart needs.
  var state: [NamedMatrix] {
    features.state(named: "features") + rest.state
      + (average?.values.enumerated().map { NamedMatrix("average.\($0)", $1) } ?? [])
  }

  /// Takes back a state whose names and shapes are those of `state`.
  func restore(_ saved: [String: Matrix], step: Int) throws {
    features.restore(saved, named: "features")
    try rest.restore(
      saved.filter { $0.key.hasPrefix("layers.") }.map { NamedMatrix($0.key, $0.value) },
      step: step)
    if let average {
      average.restore(average.values.indices.compactMap { saved["average.\($0)"] }, step: step)
    }
  }
}
