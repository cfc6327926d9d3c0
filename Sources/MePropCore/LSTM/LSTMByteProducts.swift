import CMePropKernels

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

  /// The forward pass of one layer with weights of eight bits, for inference or for training.
  ///
  /// Inputs are quantized as weights are, position by position; states are `round(127 h) / 127`.
  /// Sums of products are exact, so that results depend neither on the number of threads nor on
  /// what else is in the batch. Gates and cells are in 32-bit floats. Each direction, and each
  /// group of sentences where there are more threads than directions, goes through all its steps on
  /// one thread.
  ///
  /// For training, gates, cells and states go to `keeping` as those of
  /// `lstmForward(_:_:input:packing:masks:output:inputProduct:)` do. The backward pass then takes
  /// rounding for the identity and reads the weights themselves (straight-through estimator; Bengio
  /// et al., 2013, arXiv 1308.3432).
  ///
  /// - Parameters:
  ///   - weights: One or two directions of equal size.
  ///   - workspace: For layers of this size.
  ///   - input: Of `packing.positionCount` positions.
  ///   - packing: Which position is which word.
  ///   - keeping: For training: one workspace a direction.
  ///   - masks: For training: factors of the states as in the other forward pass; empty: none.
  ///   - largestFactor: No factor of a mask is larger. States are `round(127 h / f) · f / 127`
  ///     then.
  ///   - output: Shape `[positions, directions · paddedSize]`, overwritten.
  public func lstmForward(
    _ weights: [LSTMByteWeights], _ workspace: LSTMByteWorkspace, input: LSTMByteInput,
    packing: PackedSequence, keeping: [LSTMWorkspace] = [], masks: [Matrix] = [],
    largestFactor: Float = 1, output: inout Matrix
  ) {
    let hidden = weights[0].hiddenSize
    let padded = paddedGateSize(hidden)
    let positions = packing.positionCount
    precondition(
      workspace.width == weights.count * padded && output.rowCount == positions
        && output.columnCount == workspace.width,
      "LSTM of \(weights.count) directions of \(hidden) units: workspace of \(workspace.width) "
        + "numbers a position, output is \(output.shape), expected [\(positions), "
        + "\(weights.count * padded)]")
    precondition(
      (keeping.isEmpty || keeping.count == weights.count)
        && (masks.isEmpty || masks.count == keeping.count),
      "LSTM of \(weights.count) directions: \(keeping.count) workspaces, \(masks.count) masks")
    for keeper in keeping { keeper.prepareForward(packing) }
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
    let isAhead = packing.sentenceCount <= Self.sentencesWithInputAhead
    withTemporary(weights.count) { index in
      workspace.cells[index].setRowCount(packing.sentenceCount)
      return meprop_byte_product_arguments(
        w: weights[index].input.arguments, padded: padded, x: bytes, x_stride: stride,
        rows: positions, x_scales: scales, bias: weights[index].bias.unsafeFloats, y: nil,
        y_stride: 0)
    } do: { products in
      for index in weights.indices where isAhead {
        if keeping.isEmpty { workspace.gates[index].setRowCount(positions) }
        var arguments = products[index]
        let gates = workspace.gates(index, keeping: keeping)
        arguments.y_stride = gates.stride
        arguments.y = gates.base
        run(
          kernels.byteProduct, &arguments, count: padded / 16,
          work: positions * padded * weights[index].inputSize)
      }
      runSteps(
        weights, workspace, packing, products, isAhead: isAhead, keeping: keeping, masks: masks,
        largestFactor: largestFactor, &output)
    }
    withExtendedLifetime((weights, input, workspace, keeping, masks)) {}
  }

  private func runSteps(
    _ weights: [LSTMByteWeights], _ workspace: LSTMByteWorkspace, _ packing: PackedSequence,
    _ products: UnsafeMutableBufferPointer<meprop_byte_product_arguments>, isAhead: Bool,
    keeping: [LSTMWorkspace],
    masks: [Matrix], largestFactor: Float, _ output: inout Matrix
  ) {
    let hidden = weights[0].hiddenSize
    let padded = paddedGateSize(hidden)
    let target = output.unsafeMutableFloats()
    let outputStride = output.stride
    let groupsWanted = (threadCount + weights.count - 1) / weights.count
    let group = (packing.sentenceCount + groupsWanted - 1) / groupsWanted
    let groupCount = (packing.sentenceCount + group - 1) / group
    packing.starts.withUnsafeBufferPointer { starts in
      withTemporary(weights.count) { index in
        let gates = workspace.gates(index, keeping: keeping)
        var direction = meprop_byte_direction()
        direction.reversed = index == 1 ? 1 : 0
        direction.w = weights[index].recurrent.arguments
        direction.gates = isAhead ? UnsafePointer(gates.base) : nil
        direction.gate_stride = gates.stride
        direction.input = products[index]
        direction.cell = workspace.cells[index].unsafeMutableFloats()
        direction.cell_stride = workspace.cells[index].stride
        direction.states = workspace.states.base + index * padded
        direction.state_stride = workspace.width
        direction.output = target + index * padded
        direction.output_stride = outputStride
        if !keeping.isEmpty {
          direction.kept_gates = gates.base
          direction.kept_gate_stride = gates.stride
          keeping[index].keep(in: &direction)
        }
        if !masks.isEmpty {
          direction.mask = masks[index].unsafeFloats
          direction.mask_stride = masks[index].stride
        }
        return direction
      } do: { directions in
        var arguments = meprop_byte_lstm_arguments(
          directions: directions.baseAddress, hidden: hidden, steps: packing.stepCount,
          starts: starts.baseAddress, sentences: packing.sentenceCount, group: group,
          largest_state: largestFactor)
        runTiles(
          kernels.byteLSTM, &arguments, count: directions.count * groupCount,
          work: weights.count * packing.positionCount * padded * hidden)
      }
    }
  }
}

extension LSTMByteWorkspace {
  /// Where products of the input, and gates, of a direction go; valid until a matrix is resized.
  fileprivate func gates(
    _ direction: Int, keeping: [LSTMWorkspace]
  ) -> (base: UnsafeMutablePointer<Float>, stride: Int) {
    keeping.isEmpty
      ? (gates[direction].unsafeMutableFloats(), gates[direction].stride)
      : (keeping[direction].gates.unsafeMutableFloats(), keeping[direction].gates.stride)
  }
}
