import MePropCore
import MePropNN
import Testing
import _MePropTestSupport

/// Gradients: the naive backward pass against central differences, the trainer's against the naive
/// one, and the sparse backward pass in the three steps that it can be checked in.
@Suite struct PerceptronGradientTests {
  private func makeNetwork(_ activation: Activation) -> Perceptron {
    .perceptron([3, 5, 7, 3], activation: activation, seed: 11)
  }

  /// The gradients that one step of the trainer used: with a rate of 1024 weights are nothing
  /// beside what is subtracted from them.
  private func gradients(
    of network: Perceptron, _ batch: (input: Matrix, labels: [Int32]), _ policy: SelectionPolicy
  ) throws -> [(weight: DoubleMatrix, bias: [Double])] {
    let trainer = PerceptronTrainer(
      network, optimizer: Optimizer(.gradientDescent(), learningRate: 1024), selection: policy)
    try trainer.train(batch.input, batch.labels)
    return zip(network.layers, trainer.network.layers).map { before, after in
      var weight = DoubleMatrix(before.weight.value)
      for (entry, value) in after.weight.value.elements.enumerated() {
        weight.elements[entry] = (weight.elements[entry] - Double(value)) / 1024
      }
      let bias = zip(before.bias.value.elements, after.bias.value.elements).map {
        (Double($0) - Double($1)) / 1024
      }
      return (weight, bias)
    }
  }

  @Test(arguments: Activation.allCases, [1, 4])
  func naiveBackwardIsTheGradientOfNaiveForward(activation: Activation, batchSize: Int) {
    let network = NaiveMLP(makeNetwork(activation))
    let batch = Batches([batchSize], inputSize: 3, classCount: 3, seed: 12).batches[0]
    let input = DoubleMatrix(batch.input)
    let gradients = network.backward(network.forward(input), labels: batch.labels)
    for (index, gradient) in gradients.enumerated() {
      let weight = GradientCheck.centralDifferences(
        of: { point in
          var moved = network
          moved.layers[index].weight.elements = point
          return moved.loss(input, labels: batch.labels)
        }, at: network.layers[index].weight.elements)
      expectClose(gradient.weight.elements, weight, atol: 1e-9, rtol: 1e-6, "layer \(index)")
      let bias = GradientCheck.centralDifferences(
        of: { point in
          var moved = network
          moved.layers[index].bias = point
          return moved.loss(input, labels: batch.labels)
        }, at: network.layers[index].bias)
      expectClose(gradient.bias, bias, atol: 1e-9, rtol: 1e-6, "layer \(index)")
    }
  }

  @Test(arguments: Activation.allCases, [1, 4])
  func trainerUsesTheGradient(activation: Activation, batchSize: Int) throws {
    let network = makeNetwork(activation)
    let batch = Batches([batchSize], inputSize: 3, classCount: 3, seed: 13).batches[0]
    let naive = NaiveMLP(network)
    let expected = naive.backward(naive.forward(DoubleMatrix(batch.input)), labels: batch.labels)
    let found = try gradients(of: network, batch, .dense)
    for (index, gradient) in expected.enumerated() {
      expectClose(found[index].weight, gradient.weight, atol: 1e-6, rtol: 1e-5, "layer \(index)")
      expectClose(found[index].bias, gradient.bias, atol: 1e-6, rtol: 1e-5, "layer \(index)")
    }
  }

  @Test(arguments: [
    SelectionPolicy.top(k: .count(7)), .unified(k: .ratio(1)), .random(k: .count(99)),
  ])
  func keepingEverythingIsDense(policy: SelectionPolicy) throws {
    let network = makeNetwork(.tanh)
    let batch = Batches([6], inputSize: 3, classCount: 3, seed: 14).batches[0]
    let dense = try gradients(of: network, batch, .dense)
    for (found, expected) in zip(try gradients(of: network, batch, policy), dense) {
      expectClose(found.weight, expected.weight, atol: 0, rtol: 0)
      expectClose(found.bias, expected.bias, atol: 0, rtol: 0)
    }
  }

  @Test(arguments: [
    SelectionPolicy.top(k: .count(2)), .unified(k: .count(2)), .unified(k: .count(2), groupSize: 2),
  ])
  func keepingSomeIsDenseBackwardOfTheMaskedGradient(policy: SelectionPolicy) throws {
    let network = makeNetwork(.sigmoid)
    let batch = Batches([5], inputSize: 3, classCount: 3, seed: 15).batches[0]
    var naive = NaiveTraining(network, rate: 0, policies: [policy, policy, .dense])
    _ = try naive.train(batch.input, labels: batch.labels)
    let dense = try gradients(of: network, batch, .dense)
    for (index, found) in try gradients(of: network, batch, policy).enumerated() {
      let expected = naive.gradients[index]
      expectClose(found.weight, expected.weight, atol: 1e-7, rtol: 1e-5, "layer \(index)")
      // The bias keeps the whole gradient of its own layer.
      expectClose(found.bias, expected.full.columnSums(), atol: 1e-7, rtol: 1e-5)
      let isSparse = mismatch(found.weight, dense[index].weight, atol: 1e-6, rtol: 1e-3) != nil
      #expect(isSparse == (index < 2), "layer \(index)")
    }
    #expect(naive.gradients[0].kept != naive.gradients[0].full)
  }

  @Test(arguments: InstructionSet.available, [(1, 3, 5, 1), (4, 5, 3, 2), (3, 18, 17, 7)])
  func theMaskedGradientPassesFiniteDifferences(
    set: InstructionSet, shape: (Int, Int, Int, Int)
  ) throws {
    let (batchSize, n, m, k) = shape
    var random = Philox(seed: 16, stream: UInt64(n))
    let context = ComputeContext(instructionSet: set)
    let (x, w, d) = (
      random.nextMatrix(batchSize, m), random.nextMatrix(n, m), random.nextMatrix(batchSize, n)
    )
    let support = GradientSupport()
    try support.selectTop(k, of: d, context: context)
    // s, held fixed, as the weights of a projection of y = x wᵀ.
    let s = NaiveReference.masked(
      DoubleMatrix(d), keeping: (0..<batchSize).map { support.entries(ofExample: $0).map(\.output) }
    )
    let (exactX, exactW) = (DoubleMatrix(x), DoubleMatrix(w))
    var dx = Matrix(rowCount: batchSize, columnCount: m)
    context.inputGradient(of: support, weights: w, into: &dx)
    let expectedX = GradientCheck.centralDifferences(
      of: { point in
        let moved = DoubleMatrix(rowCount: batchSize, columnCount: m, elements: point)
        return GradientCheck.projection(
          NaiveReference.multiply(moved, byTransposeOf: exactW), on: s)
      }, at: exactX.elements)
    expectClose(dx.elements, expectedX, atol: 5e-6, rtol: 1e-6)
    var gradient = WeightGradient(outputSize: n, inputSize: m)
    context.weightGradient(of: support, input: x, into: &gradient, everyRow: true)
    let expectedW = GradientCheck.centralDifferences(
      of: { point in
        let moved = DoubleMatrix(rowCount: n, columnCount: m, elements: point)
        return GradientCheck.projection(
          NaiveReference.multiply(exactX, byTransposeOf: moved), on: s)
      }, at: exactW.elements)
    expectClose(gradient.values.elements, expectedW, atol: 5e-6, rtol: 1e-6)
  }
}
