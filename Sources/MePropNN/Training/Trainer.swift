import MePropCore

/// Trains a model, one batch at a time, with selection in its backward pass.
///
/// A step is: forward, loss, backward (from the last layer to the first: selection, gradient at the
/// input, rows of the gradient of the weights, each applied as it is computed). The same seed and
/// settings give the same bits for any number of threads.
///
/// ```swift
/// let trainer = Trainer(
///   network, loss: SoftmaxCrossEntropy(), optimizer: .adam(untouchedRows: .skip),
///   selection: .top(k: .ratio(0.1), memory: 0.9))
/// try trainer.fit(images, labels, batchSize: 32, epochs: 10)
/// ```
public final class Trainer<Model: Layer, L: Loss> {
  /// The model as the last step left it; see ``model``.
  public internal(set) var currentModel: Model
  /// What is made small.
  public let loss: L
  /// How parameters follow their gradients.
  public let optimizer: Optimizer
  /// Multiplies the learning rate of the coming steps: where a schedule stands, 0 or more.
  public var learningRateFactor: Float = 1
  /// The gradient at the model's input, of the last step; computed if
  /// `inputColumnCount` was given.
  public private(set) var inputGradient = InputGradient.none

  package internal(set) var scratch: Model.Scratch
  package var step: Step
  var average: ParameterAverage?
  /// What is cut, and what was; `nil` where nothing is.
  var simplification: Simplification<Model>?
  /// How batches are cut; `nil` where they are not.
  var sharding: Sharding<Model, L>?
  private var lossScratch: L.Scratch
  /// The output of the last forward pass.
  package private(set) var output: Matrix
  private var gradient: Matrix
  private var losses: [Float] = []
  /// The loss of each row of the last step, not weighted; where batches are cut into shards, only
  /// if ``keepsRowLosses`` was set.
  public var rowLosses: ArraySlice<Float> { losses[..<lossCount] }
  private var lossCount = 0
  /// Whether all processes learn the losses of all rows where batches are cut into shards.
  public var keepsRowLosses = false

  /// Creates a trainer.
  ///
  /// - Parameters:
  ///   - model: Where training starts.
  ///   - loss: What is made small.
  ///   - optimizer: How parameters are updated.
  ///   - selection: What backward keeps in layers that have no policy of their own; layers whose
  ///     output is the model's are dense then, as in the authors' code.
  ///   - schedule: When selection departs from that.
  ///   - averageDecay: The decay of a running mean of all parameters, which ``model`` has then; 0:
  ///     none.
  ///   - inputColumnCount: To compute the gradient at the model's input: how many numbers a row it
  ///     has.
  ///   - seed: Of dropout, random selection and the order of examples.
  ///   - context: Where to compute.
  public init(
    _ model: Model, loss: L, optimizer: Optimizer = .adam(), selection: SelectionPolicy = .dense,
    schedule: SelectionSchedule = SelectionSchedule(), averageDecay: Float = 0,
    inputColumnCount: Int? = nil, seed: UInt64 = 1,
    context: ComputeContext = ComputeContext(threadCount: ComputeContext.availableThreads)
  ) {
    var model = model
    model.makeOutputDense()
    var preparation = TrainingPreparation(selection: selection, momentCount: optimizer.momentCount)
    model.visit(&preparation)
    var numbering = SiteNumbering(sitesOf: preparation)
    model.visit(&numbering)
    currentModel = model
    self.loss = loss
    self.optimizer = optimizer
    scratch = model.makeScratch()
    lossScratch = loss.makeScratch()
    step = Step(context: context, seed: seed)
    step.schedule = schedule
    step.isTraining = true
    step.ledger.entries = preparation.entries
    step.updates.momentCount = optimizer.momentCount
    step.updates.updatesEveryRow = optimizer.updatesEveryRow
    step.updates.storesGradients = optimizer.clipNorm != nil
    output = Matrix(rowCount: 0, columnCount: model.outputSize)
    gradient = Matrix(rowCount: 0, columnCount: model.outputSize)
    if let inputColumnCount { inputGradient = InputGradient(columnCount: inputColumnCount) }
    if averageDecay > 0 {
      average = ParameterAverage(of: &model, decay: averageDecay, context: context)
    }
  }

  /// Where it computes.
  public var context: ComputeContext { step.context }
  /// The number of steps done.
  public var stepCount: Int { step.number }
  /// The seed of dropout, random selection and the order of examples.
  public var seed: UInt64 { step.seed }
  /// Seconds by phase since the caller last set this to zero.
  public var times: PhaseSeconds {
    get { step.times }
    set { step.times = newValue }
  }

