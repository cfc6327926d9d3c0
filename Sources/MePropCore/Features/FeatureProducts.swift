import CMePropKernels

/// The products of a layer whose input is a row of embeddings, as sums over pairs (Chen and
/// Manning, 2014, section 3.2, where frequent pairs are kept for parsing; here all pairs of a batch
/// are, for training too).
///
/// The layer is `y[i] = Σₚ W[p] E[f[i, p]]` with a block of weights W[p], shape `[outputSize,
/// size]`, for each position p. `weights` holds them one after the other: row `p · outputSize + r`
/// belongs to output r at position p, so that the weights of a selected output are rows.
extension ComputeContext {
  /// The most numbers of an embedding.
  public static var maximumEmbeddingSize: Int { Int(MEPROP_FEATURE_COLUMNS) }

  /// `y[i] = Σₚ W[p] E[f[i, p]]`, overwriting `y`.
  ///
  /// The product of each pair is computed once and then added wherever it is used: the same numbers
  /// as a product of `positionCount · size` inputs but for the order of summation, which is
  /// position by position.
  ///
  /// - Parameters:
  ///   - groups: The features f, grouped.
  ///   - embeddings: E, shape `[symbolCount, size]`, `size` at most ``maximumEmbeddingSize``.
  ///   - weights: Shape `[positionCount · outputSize, size]`.
  ///   - workspace: Scratch of this layer.
  ///   - y: Shape `[batchSize, outputSize]`.
  /// - Complexity: O(*pairCount · size · outputSize* + *batchSize · positionCount ·
  ///   outputSize*).
  public func featureSums(
    _ groups: FeatureGroups, embeddings: Matrix, weights: Matrix, workspace: FeatureWorkspace,
    into y: inout Matrix
  ) {
    checkFeatureShapes(groups, embeddings, weights, outputSize: y.columnCount)
    precondition(
      y.rowCount == groups.batchSize,
      "featureSums: \(groups.batchSize) examples into \(y.shape)")
    let blocks = (y.columnCount + Int(MEPROP_FEATURE_BLOCK) - 1) / Int(MEPROP_FEATURE_BLOCK)
    workspace.table.reserve(blocks * groups.pairCount * Int(MEPROP_FEATURE_BLOCK))
    let stride = y.stride
    let outputs = y.columnCount
    let target = y.unsafeMutableFloats()
    groups.bases.withUnsafeBufferPointer { bases in
      var arguments = meprop_feature_forward_arguments(
        e: embeddings.unsafeFloats, e_stride: embeddings.stride, columns: embeddings.columnCount,
        w: weights.unsafeFloats, w_stride: weights.stride, outputs: outputs,
        batch: groups.batchSize, positions: groups.positionCount, pair_count: groups.pairCount,
        pairs: groups.pairs.base, symbols: groups.symbols.base, bases: bases.baseAddress,
        table: workspace.table.base, y: target, y_stride: stride)
      run(
        kernels.featureForward, &arguments, count: blocks, grain: 2,
        work: groups.pairCount * embeddings.columnCount * outputs)
    }
    withExtendedLifetime((embeddings, weights)) {}
  }

  /// Back propagation through the layer: updates the weights, and leaves the gradient of each
  /// pair's embedding in `workspace` for ``updateEmbeddings(_:_:by:groups:workspace:everyRow:)``.
  ///
  /// For a pair with uses i₁, i₂, … the products need `Σ s[i]` only: the pair's gradients
  /// are added up first and multiplied densely where the pair is used often (from outputSize / 2k
  /// uses on), and entry by entry where it is not, which costs less then; where much is kept
  /// (``MaskedProducts/areFasterOnFeatures(k:outputSize:)``) all are added up first, from the kept
  /// entries among zeros. Sums go by pairs that are used often and then by the others, each in
  /// order of first use and examples ascending, whatever the number of threads.
  ///
  /// - Parameters:
  ///   - weights: Shape `[positionCount · outputSize, size]`, changed in place.
  ///   - moments: Its moments, changed in place.
  ///   - rule: The step.
  ///   - gradient: d, shape `[batchSize, outputSize]`; used where `support` is `nil`.
  ///   - support: The kept entries of d, or `nil` for all.
  ///   - groups: The features, as in the forward pass.
  ///   - embeddings: E as in the forward pass.
  ///   - workspace: Scratch of this layer.
  ///   - everyRow: Apply the rule with a zero gradient to outputs that nobody keeps.
  public func updateFeatureWeights(
    _ weights: inout Matrix, _ moments: inout Moments, by rule: UpdateRule, gradient: Matrix,
    support: GradientSupport?, groups: FeatureGroups, embeddings: Matrix,
    workspace: FeatureWorkspace, everyRow: Bool
  ) {
    check(moments, of: weights, for: rule)
    let stride = weights.stride
    let outputs = gradient.columnCount
    checkFeatureShapes(groups, embeddings, weights, outputSize: outputs)
    workspace.gradient.reserve(groups.positionCount * outputs * stride)
    runFeatureBackward(
      rule.arguments, w: weights.unsafeMutableFloats(),
      first: moments.first.unsafeMutableFloats(), second: moments.second.unsafeMutableFloats(),
      stride: stride, g: workspace.gradient.base, gradient, support, groups, embeddings, workspace,
      everyRow: everyRow)
  }

