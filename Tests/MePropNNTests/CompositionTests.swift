import MePropCore
import MePropNN
import Testing
import _MePropTestSupport

/// Networks of random layers, policies, optimizers and losses against the plain reference.
@Suite struct CompositionTests {
  /// What is allowed between numbers: half a unit in the last place for each of 128 terms.
  ///
  /// Of numbers up to the largest: sums have up to 40 terms, in up to ten layers, forward and back,
  /// and most errors cancel.
  private func tolerance(_ expected: DoubleMatrix) -> Double {
    128 * 0x1p-24 * expected.elements.reduce(1) { max($0, abs($1)) }
  }

  @Test func networksOfAllSortsAreTheReference() throws {
    var compared = 0
    for seed in 0..<200 as Range<UInt64> where try compare(seed) { compared += 1 }
    // Of the others a selection or a ReLU was too near a tie for single precision.
    #expect(compared >= 150, "\(compared) of 200 seeds were compared")
  }

  /// Compares three steps of the network of a seed.
  ///
  /// - Returns: Whether everything was compared.
  private func compare(_ seed: UInt64) throws -> Bool {
    var example = RandomNetwork(seed: seed)
    let trainer = Trainer(
      example.network, loss: example.loss, optimizer: example.optimizer,
      selection: example.selection, inputColumnCount: example.inputSize, seed: example.seed,
      context: ComputeContext(threadCount: example.threads))
    let naive = NaiveTrainer(
      Block.reference(of: example.network), optimizer: example.optimizer,
      selection: example.selection, seed: example.seed)
    let loss = example.loss.reference
    let names = trainer.model.parameters.map(\.name)
    for number in 1...3 {
      let batch = example.nextBatch()
      let targets = example.loss.reference(batch.targets)
      let weights = batch.weights.map(Double.init)
      let sum = try trainer.train(batch.input, batch.targets, weights: batch.weights)
      naive.train(DoubleMatrix(batch.input)) { loss.gradient($0, targets, weights: weights) }
      if naive.isNearTie { return false }
      let place = "seed \(seed), step \(number), \(example.network)"
      func check(_ found: some NumericValues, _ expected: DoubleMatrix, _ what: String) {
        expectClose(found, expected, atol: tolerance(expected), rtol: 0, "\(place): \(what)")
      }
      let mean = loss.mean(naive.output, targets, weights: weights)
      check(DoubleMatrix(row: [sum.mean]), DoubleMatrix(row: [mean]), "loss")
      check(trainer.inputGradient.values, naive.inputGradient, "input gradient")
      let values = parameterValues(trainer.model)
      let parameters = naive.network.parameters
      #expect(values.count == parameters.count, "\(place)")
      for (index, parameter) in parameters.enumerated() {
        check(values[index], parameter.value, names[index])
      }
      // Outside of training nothing is dropped.
      let step = NaiveStep()
      step.isTraining = false
      Predictor(trainer.model, context: trainer.context).withOutput(of: batch.input) {
        check($0, naive.network.forward(DoubleMatrix(batch.input), step), "prediction")
      }
    }
    return true
  }

  @Test func seedsGiveAllSortsOfNetworks() {
    let examples = (0..<200).map { RandomNetwork(seed: $0) }
    let descriptions = examples.map(\.network.description)
    for word in ["Linear", "LayerNorm", "Dropout", "GatedUnit", "Residual", "Parallel"] {
      #expect(descriptions.count { $0.contains(word) } >= 20, "\(word)")
    }
    for count in 2...5 { #expect(examples.count { $0.network.layers.count == count } >= 20) }
    #expect(examples.count { $0.optimizer.clipNorm != nil } >= 20)
    #expect(examples.count { $0.optimizer.clipValue != nil } >= 20)
    #expect(examples.count { $0.optimizer.untouchedRows == .skip } >= 50)
  }
}
