import MePropCore
import Testing
import _MePropTestSupport

/// Products over the support against dense naive products of the masked gradient.
@Suite struct SparseProductTests {
  static let shapes = [
    (1, 1, 1, 1), (1, 5, 1, 2), (3, 7, 15, 1), (2, 16, 16, 16), (5, 17, 17, 4), (4, 31, 33, 30),
    (13, 33, 47, 5), (65, 20, 63, 3), (70, 9, 130, 9), (6, 65, 161, 11),
  ]

  private func tolerance(_ terms: Int) -> Double { 0x1p-24 * Double(terms * terms + 8) * 4 }

  @Test(arguments: InstructionSet.available, shapes)
  func agreeWithTheNaiveProducts(set: InstructionSet, shape: (Int, Int, Int, Int)) throws {
    let (batchSize, n, m, k) = shape
    var random = Philox(seed: 400, stream: UInt64(n * m))
    let context = ComputeContext(instructionSet: set)
    let (x, w, d) = (
      random.nextMatrix(batchSize, m), random.nextMatrix(n, m), random.nextMatrix(batchSize, n)
    )
    let support = GradientSupport()
    try support.selectTop(k, of: d, context: context)
    let kept = NaiveReference.topIndices(of: DoubleMatrix(d), count: k)
    let s = NaiveReference.masked(DoubleMatrix(d), keeping: kept)

    var dx = random.nextMatrix(batchSize, m)
    context.inputGradient(of: support, weights: w, into: &dx)
    expectClose(
      dx, NaiveReference.multiply(s, by: DoubleMatrix(w)), atol: tolerance(k), rtol: 0, "\(set)")
    expectZeroPadding(dx)

    let expected = NaiveReference.multiplyTranspose(of: s, by: DoubleMatrix(x))
    var gradient = WeightGradient(outputSize: n, inputSize: m)
    context.weightGradient(
      ofDense: random.nextMatrix(batchSize, n), input: x, into: &gradient)  // garbage
    let before = gradient.values
    context.weightGradient(of: support, input: x, into: &gradient)
    let touched = Set(kept.flatMap { $0 }).sorted()
    #expect(gradient.rows == .listed)
    #expect(gradient.validRows == touched)
    #expect(support.touchedOutputs == touched)
    for row in 0..<n {
      let found = gradient.values.withRow(row) { Array($0) }
      if touched.contains(row) {
        expectClose(found, expected.row(row), atol: tolerance(batchSize), rtol: 0, "row \(row)")
      } else {
        #expect(found == before.withRow(row) { Array($0) }, "row \(row) is not touched")
      }
    }
    expectZeroPadding(gradient.values)

    context.weightGradient(of: support, input: x, into: &gradient, everyRow: true)
    #expect(gradient.rows == .all)
    #expect(gradient.validRows == Array(0..<n))
    expectClose(gradient.values, expected, atol: tolerance(batchSize), rtol: 0)
  }

  /// Whether all are selected, or kept without selection, zeros among them.
  @Test(arguments: InstructionSet.available, [false, true])
  func allKeptIsTheDenseProduct(set: InstructionSet, withoutSelection: Bool) throws {
    var random = Philox(seed: 401)
    let context = ComputeContext(instructionSet: set)
    let (x, w) = (random.nextMatrix(9, 40), random.nextMatrix(21, 40))
    var d = random.nextMatrix(9, 21)
    d[4, 20] = 0
    let support = GradientSupport()
    if withoutSelection {
      support.keepAll(of: d)
      #expect(support.entries(ofExample: 4).map(\.output) == Array(0..<21))
    } else {
      try support.selectTop(21, of: d, context: context)
    }
    var sparse = (
      Matrix(rowCount: 9, columnCount: 40), WeightGradient(outputSize: 21, inputSize: 40)
    )
    var dense = sparse
    context.inputGradient(of: support, weights: w, into: &sparse.0)
    context.weightGradient(of: support, input: x, into: &sparse.1)
    context.multiply(d, by: w, into: &dense.0)
    context.weightGradient(ofDense: d, input: x, into: &dense.1)
    expectClose(sparse.0, dense.0, atol: tolerance(21), rtol: 0)
    expectClose(sparse.1.values, dense.1.values, atol: tolerance(9), rtol: 0)
  }

  @Test(arguments: InstructionSet.available)
  func anEmptySupportGivesZeros(set: InstructionSet) throws {
    let context = ComputeContext(instructionSet: set)
    let support = GradientSupport()
    try support.selectTop(2, of: Matrix(rowCount: 3, columnCount: 8), context: context)
    var dx = Matrix(rowCount: 3, columnCount: 20, elements: Array(repeating: 7, count: 60))
    context.inputGradient(of: support, weights: Matrix(rowCount: 8, columnCount: 20), into: &dx)
    #expect(dx == Matrix(rowCount: 3, columnCount: 20))
    var gradient = WeightGradient(outputSize: 8, inputSize: 20)
    context.weightGradient(of: support, input: dx, into: &gradient)
    #expect(gradient.validRows.isEmpty)
    #expect(gradient.sumOfSquares(context: context) == 0)
  }

