import MePropCore
import MePropNN
import Testing
import _MePropTestSupport

/// Training with products of rounded numbers.
@Suite struct PrecisionTests {
  private func loss(
    of network: Perceptron, _ input: Matrix, _ labels: [Int32], _ precision: Precision
  ) -> Double {
    let context = ComputeContext()
    var losses = [Float](repeating: 0, count: labels.count)
    var predictions = [Int32](repeating: 0, count: labels.count)
    var network = network
    for index in network.layers.indices { network.layers[index].precision = precision }
    Predictor(network, context: context).withOutput(of: input) { logits in
      context.crossEntropy(logits, labels: labels, losses: &losses, predictions: &predictions)
    }
    return losses.reduce(0) { $0 + Double($1) }
  }

  @Test(
    arguments: [
      SelectionPolicy.dense, .top(k: .count(3), memory: 0.9), .unified(k: .count(5)),
      .random(k: .count(4)),
    ], [Precision.bf16, .int8])
  func theRoundedWeightsFollowTheMaster(policy: SelectionPolicy, precision: Precision) throws {
    var random = Philox(seed: 330)
    let network = Perceptron.perceptron([37, 69, 33, 5], precision: precision, seed: 3)
    for (clipNorm, untouched) in [
      (nil, Optimizer.UntouchedRows.skip), (0.5 as Float, .skip), (nil, .update), (0.5, .update),
    ] {
      var optimizer = Optimizer.adam(learningRate: 0.02, untouchedRows: untouched)
      optimizer.clipNorm = clipNorm
      let trainer = PerceptronTrainer(network, optimizer: optimizer, selection: policy)
      for _ in 0..<6 {
        let input = random.nextMatrix(9, 37)
        let labels = (0..<9).map { _ in Int32(random.next(below: 5)) }
        // A copy made anew of all weights gives the same bits as the one whose rows are kept up to
        // date.
        let expected = loss(of: trainer.network, input, labels, precision)
        #expect(try trainer.train(input, labels).sum == expected)
      }
    }
  }

  @Test(arguments: [Precision.bf16, .int8])
  func roundedIsNearF32AndNotTheSame(precision: Precision) throws {
    var random = Philox(seed: 331)
    let input = random.nextMatrix(16, 50)
    let labels = (0..<16).map { _ in Int32(random.next(below: 7)) }
    let network = Perceptron.perceptron([50, 40, 7], seed: 5)
    let f32 = loss(of: network, input, labels, .f32)
    let rounded = loss(of: network, input, labels, precision)
    #expect(f32 != rounded)
    // bf16: 2⁻⁹ of each operand, in two layers; int8: 2⁻⁸ of the largest of a row, in one.
    #expect(abs(f32 - rounded) < 0.02 * f32)
  }
}
