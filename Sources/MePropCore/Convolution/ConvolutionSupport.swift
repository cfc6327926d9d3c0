import CMePropKernels

/// The entries of a convolution's output gradient that take part in back propagation, and both
/// products that skip the others: by position, or by whole channels.
///
/// By position, each kept entry is one run of numbers a row of the kernel in the input (for dW) and
/// in the weights (for dx). By channels, the kept ones are gathered and multiplied densely.
///
/// A workspace: memory is kept from step to step.
public final class ConvolutionSupport {
  /// How the products of a step are computed.
  package enum Form: Sendable {
    /// Of the whole gradient.
    case dense
    /// Of kept entries, one by one.
    case listed
    /// Of whole channels, gathered.
    case channels
    /// Densely, of the kept entries among zeros.
    case masked
  }

  /// How the products of this step are computed.
  package private(set) var form = Form.dense
  /// The channels with kept entries, in increasing order.
  package var touchedChannels: ArraySlice<UInt32> {
    form == .listed || form == .masked ? touched : channels[...]
  }
  /// The number of kept entries.
  package private(set) var entryCount = 0

  /// Adds to each channel's count the number of its kept entries.
  package func addKeptCounts(to counts: inout [UInt32]) {
    guard !counts.isEmpty else { return }
    switch form {
    case .dense: break
    case .channels:
      let each = UInt32(exampleCount * convolution.output.positionCount)
      for channel in channels { counts[Int(channel)] &+= each }
    case .listed, .masked:
      for row in 0..<rowCount {
        counts[Int(rows[row])] &+= starts.base[row + 1] &- starts.base[row]
      }
    }
  }

  private let convolution: Convolution
  private var shape: ConvolutionShape { convolution.shape }

  // By example, as places of the input.
  private let offsets = ScratchBuffer<UInt32>()
  private let entryChannels = ScratchBuffer<UInt32>()
  private let values = ScratchBuffer<Float>()
  private var entries = meprop_convolution_entries()
  private var exampleCount = 0
  // By channel.
  private var rows: [UInt32] = []
  private var touchedRowCount = 0
  private var rowCount = 0
  private let starts = ScratchBuffer<UInt32>()
  private let cursor = ScratchBuffer<UInt32>()
  private let channelOffsets = ScratchBuffer<UInt32>()
  private let weights = ScratchBuffer<Float>()
  private var listsEveryChannel = false
  // Whole channels.
  private var channels: [UInt32] = []
  private var gathered = Matrix(rowCount: 0, columnCount: 0)
  private var gatheredWeights = Matrix(rowCount: 0, columnCount: 0)
  private var gatheredGradient = Matrix(rowCount: 0, columnCount: 0)
  private var gatheredPositions: [UInt32] = []
  private var otherRows: [UInt32] = []
  // Among zeros.
  private let masked = MaskedProducts()
  private var gradient = Matrix(rowCount: 0, columnCount: 0)

  /// Creates the support of a convolution.
  public init(_ convolution: Convolution) {
    self.convolution = convolution
    let shape = convolution.shape
    rows = Array(repeating: 0, count: shape.outputChannels)
    starts.reserve(shape.outputChannels + 1)
    cursor.reserve(shape.outputChannels + 1)
    channels.reserveCapacity(shape.outputChannels)
    otherRows.reserveCapacity(shape.outputChannels)
  }

  // MARK: What is kept

  /// The whole gradient takes part.
  package func takeAll() { form = .dense }

  /// Whether products of entries one by one are faster than dense ones of the same entries among
  /// zeros: a rule of shapes and counts, never of the clock.
  ///
  /// Below 30 % of the convolution's outputs. Provisional: on a busy Cascade Lake at 12 x 12 x 32,
  /// 5 x 5 to 64 channels, batch 64, one thread, both products of 20 % took 4.2 ms entry by entry,
  /// and the dense gradient of the weights alone 9; no shape was measured at rest yet.
  package static func areListedFaster(entryCount: Int, batchSize: Int, shape: ConvolutionShape)
    -> Bool
  {
    entryCount * 10 < batchSize * shape.output.count * 3
  }

