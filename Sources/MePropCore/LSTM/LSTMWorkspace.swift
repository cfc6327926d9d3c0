import CMePropKernels

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
  /// Unit memory, one vector a gate, shape `[1, 4 · paddedSize]`; or one row for each place of a
  /// sentence in the batch.
  ///
  /// Zeros at first.
  public package(set) var memory: Matrix
  /// The number of entries of each gate that a position keeps at most; 0 after a dense pass.
  public private(set) var k = 0
  /// The kept entries of all gates, a row of `4 · paddedSize` a position, after a backward pass
  /// with selection; the memory they are written to belongs to it.
  package let support: GradientSupport

  var stateGradient: Matrix
  var cellGradient: Matrix
  private var keys: Matrix
  let whole = ScratchBuffer<Float>()
  let kept = ScratchBuffer<Float>()
  let seconds = ScratchBuffer<Double>()

  /// Creates an empty workspace for `hiddenSize` units.
  ///
  /// - Parameters:
  ///   - hiddenSize: The number of units.
  ///   - support: Takes the kept entries.
  public init(hiddenSize: Int, support: GradientSupport = GradientSupport()) {
    self.hiddenSize = hiddenSize
    self.support = support
    let width = 4 * paddedGateSize(hiddenSize)
    gates = Matrix(rowCount: 0, columnCount: width)
    biasGradient = Matrix(rowCount: 1, columnCount: width)
    memory = Matrix(rowCount: 1, columnCount: width)
    cell = Matrix(rowCount: 0, columnCount: hiddenSize)
    previous = Matrix(rowCount: 0, columnCount: hiddenSize)
    stateGradient = Matrix(rowCount: 0, columnCount: hiddenSize)
    cellGradient = Matrix(rowCount: 0, columnCount: hiddenSize)
    keys = Matrix(rowCount: 0, columnCount: hiddenSize)
  }

  /// Σ|d| of each position, of the last backward pass with selection.
  package var magnitudes: UnsafePointer<Float> { UnsafePointer(whole.base) }

  /// Σ|d| over all positions, of the last backward pass with selection.
  package var magnitude: Double {
    (0..<gates.rowCount).reduce(0) { $0 + Double(whole.base[$1]) }
  }

  func prepareForward(_ packing: PackedSequence) {
    gates.setRowCount(packing.positionCount)
    cell.setRowCount(packing.positionCount)
    previous.setRowCount(packing.positionCount)
  }

  func prepareBackward(_ packing: PackedSequence, k: Int, groupCount: Int) {
    self.k = k
    stateGradient.setRowCount(packing.sentenceCount)
    cellGradient.setRowCount(packing.sentenceCount)
    keys.setRowCount(groupCount)
    if k > 0 {
      support.prepare(
        batchSize: packing.positionCount, k: 4 * k, outputSize: gates.columnCount)
    }
    whole.reserve(packing.positionCount)
    kept.reserve(packing.positionCount)
  }

  /// What kernels see.
  ///
  /// Valid until a matrix is resized or changed through Swift.
  func direction(
    reversed: Bool, weights: some LSTMParameters, output: UnsafeMutablePointer<Float>?,
    outputGradient: UnsafePointer<Float>?, outputStride: Int, mask: UnsafePointer<Float>?,
    usesMemory: Bool, column: Int
  ) -> meprop_lstm_direction {
    let stride = cell.stride
    return meprop_lstm_direction(
      reversed: reversed ? 1 : 0, w: weights.recurrentMatrix.unsafeFloats,
      w_stride: weights.recurrentMatrix.stride, bias: weights.biasRow.unsafeFloats,
      gates: gates.unsafeMutableFloats(), gate_stride: gates.stride,
      cell: cell.unsafeMutableFloats(), previous: previous.unsafeMutableFloats(), stride: stride,
      output: output.map { $0 + column }, output_stride: outputStride, mask: mask,
      output_gradient: outputGradient.map { $0 + column },
      state_gradient: stateGradient.unsafeMutableFloats(),
      cell_gradient: cellGradient.unsafeMutableFloats(),
      memory: usesMemory ? memory.unsafeFloats : nil,
      memory_stride: memory.rowCount == 1 ? 0 : memory.stride, keys: keys.unsafeMutableFloats(),
      indices: support.indices.base, values: support.values.base, counts: support.counts.base,
      whole: whole.base, kept: kept.base)
  }

  /// Tells a forward pass with numbers of eight bits where cells and states go.
  func keep(in direction: inout meprop_byte_direction) {
    direction.kept_cell = cell.unsafeMutableFloats()
    direction.previous = previous.unsafeMutableFloats()
    direction.kept_stride = cell.stride
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

  /// `memory ← mean over all positions of d − s`, or for each sentence the mean over its
  /// positions; comes after the backward pass, when ``support`` is decided.
  package func storeRemainder(_ scope: MemoryScope, _ packing: PackedSequence) {
    switch scope {
    case .unit: storeRemainder()
    case .slot: storeRemainders(packing)
    }
  }

  /// `memory[i] ← mean over the positions of sentence i of d − s`; rows beyond the batch stay.
  private func storeRemainders(_ packing: PackedSequence) {
    for sentence in 0..<packing.sentenceCount {
      memory.withMutableRow(sentence) { target in
        target.update(repeating: 0)
        var length = 0
        for step in 0..<packing.stepCount where sentence < packing.activeCount(atStep: step) {
          let position = Int(packing.starts[step]) + sentence
          length += 1
          gates.withRow(position) { for unit in $0.indices { target[unit] += $0[unit] } }
          let start = position * support.listStride
          for entry in start..<(start + Int(support.counts.base[position])) {
            target[Int(support.indices.base[entry])] -= support.values.base[entry]
          }
        }
        for unit in target.indices { target[unit] /= Float(max(length, 1)) }
      }
    }
  }

  /// `memory ← mean over all positions of d − s`.
  private func storeRemainder() {
    let count = gates.rowCount
    guard count > 0 else { return }
    let width = gates.columnCount
    let target = memory.unsafeMutableFloats()
    target.update(from: biasGradient.unsafeFloats, count: width)
    for position in 0..<count {
      let start = position * support.listStride
      for entry in start..<(start + Int(support.counts.base[position])) {
        target[Int(support.indices.base[entry])] -= support.values.base[entry]
      }
    }
    let scale = 1 / Float(count)
    for unit in 0..<width { target[unit] *= scale }
  }
}
