import CMePropKernels

/// How the backward pass of an LSTM selects: in each time step, from each gate's gradients.
public struct LSTMSelection: Sendable, Equatable {
  /// Entries kept of each gate, from 1 to hiddenSize.
  public var k: Int
  /// How many sentences keep the same entries: those whose magnitudes add up to most.
  public var groupSize: Int
  /// Whether entries are drawn uniformly at random instead; `groupSize` is 1 then.
  public var isRandom: Bool
  /// β of the memory; 0: none.
  public var memory: Float
  /// The seed of random selection.
  public var seed: UInt64
  /// Its sequence; each direction takes one, starting from this.
  public var stream: UInt64

  /// Creates a selection of the `k` largest entries of each gate, position by position.
  public init(
    k: Int, groupSize: Int = 1, isRandom: Bool = false, memory: Float = 0, seed: UInt64 = 0,
    stream: UInt64 = 0
  ) {
    precondition(k >= 1, "LSTMSelection: k is \(k), expected 1 or more")
    precondition(groupSize >= 1, "LSTMSelection: group size is \(groupSize), expected 1 or more")
    precondition(
      !isRandom || groupSize == 1, "LSTMSelection: random selection has groups of \(groupSize)")
    self.k = k
    self.groupSize = groupSize
    self.isRandom = isRandom
    self.memory = memory
    self.seed = seed
    self.stream = stream
  }
}

/// Seconds of parts of an LSTM's backward pass through time.
///
/// With selection estimated from every eighth step, as shares of the wall-clock time of all of it.
public struct LSTMBackwardSeconds: Sendable, Equatable {
  /// Choosing entries.
  public var selection = 0.0
  /// The products with the recurrent weights.
  public var products = 0.0
}

/// One layer of an LSTM over a batch of sentences: all steps of one or two directions.
///
/// A second direction goes from the last word to the first. The output of direction j of unit u is
/// in column `j · paddedSize + u` of the layer's output; columns of padding are zero.
extension ComputeContext {
  /// The forward pass; fills the workspaces and `output`.
  ///
  /// The input products of all positions are one product a direction. Absolute error of each gate
  /// below 3·10⁻⁷ beside the rounding of its pre-activation. Results do not depend on the
  /// number of threads.
  ///
  /// - Parameters:
  ///   - weights: One or two directions of equal size.
  ///   - workspaces: As many.
  ///   - input: Shape `[positions, inputSize]`.
  ///   - packing: Which position is which word.
  ///   - masks: For each direction factors of the state on its way to the next step, shape
  ///     `[sentences, hiddenSize]` (longest first); empty: none.
  ///   - output: Shape `[positions, directions · paddedSize]`, overwritten.
  ///   - inputProduct: Computes `x Wᵀ` of a direction, shape `[positions, 4 · paddedSize]`.
  package func lstmForward<Parameters: LSTMParameters>(
    _ weights: [Parameters], _ workspaces: [LSTMWorkspace], input: Matrix,
    packing: PackedSequence, masks: [Matrix] = [], output: inout Matrix,
    inputProduct: (_ direction: Int, _ product: inout Matrix) -> Void
  ) {
    checkShapes(weights, workspaces, input, packing, masks, output)
    for (index, workspace) in workspaces.enumerated() {
      workspace.prepareForward(packing)
      inputProduct(index, &workspace.gates)
    }
    let hidden = weights[0].hiddenSize
    let lines = weights[0].paddedSize / 16
    let target = output.unsafeMutableFloats()
    let stride = output.stride
    // On one thread the directions go one after the other, so that what is left of the weights in
    // the cache from one step to the next is not for both.
    let together = threadCount == 1 ? 1 : weights.count
    let span = min(lines, (together * lines + threadCount - 1) / threadCount)
    packing.starts.withUnsafeBufferPointer { starts in
      withTemporary(weights.count) { index in
        workspaces[index].direction(
          reversed: index == 1, weights: weights[index], output: target, outputGradient: nil,
          outputStride: stride, mask: masks.isEmpty ? nil : masks[index].unsafeFloats,
          usesMemory: false, column: index * weights[0].paddedSize)
      } do: { directions in
        for first in Swift.stride(from: 0, to: directions.count, by: together) {
          for step in 0..<packing.stepCount {
            var arguments = meprop_lstm_step_arguments(
              directions: directions.baseAddress.map { $0 + first }, hidden: hidden,
              steps: packing.stepCount, step: step, starts: starts.baseAddress, span: span)
            let active = packing.activeCount(atStep: step)
            run(
              kernels.lstmStep, &arguments, count: together * lines,
              work: together * active * 4 * hidden * (hidden + 20))
          }
        }
      }
    }
    withExtendedLifetime((weights, masks)) {}
  }