  /// The gradient of the weights, `dW[p] = Σᵢ s[i] E[f[i, p]]ᵀ`, into the rows that the
  /// support touches (all, if it is `nil`), which become the valid ones; leaves the gradients of
  /// embeddings in `workspace` as well.
  ///
  /// `target` has shape `[positionCount · outputSize, size]`; with `everyRow` its other rows are
  /// zero and valid too.
  package func featureGradient(
    of gradient: Matrix, support: GradientSupport?, groups: FeatureGroups, embeddings: Matrix,
    weights: Matrix, workspace: FeatureWorkspace, into target: inout WeightGradient, everyRow: Bool
  ) {
    let outputs = gradient.columnCount
    checkFeatureShapes(groups, embeddings, weights, outputSize: outputs)
    precondition(
      target.values.rowCount == weights.rowCount && target.values.stride == weights.stride,
      "featureGradient: \(weights.shape) into \(target.values.shape)")
    if everyRow { target.values.setToZero() }
    var update = meprop_update()
    update.kind = MEPROP_STORE
    runFeatureBackward(
      update, w: UnsafeMutablePointer(mutating: weights.unsafeFloats), first: nil, second: nil,
      stride: weights.stride, g: target.values.unsafeMutableFloats(), gradient, support, groups,
      embeddings, workspace, everyRow: false)
    withExtendedLifetime(weights) {}
    target.rows = everyRow || support == nil ? .all : .listed
    target.validCount = weights.rowCount
    guard target.rows == .listed, let touched = support?.touchedRows else { return }
    target.validCount = 0
    for position in 0..<groups.positionCount {
      for row in touched {
        target.rowIndices[target.validCount] = UInt32(position * outputs) + row
        target.validCount += 1
      }
    }
  }

  /// Adds up the gradients of each symbol's pairs and applies `rule` to its embedding.
  ///
  /// - Parameters:
  ///   - embeddings: E, shape `[symbolCount, size]`, changed in place.
  ///   - moments: Its moments, changed in place.
  ///   - rule: The step.
  ///   - groups: The features.
  ///   - workspace: What the backward pass left.
  ///   - everyRow: Apply the rule with a zero gradient to symbols that the batch does not have.
  public func updateEmbeddings(
    _ embeddings: inout Matrix, _ moments: inout Moments, by rule: UpdateRule,
    groups: FeatureGroups, workspace: FeatureWorkspace, everyRow: Bool
  ) {
    check(moments, of: embeddings, for: rule)
    let stride = embeddings.stride
    runEmbeddingRows(
      groups, workspace, rule.arguments, columns: embeddings.columnCount, g: nil,
      w: embeddings.unsafeMutableFloats(), first: moments.first.unsafeMutableFloats(),
      second: moments.second.unsafeMutableFloats(), stride: stride, everyRow: everyRow)
  }

  /// The gradient of the embeddings of symbols that a batch has, whose rows become the valid ones;
  /// with `everyRow` all others are zero and valid too.
  package func embeddingGradient(
    groups: FeatureGroups, workspace: FeatureWorkspace, into target: inout WeightGradient,
    everyRow: Bool
  ) {
    precondition(
      target.values.rowCount == groups.symbolCount,
      "embeddingGradient: \(groups.symbolCount) symbols into \(target.values.shape)")
    var update = meprop_update()
    update.kind = MEPROP_STORE
    let stride = target.values.stride
    runEmbeddingRows(
      groups, workspace, update, columns: target.values.columnCount,
      g: target.values.unsafeMutableFloats(), w: nil, first: nil, second: nil, stride: stride,
      everyRow: everyRow)
    target.rows = everyRow ? .all : .listed
    target.validCount = groups.usedSymbols.count
    for (place, symbol) in groups.usedSymbols.enumerated() { target.rowIndices[place] = symbol }
  }

  private func runEmbeddingRows(
    _ groups: FeatureGroups, _ workspace: FeatureWorkspace, _ update: meprop_update, columns: Int,
    g: UnsafeMutablePointer<Float>?, w: UnsafeMutablePointer<Float>?,
    first: UnsafeMutablePointer<Float>?, second: UnsafeMutablePointer<Float>?, stride: Int,
    everyRow: Bool
  ) {
    groups.groupBySymbol(everySymbol: everyRow)
    let count = groups.usedSymbols.count
    groups.usedSymbols.withUnsafeBufferPointer { rows in
      groups.symbolStarts.withUnsafeBufferPointer { starts in
        groups.symbolPairs.withUnsafeBufferPointer { pairs in
          groups.ones.withUnsafeBufferPointer { ones in
            let support = meprop_support(
              row_count: count, rows: rows.baseAddress, starts: starts.baseAddress,
              examples: pairs.baseAddress, weights: ones.baseAddress)
            var arguments = meprop_weight_rows_arguments(
              support: support, x: workspace.pairGradients.base,
              x_stride: workspace.pairStride, batch: groups.pairCount, columns: columns,
              update: update, g: g, w: w, first: first, second: second, stride: stride)
            run(
              kernels.weightRows, &arguments, count: count, grain: 16,
              work: (groups.pairCount + 20 * count) * columns)
          }
        }
      }
    }
  }

