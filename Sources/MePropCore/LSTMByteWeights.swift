import CMePropKernels

/// The parameters of one direction of an LSTM layer with weights of eight bits, for inference.
///
/// A row w of a weight matrix is replaced by `s q`, with `s = max |wⱼ| / 127` and whole numbers
/// `qⱼ = round(wⱼ / s)` from -127 to 127 (symmetric linear quantization by row; Jacob et al., 2018,
/// arXiv 1712.05877). A weight is off by at most `s / 2`. Biases stay as they are. The recurrent weights
/// of 500 units take 1 MB then, which the second-level cache holds, instead of 4 MB.
public final class LSTMByteWeights {
  /// The number of inputs.
  public let inputSize: Int
  /// The number of units.
  public let hiddenSize: Int
  let input: Packed
  let recurrent: Packed
  let bias: Matrix

  /// A quantized matrix in the order that kernels read it.
  final class Packed {
    let columns: Int
    private let q = ScratchBuffer<Int8>()
    private let scales = ScratchBuffer<Float>()
    private let sums = ScratchBuffer<Int32>()

    /// Quantizes a matrix of four gates of `hidden` rows, each padded to a multiple of 16.
    init(_ matrix: Matrix, hidden: Int) {
      columns = matrix.columnCount
      let padded = matrix.rowCount / 4
      let quads = (columns + 3) / 4
      q.reserve(padded * quads * 16)
      q.base.initialize(repeating: 0, count: padded * quads * 16)
      scales.reserve(matrix.rowCount)
      sums.reserve(matrix.rowCount)
      for row in 0..<matrix.rowCount {
        let (gate, unit) = (row / padded, row % padded)
        let start = ((unit / 16 * quads * 4 + gate) * 16 + unit % 16) * 4
        matrix.withRow(row) { values in
          let largest = values.reduce(0) { max($0, abs($1)) }
          let scale = largest / 127
          scales.base[row] = scale
          var sum: Int32 = 0
          if scale > 0 {
            for (column, value) in values.enumerated() {
              let whole = max(-127, min(127, (value / scale).rounded(.toNearestOrEven)))
              q.base[start + column / 4 * 256 + column % 4] = Int8(whole)
              sum += Int32(whole)
            }
          }
          sums.base[row] = sum
        }
      }
    }

    /// What kernels see; valid while this lives.
    var arguments: meprop_byte_weights {
      meprop_byte_weights(q: q.base, scales: scales.base, sums: sums.base, inputs: columns)
    }
  }

  /// Quantizes parameters, which must be finite.
  ///
  /// - Complexity: A pass over the weights.
  public init(_ weights: LSTMWeights) {
    inputSize = weights.inputSize
    hiddenSize = weights.hiddenSize
    input = Packed(weights.inputWeight, hidden: weights.hiddenSize)
    recurrent = Packed(weights.recurrentWeight, hidden: weights.hiddenSize)
    bias = weights.bias
  }
}

/// What layers with weights of eight bits compute in, kept from batch to batch.
public final class LSTMByteWorkspace {
  var gates: [Matrix]
  var cells: [Matrix]
  let inputBytes = ScratchBuffer<Int8>()
  let inputScales = ScratchBuffer<Float>()
  /// The states of both directions as bytes, `directions · paddedSize` a position.
  let states = ScratchBuffer<Int8>()
  let width: Int

  /// Creates a workspace for a layer of `hiddenSize` units in one direction or two.
  public init(hiddenSize: Int, directionCount: Int) {
    let padded = LSTMWeights.paddedSize(hiddenSize)
    width = directionCount * padded
    gates = (0..<directionCount).map { _ in Matrix(rowCount: 0, columnCount: 4 * padded) }
    cells = (0..<directionCount).map { _ in Matrix(rowCount: 0, columnCount: padded) }
  }
}

/// Where the input of a layer with weights of eight bits comes from.
public enum LSTMByteInput {
  /// Numbers, shape `[positions, inputSize]`; each position is quantized on its own.
  case values(Matrix)
  /// The states that another layer left in its workspace.
  case states(LSTMByteWorkspace)
}

extension ComputeContext {
  /// With more sentences, products of the input are made step by step.
  ///
  /// Ahead of all steps they read the input weights once, but go through memory.
  private static var sentencesWithInputAhead: Int { 3 }

