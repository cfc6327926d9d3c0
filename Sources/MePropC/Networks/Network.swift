import CMePropInterface
import MePropCore
import MePropNN
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A network of the interface: what it is, and what trains it.
///
/// `@unchecked Sendable`: all but ``interrupt()`` happens in `Workplace.compute`, one call at a
/// time.
final class Network: @unchecked Sendable {
  let workplace: Workplace
  /// What the caller wrote beside a model that was loaded.
  let notes: String?
  private(set) var settings: NetworkSettings
  private var engine: any Engine
  private var generation: Int
  private var isTraining = false
  private let wasInterrupted = Atomic<Bool>(false)
  /// Made for the first prediction after training.
  private var predictor: Predictor<PerceptronNetwork>?
  private var batch: Matrix

  /// Creates a network with the weights of `network`, or initial ones.
  init(
    _ settings: NetworkSettings, _ workplace: Workplace, weights network: PerceptronNetwork? = nil,
    notes: String? = nil
  ) {
    self.settings = settings
    self.workplace = workplace
    self.notes = notes
    batch = Matrix(rowCount: 0, columnCount: settings.inputSize)
    generation = workplace.generation
    engine = settings.makeEngine(
      network ?? settings.makeNetwork(initialized: true), workplace.context)
  }

  /// Calls `body` with what trains the network, when nobody else computes with it.
  func use<Result>(_ body: (any Engine) throws -> Result) throws -> Result {
    try workplace.compute {
      if generation != workplace.generation {
        try replaceEngine(state: engine.state, stepCount: engine.stepCount)
        generation = workplace.generation
      }
      return try body(engine)
    }
  }

  /// Goes on from a state with another engine.
  private func replaceEngine(state: [NamedTensor], stepCount: Int) throws {
    let next = settings.makeEngine(settings.makeNetwork(initialized: false), workplace.context)
    try next.restore(state, stepCount: stepCount)
    // The one before may hold threads that are gone.
    _ = Unmanaged.passRetained(engine as AnyObject)
    if let predictor { _ = Unmanaged.passRetained(predictor) }
    predictor = nil
    engine = next
  }

  /// Calls `body` to change the network: not from a callback of its training.
  func change<Result>(_ body: (any Engine) throws -> Result) throws -> Result {
    try use { engine in
      guard !isTraining else {
        throw InterfaceError(
          MEPROP_BUSY, "the network is being trained by the caller of this callback")
      }
      predictor = nil
      isTraining = true
      defer { isTraining = false }
      return try body(engine)
    }
  }

  /// Takes back a state of a network of the same description.
  func restore(_ state: NetworkState) throws {
    try require(
      state.settings.sizes == settings.sizes && state.settings.fields.loss == settings.fields.loss,
      "the state is of a network of \(state.settings.sizes), expected \(settings.sizes)")
    try change { try $0.restore(state.tensors, stepCount: state.stepCount) }
  }

  /// Another learning rate for the coming steps, which takes a trainer of its own.
  func setLearningRate(_ rate: Float) throws {
    try change { engine in
      guard rate != settings.fields.learning_rate else { return }
      let before = engine
      settings.fields.learning_rate = rate
      let next = settings.makeEngine(settings.makeNetwork(initialized: false), workplace.context)
      try next.restore(before.state, stepCount: before.stepCount)
      self.engine = next
    }
  }

  /// Whoever trains stops after the present step.
  func interrupt() { wasInterrupted.store(true, ordering: .relaxed) }

  // MARK: Training

  /// Trains; `receive` takes the number and the loss of each epoch and says whether to go on.
  func fit(
    _ data: CallerData, _ options: meprop_fit_options,
    _ receive: (_ epoch: Int, _ loss: Double) -> Bool
  ) throws {
    try change { engine in
      wasInterrupted.store(false, ordering: .relaxed)
      let epochs = Int(options.first_epoch)..<Int(options.first_epoch + options.epoch_count)
      let schedules: [LearningRateSchedule] = [.constant, .linear, .cosine]
      let schedule = schedules[Int(options.schedule)]
      let length = Double(
        options.schedule_epochs > 0 ? Int(options.schedule_epochs) : epochs.upperBound - 1)
      let batchSize = min(Int(options.batch_size), data.inputs.exampleCount)
      var next = Clock.now() + 0.01
      for epoch in epochs {
        let loss = try engine.train(
          data, batchSize: batchSize, epoch: epoch,
          factor: { part in
            schedule == .constant
              ? 1 : schedule.factor(progress: min(1, (Double(epoch - 1) + part) / length))
          },
          shouldStop: {
            let now = Clock.now()
            if now >= next {
              workplace.letSignalsPass()
              next = now + 0.01
            }
            return wasInterrupted.load(ordering: .relaxed)
          })
        guard let loss else { throw interruption(engine) }
        predictor = nil
        let goesOn = receive(epoch, loss)
        // A prediction in the callback shares the weights; the next step would copy them.
        predictor = nil
        if !goesOn { return }
        if wasInterrupted.load(ordering: .relaxed), epoch < epochs.upperBound - 1 {
          throw interruption(engine)
        }
      }
    }
  }

  private func interruption(_ engine: any Engine) -> InterfaceError {
    InterfaceError(MEPROP_INTERRUPTED, "interrupted after step \(engine.stepCount)")
  }

  // MARK: Use

  /// Writes outputs, row by row.
  func predict(
    _ rows: CallerRows, probabilities: Bool, to outputs: UnsafeMutablePointer<Float>, stride: Int
  ) throws {
    try use { engine in
      let predictor = self.predictor ?? Predictor(engine.model, context: workplace.context)
      self.predictor = predictor
      let size = settings.outputSize
      for start in Swift.stride(from: 0, to: rows.exampleCount, by: 256) {
        let examples = start..<min(start + 256, rows.exampleCount)
        rows.gather(examples, into: &batch)
        predictor.withOutput(of: batch) { output in
          for row in 0..<output.rowCount {
            output.withRow(row) { values in
              let target = UnsafeMutableBufferPointer(
                start: outputs + (start + row) * stride, count: size)
              _ = target.update(from: values)
              if probabilities { settings.lossKind.makeProbabilities(target) }
            }
          }
        }
      }
    }
  }

  /// The parameters that predict.
  func model() throws -> PerceptronNetwork { try use { $0.model } }
}

extension NetworkSettings.LossKind {
  /// Turns the outputs of an example into probabilities, in place; as they are with squared error.
  func makeProbabilities(_ outputs: UnsafeMutableBufferPointer<Float>) {
    switch self {
    case .squaredError: break
    case .binary: for index in outputs.indices { outputs[index] = 1 / (1 + exp(-outputs[index])) }
    case .softmax:
      let largest = outputs.max() ?? 0
      var sum: Float = 0
      for index in outputs.indices {
        outputs[index] = exp(outputs[index] - largest)
        sum += outputs[index]
      }
      for index in outputs.indices { outputs[index] /= sum }
    }
  }
}
