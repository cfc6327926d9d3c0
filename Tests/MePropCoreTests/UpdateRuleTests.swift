import MePropCore
import Testing
import _MePropTestSupport

/// All optimizer formulas through the same tests.
@Suite struct UpdateRuleTests {
  static let formulas: [UpdateRule.Formula] = [
    .gradientDescent, .momentum(0.9), .adaGrad(epsilon: 1e-6),
    .adam(beta1: 0.9, beta2: 0.999, secondCorrection: 1, epsilon: 1e-8),
  ]

  private func rule(_ formula: UpdateRule.Formula, step: Int) -> (UpdateRule, NaiveOptimizer.Method)
  {
    switch formula {
    case .gradientDescent:
      return (UpdateRule(formula: formula, rate: 0.05), .gradientDescent)
    case .momentum(let momentum):
      return (UpdateRule(formula: formula, rate: 0.05), .momentum(Double(momentum)))
    case .adaGrad(let epsilon):
      return (UpdateRule(formula: formula, rate: 0.05), .adaGrad(epsilon: Double(epsilon)))
    case .adam(let beta1, let beta2, _, let epsilon):
      var powers = (1.0, 1.0)
      for _ in 0..<step { powers = (powers.0 * Double(beta1), powers.1 * Double(beta2)) }
      return (
        UpdateRule(
          formula: .adam(
            beta1: beta1, beta2: beta2,
            secondCorrection: Float(1 / (1 - powers.1).squareRoot()), epsilon: epsilon),
          rate: Float(0.05 / (1 - powers.0))),
        .adam(beta1: Double(beta1), beta2: Double(beta2), epsilon: Double(epsilon))
      )
    }
  }

  @Test(arguments: InstructionSet.available, formulas)
  func thirtyStepsAgreeWithTheFormulas(set: InstructionSet, formula: UpdateRule.Formula) {
    let (rows, columns) = (3, 37)
    var random = Philox(seed: 500)
    let context = ComputeContext(instructionSet: set)
    var weights = random.nextMatrix(rows, columns)
    var moments = Moments(
      count: rule(formula, step: 1).0.momentCount, rowCount: rows, columnCount: columns)
    var expected = DoubleMatrix(weights)
    var naive = NaiveOptimizer(
      rule(formula, step: 1).1, learningRate: Double(0.05 as Float), count: rows * columns)
    naive.l2 = Double(0.01 as Float)
    naive.weightDecay = 0.5
    naive.clip = 1.25
    for step in 1...30 {
      let gradient = random.nextMatrix(rows, columns)
      var (rule, _) = rule(formula, step: step)
      rule.l2 = 0.01
      rule.decay = 0.05 * 0.5
      rule.clip = 1.25
      rule.gradientScale = 0.75
      context.update(&weights, &moments, by: rule, gradient: gradient)
      let exact = DoubleMatrix(gradient)
      for index in expected.elements.indices {
        naive.update(
          &expected.elements[index], at: index, gradient: 0.75 * exact.elements[index], step: step)
      }
    }
    // 30 steps of size 0.05, each right to some 4 ulp, and a rounding of the weight each.
    expectClose(weights, expected, atol: 30 * 0x1p-22, rtol: 0, "\(set)")
    expectZeroPadding(weights)
    expectZeroPadding(moments.first)
    expectZeroPadding(moments.second)
  }

