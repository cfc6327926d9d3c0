import MePropCore
import MePropNN
import Testing
import _MePropTestSupport

@Suite struct NonFiniteTests {
  @Test(arguments: InstructionSet.available, [SelectionPolicy.dense, .top(k: .count(2))])
  func aHugeLearningRateIsNamedWithLayerAndStep(set: InstructionSet, policy: SelectionPolicy) throws
  {
    for method in [Optimizer.Method.gradientDescent(), .adam()] {
      let trainer = PerceptronTrainer(
        .perceptron([5, 8, 6, 3], seed: 1),
        optimizer: Optimizer(method, learningRate: 1e30), selection: policy,
        context: ComputeContext(instructionSet: set))
      let batch = Batches([4], inputSize: 5, classCount: 3, seed: 2).batches[0]
      var found: NonFiniteError?
      for _ in 0..<10 where found == nil {
        do {
          try trainer.train(batch.input, batch.labels)
        } catch let error as NonFiniteError {
          found = error
        }
      }
      let error = try #require(found, "ten steps at a rate of 1e30 without an error")
      #expect(error.step == trainer.stepCount)
      #expect(["layers.0", "layers.1", "layers.2"].contains(error.layer))
      #expect(
        error.description
          == "\(error.layer): the \(error.quantity.rawValue) is no longer finite in step "
          + "\(error.step) of training; lower the learning rate or clip gradients")
    }
  }

  @Test func theFirstBrokenLayerIsNamed() {
    var network = Perceptron.perceptron([2, 3, 3, 2], seed: 1)
    network.layers[1].weight.set(2, 0, to: .nan)
    network.layers[0].bias.set(0, 0, to: 1)
    network.layers[0].weight.replace(with: Matrix(rowCount: 3, columnCount: 2))
    let trainer = PerceptronTrainer(network)
    var found: NonFiniteError?
    do {
      try trainer.train(Matrix([[1, 1]]), [0])
    } catch {
      found = error as? NonFiniteError
    }
    #expect(found?.layer == "layers.1")
    #expect(found?.step == 1)
    #expect(found?.quantity == .output)
  }

  @Test(arguments: [
    SelectionPolicy.top(k: .count(1)), .unified(k: .count(1)), .random(k: .count(1)),
    .batchTop(k: .count(1)), .sampled(k: .count(1)),
  ])
  func aBrokenGradientIsFoundBySelection(policy: SelectionPolicy) {
    // Saturated units (slope 0) whose incoming gradient overflows: infinity times zero.
    let first = Linear(
      weight: Parameter(Matrix([[100], [-100]])), bias: Parameter(Matrix([[0, 0]])),
      activation: .tanh)
    let huge: Float = 3e38
    let second = Linear(
      weight: Parameter(
        Matrix([[huge, huge], [-huge, -huge], [-huge, -huge], [-huge, -huge]])),
      bias: Parameter(Matrix([[0, 0, 0, 0]])))
    let trainer = PerceptronTrainer(Stack([first, second]), selection: policy)
    var found: NonFiniteError?
    do {
      try trainer.train(Matrix([[1]]), [0])
    } catch {
      found = error as? NonFiniteError
    }
    #expect(found?.layer == "layers.0")
    #expect(found?.quantity == .gradient)
    #expect(found?.step == 1)
  }

  @Test func clippingByNormKeepsAHugeRateAlive() throws {
    var optimizer = Optimizer(.gradientDescent(), learningRate: 1)
    optimizer.clipNorm = 1e-3
    let network = Perceptron.perceptron([5, 8, 3], seed: 1)
    let trainer = PerceptronTrainer(network, optimizer: optimizer)
    let batch = Batches([4], inputSize: 5, classCount: 3, seed: 2).batches[0]
    try trainer.train(batch.input, batch.labels)
    var square = 0.0
    for (after, before) in zip(trainer.network.layers, network.layers) {
      for (a, b) in [(after.weight, before.weight), (after.bias, before.bias)] {
        square += zip(a.value.elements, b.value.elements).reduce(0) {
          $0 + (Double($1.0) - Double($1.1)) * (Double($1.0) - Double($1.1))
        }
      }
    }
    // The step has just the norm that is allowed, up to the rounding of weights (2⁻²⁵ each).
    expectClose([square.squareRoot()], [1e-3], atol: 1e-6, rtol: 0)
  }
}
