import CMePropKernels

/// The product `y = x wᵀ` of rounded factors by matrix tiles, with the workspace that it takes: x
/// as tiles.
///
/// Only with ``InstructionSet/amx``. Sums are f32, in the order of the columns, 32 at a time as the
/// processor adds them.
final class TileProduct {
  /// Examples that are packed at a time.
  private static let chunk = Int(MEPROP_TILE_EXAMPLES)

  /// Lines of 32 numbers, one after the other: 16 of them are a tile.
  private var packed = BF16Matrix(rowCount: 0, columnCount: 32)
  /// What is packed already, by the product whose output it is.
  private var prepared: (floats: UnsafePointer<Float>, rowCount: Int, columnCount: Int)?

  /// `y = x wᵀ`, finished, overwriting `y`; shapes as for ``ForwardProduct``.
  ///
  /// `next` gets `y` packed, for its next product, which must read `y` as it is now. `kernels` are
  /// those of `context`.
  func multiply(
    _ x: Matrix, byTransposeOf w: Matrix, _ finish: meprop_finish, into y: inout Matrix,
    preparing next: TileProduct? = nil, kernels: TileKernels,
    context: ComputeContext
  ) {
    let yStride = y.stride
    let target = y.unsafeMutableFloats()
    let isPacked =
      prepared.map { $0 == (x.unsafeFloats, x.rowCount, x.columnCount) } ?? false
    prepared = nil
    let packedOutput = x.rowCount <= Self.chunk ? next?.room(for: y) : nil
    for first in stride(from: 0, to: x.rowCount, by: Self.chunk) {
      let rowCount = min(Self.chunk, x.rowCount - first)
      let tileCount = (rowCount + 15) / 16
      packed.setRowCount(tileCount * ((x.columnCount + 31) / 32) * 16)
      let tiles = packed.unsafeMutableNumbers()
      var packing = meprop_pack_tiles_arguments(
        x: x.unsafeFloats + first * x.stride, stride: x.stride, rows: rowCount,
        columns: x.columnCount, packed: tiles)
      if !isPacked {
        context.run(
          kernels.pack, &packing, count: tileCount, work: rowCount * x.columnCount * 8)
      }
      var product = meprop_tile_product_arguments(
        packed: tiles, rows: rowCount, columns: x.columnCount, w: w.unsafeFloats,
        w_stride: w.stride, outputs: w.rowCount, y: target + first * yStride, y_stride: yStride,
        finish: finish, packed_y: packedOutput)
      // An eighth of the time of as many multiply-adds elsewhere, and a pass over w.
      context.run(
        kernels.product, &product, count: (w.rowCount + 15) / 16, grain: 2,
        work: (rowCount + 16) * w.rowCount * w.columnCount / 8)
    }
    withExtendedLifetime((x, w)) {}
  }

  /// Room for all of x as tiles, which are taken for packed from now on until a product has read
  /// them.
  private func room(for x: Matrix) -> UnsafeMutablePointer<UInt16> {
    packed.setRowCount((x.rowCount + 15) / 16 * ((x.columnCount + 31) / 32) * 16)
    prepared = (x.unsafeFloats, x.rowCount, x.columnCount)
    return packed.unsafeMutableNumbers()
  }
}
