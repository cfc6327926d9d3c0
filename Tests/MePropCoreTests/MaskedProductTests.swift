import MePropCore
import Testing
import _MePropTestSupport

/// Dense products of a masked gradient, and sparse products of sizes that take other ways through
/// memory.
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

  /// With bf16 they are the rounded products of the gradient that the kept entries make among
  /// zeros, bit by bit.
  @Test(arguments: [31, 32, 50], [false, true])
  func roundedProductsAreThoseOfTheDenseStep(batchSize: Int, everyRow: Bool) throws {
    let (n, m) = (40, 70)
    var random = Philox(seed: 422)
    let context = ComputeContext()
    let (x, w, d) = (
      random.nextMatrix(batchSize, m), random.nextMatrix(n, m), random.nextMatrix(batchSize, n)
    )
    let support = GradientSupport()
    try support.selectTop(9, of: d, context: context)
    var kept = Matrix(rowCount: batchSize, columnCount: n)
    for example in 0..<batchSize {
      for entry in support.entries(ofExample: example) { kept[example, entry.output] = entry.value }
    }
    let masked = MaskedProducts(precision: .bf16)
    let dense = RoundedGradientProducts()
    masked.scatter(support)
    var (dx, expected) = (random.nextMatrix(batchSize, m), random.nextMatrix(batchSize, m))
    masked.inputGradient(weights: w, into: &dx, context: context)
    dense.inputGradient(of: kept, weights: w, into: &expected, context: context)
    expectSameBits(dx, expected)
    var gradient = WeightGradient(outputSize: n, inputSize: m)
    var whole = gradient
    masked.weightGradient(
      of: support, input: x, into: &gradient, everyRow: everyRow, context: context)
    dense.weightGradient(of: kept, input: x, into: &whole, context: context)
    expectSameBits(gradient.values, whole.values)
    #expect(gradient.validRows == (everyRow ? Array(0..<n) : support.touchedOutputs))
  }

  @Test func theRuleIsOfShapesAndNumbers() {
    func areFaster(_ batchSize: Int, _ entries: Int, areRounded: Bool = false) -> Bool {
      MaskedProducts.areFaster(
        entryCount: entries, batchSize: batchSize, outputSize: 500, areRounded: areRounded)
    }
    // 55 % of all entries at small batches, 45 % at larger ones, 30 % where products of 64 and more
    // are rounded.
    #expect(!areFaster(31, 8_524))
    #expect(areFaster(31, 8_525))
    #expect(!areFaster(32, 7_199))
    #expect(areFaster(32, 7_200))
    #expect(!areFaster(63, 14_174, areRounded: true))
    #expect(areFaster(63, 14_175, areRounded: true))
    #expect(!areFaster(64, 9_599, areRounded: true))
    #expect(areFaster(64, 9_600, areRounded: true))
    // A quarter where the layer is a sum over features.
    #expect(!MaskedProducts.areFasterOnFeatures(k: 124, outputSize: 500))
    #expect(MaskedProducts.areFasterOnFeatures(k: 125, outputSize: 500))
  }

  /// Weights of more than 4 MiB, which take other ways through memory, of which most rows take
  /// part.
  @Test(arguments: InstructionSet.available)
  func largeLayersAgreeWithTheNaiveProducts(set: InstructionSet) throws {
    let (batchSize, n, m, k) = (5, 1_090, 1_031, 260)
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
      // 260 terms of size 1.
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
