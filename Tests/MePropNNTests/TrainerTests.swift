import MePropCore
import MePropNN
import Testing
import _MePropTestSupport

/// The trainer against naive training in double precision, step by step: every policy, with
/// dropout, schedules, and batches of all sizes.
@Suite struct TrainerTests {
  struct Mode: Sendable, CustomTestStringConvertible {
    var name: String
    var policy: SelectionPolicy
    var activation = Activation.tanh
    var schedule = SelectionSchedule()
    var dropout: Float = 0
    var hidden = [9, 18]
    var testDescription: String { name }
  }

  static let modes: [Mode] = [
    Mode(name: "dense relu", policy: .dense, activation: .relu),
    Mode(name: "dense tanh", policy: .dense),
    Mode(name: "dense sigmoid", policy: .dense, activation: .sigmoid),
    Mode(name: "dense identity", policy: .dense, activation: .identity),
    Mode(name: "no hidden layer", policy: .dense, hidden: []),
    Mode(name: "dense relu dropout", policy: .dense, activation: .relu, dropout: 0.3),
    Mode(name: "dense tanh dropout", policy: .dense, dropout: 0.3),
    Mode(name: "dense sigmoid dropout", policy: .dense, activation: .sigmoid, dropout: 0.3),
    Mode(name: "top", policy: .top(k: .count(4))),
    Mode(name: "top relu dropout", policy: .top(k: .count(4)), activation: .relu, dropout: 0.2),
    Mode(name: "top of a ratio", policy: .top(k: .ratio(0.3))),
    Mode(name: "top as wide as one layer", policy: .top(k: .count(9))),
    Mode(name: "top with memory", policy: .top(k: .count(4), memory: 0.875)),
    Mode(name: "top with memory of 1", policy: .top(k: .count(2), memory: 1), activation: .relu),
    Mode(name: "unified", policy: .unified(k: .count(5))),
    Mode(name: "unified groups", policy: .unified(k: .count(5), groupSize: 2)),
    Mode(name: "unified with memory", policy: .unified(k: .count(5), memory: 0.5)),
    Mode(
      name: "unified groups with memory",
      policy: .unified(k: .count(5), groupSize: 3, memory: 0.5)),
    Mode(name: "random", policy: .random(k: .count(3))),
    Mode(
      name: "dense at first", policy: .top(k: .count(3), memory: 0.5),
      schedule: SelectionSchedule(denseStart: 2)),
    Mode(
      name: "dense now and then", policy: .top(k: .count(3), memory: 0.5),
      schedule: SelectionSchedule(denseEvery: 3)),
    Mode(
      name: "k by epoch", policy: .top(k: .count(3), memory: 0.5),
      schedule: SelectionSchedule(kByEpoch: [.count(2), .count(30), .count(5)])),
    Mode(
      name: "k by epoch from a dense k", policy: .top(k: .count(30), memory: 0.5),
      schedule: SelectionSchedule(kByEpoch: [.count(3), .count(2)])),
  ]

  @Test(arguments: modes, InstructionSet.available)
  func eightStepsAgree(mode: Mode, set: InstructionSet) throws {
    let network = Perceptron.perceptron(
      [7] + mode.hidden + [5], activation: mode.activation, dropout: mode.dropout, seed: 3)
    let policies = Array(repeating: mode.policy, count: mode.hidden.count) + [.dense]
    let rate: Float = 0.0625
    let trainer = PerceptronTrainer(
      network, optimizer: Optimizer(.gradientDescent(), learningRate: rate),
      selection: mode.policy, schedule: mode.schedule, seed: 17,
      context: ComputeContext(instructionSet: set))
    var naive = NaiveTraining(network, rate: rate, policies: policies)
    naive.schedule = mode.schedule
    naive.dropout = mode.dropout
    naive.seed = 17
    let data = Batches([4, 1, 3, 4, 2, 33, 1, 70], inputSize: 7, classCount: 5, seed: 5)
    for (index, batch) in data.batches.enumerated() {
      let epoch = 1 + index / 2
      let loss = try trainer.train(batch.input, batch.labels, epoch: epoch).sum
      let expected = try naive.train(batch.input, labels: batch.labels, epoch: epoch)
      // Logits and losses may reach 50 where the rate is too high for an activation.
      expectClose(
        [loss], [expected], atol: 1e-5 * Double(batch.labels.count), rtol: 2e-6, "step \(index + 1)"
      )
      for (layer, naiveLayer) in zip(trainer.network.layers, naive.network.layers) {
        // Steps of size 0.1, right to some 1e-7 each, and errors carried on from step to step.
        expectClose(layer.weight.value, naiveLayer.weight, atol: 4e-6, rtol: 0, "step \(index + 1)")
        expectClose(
          layer.bias.value.elements, naiveLayer.bias, atol: 4e-6, rtol: 0, "step \(index + 1)")
      }
    }
  }

  @Test func theOutputLayerSelectsIfAskedTo() throws {
    var network = Perceptron.perceptron([4, 6, 8], activation: .tanh, seed: 1)
    let policies: [SelectionPolicy] = [.top(k: .count(3)), .top(k: .count(2))]
    for (index, policy) in policies.enumerated() { network.layers[index].selector.policy = policy }
    let trainer = PerceptronTrainer(
      network, optimizer: Optimizer(.gradientDescent(), learningRate: 0.5), selection: .dense)
    var naive = NaiveTraining(network, rate: 0.5, policies: policies)
    for batch in Batches([3, 5], inputSize: 4, classCount: 8, seed: 2).batches {
      try trainer.train(batch.input, batch.labels)
      _ = try naive.train(batch.input, labels: batch.labels)
    }
    for (layer, naiveLayer) in zip(trainer.network.layers, naive.network.layers) {
      expectClose(layer.weight.value, naiveLayer.weight, atol: 1e-5, rtol: 0)
      expectClose(layer.bias.value.elements, naiveLayer.bias, atol: 1e-5, rtol: 0)
    }
  }

  @Test func predictionsAgreeWithTheNaiveNetwork() {
    for activation in Activation.allCases {
      let network = Perceptron.perceptron([9, 20, 17, 4], activation: activation, seed: 8)
      let predictor = Predictor(network, context: ComputeContext())
      for batch in Batches([1, 30, 5, 70], inputSize: 9, classCount: 4, seed: 6).batches {
        let logits = predictor.withOutput(of: batch.input) { $0 }
        let expected = NaiveMLP(network).forward(DoubleMatrix(batch.input)).activations[3]
        expectClose(logits, expected, atol: 1e-5, rtol: 0)
      }
    }
  }
}