  /// Kept entries of a gradient at the output take part.
  ///
  /// - Parameters:
  ///   - kept: The entries, of outputs `[positions, channels]`.
  ///   - everyChannel: Whether channels without entries are updated too.
  ///   - context: Where to compute.
  package func take(_ kept: GradientSupport, everyChannel: Bool, context: ComputeContext) {
    precondition(
      kept.outputSize == convolution.output.count,
      "ConvolutionSupport: entries of \(kept.outputSize) outputs, expected "
        + "\(convolution.output.count)")
    entryCount = kept.entryCount
    exampleCount = kept.batchSize
    place(kept, context)
    regroup(kept, everyChannel: everyChannel)
    if Self.areListedFaster(
      entryCount: entryCount, batchSize: exampleCount, shape: shape)
    {
      form = .listed
    } else {
      form = .masked
      masked.scatter(kept)
    }
  }

  private func place(_ kept: GradientSupport, _ context: ComputeContext) {
    let room = kept.batchSize * kept.listStride
    offsets.reserve(room)
    entryChannels.reserve(room)
    values.reserve(room)
    let tables = convolution.tables
    tables.inputs.withUnsafeBufferPointer { inputs in
      tables.windows.withUnsafeBufferPointer { windows in
        var arguments = meprop_convolution_places_arguments()
        arguments.indices = UnsafePointer(kept.indices.base)
        arguments.values = UnsafePointer(kept.values.base)
        arguments.counts = UnsafePointer(kept.counts.base)
        arguments.list_stride = kept.listStride
        arguments.channels = shape.outputChannels
        arguments.x_offsets = inputs.baseAddress
        if let pooling = convolution.pooling {
          arguments.winners = UnsafePointer(convolution.winners.base)
          arguments.winners_stride = convolution.output.count
          arguments.window_positions = windows.baseAddress
          arguments.taps = pooling.windowCount
        }
        arguments.offsets = offsets.base
        arguments.kept_channels = entryChannels.base
        arguments.kept_values = values.base
        context.run(
          .convolutionPlaces, &arguments, count: kept.batchSize, work: entryCount * 30)
      }
    }
    entries = meprop_convolution_entries(
      offsets: UnsafePointer(offsets.base), channels: UnsafePointer(entryChannels.base),
      values: UnsafePointer(values.base), counts: UnsafePointer(kept.counts.base),
      list_stride: kept.listStride)
  }

  private func regroup(_ kept: GradientSupport, everyChannel: Bool) {
    listsEveryChannel = everyChannel
    let room = kept.batchSize * kept.listStride
    channelOffsets.reserve(room)
    weights.reserve(room)
    rowCount = meprop_convolution_regroup(
      &entries, kept.batchSize, inputStride, shape.outputChannels, everyChannel ? 1 : 0,
      cursor.base, &rows, starts.base, channelOffsets.base, weights.base, &touchedRowCount)
    guard everyChannel else { return }
    // Which of all rows have entries.
    channels.removeAll(keepingCapacity: true)
    for row in 0..<rowCount where starts.base[row + 1] > starts.base[row] {
      channels.append(UInt32(row))
    }
  }

  /// The distance of examples in the input as products read it.
  private var inputStride: Int {
    let reads = shape.pads || shape.runLength % 16 != 0
    return Matrix.stride(columnCount: reads ? shape.padded.count + 16 : shape.input.count)
  }