  private func runFeatureBackward(
    _ update: meprop_update, w: UnsafeMutablePointer<Float>, first: UnsafeMutablePointer<Float>?,
    second: UnsafeMutablePointer<Float>?, stride: Int, g: UnsafeMutablePointer<Float>,
    _ gradient: Matrix, _ support: GradientSupport?, _ groups: FeatureGroups,
    _ embeddings: Matrix, _ workspace: FeatureWorkspace, everyRow: Bool
  ) {
    let outputs = gradient.columnCount
    precondition(
      gradient.rowCount == groups.batchSize
        && (support == nil
          || (support?.batchSize == groups.batchSize && support?.outputSize == outputs)),
      "feature gradient: \(gradient.shape) for \(groups.batchSize) examples")
    let positions = groups.positionCount
    workspace.sums.reserve(positions * Int(MEPROP_FEATURE_TILE) * gradient.lineCount * 16)
    workspace.ends.reserve(positions * outputs)
    // Sampled entries may be more than k an example.
    let entryRoom =
      support.map { max($0.entryCount, groups.batchSize * min(2 * $0.k, outputs)) } ?? 0
    workspace.entries.reserve(positions * entryRoom)
    workspace.pairStride = (embeddings.columnCount + 15) / 16 * 16
    workspace.pairGradients.reserve(groups.pairCount * workspace.pairStride)
    support?.regroup(everyOutput: everyRow)
    let isMasked =
      support.map { MaskedProducts.areFasterOnFeatures(k: $0.k, outputSize: outputs) } ?? false
    if let support, isMasked { workspace.masked.scatter(support) }
    let d = isMasked ? workspace.masked.matrix : gradient
    groups.bases.withUnsafeBufferPointer { bases in
      var arguments = meprop_feature_backward_arguments(
        e: embeddings.unsafeFloats, e_stride: embeddings.stride, columns: embeddings.columnCount,
        w: w, first: first, second: second, stride: stride, outputs: outputs,
        batch: groups.batchSize, positions: positions, symbols: groups.symbols.base,
        bases: bases.baseAddress, starts: groups.starts.base, uses: groups.uses.base,
        indices: nil, values: nil, counts: nil, k: outputs, kept: outputs,
        entries_stride: entryRoom, d: d.unsafeFloats,
        d_stride: d.stride, rows: nil, row_count: outputs, update: update, g: g,
        g_stride: stride, sums: workspace.sums.base, ends: workspace.ends.base,
        entries: workspace.entries.base, de: workspace.pairGradients.base,
        de_stride: workspace.pairStride)
      let kept = support?.k ?? outputs
      let work = groups.batchSize * positions * kept * 16 + positions * outputs * stride * 10
      guard let support else {
        return run(kernels.featureBackward, &arguments, count: positions, grain: 2, work: work)
      }
      arguments.indices = UnsafePointer(support.indices.base)
      arguments.values = UnsafePointer(support.values.base)
      arguments.counts = UnsafePointer(support.counts.base)
      arguments.k = support.listStride
      arguments.kept = support.k
      arguments.row_count = support.rowCount
      if isMasked {
        arguments.indices = nil
        arguments.k = outputs
      }
      support.rows.withUnsafeBufferPointer { rows in
        arguments.rows = rows.baseAddress
        run(kernels.featureBackward, &arguments, count: positions, grain: 2, work: work)
      }
    }
    withExtendedLifetime((d, embeddings)) {}
  }

  private func checkFeatureShapes(
    _ groups: FeatureGroups, _ embeddings: Matrix, _ weights: Matrix, outputSize: Int
  ) {
    precondition(
      embeddings.rowCount == groups.symbolCount
        && weights.rowCount == groups.positionCount * outputSize
        && weights.columnCount == embeddings.columnCount
        && embeddings.columnCount <= Self.maximumEmbeddingSize,
      "feature layer: \(groups.positionCount) positions of \(groups.symbolCount) symbols, "
        + "embeddings \(embeddings.shape), weights \(weights.shape), \(outputSize) outputs")
  }
}

/// Scratch memory of one layer's feature products.
public final class FeatureWorkspace {
  let table = ScratchBuffer<Float>()
  let gradient = ScratchBuffer<Float>()
  let sums = ScratchBuffer<Float>()
  let ends = ScratchBuffer<UInt32>()
  let entries = ScratchBuffer<meprop_feature_entry>()
  let pairGradients = ScratchBuffer<Float>()
  let masked = MaskedProducts()
  var pairStride = 0

  /// Creates an empty workspace.
  public init() {}
}
