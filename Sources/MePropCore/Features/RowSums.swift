import CMePropKernels

/// Sums of listed rows, and the cube that may follow them.
extension ComputeContext {
  /// `y[i] = bias + Σ row` over the rows listed for i, overwriting `y`.
  ///
  /// - Parameters:
  ///   - rows: Lists of `listStride` numbers an example: of rows of `table`, and from
  ///     `table.rowCount` on of `extra`.
  ///   - listStride: The numbers of an example's list.
  ///   - counts: How many of them count.
  ///   - table: Shape `[rowCount, outputSize]`.
  ///   - extra: Shape `[extraCount, outputSize]`.
  ///   - bias: Shape `[1, outputSize]`.
  ///   - y: Shape `[batchSize, outputSize]`.
  public func sumRows(
    _ rows: [UInt32], listStride: Int, counts: [UInt32], of table: Matrix,
    and extra: Matrix, bias: Matrix, into y: inout Matrix
  ) {
    precondition(
      rows.count >= y.rowCount * listStride && counts.count >= y.rowCount
        && table.columnCount == y.columnCount && extra.columnCount == y.columnCount
        && bias.columnCount == y.columnCount,
      "sumRows: \(rows.count) rows of \(table.shape) with bias \(bias.shape) into \(y.shape)")
    let rowCount = UInt32(table.rowCount + extra.rowCount)
    for example in 0..<y.rowCount {
      let from = example * listStride
      precondition(counts[example] <= listStride, "sumRows: \(counts[example]) of \(listStride)")
      for place in from..<from + Int(counts[example]) {
        precondition(rows[place] < rowCount, "sumRows: row \(rows[place]) of \(rowCount)")
      }
    }
    let stride = y.stride
    let batchSize = y.rowCount
    let columns = y.columnCount
    let target = y.unsafeMutableFloats()
    rows.withUnsafeBufferPointer { rows in
      counts.withUnsafeBufferPointer { counts in
        var arguments = meprop_row_sums_arguments(
          rows: rows.baseAddress, list_stride: listStride, counts: counts.baseAddress,
          table: table.unsafeFloats, extra: extra.unsafeFloats, kept: UInt32(table.rowCount),
          stride: table.stride, columns: columns,
          bias: bias.unsafeFloats, y: target, y_stride: stride)
        run(kernels.rowSums, &arguments, count: batchSize, work: batchSize * listStride * columns)
      }
    }
    withExtendedLifetime((table, extra, bias)) {}
  }

  /// The transpose of some rows of `w`: shape `[w.columnCount, range.count]`.
  public func transposingRows(_ range: Range<Int>, of w: Matrix) -> Matrix {
    precondition(
      range.lowerBound >= 0 && range.upperBound <= w.rowCount,
      "transposingRows: rows \(range) of \(w.shape)")
    var result = Matrix(rowCount: w.columnCount, columnCount: range.count)
    let stride = result.stride
    var arguments = meprop_transpose_arguments(
      w: w.unsafeFloats + range.lowerBound * w.stride, stride: w.stride, rows: range.count,
      columns: w.columnCount, wt: result.unsafeMutableFloats(), wt_stride: stride)
    run(
      kernels.transpose, &arguments, count: (range.count + 15) / 16,
      work: range.count * w.columnCount * 8)
    withExtendedLifetime(w) {}
    return result
  }

  /// `y ← y³`.
  public func cube(_ y: inout Matrix) {
    let floats = y.unsafeMutableFloats()
    runCube(from: UnsafePointer(floats), to: floats, shapedAs: y, isGradient: false)
  }

  /// `gradient ← 3 x² gradient`: back propagation through `x³`.
  public func multiply(_ gradient: inout Matrix, byCubeDerivativeAt x: Matrix) {
    precondition(
      gradient.rowCount == x.rowCount && gradient.columnCount == x.columnCount,
      "cube: gradient is \(gradient.shape), input is \(x.shape)")
    let floats = gradient.unsafeMutableFloats()
    runCube(from: x.unsafeFloats, to: floats, shapedAs: x, isGradient: true)
    withExtendedLifetime(x) {}
  }

  private func runCube(
    from x: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>, shapedAs shape: Matrix,
    isGradient: Bool
  ) {
    var arguments = meprop_cube_arguments(
      x: x, y: y, stride: shape.stride, columns: shape.columnCount, gradient: isGradient ? 1 : 0)
    run(
      kernels.cube, &arguments, count: shape.rowCount, grain: 4,
      work: shape.rowCount * shape.columnCount)
  }
}
