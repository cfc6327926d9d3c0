import CMePropKernels

/// The product `y = x wᵀ` of a forward pass, by whichever way is fastest for its shape and its
/// input.
///
/// Three ways, chosen by a rule of the shapes and of the share of zeros in x, never by the clock,
/// so that the bits of a result depend neither on the machine's load nor on the number of threads:
///
/// - Batches of at least ``sparseBatch`` examples the first of which, ``sparseBatch`` of them, have
///   a non-zero share of at most ``sparseShare(_:batchSize:)``: lists of non-zero inputs times rows
///   of wᵀ, of which a copy is kept or tiles are made as they are used. Digits are 19 % ink, and
///   a ReLU layer leaves about a third.
///   Skipping zeros does 60 billion operations a second (90 in bf16) where dense products do 105
///   (205).
/// - Other batches of at most ``smallBatch`` examples: dot products (the dense library packs w at
///   each call, which only pays off over more examples; measured equal at about 64).
/// - Else the dense library.
///
/// Where weights stay as they are, as in prediction, zeros are skipped with a transposed copy, made
/// once. Layers of at most ``narrowOutputs`` outputs then never go to the library: its first call
/// translates its kernels, which takes 85 ms (measured: oneDNN on a Xeon at 2.5 GHz), and a narrow
/// layer multiplies some 100,000 examples in that time.
///
/// With ``Precision/bf16`` matrix tiles do it all where the processor has them
/// (``InstructionSet/amx``), at 700 billion operations a second, zeros or not. Elsewhere zeros are
/// skipped likewise, reading a rounded copy of wᵀ; else the product is that of dot products of
/// the rounded input and a rounded copy of w, as fast as the library's at large batches and faster
/// at small ones.
///
/// With ``Precision/int8`` layers of at least 32 outputs are multiplied as numbers of eight bits,
/// zeros or not, and others as f32.
///
/// A workspace that belongs to one weight matrix: after changing the weights call
/// ``weightsDidChange()`` or ``weightsDidChange(rows:)``.
public final class ForwardProduct {
  /// The largest batch multiplied by dot products.
  public static let smallBatch = 63
  /// The smallest batch for which zeros are skipped: copying w to wᵀ costs as much as some 25
  /// examples.
  public static let sparseBatch = 32
  /// The largest share of non-zero inputs for which zeros are skipped, where floats are multiplied;
  /// 0: never.
  public static func sparseShare(_ precision: Precision, batchSize: Int) -> Double {
    guard batchSize >= sparseBatch else { return 0 }
    switch precision {
    case .f32, .int8: return batchSize <= smallBatch ? 0.25 : 0.4
    case .bf16: return batchSize <= smallBatch ? 0 : 0.3
    }
  }

  /// The most outputs of a layer that is multiplied without the library where its weights stay.
  ///
  /// Up to here dot products take 0.7 to 1.4 times as long as the library, lists of non-zeros less
  /// (measured with 100 to 500 inputs on a Xeon at 2.5 GHz).
  public static let narrowOutputs = 256
  /// Up to so many outputs dot products are as fast as lists of non-zeros are, and need none.
  static let thinOutputs = 32
  /// The largest share of non-zero inputs for which zeros are skipped in narrow layers whose
  /// weights stay: at more dot products are as fast.
  static let narrowShare = 0.6

  /// Whether f32 products that skip zeros read a transposed copy of the weights, which is kept and
  /// renewed, however many rows change; otherwise they do so while few change, and else transpose
  /// tiles of the weights as they use them, with the same bits.
  ///
  /// A copy is written and read again, which takes longer than the product where it does not fit
  /// the second-level cache; the article *Measurements of kernels and steps* has the figures. Where
  /// that was not measured, copies stay.
  static func keepsTranspose(_ instructionSet: InstructionSet) -> Bool {
    switch instructionSet {
    case .avx2, .avx512, .avx512vnni: false
    case .amx, .avx512bf16, .neondot, .neon, .portable: true
    }
  }

  /// The fewest outputs of a layer that is multiplied as numbers of eight bits where its precision
  /// says so; kernels make 64 at once, most of which would be empty with fewer.
  public static let leastByteOutputs = 32

  /// How many examples' zeros are listed at a time: lists are twice as large as what they are of.
  static let sparseChunk = 1024

  /// What the product reads.
  public let precision: Precision

  private let tiles = TileProduct()
  private let transposed = TransposedWeights()
  private let nonzeros = NonzeroInput()
  /// Whether all of the last input is listed.
  private var listsInput = false

  private var bytes: ByteProduct?
  private var rounded: RoundedWeights?
  private var roundedTransposed = BF16Matrix(rowCount: 0, columnCount: 0)
  private var isRoundedTransposed = false
  private var roundedInput = BF16Matrix(rowCount: 0, columnCount: 0)

  /// Creates an empty workspace.
  public init(precision: Precision = .f32) {
    self.precision = precision
    switch precision {
    case .f32: break
    case .bf16: rounded = RoundedWeights()
    case .int8: bytes = ByteProduct()
    }
  }

