import CMePropKernels

/// Memory of plain numbers that grows and is used again.
final class ScratchBuffer<Element: BitwiseCopyable> {
  private(set) var base: UnsafeMutablePointer<Element>
  private(set) var count = 0

  init() { base = .allocate(capacity: 1) }
  deinit { base.deallocate() }

  /// Makes room for `count` elements, which are undefined if there was less.
  func reserve(_ count: Int) {
    guard count > self.count else { return }
    base.deallocate()
    base = .allocate(capacity: count)
    self.count = count
  }
}

/// What one direction of an LSTM layer keeps between forward and backward pass.
///
/// That includes the support of its gradient. Memory is kept from step to step.
public final class LSTMWorkspace {
  /// The number of units.
  public let hiddenSize: Int
  /// After the forward pass the gates, after the backward pass the gradients at their
  /// pre-activations d (unit memory added); shape `[positions, 4 · paddedSize]`.
  public package(set) var gates: Matrix
  /// The cells c, shape `[positions, hiddenSize]`.
  public private(set) var cell: Matrix
  /// The state that each position started from, after its mask, shape `[positions, hiddenSize]`.
  public private(set) var previous: Matrix
  /// Σ d over all positions, shape `[1, 4 · paddedSize]`; set by the backward pass.
  public private(set) var biasGradient: Matrix
  /// Unit memory, one vector a gate, shape `[1, 4 · paddedSize]`; or one row for each place of a sentence in the batch.
  ///
  /// Zeros at first.
  public package(set) var memory: Matrix
  /// The number of entries of each gate that a position keeps at most; 0 after a dense pass.
  public private(set) var k = 0
  /// The number of weight rows in the support.
  public private(set) var touchedRowCount = 0
  /// The number of rows that the support is regrouped by: as many, or all.
  private(set) var listedRowCount = 0

  var stateGradient: Matrix
  var cellGradient: Matrix
  private var keys: Matrix
  let indices = ScratchBuffer<UInt32>()
  let values = ScratchBuffer<Float>()
  let counts = ScratchBuffer<UInt32>()
  let whole = ScratchBuffer<Float>()
  let kept = ScratchBuffer<Float>()
  let seconds = ScratchBuffer<Double>()
  // The support regrouped by row.
  let rows = ScratchBuffer<UInt32>()
  let rowStarts = ScratchBuffer<UInt32>()
  let positions = ScratchBuffer<UInt32>()
  let weights = ScratchBuffer<Float>()
  private let cursor = ScratchBuffer<UInt32>()

  /// Creates an empty workspace for `hiddenSize` units.
  public init(hiddenSize: Int) {
    self.hiddenSize = hiddenSize
    let width = 4 * LSTMWeights.paddedSize(hiddenSize)
    gates = Matrix(rowCount: 0, columnCount: width)
    biasGradient = Matrix(rowCount: 1, columnCount: width)
    memory = Matrix(rowCount: 1, columnCount: width)
    cell = Matrix(rowCount: 0, columnCount: hiddenSize)
    previous = Matrix(rowCount: 0, columnCount: hiddenSize)
    stateGradient = Matrix(rowCount: 0, columnCount: hiddenSize)
    cellGradient = Matrix(rowCount: 0, columnCount: hiddenSize)
    keys = Matrix(rowCount: 0, columnCount: hiddenSize)
    rows.reserve(width)
    rowStarts.reserve(width + 1)
    cursor.reserve(width + 1)
  }

  /// The share of Σ|d| that the support holds, from 0 to 1; 1 after a dense pass.
  public var keptMagnitude: Double {
    guard k > 0 else { return 1 }
    var all = 0.0
    var part = 0.0
    for position in 0..<gates.rowCount {
      all += Double(whole.base[position])
      part += Double(kept.base[position])
    }
    return all > 0 ? min(1, part / all) : 1
  }

  /// The entries that a position keeps: rows of the weights in increasing order, with their values.
  public func entries(ofPosition position: Int) -> [(row: Int, value: Float)] {
    precondition(
      position >= 0 && position < gates.rowCount && k > 0,
      "LSTMWorkspace: position \(position) of \(gates.rowCount), \(k) entries a gate")
    return (0..<Int(counts.base[position])).map {
      (Int(indices.base[position * 4 * k + $0]), values.base[position * 4 * k + $0])
    }
  }

  func prepareForward(_ packing: SentencePacking) {
    gates.setRowCount(packing.positionCount)
    cell.setRowCount(packing.positionCount)
    previous.setRowCount(packing.positionCount)
  }

  func prepareBackward(_ packing: SentencePacking, k: Int, groupCount: Int) {
    self.k = k
    stateGradient.setRowCount(packing.sentenceCount)
    cellGradient.setRowCount(packing.sentenceCount)
    keys.setRowCount(groupCount)
    let entries = packing.positionCount * 4 * k
    indices.reserve(entries)
    values.reserve(entries)
    positions.reserve(entries)
    weights.reserve(entries)
    counts.reserve(packing.positionCount)
    whole.reserve(packing.positionCount)
    kept.reserve(packing.positionCount)
  }

