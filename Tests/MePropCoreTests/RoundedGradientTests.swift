import MePropCore
import Testing
import _MePropTestSupport

/// The rounded products of a dense step's back propagation, against naive products of rounded
/// numbers.
@Suite struct RoundedGradientTests {
  /// The nearest bf16 number of each element, ties to the even one.
  private func rounded(_ matrix: Matrix, context: ComputeContext) -> DoubleMatrix {
    var copy = BF16Matrix(rowCount: matrix.rowCount, columnCount: matrix.columnCount)
    context.round(matrix, into: &copy)
    var result = matrix
    for row in 0..<matrix.rowCount {
      for column in 0..<matrix.columnCount { result[row, column] = copy[row, column] }
    }
    return DoubleMatrix(result)
  }

  @Test(arguments: InstructionSet.available, [31, 32, 47, 64, 129])
  func productsAgreeWithTheNaiveOnes(set: InstructionSet, batchSize: Int) {
    var random = Philox(seed: 330)
    let context = ComputeContext(instructionSet: set)
    let products = RoundedGradientProducts()
    #expect(
      RoundedGradientProducts.rounds(batchSize: batchSize, context: context)
        == (set.multipliesBF16 && batchSize >= 32))
    for (n, m) in [(1, 1), (3, 17), (16, 16), (33, 64), (40, 65), (70, 130)] {
      let d = random.nextMatrix(batchSize, n)
      let x = random.nextMatrix(batchSize, m)
      let w = random.nextMatrix(n, m)
      var dx = random.nextMatrix(batchSize, m)
      var gradient = WeightGradient(outputSize: n, inputSize: m)
      products.inputGradient(of: d, weights: w, into: &dx, context: context)
      products.weightGradient(of: d, input: x, into: &gradient, context: context)
      let rounds = RoundedGradientProducts.rounds(batchSize: batchSize, context: context)
      func factor(_ matrix: Matrix) -> DoubleMatrix {
        rounds ? rounded(matrix, context: context) : DoubleMatrix(matrix)
      }
      // Up to 129 exact products of size 1, each sum rounded to 2⁻²⁴ of about 15.
      expectClose(
        dx, NaiveReference.multiply(factor(d), by: factor(w)), atol: 1e-4, rtol: 0,
        "dx \(n) x \(m), \(set)")
      expectClose(
        gradient.values, NaiveReference.multiplyTranspose(of: factor(d), by: factor(x)),
        atol: 1e-4, rtol: 0, "dW \(n) x \(m), \(set)")
      expectZeroPadding(dx)
      expectZeroPadding(gradient.values)
      #expect(gradient.validRows == Array(0..<n))
    }
  }

  @Test func threadsDoNotChangeTheBits() {
    var random = Philox(seed: 331)
    let d = random.nextMatrix(64, 333)
    let x = random.nextMatrix(64, 300)
    let w = random.nextMatrix(333, 300)
    let results = (1...3).map { threads in
      let context = ComputeContext(threadCount: threads)
      var dx = Matrix(rowCount: 64, columnCount: 300)
      var gradient = WeightGradient(outputSize: 333, inputSize: 300)
      let products = RoundedGradientProducts()
      products.inputGradient(of: d, weights: w, into: &dx, context: context)
      products.weightGradient(of: d, input: x, into: &gradient, context: context)
      return (dx, gradient.values)
    }
    for result in results[1...] {
      expectSameBits(result.0, results[0].0)
      expectSameBits(result.1, results[0].1)
    }
  }
}