  /// Must be called when the weights are no longer those of the last product.
  public func weightsDidChange() {
    isRoundedTransposed = false
    transposed.weightsDidChange()
    rounded?.weightsDidChange()
    bytes?.weightsDidChange()
  }

  /// Must be called when some rows of the weights are no longer those of the last product: saves
  /// rounding the others.
  ///
  /// - Parameter rows: The rows, in any order.
  public func weightsDidChange(rows: ArraySlice<UInt32>) {
    isRoundedTransposed = false
    transposed.weightsDidChange(rows: rows)
    rounded?.weightsDidChange(rows: rows)
    bytes?.weightsDidChange(rows: rows)
  }

  /// `y = activation(x wᵀ + b)`, overwriting `y`.
  ///
  /// f32 accumulation; the order of summation depends on the way taken.
  ///
  /// - Parameters:
  ///   - x: Shape `[batchSize, inputSize]`.
  ///   - w: Shape `[outputSize, inputSize]`.
  ///   - bias: b, shape `[1, outputSize]`; none: only the product.
  ///   - activation: Applied to each sum; without a bias the identity.
  ///   - y: Shape `[batchSize, outputSize]`.
  ///   - next: The product that reads `y` next, and before `y` changes: saves it rounding where
  ///     this can do that.
  ///   - weightsStay: Whether `w` is the same in products to come, as in prediction.
  ///   - context: Where to compute.
  public func multiply(
    _ x: Matrix, byTransposeOf w: Matrix, bias: Matrix? = nil, activation: Activation = .identity,
    into y: inout Matrix, preparing next: ForwardProduct? = nil, weightsStay: Bool = false,
    context: ComputeContext
  ) {
    precondition(
      x.columnCount == w.columnCount && y.rowCount == x.rowCount && y.columnCount == w.rowCount,
      "x wᵀ: shapes are \(x.shape) and \(w.shape) into \(y.shape), expected [b, m], [n, m] into "
        + "[b, n]"
    )
    precondition(
      bias.map { $0.rowCount == 1 && $0.columnCount == w.rowCount } ?? (activation == .identity),
      "x wᵀ + b: the bias is \(bias?.shape ?? "missing"), expected [1, \(w.rowCount)]")
    var finish = meprop_finish()
    let isFused = activation == .identity || activation == .relu
    if isFused {
      finish.bias = bias?.unsafeFloats
      finish.rectifies = activation == .relu ? 1 : 0
    }
    let isFinished =
      multiply(
        x, byTransposeOf: w, finish, into: &y, preparing: isFused ? next : nil,
        weightsStay: weightsStay, context: context)
      && isFused
    if let bias, !isFinished { context.activate(&y, bias: bias, activation: activation) }
    withExtendedLifetime(bias) {}
  }

  /// The product, and what comes after it where the result is `true`.
  private func multiply(
    _ x: Matrix, byTransposeOf w: Matrix, _ finish: meprop_finish, into y: inout Matrix,
    preparing next: ForwardProduct?, weightsStay: Bool, context: ComputeContext
  ) -> Bool {
    listsInput = false
    if precision == .bf16, let kernels = context.kernels.tiles {
      tiles.multiply(
        x, byTransposeOf: w, finish, into: &y,
        preparing: next?.precision == .bf16 ? next?.tiles : nil, kernels: kernels,
        context: context)
      return true
    }
    if let bytes, w.rowCount >= Self.leastByteOutputs {
      bytes.multiply(x, byTransposeOf: w, finish, into: &y, context: context)
      return true
    }
    let isNarrow = weightsStay && precision != .bf16 && w.rowCount <= Self.narrowOutputs
    var largestShare = Self.sparseShare(precision, batchSize: x.rowCount)
    if isNarrow, largestShare > 0 {
      largestShare = w.rowCount <= Self.thinOutputs ? 0 : Self.narrowShare
    }
    if largestShare > 0 { list(x, rows: 0..<Self.sparseBatch, context) }
    if largestShare > 0, nonzeros.share <= largestShare {
      for first in stride(from: 0, to: x.rowCount, by: Self.sparseChunk) {
        let rows = first..<min(first + Self.sparseChunk, x.rowCount)
        if x.rowCount > Self.sparseBatch { list(x, rows: rows, context) }
        switch precision {
        case .f32, .int8:
          multiplySparse(rows: rows, w, finish, &y, weightsStay: weightsStay, context)
        case .bf16: multiplySparseRounded(rows: rows, w, finish, &y, context)
        }
      }
      listsInput = x.rowCount > Self.smallBatch && x.rowCount <= Self.sparseChunk
      return true
    }
    if let rounded {
      if roundedInput.columnCount != x.columnCount {
        roundedInput = BF16Matrix(rowCount: x.rowCount, columnCount: x.columnCount)
      }
      roundedInput.setRowCount(x.rowCount)
      context.round(x, into: &roundedInput)
      context.multiply(
        roundedInput, byTransposeOf: rounded.matrix(for: w, context: context), into: &y)
    } else if x.rowCount <= Self.smallBatch || isNarrow {
      context.multiplyByDots(x, byTransposeOf: w, into: &y)
    } else {
      context.multiply(x, byTransposeOf: w, into: &y)
    }
    return false
  }