  @Test(arguments: InstructionSet.available, formulas)
  func fusedUpdateEqualsStoredGradientAndUpdate(
    set: InstructionSet, formula: UpdateRule.Formula
  ) throws {
    var random = Philox(seed: 501)
    let context = ComputeContext(instructionSet: set)
    for (batchSize, n, m, k) in [(5, 33, 47, 4), (70, 20, 100, 3), (1, 9, 16, 9)] {
      for everyRow in [false, true] {
        var (rule, _) = rule(formula, step: 3)
        rule.l2 = 0.01
        rule.decay = 0.001
        rule.clip = 1
        let count = rule.momentCount
        var fused = (
          random.nextMatrix(n, m), Moments(count: count, rowCount: n, columnCount: m)
        )
        var stored = fused
        let support = GradientSupport()
        var gradient = WeightGradient(outputSize: n, inputSize: m)
        for _ in 0..<3 {
          let (x, d) = (random.nextMatrix(batchSize, m), random.nextMatrix(batchSize, n))
          try support.selectTop(k, of: d, context: context)
          context.updateWeights(
            &fused.0, &fused.1, by: rule, support: support, input: x, everyRow: everyRow)
          context.weightGradient(of: support, input: x, into: &gradient, everyRow: everyRow)
          context.update(&stored.0, &stored.1, by: rule, gradient: gradient)
        }
        expectSameBits(fused.0, stored.0, "\(set), \(formula), every row: \(everyRow)")
        expectSameBits(fused.1.first, stored.1.first)
        expectSameBits(fused.1.second, stored.1.second)
      }
    }
  }

  @Test(arguments: InstructionSet.available, formulas)
  func rowsOutsideTheSupportStay(set: InstructionSet, formula: UpdateRule.Formula) throws {
    var random = Philox(seed: 502)
    let context = ComputeContext(instructionSet: set)
    let (rule, _) = rule(formula, step: 1)
    let start = random.nextMatrix(12, 30)
    let momentsBefore = Moments(
      first: rule.momentCount > 0 ? random.nextExactMatrix(12, 30).squared : Matrix([]),
      second: rule.momentCount > 1 ? random.nextExactMatrix(12, 30).squared : Matrix([]))
    var (weights, moments) = (start, momentsBefore)
    let support = GradientSupport()
    try support.selectTop(2, of: random.nextMatrix(2, 12), context: context)
    context.updateWeights(
      &weights, &moments, by: rule, support: support, input: random.nextMatrix(2, 30),
      everyRow: false)
    let touched = Set(support.touchedOutputs)
    #expect(touched.count < 12)
    for row in 0..<12 {
      let same = { (a: Matrix, b: Matrix) in
        a.rowCount == 0 || a.withRow(row) { a in b.withRow(row) { a.elementsEqual($0) } }
      }
      #expect(same(weights, start) == !touched.contains(row))
      if !touched.contains(row) {
        #expect(same(moments.first, momentsBefore.first))
        #expect(same(moments.second, momentsBefore.second))
      }
    }
  }

  @Test(arguments: InstructionSet.available, formulas)
  func aNaNGradientIsNotLost(set: InstructionSet, formula: UpdateRule.Formula) {
    var (rule, _) = rule(formula, step: 1)
    rule.clip = 1
    var weights = Matrix([[1, 1, 1]])
    var moments = Moments(count: rule.momentCount, rowCount: 1, columnCount: 3)
    ComputeContext(instructionSet: set).update(
      &weights, &moments, by: rule, gradient: Matrix([[1, .nan, 0]]))
    #expect(weights[0, 1].isNaN)
    #expect(weights[0, 0].isFinite && weights[0, 2] == 1)
  }

  @Test(arguments: InstructionSet.available)
  func adamOverFifteenOrdersOfMagnitude(set: InstructionSet) {
    // First steps: m = (1 − β₁) g, so a step is rate · g / (|g| + ε), whatever g is.
    let gradient = Matrix([[1e-12, 1e-8, 1e-4, 1, 1e4, 1e8, -1e-3, 0]])
    var weights = Matrix(rowCount: 1, columnCount: 8)
    var moments = Moments(count: 2, rowCount: 1, columnCount: 8)
    let (rule, _) = rule(
      .adam(beta1: 0.9, beta2: 0.999, secondCorrection: 1, epsilon: 1e-8), step: 1)
    ComputeContext(instructionSet: set).update(&weights, &moments, by: rule, gradient: gradient)
    let expected = gradient.elements.map { value -> Double in
      let g = Double(value)
      return -0.05 * g / (abs(g) + Double(1e-8 as Float))
    }
    expectClose(weights.elements, expected, atol: 0, rtol: 1e-5, "\(set)")
  }
}

extension Matrix {
  /// The matrix of squares.
  fileprivate var squared: Matrix {
    Matrix(rowCount: rowCount, columnCount: columnCount, elements: elements.map { $0 * $0 })
  }
}
