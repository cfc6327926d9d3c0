#if os(Linux)
  import COneDNN
  import Glibc
#else
  import Accelerate
  import Darwin
#endif

/// Dense products of row-major matrices through the system's library: oneDNN on Linux, Accelerate
/// on macOS.
///
/// A product is cut into tiles of 128 columns (or rows) of its result by its shape alone, and each
/// tile is one call of the sequential library on one thread: the library sums in an order that
/// depends on the shape of a call, so tiles that depended on the number of threads would change the
/// bits.
extension ComputeContext {
  /// Rows or columns of a result that one call of the library computes.
  private static var tile: Int { 128 }

  /// `y = x wᵀ`: shapes `[batchSize, inputSize]`, `[outputSize, inputSize]`, result `[batchSize,
  /// outputSize]`.
  ///
  /// Overwrites `y`, which must have its shape already; nothing is added, no bias. f32
  /// accumulation; the order of summation is the library's. O(*batchSize · inputSize ·
  /// outputSize*).
  public func multiply(_ x: Matrix, byTransposeOf w: Matrix, into y: inout Matrix) {
    precondition(
      x.columnCount == w.columnCount && y.rowCount == x.rowCount && y.columnCount == w.rowCount,
      "x wᵀ: shapes are \(x.shape) and \(w.shape) into \(y.shape), expected [b, m], [n, m] into "
        + "[b, n]"
    )
    var job = DenseJob(
      transposesA: false, transposesB: true, rows: x.rowCount, columns: w.rowCount,
      inner: x.columnCount,
      a: x.unsafeFloats, aStride: x.stride, b: w.unsafeFloats, bStride: w.stride,
      c: y.unsafeMutableFloats(), cStride: y.stride, tile: Self.tile, tilesRows: false)
    run(&job)
    withExtendedLifetime((x, w)) {}
  }

  /// `y = x w`: shapes `[batchSize, n]`, `[n, m]`, result `[batchSize, m]`.
  ///
  /// Overwrites `y`.
  public func multiply(_ x: Matrix, by w: Matrix, into y: inout Matrix) {
    precondition(
      x.columnCount == w.rowCount && y.rowCount == x.rowCount && y.columnCount == w.columnCount,
      "x w: shapes are \(x.shape) and \(w.shape) into \(y.shape), expected [b, n], [n, m] into [b, "
        + "m]"
    )
    var job = DenseJob(
      transposesA: false, transposesB: false, rows: x.rowCount, columns: w.columnCount,
      inner: x.columnCount,
      a: x.unsafeFloats, aStride: x.stride, b: w.unsafeFloats, bStride: w.stride,
      c: y.unsafeMutableFloats(), cStride: y.stride, tile: Self.tile, tilesRows: false)
    run(&job)
    withExtendedLifetime((x, w)) {}
  }

  /// `g = dᵀ x`: shapes `[batchSize, n]`, `[batchSize, m]`, result `[n, m]`.
  ///
  /// Overwrites `g`.
  public func multiplyTranspose(of d: Matrix, by x: Matrix, into g: inout Matrix) {
    precondition(
      d.rowCount == x.rowCount && g.rowCount == d.columnCount && g.columnCount == x.columnCount,
      "dᵀ x: shapes are \(d.shape) and \(x.shape) into \(g.shape), expected [b, n], [b, m] into "
        + "[n, m]"
    )
    let stride = g.stride
    multiplyTranspose(
      rows: d.columnCount, inner: d.rowCount, columns: x.columnCount, d.unsafeFloats, d.stride,
      x.unsafeFloats, x.stride, g.unsafeMutableFloats(), stride)
    withExtendedLifetime((d, x)) {}
  }

  /// `c = aᵀ b` for matrices given by their first element and row distance: a of `inner` rows and
  /// `rows` columns.
  ///
  /// Overwrites `c`.
  func multiplyTranspose(
    rows: Int, inner: Int, columns: Int, _ a: UnsafePointer<Float>, _ aStride: Int,
    _ b: UnsafePointer<Float>, _ bStride: Int, _ c: UnsafeMutablePointer<Float>, _ cStride: Int
  ) {
    var job = DenseJob(
      transposesA: true, transposesB: false, rows: rows, columns: columns, inner: inner, a: a,
      aStride: aStride, b: b, bStride: bStride, c: c, cStride: cStride, tile: Self.tile,
      // A result of few rows, as of a unified selection, would be one tile.
      tilesRows: rows >= columns / 2)
    run(&job)
  }