  /// The forward pass of one layer with weights of eight bits.
  ///
  /// Inputs are quantized as weights are, position by position; states are `round(127 h) / 127`. Sums
  /// of products are exact, so that results depend neither on the number of threads nor on what else is
  /// in the batch. Gates and cells are in 32-bit floats. Each direction, and each group of sentences
  /// where there are more threads than directions, goes through all its steps on one thread.
  ///
  /// - Parameters:
  ///   - weights: One or two directions of equal size.
  ///   - workspace: For layers of this size.
  ///   - input: Of `packing.positionCount` positions.
  ///   - packing: Which position is which word.
  ///   - output: Shape `[positions, directions · paddedSize]`, overwritten.
  public func lstmForward(
    _ weights: [LSTMByteWeights], _ workspace: LSTMByteWorkspace, input: LSTMByteInput,
    packing: SentencePacking, output: inout Matrix
  ) {
    let hidden = weights[0].hiddenSize
    let padded = LSTMWeights.paddedSize(hidden)
    let positions = packing.positionCount
    precondition(
      workspace.width == weights.count * padded && output.rowCount == positions
        && output.columnCount == workspace.width,
      "LSTM of \(weights.count) directions of \(hidden) units: workspace of \(workspace.width) "
        + "numbers a position, output is \(output.shape), expected [\(positions), "
        + "\(weights.count * padded)]")
    guard positions > 0 else { return }
    workspace.states.reserve(positions * workspace.width)
    let bytes: UnsafePointer<Int8>
    let stride: Int
    var scales: UnsafePointer<Float>?
    switch input {
    case .values(let values):
      precondition(
        values.rowCount == positions && values.columnCount == weights[0].inputSize,
        "LSTM input is \(values.shape), expected [\(positions), \(weights[0].inputSize)]")
      stride = values.lineCount * 16
      workspace.inputBytes.reserve(positions * stride)
      workspace.inputScales.reserve(positions)
      quantizeRows(
        of: values, into: workspace.inputBytes.base, stride: stride,
        scales: workspace.inputScales.base)
      bytes = UnsafePointer(workspace.inputBytes.base)
      scales = UnsafePointer(workspace.inputScales.base)
    case .states(let before):
      precondition(
        before.width == weights[0].inputSize && before !== workspace,
        "LSTM input has \(before.width) numbers a position, expected \(weights[0].inputSize)")
      bytes = UnsafePointer(before.states.base)
      stride = before.width
    }
    let products = weights.indices.map { index in
      workspace.cells[index].setRowCount(packing.sentenceCount)
      return meprop_byte_product_arguments(
        w: weights[index].input.arguments, padded: padded, x: bytes, x_stride: stride,
        rows: positions, x_scales: scales, bias: weights[index].bias.unsafeFloats, y: nil,
        y_stride: 0)
    }
    let isAhead = packing.sentenceCount <= Self.sentencesWithInputAhead
    for index in weights.indices where isAhead {
      workspace.gates[index].setRowCount(positions)
      var arguments = products[index]
      arguments.y_stride = workspace.gates[index].stride
      arguments.y = workspace.gates[index].unsafeMutableFloats()
      run(
        kernels.byte_product, &arguments, count: padded / 16,
        work: positions * padded * weights[index].inputSize)
    }
    runSteps(weights, workspace, packing, products, isAhead: isAhead, &output)
    withExtendedLifetime((weights, input, workspace)) {}
  }

  private func quantizeRows(
    of values: Matrix, into bytes: UnsafeMutablePointer<Int8>, stride: Int,
    scales: UnsafeMutablePointer<Float>
  ) {
    var arguments = meprop_quantize_arguments(
      x: values.unsafeFloats, x_stride: values.stride, columns: values.columnCount, q: bytes,
      q_stride: stride, scales: scales)
    run(
      kernels.quantize_rows, &arguments, count: values.rowCount,
      work: values.rowCount * values.columnCount)
    withExtendedLifetime(values) {}
  }

  private func runSteps(
    _ weights: [LSTMByteWeights], _ workspace: LSTMByteWorkspace, _ packing: SentencePacking,
    _ products: [meprop_byte_product_arguments], isAhead: Bool, _ output: inout Matrix
  ) {
    let hidden = weights[0].hiddenSize
    let padded = LSTMWeights.paddedSize(hidden)
    let target = output.unsafeMutableFloats()
    let outputStride = output.stride
    let directions = weights.indices.map { index in
      meprop_byte_direction(
        reversed: index == 1 ? 1 : 0, w: weights[index].recurrent.arguments,
        gates: isAhead ? workspace.gates[index].unsafeFloats : nil,
        gate_stride: workspace.gates[index].stride, input: products[index],
        cell: workspace.cells[index].unsafeMutableFloats(),
        cell_stride: workspace.cells[index].stride,
        states: workspace.states.base + index * padded, state_stride: workspace.width,
        output: target + index * padded, output_stride: outputStride)
    }
    let groupsWanted = (threadCount + weights.count - 1) / weights.count
    let group = (packing.sentenceCount + groupsWanted - 1) / groupsWanted
    let groupCount = (packing.sentenceCount + group - 1) / group
    packing.starts.withUnsafeBufferPointer { starts in
      directions.withUnsafeBufferPointer { directions in
        var arguments = meprop_byte_lstm_arguments(
          directions: directions.baseAddress, hidden: hidden, steps: packing.stepCount,
          starts: starts.baseAddress, sentences: packing.sentenceCount, group: group)
        runTiles(
          kernels.byte_lstm, &arguments, count: directions.count * groupCount,
          work: weights.count * packing.positionCount * padded * hidden)
      }
    }
  }
}
