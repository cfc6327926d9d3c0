import MePropCore
import Testing
import _MePropTestSupport

@Suite struct DenseProductTests {
  /// Rounding of a sum of `length` products of numbers of size 1: at most length · 2⁻²⁴ of
  /// Σ|a b|, which is near length · 2/π.
  private func tolerance(_ length: Int) -> Double { 0x1p-24 * Double(length) * Double(length) }

  static let shapes = [
    (1, 1, 1), (1, 7, 3), (2, 1, 5), (3, 17, 15), (5, 16, 16), (10, 33, 129), (13, 130, 47),
    (4, 300, 20),
  ]

  @Test(arguments: shapes)
  func agreeWithTheNaiveProducts(batchSize: Int, n: Int, m: Int) {
    var random = Philox(seed: 300, stream: UInt64(n * m))
    let context = ComputeContext()
    let x = random.nextMatrix(batchSize, m)
    let w = random.nextMatrix(n, m)
    let d = random.nextMatrix(batchSize, n)
    // Results are filled with garbage first: products overwrite.
    var y = random.nextMatrix(batchSize, n)
    context.multiply(x, byTransposeOf: w, into: &y)
    expectClose(
      y, NaiveReference.multiply(DoubleMatrix(x), byTransposeOf: DoubleMatrix(w)),
      atol: tolerance(m), rtol: 0)
    var dx = random.nextMatrix(batchSize, m)
    context.multiply(d, by: w, into: &dx)
    expectClose(
      dx, NaiveReference.multiply(DoubleMatrix(d), by: DoubleMatrix(w)),
      atol: tolerance(n), rtol: 0)
    var g = random.nextMatrix(n, m)
    context.multiplyTranspose(of: d, by: x, into: &g)
    expectClose(
      g, NaiveReference.multiplyTranspose(of: DoubleMatrix(d), by: DoubleMatrix(x)),
      atol: tolerance(batchSize), rtol: 0)
    for matrix in [y, dx, g] { expectZeroPadding(matrix) }
  }

  @Test func emptySizesGiveZeros() {
    let context = ComputeContext()
    var y = Matrix([[1, 2], [3, 4]])
    context.multiply(
      Matrix(rowCount: 2, columnCount: 0), byTransposeOf: Matrix(rowCount: 2, columnCount: 0),
      into: &y)
    #expect(y == Matrix(rowCount: 2, columnCount: 2))
    var g = Matrix([[1, 2, 3]])
    context.multiplyTranspose(
      of: Matrix(rowCount: 0, columnCount: 1), by: Matrix(rowCount: 0, columnCount: 3), into: &g)
    #expect(g == Matrix(rowCount: 1, columnCount: 3))
    var none = Matrix(rowCount: 0, columnCount: 4)
    context.multiply(
      Matrix(rowCount: 0, columnCount: 3), by: Matrix(rowCount: 3, columnCount: 4), into: &none)
    #expect(none.elements.isEmpty)
  }

  @Test(arguments: [(64, 300, 200), (10, 500, 784), (130, 257, 129)])
  func threadsDoNotChangeTheBits(batchSize: Int, n: Int, m: Int) {
    var random = Philox(seed: 301)
    let x = random.nextMatrix(batchSize, m)
    let w = random.nextMatrix(n, m)
    let d = random.nextMatrix(batchSize, n)
    var results: [[Matrix]] = []
    for threads in 1...3 {
      let context = ComputeContext(threadCount: threads)
      var y = Matrix(rowCount: batchSize, columnCount: n)
      var dx = Matrix(rowCount: batchSize, columnCount: m)
      var g = Matrix(rowCount: n, columnCount: m)
      context.multiply(x, byTransposeOf: w, into: &y)
      context.multiply(d, by: w, into: &dx)
      context.multiplyTranspose(of: d, by: x, into: &g)
      results.append([y, dx, g])
    }
    for result in results.dropFirst() {
      for (found, expected) in zip(result, results[0]) { expectSameBits(found, expected) }
    }
  }
}

/// Records an issue unless the floats between the last column and the next multiple of 16 are zero.
func expectZeroPadding(_ matrix: Matrix, sourceLocation: SourceLocation = #_sourceLocation) {
  for row in 0..<matrix.rowCount {
    let floats = matrix.unsafeFloats + row * matrix.stride
    let isZero = (matrix.columnCount..<(matrix.lineCount * 16)).allSatisfy { floats[$0] == 0 }
    #expect(isZero, "padding of row \(row)", sourceLocation: sourceLocation)
  }
}
