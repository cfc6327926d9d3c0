import MePropCore
import MePropNN
import Testing
import _MePropTestSupport

/// A 7-9-8-3 network, ten steps in batches of 5, 5 and 2, against PyTorch's autograd and
/// optimizers: the loss of each step and all final parameters.
@Suite struct PerceptronGoldenTests {
  @Test(arguments: try Fixtures.networks().cases, InstructionSet.available)
  func tenSteps(golden: Fixtures.NetworkCase, set: InstructionSet) throws {
    let fixture = try Fixtures.networks()
    let activation = try golden.settings.known(
      Activation(rawValue: golden.settings.activation ?? ""))
    let last = fixture.weights.count - 1
    let layers = (0...last).map { index in
      Linear(
        weight: Parameter(
          Matrix(
            rowCount: fixture.sizes[index + 1], columnCount: fixture.sizes[index],
            elements: fixture.weights[index])),
        bias: Parameter(Matrix([fixture.biases[index]]), decays: false),
        activation: index < last ? activation : .identity)
    }
    let trainer = PerceptronTrainer(
      Stack(layers), optimizer: try golden.settings.makeOptimizer(),
      selection: try golden.settings.makeSelection(), context: ComputeContext(instructionSet: set))
    for (index, expected) in golden.losses.enumerated() {
      let batch = fixture.batches[index % fixture.batches.count]
      let loss = try trainer.train(
        Matrix(batch.map { fixture.inputs[$0] }), batch.map { fixture.labels[$0] }
      ).sum
      // Sums of up to 5 losses of about 1, right to some ulp, of weights that differ by some 1e-6.
      expectClose([loss], [expected], atol: 3e-5, rtol: 0, "step \(index + 1)")
    }
    #expect(trainer.stepCount == golden.losses.count)
    for (index, layer) in trainer.network.layers.enumerated() {
      // Adam's steps are near 0.01 whatever a gradient's size, so a relative error of a small
      // gradient becomes an absolute one of the weight.
      expectClose(
        layer.weight.value.elements, golden.weights[index], atol: 2e-5, rtol: 1e-5, "layer \(index)"
      )
      expectClose(
        layer.bias.value.elements, golden.biases[index], atol: 2e-5, rtol: 1e-5, "layer \(index)")
    }
  }

  @Test func casesDiffer() throws {
    let fixture = try Fixtures.networks()
    #expect(fixture.cases.count >= 14)
    #expect(fixture.cases.allSatisfy { $0.losses.count == 10 })
    for (index, a) in fixture.cases.enumerated() {
      for b in fixture.cases[(index + 1)...] {
        #expect(mismatch(a.weights[0], b.weights[0], atol: 1e-3, rtol: 1e-3) != nil)
      }
    }
  }
}