  /// Chooses the k channels of largest Σ|d| over examples and positions, of equals the lower.
  ///
  /// - Parameters:
  ///   - k: How many.
  ///   - d: Gradients at the output, shape `[batchSize, output]`.
  ///   - chooser: Does it.
  ///   - context: Where to compute.
  /// - Throws: `NaNGradientError`.
  package func takeChannels(
    _ k: Int, of d: Matrix, chooser: ChannelChooser, context: ComputeContext
  ) throws {
    let count = shape.outputChannels
    precondition(k < count, "takeChannels: k is \(k) of \(count) channels")
    try chooser.choose(k, of: d, channelCount: count, context: context)
    channels.removeAll(keepingCapacity: true)
    for channel in chooser.channels { channels.append(channel) }
    entryCount = channels.count * d.rowCount * convolution.output.positionCount
    exampleCount = d.rowCount
    form = .channels
    if gatheredWeights.rowCount != k {
      gatheredPositions = ConvolutionTables.positions(shape, channels: k)
      gathered = Matrix(rowCount: 0, columnCount: shape.output.positionCount * k)
      gatheredWeights = Matrix(rowCount: k, columnCount: shape.weightColumns)
      gatheredGradient = Matrix(rowCount: k, columnCount: shape.weightColumns)
    }
    gather(convolution.unpooledGradient(d, context), k, context)
  }

  private func gather(_ d: Matrix, _ k: Int, _ context: ComputeContext) {
    gathered.setRowCount(d.rowCount)
    channels.withUnsafeBufferPointer { channels in
      var arguments = meprop_gather_channels_arguments(
        from: d.unsafeFloats, from_stride: d.stride, from_channels: shape.outputChannels,
        channels: channels.baseAddress, channel_count: channels.count,
        positions: shape.output.positionCount, to: gathered.unsafeMutableFloats(),
        to_stride: gathered.stride, to_channels: k)
      context.run(
        context.kernels.gatherChannels, &arguments, count: d.rowCount,
        work: d.rowCount * shape.output.positionCount * k * 4)
    }
    withExtendedLifetime(d) {}
  }

  // MARK: Products

  /// `dx = s w`, overwriting `dx`; comes before the update of the weights.
  ///
  /// - Parameters:
  ///   - d: The gradient that was selected from.
  ///   - w: Shape `[outputChannels, kernel]`.
  ///   - dx: Shape `[batchSize, input]`.
  ///   - context: Where to compute.
  package func inputGradient(
    of d: Matrix, weights w: Matrix, into dx: inout Matrix, context: ComputeContext
  ) {
    switch form {
    case .dense: convolution.inputGradient(ofDense: d, weights: w, into: &dx, context: context)
    case .masked:
      convolution.inputGradient(ofDense: masked.matrix, weights: w, into: &dx, context: context)
    case .listed: listedInputGradient(weights: w, into: &dx, context)
    case .channels:
      let (stride, target) = (gatheredWeights.stride, gatheredWeights.unsafeMutableFloats())
      for (place, channel) in channels.enumerated() {
        (target + place * stride).update(
          from: w.unsafeFloats + Int(channel) * w.stride, count: w.columnCount)
      }
      convolution.multiply(
        gathered, weights: gatheredWeights, into: &dx, positions: gatheredPositions, context)
    }
    withExtendedLifetime(w) {}
  }

  private func listedInputGradient(
    weights w: Matrix, into dx: inout Matrix, _ context: ComputeContext
  ) {
    precondition(
      dx.rowCount == exampleCount && dx.columnCount == shape.input.count,
      "ConvolutionSupport: input gradient is \(dx.shape), expected [\(exampleCount), "
        + "\(shape.input.count)]")
    convolution.tables.kernelRows.withUnsafeBufferPointer { kernelRows in
      convolution.withInputGradient(&dx, needsLine: true, context) { target, stride, count in
        var arguments = meprop_convolution_inputs_arguments(
          entries: entries, w: w.unsafeFloats, w_stride: w.stride, tap_x: kernelRows.baseAddress,
          kernel_rows: shape.kernel.height, lines: shape.paddedRunLength / 16, dx: target,
          dx_stride: stride, count: count)
        context.run(
          context.kernels.convolutionInputs, &arguments, count: exampleCount,
          work: entryCount * w.columnCount * 4)
      }
    }
    withExtendedLifetime(w) {}
  }