  @Test(arguments: InstructionSet.available)
  func threadsDoNotChangeTheBits(set: InstructionSet) throws {
    var random = Philox(seed: 402)
    let (batchSize, n, m, k) = (96, 120, 500, 12)
    let (x, w, d) = (
      random.nextMatrix(batchSize, m), random.nextMatrix(n, m), random.nextMatrix(batchSize, n)
    )
    var results: [[Matrix]] = []
    for threads in 1...3 {
      let context = ComputeContext(threadCount: threads, instructionSet: set)
      let support = GradientSupport()
      try support.selectTop(k, of: d, context: context)
      var dx = Matrix(rowCount: batchSize, columnCount: m)
      context.inputGradient(of: support, weights: w, into: &dx)
      var gradient = WeightGradient(outputSize: n, inputSize: m)
      context.weightGradient(of: support, input: x, into: &gradient)
      var weights = w
      var moments = Moments(count: 2, rowCount: n, columnCount: m)
      let rule = UpdateRule(
        formula: .adam(beta1: 0.9, beta2: 0.999, secondCorrection: 31.6, epsilon: 1e-8), rate: 0.01)
      context.updateWeights(
        &weights, &moments, by: rule, support: support, input: x, everyRow: true)
      results.append([dx, gradient.values, weights, moments.first, moments.second])
    }
    for result in results.dropFirst() {
      for (found, expected) in zip(result, results[0]) { expectSameBits(found, expected) }
    }
  }

  @Test(arguments: InstructionSet.available)
  func sumOfSquaresIsOverValidRowsOnly(set: InstructionSet) throws {
    var random = Philox(seed: 403)
    let context = ComputeContext(instructionSet: set)
    let (x, d) = (random.nextMatrix(4, 333), random.nextMatrix(4, 25))
    let support = GradientSupport()
    try support.selectTop(2, of: d, context: context)
    var gradient = WeightGradient(outputSize: 25, inputSize: 333)
    context.weightGradient(ofDense: d, input: x, into: &gradient)
    let whole = gradient.values.elements.reduce(0) { $0 + Double($1) * Double($1) }
    expectClose([gradient.sumOfSquares(context: context)], [whole], atol: 0, rtol: 1e-5)
    context.weightGradient(of: support, input: x, into: &gradient)
    let valid = gradient.validRows.reduce(0.0) { sum, row in
      gradient.values.withRow(row) { $0.reduce(sum) { $0 + Double($1) * Double($1) } }
    }
    expectClose([gradient.sumOfSquares(context: context)], [valid], atol: 0, rtol: 1e-5)
    #expect(valid < 0.9 * whole)
  }
}

/// Gather and dense product, for one support of all examples.
@Suite struct UnifiedProductTests {
  @Test(arguments: InstructionSet.available, [(1, 5, 3, 1), (7, 33, 47, 6), (20, 40, 130, 39)])
  func agreeWithTheNaiveProducts(set: InstructionSet, shape: (Int, Int, Int, Int)) throws {
    let (batchSize, n, m, k) = shape
    var random = Philox(seed: 410, stream: UInt64(n))
    let context = ComputeContext(instructionSet: set)
    let products = UnifiedProducts()
    let support = GradientSupport()
    // Twice with other sizes, because the workspace is kept.
    for (batchSize, k) in [(batchSize, k), (batchSize + 2, max(1, k - 1)), (batchSize, k)] {
      let (x, w, d) = (
        random.nextMatrix(batchSize, m), random.nextMatrix(n, m), random.nextMatrix(batchSize, n)
      )
      try support.selectUnified(k, of: d, context: context)
      let kept = NaiveReference.unifiedIndices(of: DoubleMatrix(d), count: k, groupSize: batchSize)
      let s = NaiveReference.masked(DoubleMatrix(d), keeping: kept)
      products.gather(support)
      var dx = random.nextMatrix(batchSize, m)
      products.inputGradient(of: support, weights: w, into: &dx, context: context)
      expectClose(dx, NaiveReference.multiply(s, by: DoubleMatrix(w)), atol: 1e-4, rtol: 0)
      var gradient = WeightGradient(outputSize: n, inputSize: m)
      products.weightGradient(of: support, input: x, into: &gradient, context: context)
      #expect(gradient.validRows == kept[0])
      let expected = NaiveReference.multiplyTranspose(of: s, by: DoubleMatrix(x))
      for row in kept[0] {
        expectClose(
          gradient.values.withRow(row) { Array($0) }, expected.row(row), atol: 1e-4, rtol: 0)
      }
      var stepped = w
      var moments = Moments(count: 0, rowCount: n, columnCount: m)
      let rule = UpdateRule(formula: .gradientDescent, rate: 0.5)
      products.updateWeights(
        &stepped, &moments, by: rule, support: support, input: x, context: context)
      var other = w
      context.update(&other, &moments, by: rule, gradient: gradient)
      expectSameBits(stepped, other)

      // Rows that nobody keeps decay too, each once.
      var decaying = rule
      decaying.decay = 0.25
      stepped = w
      products.updateWeights(
        &stepped, &moments, by: decaying, support: support, input: x, everyRow: true,
        context: context)
      for row in 0..<n {
        let step =
          kept[0].contains(row) ? expected.row(row).map { 0.5 * $0 } : Array(repeating: 0, count: m)
        let before = w.withRow(row) { Array($0) }
        expectClose(
          stepped.withRow(row) { Array($0) }, zip(before, step).map { 0.75 * Double($0) - $1 },
          atol: 1e-4, rtol: 0)
      }
    }
  }
}