  /// The model to use, without what the optimizer remembers: with the running mean of all
  /// parameters if there is one, else as it is.
  public var model: Model {
    var model = currentModel
    var release = MomentRelease()
    model.visit(&release)
    average?.write(to: &model)
    return model
  }

  /// Does one step on a batch.
  ///
  /// - Parameters:
  ///   - input: The batch.
  ///   - targets: What the outputs should be, one a row.
  ///   - weights: The weight of each row, 0 or more; empty: all 1.
  ///   - packing: Which row of the input is which word, for a model that takes a matrix of words.
  ///   - epoch: The epoch from 1, for the schedule.
  /// - Returns: The loss added up over the rows, and their weights.
  /// - Throws: ``NonFiniteError``; parameters are then as before the step or partly updated.
  @discardableResult
  public func train(
    _ input: Model.Input, _ targets: L.Targets, weights: [Float] = [],
    packing: PackedSequence? = nil, epoch: Int = 1
  ) throws -> LossSum {
    precondition(
      sharding == nil, "Trainer.train: batches are cut into shards, expected train(shardsOf:)")
    step.number += 1
    step.epoch = epoch
    step.packing = packing
    step.ledger.countsHits = simplification?.isCutting(epoch: epoch) ?? false
    let start = Clock.now()
    currentModel.forward(input, into: &output, &scratch, &step)
    precondition(output.rowCount >= 1, "Trainer.train: \(currentModel) gives no rows")
    gradient.setRowCount(output.rowCount)
    if losses.count < output.rowCount { losses = Array(repeating: 0, count: output.rowCount) }
    let sum = loss.differentiate(
      output, targets, weights: weights, into: &gradient, losses: &losses, &lossScratch,
      context: step.context)
    lossCount = output.rowCount
    guard sum.sum.isFinite else { throw brokenOutput(input) }
    let middle = Clock.now()
    step.times.forward += middle - start
    let before = step.times.optimizer
    let number = step.number
    step.updates.weightRule = optimizer.rule(
      step: number, isBias: false, learningRateFactor: learningRateFactor)
    step.updates.plainRule = optimizer.rule(
      step: number, isBias: true, learningRateFactor: learningRateFactor)
    try currentModel.backward(input, output, &gradient, into: &inputGradient, &scratch, &step)
    if step.updates.storesGradients { applyStoredGradients() }
    updateAverage()
    step.times.backward += Clock.now() - middle - (step.times.optimizer - before)
    // Not kept, so that whoever packed the sentences may pack others in their place.
    step.packing = nil
    return sum
  }

  /// Takes the bytes of the losses of rows, shard by shard.
  func takeRowLosses(_ messages: [ArraySlice<UInt8>]) {
    losses.removeAll(keepingCapacity: true)
    for message in messages {
      message.withUnsafeBytes { bytes in
        for start in stride(from: 0, to: bytes.count, by: MemoryLayout<Float>.stride) {
          losses.append(bytes.loadUnaligned(fromByteOffset: start, as: Float.self))
        }
      }
    }
    lossCount = losses.count
  }

  /// Takes the parameters into the running mean, if it is time.
  func updateAverage() {
    guard let average, average.isDue(step: step.number) else { return }
    let start = Clock.now()
    average.update(from: &currentModel, step: step.number)
    step.times.optimizer += Clock.now() - start
  }

  /// The error of a loss that is not finite: computes the outputs again to find where it began.
  private func brokenOutput(_ input: Model.Input) -> NonFiniteError {
    step.brokenLayer = Step.BrokenLayer()
    currentModel.forward(input, into: &output, &scratch, &step)
    let name = step.brokenLayer?.name
    step.brokenLayer = nil
    return NonFiniteError(layer: name ?? "output", step: step.number, quantity: .output)
  }

  /// Scales all gradients to the norm that is allowed, then updates all parameters.
  func applyStoredGradients() {
    let start = Clock.now()
    var sum = 0.0
    for gradient in step.gradients { sum += gradient.sumOfSquares(context: step.context) }
    if let limit = optimizer.clipNorm, sum.squareRoot() > Double(limit) {
      let scale = Float(Double(limit) / sum.squareRoot())
      step.updates.weightRule.gradientScale = scale
      step.updates.plainRule.gradientScale = scale
    }
    var update = StoredUpdate(gradients: step.gradients, updates: step.updates, step.context)
    step.gradients = []
    currentModel.visit(&update)
    step.gradients = update.gradients
    step.times.optimizer += Clock.now() - start
  }