  /// `dW = s x` into `target`, whose valid rows become the touched channels, or all with
  /// `everyChannel`.
  package func weightGradient(
    of d: Matrix, input x: Matrix, into target: inout WeightGradient, everyChannel: Bool,
    context: ComputeContext
  ) {
    switch form {
    case .dense:
      convolution.weightGradient(ofDense: d, input: x, into: &target, context: context)
    case .masked:
      convolution.weightGradient(
        ofDense: masked.matrix, input: x, into: &target, context: context)
      if !everyChannel { target.listRows(touched) }
    case .listed:
      var update = meprop_update()
      update.kind = MEPROP_STORE
      runRows(
        x, update, g: target.values.unsafeMutableFloats(), w: nil, first: nil, second: nil,
        stride: target.values.stride, context)
      if everyChannel {
        target.rows = .all
        target.validCount = target.values.rowCount
      } else {
        target.listRows(touched)
      }
    case .channels:
      convolution.multiply(gathered, input: x, into: &gatheredGradient, context)
      target.takeRows(channels, of: gatheredGradient, everyRow: everyChannel)
    }
  }

  private var touched: ArraySlice<UInt32> {
    listsEveryChannel ? channels[...] : rows[..<touchedRowCount]
  }

  /// Computes `dW = s x` and applies `rule` to the rows of touched channels, or to all with
  /// `everyChannel`; not for a dense step.
  package func updateWeights(
    _ w: inout Matrix, _ moments: inout Moments, by rule: UpdateRule, input x: Matrix,
    everyChannel: Bool, context: ComputeContext
  ) {
    context.check(moments, of: w, for: rule)
    switch form {
    case .dense: preconditionFailure("ConvolutionSupport: this step is dense")
    case .listed:
      let stride = w.stride
      runRows(
        x, rule.arguments, g: nil, w: w.unsafeMutableFloats(),
        first: moments.first.unsafeMutableFloats(), second: moments.second.unsafeMutableFloats(),
        stride: stride, context)
    case .masked:
      if gradient.rowCount != w.rowCount {
        gradient = Matrix(rowCount: w.rowCount, columnCount: w.columnCount)
      }
      convolution.multiply(
        convolution.unpooledGradient(masked.matrix, context), input: x, into: &gradient, context)
      touched.withUnsafeBufferPointer { rows in
        context.updateRows(
          &w, &moments, by: rule, rows: everyChannel ? nil : rows.baseAddress,
          count: everyChannel ? w.rowCount : rows.count, gradient: gradient, isCompact: false)
      }
    case .channels:
      convolution.multiply(gathered, input: x, into: &gatheredGradient, context)
      channels.withUnsafeBufferPointer { rows in
        context.updateRows(
          &w, &moments, by: rule, rows: rows.baseAddress, count: rows.count,
          gradient: gatheredGradient, isCompact: true)
      }
      guard everyChannel else { return }
      otherRows.removeAll(keepingCapacity: true)
      var place = 0
      for row in 0..<UInt32(w.rowCount) {
        if place < channels.count, channels[place] == row {
          place += 1
        } else {
          otherRows.append(row)
        }
      }
      otherRows.withUnsafeBufferPointer { rows in
        context.updateRows(
          &w, &moments, by: rule, rows: rows.baseAddress, count: rows.count, gradient: nil,
          isCompact: true)
      }
    }
  }