  /// `c = a b` for matrices given by their first element and row distance.
  ///
  /// Overwrites `c`.
  func multiply(
    rows: Int, inner: Int, columns: Int, _ a: UnsafePointer<Float>, _ aStride: Int,
    _ b: UnsafePointer<Float>, _ bStride: Int, _ c: UnsafeMutablePointer<Float>, _ cStride: Int
  ) {
    var job = DenseJob(
      transposesA: false, transposesB: false, rows: rows, columns: columns, inner: inner, a: a,
      aStride: aStride, b: b, bStride: bStride, c: c, cStride: cStride, tile: Self.tile,
      tilesRows: false)
    run(&job)
  }

  private func run(_ job: inout DenseJob) {
    guard job.rows > 0, job.columns > 0 else { return }
    guard job.inner > 0 else {
      for row in 0..<job.rows {
        (job.c + row * job.cStride).update(repeating: 0, count: job.columns)
      }
      return
    }
    let size = job.tilesRows ? job.rows : job.columns
    runTiles(
      .denseProduct, &job, count: (size + job.tile - 1) / job.tile,
      work: job.rows * job.columns * job.inner)
  }
}

extension Matrix {
  /// The shape as error texts show it.
  package var shape: String { "[\(rowCount), \(columnCount)]" }
}

/// One product `c = op(a) op(b)` and how it is cut.
private struct DenseJob {
  var transposesA: Bool, transposesB: Bool
  var rows: Int, columns: Int, inner: Int
  var a: UnsafePointer<Float>, aStride: Int
  var b: UnsafePointer<Float>, bStride: Int
  var c: UnsafeMutablePointer<Float>, cStride: Int
  var tile: Int
  var tilesRows: Bool

  func compute(tile index: Int) {
    let start = index * tile
    let size = min(tile, (tilesRows ? rows : columns) - start)
    let rows = tilesRows ? size : rows
    let columns = tilesRows ? columns : size
    let a = tilesRows ? a + (transposesA ? start : start * aStride) : a
    let b = tilesRows ? b : b + (transposesB ? start * bStride : start)
    let c = c + (tilesRows ? start * cStride : start)
    #if os(Linux)
      let status = dnnl_sgemm(
        CChar(UInt8(ascii: transposesA ? "T" : "N")), CChar(UInt8(ascii: transposesB ? "T" : "N")),
        dnnl_dim_t(rows), dnnl_dim_t(columns), dnnl_dim_t(inner), 1, a, dnnl_dim_t(aStride), b,
        dnnl_dim_t(bStride), 0, c, dnnl_dim_t(cStride))
      precondition(
        status == dnnl_success,
        "oneDNN sgemm refuses [\(rows), \(inner)] x [\(inner), \(columns)]: \(status)")
    #else
      cblas_sgemm(
        CblasRowMajor, transposesA ? CblasTrans : CblasNoTrans,
        transposesB ? CblasTrans : CblasNoTrans,
        Int32(rows), Int32(columns), Int32(inner), 1, a, Int32(aStride), b, Int32(bStride), 0, c,
        Int32(cStride))
    #endif
  }
}

extension Kernel where Arguments == DenseJob {
  /// Tiles of a dense product.
  fileprivate static var denseProduct: Self {
    Kernel { arguments, begin, end in
      guard let job = arguments?.assumingMemoryBound(to: DenseJob.self) else { return }
      for tile in begin..<end { job.pointee.compute(tile: tile) }
    }
  }
}

/// Makes the dense library compute on the calling thread only.
///
/// Debian's oneDNN brings OpenMP, whose idle threads spin and would fight ours for the processors
/// (DESIGN.md 3). The setting belongs to the calling thread, so each thread of a pool makes it for
/// itself.
func makeDenseLibrarySequential() {
  #if os(Linux)
    typealias SetThreads = @convention(c) (Int32) -> Void
    if let symbol = dlsym(nil, "omp_set_num_threads") {
      unsafeBitCast(symbol, to: SetThreads.self)(1)
    }
  #endif
}