  /// Gives back the memory of the last batch, for example while nothing is trained; the next step
  /// takes it again.
  public func releaseBatchMemory() {
    scratch = currentModel.makeScratch()
    output = Matrix(rowCount: 0, columnCount: output.columnCount)
    gradient = output
    sharding?.releaseMemory()
  }

  /// What selection did since the last call, layer by layer.
  public func takeStatistics() -> [(name: String, statistics: SelectionStatistics)] {
    step.ledger.entries.indices.map { index in
      defer { step.ledger.entries[index].statistics = SelectionStatistics() }
      let entry = step.ledger.entries[index]
      return (entry.tally.name, entry.statistics)
    }
  }

  /// How often units were kept, and what the products cost, since the last call, layer by layer.
  public func takeTallies() -> [LayerTally] {
    step.ledger.entries.indices.map { step.ledger.entries[$0].tally.take() }
  }
}

/// Gives parameters and selectors their places, moments, policies and names.
private struct TrainingPreparation: LayerVisitor {
  var path = LayerPath()
  let selection: SelectionPolicy
  let momentCount: Int
  var entries: [Ledger.Entry] = []
  var parameterCount = 0
  var dropoutSites = 0
  var selectionSites = 0

  init(selection: SelectionPolicy, momentCount: Int) {
    self.selection = selection
    self.momentCount = momentCount
  }

  mutating func visit(_ parameter: inout Parameter) {
    parameter.index = parameterCount
    parameterCount += 1
    parameter.moments = Moments(
      count: momentCount, rowCount: parameter.rowCount, columnCount: parameter.columnCount)
  }

  mutating func visit(_ selector: inout Selector) {
    let policy = selector.policy ?? selection
    precondition(
      policy.k?.isValid ?? true,
      "\(path.text): k is \(policy.k.map { "\($0)" } ?? "none"), expected above 0")
    precondition(
      policy.memory >= 0 && policy.memory <= 1,
      "\(path.text): memory is \(policy.memory), expected 0 ... 1")
    selector.policy = policy
    selector.index = entries.count
    selector.prepareMemory(slotCount: 1)
    entries.append(
      Ledger.Entry(
        tally: LayerTally(
          name: path.text, outputSize: selector.unitCount, countsUnits: policy != .dense)))
    if selector.site == nil { selectionSites += 1 }
  }

  mutating func visit(_ dropout: inout DropoutRate) {
    if dropout.site == nil { dropoutSites += 1 }
  }
}

/// Numbers the places that draw random numbers and have no number yet.
private struct SiteNumbering: LayerVisitor {
  var path = LayerPath(keepsNames: false)
  private let dropoutSites: Int
  private let selectionSites: Int
  private var dropout = 0
  private var selection = 0

  init(sitesOf preparation: TrainingPreparation) {
    dropoutSites = preparation.dropoutSites
    selectionSites = preparation.selectionSites
  }

  mutating func visit(_ selector: inout Selector) {
    guard selector.site == nil else { return }
    selector.site = RandomSite(offset: selection, stride: selectionSites)
    selection += 1
  }

  mutating func visit(_ rate: inout DropoutRate) {
    guard rate.site == nil else { return }
    rate.site = RandomSite(offset: dropout, stride: dropoutSites)
    dropout += 1
  }
}

/// Lets go of the moments of a copy, which the optimizer would have to copy before it changes them.
struct MomentRelease: LayerVisitor {
  var path = LayerPath(keepsNames: false)
  mutating func visit(_ parameter: inout Parameter) {
    parameter.moments = Moments(count: 0, rowCount: 0, columnCount: 0)
  }
}

/// Applies the stored gradient of each parameter.
private struct StoredUpdate: LayerVisitor {
  var path = LayerPath(keepsNames: false)
  var gradients: [WeightGradient]
  private let updates: Step.Updates
  private let context: ComputeContext

  init(gradients: [WeightGradient], updates: Step.Updates, _ context: ComputeContext) {
    self.gradients = gradients
    self.updates = updates
    self.context = context
  }

  mutating func visit(_ parameter: inout Parameter) {
    // Statistics of a batch normalization have no gradient.
    guard parameter.index < gradients.count, gradients[parameter.index].validCount > 0 else {
      return
    }
    let (index, rule) = (parameter.index, updates.rule(for: parameter))
    let listed =
      gradients[index].rows == .all
      ? nil : gradients[index].rowIndices[..<gradients[index].validCount]
    parameter.update(rows: listed) { value, moments in
      context.update(&value, &moments, by: rule, gradient: gradients[index])
    }
  }
}