  private func runRows(
    _ x: Matrix, _ update: meprop_update, g: UnsafeMutablePointer<Float>?,
    w: UnsafeMutablePointer<Float>?, first: UnsafeMutablePointer<Float>?,
    second: UnsafeMutablePointer<Float>?, stride: Int, _ context: ComputeContext
  ) {
    let (input, stored) = convolution.input(x, needsLine: true, context)
    precondition(
      stored == inputStride && x.rowCount == exampleCount,
      "ConvolutionSupport: input is \(x.shape), expected \(exampleCount) examples")
    rows.withUnsafeBufferPointer { rows in
      convolution.tables.kernelRows.withUnsafeBufferPointer { kernelRows in
        var arguments = meprop_convolution_rows_arguments()
        arguments.support = meprop_convolution_support(
          row_count: rowCount, rows: rows.baseAddress, starts: UnsafePointer(starts.base),
          offsets: UnsafePointer(channelOffsets.base), weights: UnsafePointer(weights.base))
        arguments.x = input
        arguments.tap_x = kernelRows.baseAddress
        arguments.kernel_rows = kernelRows.count
        arguments.lines = shape.paddedRunLength / 16
        arguments.inputs = shape.runLength
        arguments.update = update
        arguments.g = g
        arguments.w = w
        arguments.first = first
        arguments.second = second
        arguments.stride = stride
        context.run(
          context.kernels.convolutionRows, &arguments, count: rowCount, grain: 2,
          work: (entryCount + rowCount * 20) * shape.weightColumns)
      }
    }
    withExtendedLifetime(x) {}
  }
}

extension WeightGradient {
  /// Makes just these rows valid.
  fileprivate mutating func listRows(_ listed: ArraySlice<UInt32>) {
    for (place, row) in listed.enumerated() { rowIndices[place] = row }
    rows = .listed
    validCount = listed.count
  }
}

/// Chooses channels by their sums of magnitudes.
package final class ChannelChooser {
  private var partialSums = Matrix(rowCount: 0, columnCount: 0)
  private var sums = Matrix(rowCount: 0, columnCount: 0)
  private let chosen = GradientSupport()
  private var norms: [Float] = [0]
  /// The channels chosen last, in increasing order; fewer than k where the others are all zero.
  package private(set) var channels: [UInt32] = []
  /// The share of Σ|d| that they have.
  package private(set) var keptShare = 1.0

  /// Creates an empty workspace.
  package init() {}

  /// Chooses the k channels of largest Σ|d|.
  ///
  /// - Throws: `NaNGradientError`.
  package func choose(
    _ k: Int, of d: Matrix, channelCount: Int, context: ComputeContext
  ) throws {
    if sums.columnCount != channelCount {
      sums = Matrix(rowCount: 1, columnCount: channelCount)
      partialSums = Matrix(rowCount: 0, columnCount: channelCount)
      channels.reserveCapacity(channelCount)
    }
    let chunks = (d.rowCount + Int(MEPROP_ROW_CHUNK) - 1) / Int(MEPROP_ROW_CHUNK)
    partialSums.setRowCount(chunks)
    let stride = partialSums.stride
    var arguments = meprop_channel_sums_arguments(
      x: d.unsafeFloats, x_stride: d.stride, examples: d.rowCount,
      positions: d.columnCount / channelCount, channels: channelCount, magnitudes: 1,
      sums: partialSums.unsafeMutableFloats(), sum_stride: stride)
    context.run(
      context.kernels.channelSums, &arguments, count: chunks, work: d.rowCount * d.columnCount)
    var reduction = meprop_reduce_arguments(
      sums: partialSums.unsafeFloats, chunks: chunks, stride: stride,
      out: sums.unsafeMutableFloats())
    context.run(
      context.kernels.reduce, &reduction, count: sums.lineCount, work: chunks * channelCount)
    withExtendedLifetime(d) {}
    norms[0] = sums.withRow(0) { $0.reduce(0, +) }
    try chosen.selectTop(k, of: sums, norms: norms, context: context)
    channels.removeAll(keepingCapacity: true)
    var kept: Float = 0
    for entry in 0..<Int(chosen.counts.base[0]) {
      channels.append(chosen.indices.base[entry])
      kept += chosen.values.base[entry]
    }
    keptShare = norms[0] > 0 ? min(1, Double(kept) / Double(norms[0])) : 1
  }
}
