import MePropCore
import Testing
import _MePropTestSupport

/// Dense products of a masked gradient, and sparse products of sizes that take other ways through memory.
@Suite struct MaskedProductTests {
  @Test(arguments: [(1, 5, 3, 2), (7, 33, 47, 16), (20, 40, 130, 39)], [false, true])
  func agreeWithTheSparseProducts(shape: (Int, Int, Int, Int), everyRow: Bool) throws {
    let (batchSize, n, m, k) = shape
    var random = Philox(seed: 420, stream: UInt64(n))
    let context = ComputeContext()
    let products = MaskedProducts()
    let support = GradientSupport()
    let rule = UpdateRule(
      formula: .adam(beta1: 0.9, beta2: 0.999, secondCorrection: 31.6, epsilon: 1e-8), rate: 0.01)
    // Twice, because the workspace is kept: what the step before left must be gone.
    for _ in 0..<2 {
      let (x, w, d) = (
        random.nextMatrix(batchSize, m), random.nextMatrix(n, m), random.nextMatrix(batchSize, n)
      )
      try support.selectTop(k, of: d, context: context)
      products.scatter(support)
      var (dx, expected) = (random.nextMatrix(batchSize, m), random.nextMatrix(batchSize, m))
      products.inputGradient(weights: w, into: &dx, context: context)
      context.inputGradient(of: support, weights: w, into: &expected)
      expectClose(dx, DoubleMatrix(expected), atol: 1e-4, rtol: 0)
      var gradient = WeightGradient(outputSize: n, inputSize: m)
      var sparse = WeightGradient(outputSize: n, inputSize: m)
      products.weightGradient(
        of: support, input: x, into: &gradient, everyRow: everyRow, context: context)
      context.weightGradient(of: support, input: x, into: &sparse, everyRow: everyRow)
      #expect(gradient.validRows == sparse.validRows)
      #expect(gradient.rows == sparse.rows)
      for row in gradient.validRows {
        expectClose(
          gradient.values.withRow(row) { Array($0) },
          sparse.values.withRow(row) { $0.map(Double.init) }, atol: 1e-4, rtol: 0)
      }
      var (stepped, other) = (w, w)
      var moments = Moments(count: 2, rowCount: n, columnCount: m)
      var otherMoments = moments
      products.updateWeights(
        &stepped, &moments, by: rule, support: support, input: x, everyRow: everyRow,
        context: context)
      context.update(&other, &otherMoments, by: rule, gradient: gradient)
      expectSameBits(stepped, other)
      expectSameBits(moments.second, otherMoments.second)
    }
  }

  @Test func theRuleIsOfTheShapes() {
    // 70 % of the outputs at small batches, 55 % at larger ones.
    #expect(!MaskedProducts.areFaster(batchSize: 10, k: 349, outputSize: 500))
    #expect(MaskedProducts.areFaster(batchSize: 10, k: 350, outputSize: 500))
    #expect(!MaskedProducts.areFaster(batchSize: 32, k: 274, outputSize: 500))
    #expect(MaskedProducts.areFaster(batchSize: 32, k: 275, outputSize: 500))
    // A quarter where the layer is a sum over features.
    #expect(!MaskedProducts.areFasterOnFeatures(k: 124, outputSize: 500))
    #expect(MaskedProducts.areFasterOnFeatures(k: 125, outputSize: 500))
  }

  /// Weights beyond the cache, of which most rows take part; gradients that are written past the caches.
  @Test(arguments: InstructionSet.available)
  func largeLayersAgreeWithTheNaiveProducts(set: InstructionSet) throws {
    let (batchSize, n, m, k) = (9, 530, 531, 130)
    var random = Philox(seed: 421)
    let (x, w, d) = (
      random.nextMatrix(batchSize, m), random.nextMatrix(n, m), random.nextMatrix(batchSize, n)
    )
    var results: [[Matrix]] = []
    for threads in 1...2 {
      let context = ComputeContext(threadCount: threads, instructionSet: set)
      let support = GradientSupport()
      try support.selectTop(k, of: d, context: context)
      var dx = random.nextMatrix(batchSize, m)
      context.inputGradient(of: support, weights: w, into: &dx)
      var gradient = WeightGradient(outputSize: n, inputSize: m)
      context.weightGradient(of: support, input: x, into: &gradient, everyRow: true)
      let kept = NaiveReference.topIndices(of: DoubleMatrix(d), count: k)
      let s = NaiveReference.masked(DoubleMatrix(d), keeping: kept)
      // 130 terms of size 1.
      expectClose(dx, NaiveReference.multiply(s, by: DoubleMatrix(w)), atol: 2e-4, rtol: 0)
      expectClose(
        gradient.values, NaiveReference.multiplyTranspose(of: s, by: DoubleMatrix(x)), atol: 1e-4,
        rtol: 0)
      expectZeroPadding(gradient.values)
      results.append([dx, gradient.values])
    }
    expectSameBits(results[0][0], results[1][0])
    expectSameBits(results[0][1], results[1][1])
  }
}