  /// The backward pass through time: from gradients at the output to those at the pre-activations.
  ///
  /// With a selection only its entries go back in time, and stay in the workspaces as the support
  /// of all products; the path through the cells is exact. Without one everything does. Afterwards
  /// workspaces hold d (exact gradients plus β times the memory), Σ d, and the support.
  ///
  /// - Parameters:
  ///   - weights: As in the forward pass.
  ///   - workspaces: As the forward pass left them.
  ///   - outputGradient: Shape of the output of
  ///     ``lstmForward(_:_:input:packing:masks:output:inputProduct:)``.
  ///   - packing: As in the forward pass.
  ///   - masks: As in the forward pass.
  ///   - selection: `nil`: dense.
  /// - Returns: Where the time went.
  /// - Throws: ``NaNGradientError``, with the position, if a NaN is selected.
  @discardableResult
  package func lstmBackward<Parameters: LSTMParameters>(
    _ weights: [Parameters], _ workspaces: [LSTMWorkspace], outputGradient: Matrix,
    packing: PackedSequence, masks: [Matrix] = [], selection: LSTMSelection?
  ) throws -> LSTMBackwardSeconds {
    let hidden = weights[0].hiddenSize
    let group = min(selection?.groupSize ?? 1, max(packing.sentenceCount, 1))
    let groups = (packing.sentenceCount + group - 1) / group
    let k = selection.map { min($0.k, hidden) } ?? 0
    for workspace in workspaces {
      workspace.prepareBackward(packing, k: k, groupCount: groups)
    }
    let usesMemory = (selection?.memory ?? 0) > 0
    let partCount = workspaces.count * groups
    let clocks = workspaces[0].seconds
    clocks.reserve(3 * partCount)
    clocks.base.update(repeating: 0, count: 3 * partCount)
    var seconds = LSTMBackwardSeconds()
    var nanPosition: Int32 = 0
    packing.starts.withUnsafeBufferPointer { starts in
      withTemporary(weights.count) { index in
        workspaces[index].direction(
          reversed: index == 1, weights: weights[index], output: nil,
          outputGradient: outputGradient.unsafeFloats, outputStride: outputGradient.stride,
          mask: masks.isEmpty ? nil : masks[index].unsafeFloats, usesMemory: usesMemory,
          column: index * weights[0].paddedSize)
      } do: { directions in
        withUnsafeMutablePointer(to: &nanPosition) { nanPosition in
          var arguments = meprop_lstm_backward_arguments(
            directions: directions.baseAddress, hidden: hidden, steps: packing.stepCount, step: 0,
            starts: starts.baseAddress, sentences: packing.sentenceCount, k: k, group: group,
            random: selection?.isRandom ?? false ? 1 : 0, seed: selection?.seed ?? 0,
            stream: selection?.stream ?? 0, beta: selection?.memory ?? 0,
            nan_position: nanPosition, now: { Clock.now() }, seconds: clocks.base)
          if selection != nil {
            let start = Clock.now()
            run(
              kernels.lstmBackward, &arguments, count: partCount,
              work: directions.count * packing.positionCount * hidden * (4 * k + 60))
            seconds = LSTMBackwardSeconds(
              of: Clock.now() - start, parts: clocks.base, count: partCount)
          } else {
            seconds.products = backwardDensely(weights, workspaces, packing, &arguments)
          }
        }
      }
    }
    if nanPosition != 0 { throw NaNGradientError(example: Int(nanPosition) - 1) }
    for workspace in workspaces { workspace.sumColumns(context: self) }
    withExtendedLifetime((weights, masks, outputGradient)) {}
    return seconds
  }

