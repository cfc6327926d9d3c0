// Training on arrays in memory, and the state of a trainer.

import MePropCore
import MePropNN
import Testing

@Suite("Fitting arrays")
struct TrainerFitTests {
  private let inputs = Matrix((0..<90).map { [Float($0 % 3), Float($0 % 5) / 5, 1] })
  private let labels = (0..<90).map { $0 % 3 }

  private func trainer(seed: UInt64 = 1, memory: Float = 0.9) -> PerceptronTrainer {
    PerceptronTrainer(
      .perceptron([3, 16, 8, 3], dropout: 0.1, seed: 1), optimizer: .adam(learningRate: 0.01),
      selection: .top(k: .count(4), memory: memory), seed: seed)
  }

  @Test("Losses fall and classes are found")
  func fits() throws {
    let trainer = trainer()
    let losses = try trainer.fit(inputs, labels, batchSize: 16, epochs: 60)
    #expect(losses.count == 60)
    #expect(losses[59] < losses[0] / 4)
    #expect(trainer.model.classes(of: inputs, context: ComputeContext()) == labels)
    #expect(trainer.stepCount == 60 * 6)
  }

  @Test("The seed decides the order")
  func seeds() throws {
    let networks = try [UInt64(1), 1, 2].map { seed in
      let trainer = trainer(seed: seed)
      try trainer.fit(inputs, labels, batchSize: 16, epochs: 2)
      return trainer.network.parameters
    }
    #expect(networks[0] == networks[1])
    #expect(networks[0] != networks[2])
  }

  @Test("A trainer goes on from its state with the same bits")
  func state() throws {
    let targets = labels.map(Int32.init)
    let whole = trainer()
    let first = trainer()
    for _ in 0..<5 {
      try whole.train(inputs, targets)
      try first.train(inputs, targets)
    }
    let second = trainer()
    try second.restore(first.state.reversed(), stepCount: first.stepCount)
    for _ in 0..<5 {
      try whole.train(inputs, targets)
      try second.train(inputs, targets)
    }
    #expect(second.state == whole.state)
    #expect(
      Set(whole.state.map(\.name).filter { $0.hasPrefix("layers.0") }) == [
        "layers.0.weight", "layers.0.weight.first", "layers.0.weight.second", "layers.0.bias",
        "layers.0.bias.first", "layers.0.bias.second", "layers.0.memory",
      ])
  }

  @Test("A state that does not fit changes nothing")
  func misfits() throws {
    let trainer = trainer()
    let state = trainer.state
    #expect(throws: ModelStateError.missing(name: "layers.0.weight")) {
      try trainer.restore(Array(state[1...]), stepCount: 3)
    }
    #expect(throws: ModelStateError.unexpected(name: "x")) {
      try trainer.restore(state + [NamedTensor(name: "x", shape: [1], values: [1])], stepCount: 3)
    }
    var changed = state
    changed[0] = NamedTensor(name: changed[0].name, shape: [1, 2], values: [1, 2])
    #expect(
      throws: ModelStateError.shapeMismatch(
        name: "layers.0.weight", expected: [16, 3], found: [1, 2])
    ) { try trainer.restore(changed, stepCount: 3) }
    #expect(trainer.state == state)
    #expect(trainer.stepCount == 0)
  }
}
