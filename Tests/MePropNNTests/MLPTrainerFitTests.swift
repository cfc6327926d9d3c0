// Training on arrays in memory, and the state of a trainer.

import MePropCore
import MePropNN
import Testing

@Suite("Fitting arrays")
struct MLPTrainerFitTests {
  private let inputs = Matrix((0..<90).map { [Float($0 % 3), Float($0 % 5) / 5, 1] })
  private let labels = (0..<90).map { Int32($0 % 3) }

  private func trainer(seed: UInt64 = 1, memory: Float = 0.9) -> MLPTrainer {
    MLPTrainer(
      MLP(inputSize: 3, hiddenSizes: [16, 8], outputSize: 3, seed: 1),
      optimizer: .adam(learningRate: 0.01), selection: .top(k: .count(4), memory: memory),
      dropout: 0.1, seed: seed, context: ComputeContext())
  }

  @Test("Losses fall and classes are found")
  func fits() throws {
    let trainer = trainer()
    let losses = try trainer.fit(inputs, labels: labels, batchSize: 16, epochs: 60)
    #expect(losses.count == 60)
    #expect(losses[59] < losses[0] / 4)
    #expect(trainer.network.predictions(for: inputs, context: ComputeContext()) == labels)
    #expect(trainer.step == 60 * 6)
  }

  @Test("The seed decides the order")
  func seeds() throws {
    let networks = try [UInt64(1), 1, 2].map { seed in
      let trainer = trainer(seed: seed)
      try trainer.fit(inputs, labels: labels, batchSize: 16, epochs: 2)
      return trainer.network
    }
    #expect(networks[0] == networks[1])
    #expect(networks[0] != networks[2])
  }

  @Test("A trainer goes on from its state with the same bits")
  func state() throws {
    let whole = trainer()
    let first = trainer()
    for _ in 0..<5 {
      try whole.train(inputs, labels: labels)
      try first.train(inputs, labels: labels)
    }
    let second = trainer()
    try second.restore(first.state.reversed(), step: first.step)
    for _ in 0..<5 {
      try whole.train(inputs, labels: labels)
      try second.train(inputs, labels: labels)
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
    #expect(throws: TrainerStateError.missing(name: "layers.0.weight")) {
      try trainer.restore(Array(state[1...]), step: 3)
    }
    #expect(throws: TrainerStateError.unexpected(name: "x")) {
      try trainer.restore(state + [NamedMatrix("x", Matrix([[1]]))], step: 3)
    }
    var changed = state
    changed[0].matrix = Matrix([[1, 2]])
    #expect(
      throws: TrainerStateError.shapeMismatch(
        name: "layers.0.weight", expected: [16, 3], found: [1, 2])
    ) { try trainer.restore(changed, step: 3) }
    #expect(trainer.state == state)
    #expect(trainer.step == 0)
  }
}
