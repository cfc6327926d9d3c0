import MePropCore
import MePropNN
import Testing
import _MePropTestSupport

/// Running means of parameters.
@Suite struct ParameterAverageTests {
  /// A layer without bias to speak of, whose weights start at 0 and are at `target` from the first
  /// step on.
  private static let target = Matrix([[1], [-2], [4]])

  private func trainer(_ averageDecay: Float) -> Trainer<Linear, GivenGradient> {
    Trainer(
      Linear(
        weight: Parameter(Matrix(rowCount: 3, columnCount: 1)),
        bias: Parameter(Matrix(rowCount: 1, columnCount: 3), decays: false)),
      loss: GivenGradient(), optimizer: Optimizer(.gradientDescent(), learningRate: 1),
      averageDecay: averageDecay, context: ComputeContext())
  }

  private func train(_ trainer: Trainer<Linear, GivenGradient>) throws {
    let first = trainer.stepCount == 0
    try trainer.train(Matrix([[1]]), first ? Matrix([[-1, 2, -4]]) : Matrix([[0, 0, 0]]))
  }

  @Test func theMeanFollowsTheParameters() throws {
    let trainer = trainer(0.9)
    var expected = 0.0
    for step in 1...80 {
      try train(trainer)
      #expect(trainer.currentModel.weight.value == Self.target)
      if step < 8 {
        // There is no mean yet.
        #expect(trainer.model.weight.value == Self.target)
        continue
      }
      if step % 8 == 0 {
        var power = 1.0
        for _ in 0..<8 { power *= min(0.9, 1 - 10 / Double(9 + step)) }
        expected = power * expected + (1 - power)
      }
      let found = trainer.model
      for parameter in [found.weight.value.elements, found.bias.value.elements] {
        expectClose(
          parameter, [Float(expected), Float(-2 * expected), Float(4 * expected)], atol: 1e-5,
          rtol: 1e-5, "step \(step)")
      }
    }
    #expect(expected > 0.9)
  }

  @Test func withoutADecayThereIsNone() throws {
    let trainer = trainer(0)
    for _ in 1...20 { try train(trainer) }
    #expect(trainer.model.weight.value == Self.target)
    #expect(trainer.state.map(\.name) == ["weight", "bias"])
  }

  @Test(arguments: [3, 8, 21])
  func itGoesOnFromASavedState(stepCount: Int) throws {
    let whole = trainer(0.9)
    let first = trainer(0.9)
    for _ in 1...stepCount {
      try train(whole)
      try train(first)
    }
    #expect(
      first.state.map(\.name) == ["weight", "weight.average", "bias", "bias.average"])
    let second = trainer(0.9)
    try second.restore(first.state, stepCount: first.stepCount)
    for _ in 1...12 {
      #expect(second.model == whole.model)
      try train(whole)
      try train(second)
    }
    #expect(second.model == whole.model)
    #expect(second.state == whole.state)
  }
}
