import MePropCore

/// What one layer of a network keeps from step to step while it is trained: caches, gradients, moments, statistics.
final class LayerState {
  let outputSize: Int
  /// The layer's output; kept from forward to backward.
  var output: Matrix
  /// The gradient at the output, then at the pre-activations.
  var gradient: Matrix
  /// The gradient of the weights, if it is stored at all.
  var weightGradient: WeightGradient?
  /// Σᵢ dᵢ: the gradient of the bias.
  var biasGradient: Matrix
  var weightMoments: Moments
  var biasMoments: Moments
  /// Unit memory of one row, or one row for each place in the batch; zero until the first sparse step.
  var memory: Matrix
  private let memoryScope: MemoryScope
  let support = GradientSupport()
  let unified = UnifiedProducts()
  let masked: MaskedProducts
  let product: ForwardProduct
  /// The products of a dense step's back propagation, where they are to be rounded.
  let roundedGradients: RoundedGradientProducts?
  var partialSums: Matrix
  var norms: [Float] = []
  var statistics = SelectionStatistics()
  var tally: LayerTally

  convenience init(
    _ name: String, layer: Linear, momentCount: Int, countsUnits: Bool, memoryScope: MemoryScope,
    precision: Precision
  ) {
    self.init(
      outputSize: layer.outputSize, weightRows: layer.outputSize, weightColumns: layer.inputSize,
      momentCount: momentCount, memoryScope: memoryScope, precision: precision)
    tally = LayerTally(name: name, outputSize: layer.outputSize, countsUnits: countsUnits)
  }

  /// Creates the state of a layer whose weights have a shape of their own, without counting its units.
  init(
    outputSize columns: Int, weightRows: Int, weightColumns: Int, momentCount: Int,
    memoryScope: MemoryScope = .unit, precision: Precision = .f32
  ) {
    tally = LayerTally(name: "", outputSize: columns, countsUnits: false)
    self.memoryScope = memoryScope
    product = ForwardProduct(precision: precision)
    masked = MaskedProducts(precision: precision)
    roundedGradients = precision == .bf16 ? RoundedGradientProducts() : nil
    outputSize = columns
    output = Matrix(rowCount: 0, columnCount: columns)
    gradient = Matrix(rowCount: 0, columnCount: columns)
    biasGradient = Matrix(rowCount: 1, columnCount: columns)
    memory = Matrix(rowCount: 1, columnCount: columns)
    partialSums = Matrix(rowCount: 1, columnCount: columns)
    weightMoments = Moments(count: momentCount, rowCount: weightRows, columnCount: weightColumns)
    biasMoments = Moments(count: momentCount, rowCount: 1, columnCount: columns)
  }

  func setBatchSize(_ count: Int, withGradient: Bool = true) {
    output.setRowCount(count)
    if withGradient { gradient.setRowCount(count) }
    if memoryScope == .slot, memory.rowCount < count {
      memory = memory.extended(toRowCount: count)
    }
    if norms.count < count { norms = Array(repeating: 0, count: count) }
  }

  /// Gives back the memory of the matrices of a batch; the next one takes it again.
  func releaseBatchMemory() {
    output = Matrix(rowCount: 0, columnCount: outputSize)
    gradient = Matrix(rowCount: 0, columnCount: outputSize)
    partialSums = Matrix(rowCount: 1, columnCount: outputSize)
  }

  /// Chooses the entries of the gradient that `policy`, which is not dense, keeps.
  ///
  /// They are regrouped at once as the update needs them, so that statistics before it do not regroup them otherwise.
  ///
  /// - Throws: `NaNGradientError`.
  func select(
    _ policy: SelectionPolicy, seed: UInt64, stream: UInt64, everyRow: Bool,
    context: ComputeContext
  ) throws {
    let count = policy.k?.resolved(outputSize: outputSize) ?? outputSize
    switch policy {
    case .dense: break
    case .top:
      try support.selectTop(count, of: gradient, norms: norms, context: context)
    case .unified(_, let groupSize, _):
      try support.selectUnified(count, of: gradient, groupSize: groupSize, context: context)
    case .random:
      try support.selectRandom(count, of: gradient, seed: seed, stream: stream)
    }
    if support.sharedOutputs == nil { support.regroup(everyOutput: everyRow) }
  }

  /// Keeps what selection left out of the gradient for the next step.
  func storeRemainder() {
    switch memoryScope {
    case .unit: support.storeRemainder(in: &memory, columnSums: biasGradient)
    case .slot: support.storeRemainders(in: &memory, of: gradient)
    }
  }

  /// Adds what was selected to the statistics, in some steps with the share of magnitude that was kept.
  func addSelectionStatistics(step: Int) {
    var share: Double?
    if step % SelectionStatistics.samplingInterval == 1 {
      var whole = 0.0
      for row in 0..<gradient.rowCount { whole += Double(norms[row]) }
      share = whole > 0 ? min(1, support.keptMagnitude / whole) : 1
    }
    statistics.add(touchedRows: support.countTouchedOutputs(), keptShare: share)
  }
}

/// What selection did in one layer, added up over steps.
public struct SelectionStatistics: Sendable, Equatable {
  /// The number of steps.
  public private(set) var steps = 0
  private var touchedRows = 0
  private var sampledSteps = 0
  private var keptShare = 0.0

  /// Every how many steps the kept share is measured: adding up magnitudes is left out of the other steps.
  static let samplingInterval = 16

  /// Weight rows whose gradient was not skipped, a mean per step.
  public var meanTouchedRows: Double { steps == 0 ? 0 : Double(touchedRows) / Double(steps) }
  /// The share of Σ|d| that was kept, from 0 to 1: a mean over every 16th step, 1 for a dense layer.
  public var meanKeptMagnitude: Double { sampledSteps == 0 ? 1 : keptShare / Double(sampledSteps) }

  mutating func add(touchedRows count: Int, keptShare share: Double?) {
    steps += 1
    touchedRows += count
    if let share {
      sampledSteps += 1
      keptShare += share
    }
  }
}
