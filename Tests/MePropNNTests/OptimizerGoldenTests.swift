import MePropCore
import MePropNN
import Testing
import _MePropTestSupport

/// Every optimizer against PyTorch (AdaGrad: NumPy), element by element.
@Suite struct OptimizerGoldenTests {
  @Test(arguments: try Fixtures.optimizers().cases)
  func thirtyStepsOnGivenGradients(golden: Fixtures.OptimizerCase) throws {
    let fixture = try Fixtures.optimizers()
    let optimizer = try golden.settings.makeOptimizer()
    for set in InstructionSet.available {
      let context = ComputeContext(instructionSet: set)
      var weights = Matrix(
        rowCount: fixture.rows, columnCount: fixture.columns, elements: fixture.weights)
      var moments = Moments(
        count: optimizer.momentCount, rowCount: fixture.rows, columnCount: fixture.columns)
      for (index, elements) in fixture.gradients.enumerated() {
        let gradient = Matrix(
          rowCount: fixture.rows, columnCount: fixture.columns, elements: elements)
        context.update(
          &weights, &moments, by: optimizer.rule(step: index + 1, isBias: false),
          gradient: gradient)
        // A step is of size 0.1 at most and right to some 4 ulp; weights of up to 4 are rounded
        // each time.
        let atol = Double(index + 1) * 3e-7
        if index + 1 == fixture.gradients.count / 2 {
          expectClose(weights.elements, golden.halfway, atol: atol, rtol: 0, "halfway, \(set)")
        }
        if index + 1 == fixture.gradients.count {
          expectClose(weights.elements, golden.final, atol: atol, rtol: 0, "\(set)")
        }
      }
    }
  }

  @Test func casesDiffer() throws {
    let fixture = try Fixtures.optimizers()
    #expect(fixture.cases.count >= 12)
    #expect(fixture.gradients.count == 30)
    for (index, a) in fixture.cases.enumerated() {
      for b in fixture.cases[(index + 1)...] {
        #expect(mismatch(a.final, b.final, atol: 1e-4, rtol: 0) != nil)
      }
    }
  }

  @Test(arguments: InstructionSet.available)
  func skippingRowsIsSparseAdam(set: InstructionSet) throws {
    let fixture = try Fixtures.optimizers().sparseAdam
    let optimizer = try fixture.settings.makeOptimizer()
    let context = ComputeContext(instructionSet: set)
    var weights = Matrix(
      rowCount: fixture.rows, columnCount: fixture.columns, elements: fixture.weights)
    var moments = Moments(
      count: optimizer.momentCount, rowCount: fixture.rows, columnCount: fixture.columns)
    let support = GradientSupport()
    for (index, elements) in fixture.outputGradients.enumerated() {
      let d = Matrix(rowCount: 2, columnCount: fixture.rows, elements: elements)
      let x = Matrix(rowCount: 2, columnCount: fixture.columns, elements: fixture.inputs[index])
      try support.selectTop(fixture.k, of: d, context: context)
      #expect(support.touchedOutputs == fixture.touchedRows[index])
      context.updateWeights(
        &weights, &moments, by: optimizer.rule(step: index + 1, isBias: false), support: support,
        input: x, everyRow: false)
    }
    #expect(fixture.touchedRows.contains { $0.count < fixture.rows })
    expectClose(weights.elements, fixture.final, atol: 20 * 3e-7, rtol: 0)
  }
}

@Suite struct OptimizerTests {
  static let all: [Optimizer] = [
    Optimizer(.gradientDescent(), learningRate: 0.1),
    Optimizer(.gradientDescent(momentum: 0.9), learningRate: 0.1),
    Optimizer(.adaGrad(), learningRate: 0.1), .adam(),
  ]

  @Test func momentsAreCounted() {
    #expect(Self.all.map(\.momentCount) == [0, 1, 1, 2])
  }

  @Test func zeroGradientsMatterWhereDocumented() {
    #expect(Self.all.map(\.visitsUntouchedRows) == [false, true, false, true])
    for optimizer in Self.all {
      var decaying = optimizer
      decaying.weightDecay = 0.1
      #expect(decaying.visitsUntouchedRows)
      var regularized = optimizer
      regularized.l2 = 0.1
      #expect(regularized.visitsUntouchedRows)
    }
  }

  @Test(arguments: all)
  func aZeroGradientMovesWeightsJustWhereItIsClaimedTo(optimizer: Optimizer) {
    let context = ComputeContext()
    var weights = Matrix([[1, -2, 3]])
    var moments = Moments(count: optimizer.momentCount, rowCount: 1, columnCount: 3)
    context.update(
      &weights, &moments, by: optimizer.rule(step: 1, isBias: false),
      gradient: Matrix([[1, 1, -1]]))
    let before = weights
    context.update(
      &weights, &moments, by: optimizer.rule(step: 2, isBias: false),
      gradient: Matrix(rowCount: 1, columnCount: 3))
    #expect((weights != before) == optimizer.visitsUntouchedRows)
  }

  @Test(arguments: all)
  func decayIsNotForBiases(optimizer: Optimizer) {
    var optimizer = optimizer
    optimizer.l2 = 0.5
    optimizer.weightDecay = 0.25
    optimizer.clipValue = 3
    let weight = optimizer.rule(step: 5, isBias: false)
    let bias = optimizer.rule(step: 5, isBias: true)
    #expect(weight.l2 == 0.5 && weight.decay == optimizer.learningRate * 0.25)
    #expect(bias.l2 == 0 && bias.decay == 0)
    #expect(weight.clip == 3 && bias.clip == 3)
    #expect(weight.formula == bias.formula && weight.rate == bias.rate)
  }

  @Test func adamCorrectsItsBias() {
    let rule = Optimizer.adam(learningRate: 0.5).rule(step: 1, isBias: false)
    #expect(abs(rule.rate - 5) < 1e-5)
    guard case .adam(_, _, let correction, _) = rule.formula else {
      Issue.record("Adam's rule is \(rule.formula)")
      return
    }
    #expect(abs(correction - 31.6228) < 1e-2)
    let late = Optimizer.adam(learningRate: 0.5).rule(step: 1_000_000, isBias: false)
    #expect(late.rate == 0.5)
  }

  @Test func clippingCutsMagnitudes() {
    var optimizer = Optimizer(.gradientDescent(), learningRate: 1)
    optimizer.clipValue = 0.5
    var weights = Matrix(rowCount: 1, columnCount: 5)
    var moments = Moments(count: 0, rowCount: 1, columnCount: 5)
    ComputeContext().update(
      &weights, &moments, by: optimizer.rule(step: 1, isBias: false),
      gradient: Matrix([[0.25, 0.75, -3, 0, .infinity]]))
    #expect(weights == Matrix([[-0.25, -0.5, 0.5, 0, -0.5]]))
  }
}