  private func list(_ x: Matrix, rows: Range<Int>, _ context: ComputeContext) {
    nonzeros.list(x, rows: rows, rounds: precision == .bf16, context: context)
  }

  private func multiplySparse(
    rows: Range<Int>, _ w: Matrix, _ finish: meprop_finish, _ y: inout Matrix,
    weightsStay: Bool, _ context: ComputeContext
  ) {
    let keeps =
      weightsStay || Self.keepsTranspose(context.instructionSet)
      || transposed.isWorthKeeping(for: w)
    let wt = keeps ? transposed.matrix(for: w, context: context) : nil
    let stride = y.stride
    let lines = y.lineCount
    let target = y.unsafeMutableFloats() + rows.lowerBound * stride
    nonzeros.withLists { indices, values, listStride, starts, blocks in
      var arguments = meprop_gather_product_arguments(
        indices: indices, values: values, list_stride: listStride, starts: starts,
        starts_stride: blocks + 1, rows: rows.count, blocks: blocks, wt: wt?.unsafeFloats,
        wt_stride: wt?.stride ?? 0, y: target, y_stride: stride, finish: finish,
        w: w.unsafeFloats, w_stride: w.stride, outputs: w.rowCount, inputs: w.columnCount)
      context.run(
        context.kernels.gatherProduct, &arguments, count: lines, grain: 8,
        work: rows.count * w.columnCount * lines * 4)
    }
    withExtendedLifetime((w, wt)) {}
  }

  private func multiplySparseRounded(
    rows: Range<Int>, _ w: Matrix, _ finish: meprop_finish, _ y: inout Matrix,
    _ context: ComputeContext
  ) {
    let wt = roundedTranspose(of: w, context)
    let stride = y.stride
    let target = y.unsafeMutableFloats() + rows.lowerBound * stride
    nonzeros.withLists { indices, values, listStride, starts, blocks in
      var arguments = meprop_gather_bf16_arguments(
        indices: indices, values: values, list_stride: listStride, starts: starts,
        starts_stride: blocks + 1, rows: rows.count, blocks: blocks, wt: wt.numbers,
        wt_stride: wt.stride, y: target, y_stride: stride, outputs: w.rowCount,
        finish: finish)
      context.run(
        context.kernels.gatherBF16, &arguments, count: (w.rowCount + 31) / 32, grain: 4,
        work: rows.count * w.columnCount * w.rowCount / 4)
    }
  }

  /// A rounded copy of wᵀ, made anew where the weights changed.
  private func roundedTranspose(
    of w: Matrix, _ context: ComputeContext
  ) -> (numbers: UnsafePointer<UInt16>, stride: Int) {
    if roundedTransposed.columnCount != w.rowCount || roundedTransposed.rowCount != w.columnCount {
      roundedTransposed = BF16Matrix(rowCount: w.columnCount, columnCount: w.rowCount)
      isRoundedTransposed = false
    }
    if !isRoundedTransposed {
      let stride = roundedTransposed.stride
      var arguments = meprop_transpose_bf16_arguments(
        w: w.unsafeFloats, stride: w.stride, rows: w.rowCount, columns: w.columnCount,
        wt: roundedTransposed.unsafeMutableNumbers(), wt_stride: stride)
      context.run(
        context.kernels.transposeBF16, &arguments, count: (w.rowCount + 31) / 32,
        work: w.rowCount * w.columnCount * 8)
      isRoundedTransposed = true
      withExtendedLifetime(w) {}
    }
    return (roundedTransposed.unsafeNumbers, roundedTransposed.stride)
  }

  /// `dW = dᵀ x` for the input of the last product and a dense output gradient, overwriting all
  /// rows of `gradient`.
  ///
  /// Where the product has skipped the zeros of x, and few enough of x are not zero, this skips
  /// them too: a rule of the shapes and of that share. Terms are then added in increasing order of
  /// the examples; else as the dense library does.
  ///
  /// - Parameters:
  ///   - d: Output gradients, shape `[batchSize, outputSize]`.
  ///   - x: The input of the last
  ///     ``multiply(_:byTransposeOf:bias:activation:into:preparing:weightsStay:context:)``, shape
  ///     `[batchSize, inputSize]`.
  ///   - gradient: Takes the gradient, shape `[outputSize, inputSize]`.
  ///   - context: Where to compute.
  public func weightGradient(
    ofDense d: Matrix, input x: Matrix, into gradient: inout WeightGradient,
    context: ComputeContext
  ) {
    guard listsInput, nonzeros.share <= NonzeroInput.gradientShare,
      d.columnCount >= NonzeroInput.gradientOutputs
    else { return context.weightGradient(ofDense: d, input: x, into: &gradient) }
    nonzeros.weightGradient(of: d, input: x, into: &gradient.values, context: context)
    gradient.rows = .all
    gradient.validCount = gradient.values.rowCount
  }
}