  /// Returns the seconds of products.
  private func backwardDensely<Parameters: LSTMParameters>(
    _ weights: [Parameters], _ workspaces: [LSTMWorkspace], _ packing: PackedSequence,
    _ arguments: inout meprop_lstm_backward_arguments
  ) -> Double {
    var seconds = 0.0
    let count = workspaces.count * packing.sentenceCount
    for step in (0..<packing.stepCount).reversed() {
      arguments.step = step
      run(
        kernels.lstmBackwardStep, &arguments, count: count,
        work: count * workspaces[0].hiddenSize * 60)
      let start = Clock.now()
      for (index, workspace) in workspaces.enumerated() {
        let time = index == 1 ? packing.stepCount - 1 - step : step
        let receiving =
          index == 1
          ? (time + 1 < packing.stepCount ? packing.activeCount(atStep: time + 1) : 0)
          : (time > 0 ? packing.activeCount(atStep: time) : 0)
        if receiving == 0 { continue }
        multiplyRows(
          workspace.gates, from: Int(packing.starts[time]), count: receiving,
          by: weights[index].recurrentMatrix, into: &workspace.stateGradient)
      }
      seconds += Clock.now() - start
    }
    return seconds
  }

  private func checkShapes<Parameters: LSTMParameters>(
    _ weights: [Parameters], _ workspaces: [LSTMWorkspace], _ input: Matrix,
    _ packing: PackedSequence, _ masks: [Matrix], _ output: Matrix
  ) {
    precondition(
      (1...2).contains(weights.count) && workspaces.count == weights.count
        && (masks.isEmpty || masks.count == weights.count),
      "LSTM: \(weights.count) directions, \(workspaces.count) workspaces, \(masks.count) masks")
    precondition(
      input.rowCount == packing.positionCount && input.columnCount == weights[0].inputSize
        && output.rowCount == packing.positionCount
        && output.columnCount == weights.count * weights[0].paddedSize,
      "LSTM(\(weights[0].inputSize) → \(weights[0].hiddenSize)): input is \(input.shape), output "
        + "\(output.shape), expected [\(packing.positionCount), \(weights[0].inputSize)] and "
        + "[\(packing.positionCount), \(weights.count * weights[0].paddedSize)]")
  }
}

extension LSTMBackwardSeconds {
  /// Divides wall-clock time by the shares that parts of the work had: three numbers a part, the
  /// first of neither kind.
  fileprivate init(of wallClock: Double, parts: UnsafePointer<Double>, count: Int) {
    var sums = (other: 0.0, selection: 0.0, products: 0.0)
    for part in 0..<count {
      sums.other += parts[3 * part]
      sums.selection += parts[3 * part + 1]
      sums.products += parts[3 * part + 2]
    }
    let all = sums.other + sums.selection + sums.products
    guard all > 0 else { return }
    selection = wallClock * sums.selection / all
    products = wallClock * sums.products / all
  }
}

extension ComputeContext {
  /// Applies `rule` to the listed rows of a parameter; others stay as they are.
  ///
  /// - Parameters:
  ///   - weights: The parameter, changed in place.
  ///   - moments: Its moments, changed in place.
  ///   - rule: The step.
  ///   - rows: Which rows, each at most once.
  ///   - gradient: Row t is the gradient of row `rows[t]`; may have more rows.
  public func update(
    _ weights: inout Matrix, _ moments: inout Moments, by rule: UpdateRule, rows: [UInt32],
    compactGradient gradient: Matrix
  ) {
    precondition(
      rows.allSatisfy { $0 < weights.rowCount },
      "update: rows up to \(rows.max() ?? 0) of \(weights.shape)")
    rows.withUnsafeBufferPointer { rows in
      updateRows(
        &weights, &moments, by: rule, rows: rows.baseAddress, count: rows.count,
        gradient: gradient, isCompact: true)
    }
  }
}
