import CMePropKernels

/// The dense products of back propagation with both factors rounded to bf16, and the workspace that
/// they take.
///
/// Sums are f32. Where the processor does not multiply bf16 numbers
/// (``InstructionSet/multipliesBF16``), and in batches below ``smallestBatch``, which the library
/// does as fast, the products are those of floats.
public final class RoundedGradientProducts {
  /// The smallest batch that is rounded.
  public static let smallestBatch = 32

  private var roundedGradient = BF16Matrix(rowCount: 0, columnCount: 0)
  private var roundedTurned = BF16Matrix(rowCount: 0, columnCount: 0)
  private var turned = Matrix(rowCount: 0, columnCount: 0)
  /// Lines of 32 numbers, one after the other: four of them are a pair of rows of a panel of 64
  /// columns.
  private var pairs = BF16Matrix(rowCount: 0, columnCount: 32)

  /// Creates an empty workspace.
  public init() {}

  /// Whether products with this many examples are rounded.
  public static func rounds(batchSize: Int, context: ComputeContext) -> Bool {
    kernels(batchSize: batchSize, context) != nil
  }

  /// The kernels for products with this many examples; `nil`: they are not rounded.
  private static func kernels(batchSize: Int, _ context: ComputeContext) -> PairKernels? {
    batchSize >= smallestBatch ? context.kernels.pairs : nil
  }

  /// `dx = d w`, overwriting `dx`.
  ///
  /// - Parameters:
  ///   - d: Output gradients, shape `[batchSize, outputSize]`.
  ///   - w: Weights, shape `[outputSize, inputSize]`.
  ///   - dx: Takes the gradient of the input, shape `[batchSize, inputSize]`.
  ///   - context: Where to compute.
  public func inputGradient(
    of d: Matrix, weights w: Matrix, into dx: inout Matrix, context: ComputeContext
  ) {
    guard let kernels = Self.kernels(batchSize: d.rowCount, context) else {
      return context.multiply(d, by: w, into: &dx)
    }
    Self.multiply(d, &roundedGradient, w, &pairs, into: &dx, kernels, context)
  }

  /// `dW = dᵀ x`, overwriting all rows of `gradient` and making them valid.
  ///
  /// - Parameters:
  ///   - d: Output gradients, shape `[batchSize, outputSize]`.
  ///   - x: The layer's input, shape `[batchSize, inputSize]`.
  ///   - gradient: Takes the gradient of the weights, shape `[outputSize, inputSize]`.
  ///   - context: Where to compute.
  public func weightGradient(
    of d: Matrix, input x: Matrix, into gradient: inout WeightGradient, context: ComputeContext
  ) {
    multiplyTranspose(of: d, by: x, into: &gradient.values, context: context)
    gradient.rows = .all
    gradient.validCount = gradient.values.rowCount
  }

  /// `c = aᵀ b`, overwriting `c`; shapes as in ``ComputeContext/multiplyTranspose(of:by:into:)``.
  func multiplyTranspose(
    of a: Matrix, by b: Matrix, into c: inout Matrix, context: ComputeContext
  ) {
    guard let kernels = Self.kernels(batchSize: a.rowCount, context) else {
      return context.multiplyTranspose(of: a, by: b, into: &c)
    }
    turned.setShape(rowCount: a.columnCount, columnCount: a.rowCount)
    context.transpose(a, into: &turned)
    Self.multiply(turned, &roundedTurned, b, &pairs, into: &c, kernels, context)
  }

  /// `c = a b` of rounded factors, by way of `left` and `pairs`.
  private static func multiply(
    _ a: Matrix, _ left: inout BF16Matrix, _ b: Matrix, _ pairs: inout BF16Matrix,
    into c: inout Matrix, _ kernels: PairKernels, _ context: ComputeContext
  ) {
    precondition(
      a.columnCount == b.rowCount && c.rowCount == a.rowCount && c.columnCount == b.columnCount,
      "a b: shapes are \(a.shape) and \(b.shape) into \(c.shape), expected [r, k], [k, c] into [r, "
        + "c]"
    )
    // Kernels take 16 rows at a time.
    let paddedRows = (a.rowCount + 15) / 16 * 16
    left.setShape(rowCount: paddedRows, columnCount: a.columnCount)
    context.round(leadingRowsOf: a, into: &left)
    let panels = (b.columnCount + 63) / 64
    pairs.setRowCount(panels * ((b.rowCount + 31) / 32) * 16 * 4)
    let packed = pairs.unsafeMutableNumbers()
    var packing = meprop_pack_pairs_arguments(
      b: b.unsafeFloats, stride: b.stride, rows: b.rowCount, columns: b.columnCount, packed: packed)
    context.run(
      kernels.pack, &packing, count: panels, work: b.rowCount * b.columnCount * 6)
    let cStride = c.stride
    var product = meprop_pair_product_arguments(
      a: left.unsafeNumbers, a_stride: left.stride, rows: a.rowCount, inner: a.columnCount,
      packed: packed, columns: b.columnCount, c: c.unsafeMutableFloats(), c_stride: cStride)
    context.run(
      kernels.product, &product, count: paddedRows / 16,
      work: a.rowCount * (a.columnCount + 64) * b.columnCount / 4)
    withExtendedLifetime((left, b)) {}
  }
}