  /// What kernels see.
  ///
  /// Valid until a matrix is resized or changed through Swift.
  func direction(
    reversed: Bool, weights: borrowing LSTMWeights, output: UnsafeMutablePointer<Float>?,
    outputGradient: UnsafePointer<Float>?, outputStride: Int, mask: UnsafePointer<Float>?,
    usesMemory: Bool, column: Int
  ) -> meprop_lstm_direction {
    let stride = cell.stride
    return meprop_lstm_direction(
      reversed: reversed ? 1 : 0, w: weights.recurrentWeight.unsafeFloats,
      w_stride: weights.recurrentWeight.stride, bias: weights.bias.unsafeFloats,
      gates: gates.unsafeMutableFloats(), gate_stride: gates.stride,
      cell: cell.unsafeMutableFloats(), previous: previous.unsafeMutableFloats(), stride: stride,
      output: output.map { $0 + column }, output_stride: outputStride, mask: mask,
      output_gradient: outputGradient.map { $0 + column },
      state_gradient: stateGradient.unsafeMutableFloats(),
      cell_gradient: cellGradient.unsafeMutableFloats(),
      memory: usesMemory ? memory.unsafeFloats : nil,
      memory_stride: memory.rowCount == 1 ? 0 : memory.stride, keys: keys.unsafeMutableFloats(),
      indices: indices.base, values: values.base, counts: counts.base, whole: whole.base,
      kept: kept.base)
  }

  /// Tells a forward pass with numbers of eight bits where cells and states go.
  func keep(in direction: inout meprop_byte_direction) {
    direction.kept_cell = cell.unsafeMutableFloats()
    direction.previous = previous.unsafeMutableFloats()
    direction.kept_stride = cell.stride
  }

  /// Regroups the support by row, once for all products that write weight rows.
  package func regroup(everyRow: Bool) {
    listedRowCount = meprop_regroup(
      indices.base, values.base, counts.base, gates.rowCount, 4 * k, gates.columnCount,
      everyRow ? 1 : 0, cursor.base, rows.base, rowStarts.base, positions.base, weights.base,
      &touchedRowCount)
  }

  /// Adds to each unit's count, gate by gate, the number of positions that keep it.
  ///
  /// Comes after `regroup`. O(rows listed), and allocates nothing.
  ///
  /// - Parameter keptCounts: 4 · hiddenSize of them, without the padding of gates, or none.
  /// - Returns: The number of kept entries of all positions.
  package func addKeptCounts(to keptCounts: inout [UInt32]) -> Int {
    precondition(
      keptCounts.isEmpty || keptCounts.count == 4 * hiddenSize,
      "addKeptCounts: \(keptCounts.count) counts for 4 gates of \(hiddenSize) units")
    if keptCounts.isEmpty { return Int(rowStarts.base[listedRowCount]) }
    let paddedSize = LSTMWeights.paddedSize(hiddenSize)
    let padding = paddedSize - hiddenSize
    keptCounts.withUnsafeMutableBufferPointer { keptCounts in
      for place in 0..<listedRowCount {
        let row = Int(rows.base[place])
        // Rows of the padding may be listed, but they are no units.
        guard row % paddedSize < hiddenSize else { continue }
        keptCounts[row - row / paddedSize * padding] &+=
          rowStarts.base[place + 1] &- rowStarts.base[place]
      }
    }
    return Int(rowStarts.base[listedRowCount])
  }

  /// `biasGradient ← Σ d`.
  func sumColumns(context: ComputeContext) {
    var arguments = meprop_column_sums_arguments(
      x: gates.unsafeFloats, rows: gates.rowCount, stride: gates.stride,
      sums: biasGradient.unsafeMutableFloats())
    context.run(
      context.kernels.columnSums, &arguments, count: gates.lineCount, grain: 4,
      work: gates.rowCount * gates.columnCount)
  }

  /// Makes room for the memories of so many sentences.
  func prepareMemories(sentenceCount: Int) {
    if memory.rowCount < sentenceCount { memory = memory.extended(toRowCount: sentenceCount) }
  }

  /// `memory[i] ← mean over the positions of sentence i of d − s`; rows beyond the batch stay.
  func storeRemainders(_ packing: SentencePacking) {
    for sentence in 0..<packing.sentenceCount {
      memory.withMutableRow(sentence) { target in
        target.update(repeating: 0)
        var length = 0
        for step in 0..<packing.stepCount where sentence < packing.activeCount(atStep: step) {
          let position = Int(packing.starts[step]) + sentence
          length += 1
          gates.withRow(position) { for unit in $0.indices { target[unit] += $0[unit] } }
          let start = position * 4 * k
          for entry in start..<(start + Int(counts.base[position])) {
            target[Int(indices.base[entry])] -= values.base[entry]
          }
        }
        for unit in target.indices { target[unit] /= Float(max(length, 1)) }
      }
    }
  }

  /// `memory ← mean over all positions of d − s`.
  func storeRemainder() {
    let count = gates.rowCount
    guard count > 0 else { return }
    let width = gates.columnCount
    let target = memory.unsafeMutableFloats()
    target.update(from: biasGradient.unsafeFloats, count: width)
    for position in 0..<count {
      let start = position * 4 * k
      for entry in start..<(start + Int(counts.base[position])) {
        target[Int(indices.base[entry])] -= values.base[entry]
      }
    }
    let scale = 1 / Float(count)
    for unit in 0..<width { target[unit] *= scale }
  }
}
