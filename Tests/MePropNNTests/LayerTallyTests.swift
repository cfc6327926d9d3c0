import MePropCore
import MePropNN
import Testing
import _MePropTestSupport

@Suite struct LayerTallyTests {
  /// Trains 12-20-16-4 for `steps` steps on batches of 6 and 5.
  private func train(
    _ selection: SelectionPolicy, optimizer: Optimizer, steps: Int = 4
  ) throws -> PerceptronTrainer {
    let trainer = PerceptronTrainer(
      .perceptron([12, 20, 16, 4], activation: .tanh, seed: 1), optimizer: optimizer,
      selection: selection, context: ComputeContext(threadCount: 2))
    var random = Philox(seed: 9)
    for step in 0..<steps {
      let rows = (0..<(step % 2 == 0 ? 6 : 5)).map { _ in
        (0..<12).map { _ in random.nextUniform() - 0.5 }
      }
      try trainer.train(Matrix(rows), rows.indices.map { Int32($0 % 4) })
    }
    return trainer
  }

  @Test(arguments: [
    SelectionPolicy.top(k: .count(5)), .top(k: .count(5), memory: 0.9), .unified(k: .count(5)),
    .batchTop(k: .count(5)), .random(k: .count(5)),
  ])
  func keptEntriesAreThoseOfTheSupport(selection: SelectionPolicy) throws {
    let trainer = try train(selection, optimizer: .adam(untouchedRows: .skip))
    let statistics = trainer.takeStatistics().map(\.statistics)
    let tallies = trainer.takeTallies()
    #expect(tallies.map(\.name) == ["layers.0", "layers.1", "layers.2"])
    #expect(tallies.map(\.outputSize) == [20, 16, 4])
    let inputs = [12, 20, 16]
    for layer in 0..<2 {
      let tally = tallies[layer]
      // No gradient of tanh is 0, so every example keeps exactly five.
      #expect(tally.exampleCount == 22)
      #expect(tally.keptCounts.reduce(0, +) == 5 * 22)
      #expect(tally.keptCounts.allSatisfy { $0 <= 22 })
      let rows = Int((statistics[layer].meanTouchedRows * 4).rounded())
      let (m, n) = (inputs[layer], tally.outputSize)
      let costs = tally.costs
      #expect(costs.forward.multiplyAdds == 22 * m * n)
      #expect(costs.weightGradient.multiplyAdds == 5 * 22 * m)
      #expect(costs.weightGradient.denseMultiplyAdds == 22 * m * n)
      #expect(costs.weightGradient.bytes == 4 * (2 * 5 * 22 + 22 * m))
      #expect(costs.optimizer.multiplyAdds == 5 * rows * m)
      #expect(costs.optimizer.denseMultiplyAdds == 5 * 4 * m * n)
      #expect(costs.optimizer.bytes == 4 * 6 * rows * m)
      #expect(costs.optimizer.denseBytes == 4 * 7 * 4 * m * n)
      #expect(costs.inputGradient.multiplyAdds == (layer == 0 ? 0 : 5 * 22 * m))
      #expect(
        costs.inputGradient.bytes == (layer == 0 ? 0 : 4 * (2 * 5 * 22 + rows * m + 22 * m)))
    }
    #expect(tallies[2].keptCounts.isEmpty && tallies[2].exampleCount == 0)
    #expect(tallies[2].costs.weightGradient.multiplyAdds == 22 * 16 * 4)
    let again = trainer.takeTallies()
    #expect(again.allSatisfy { $0.costs == LayerCosts() && $0.exampleCount == 0 })
    #expect(again[0].keptCounts == [UInt32](repeating: 0, count: 20))
  }

  @Test func untouchedRowsCostTheOptimizer() throws {
    let trainer = try train(.top(k: .count(2)), optimizer: .adam(untouchedRows: .update))
    let costs = trainer.takeTallies()[0].costs
    #expect(costs.optimizer.multiplyAdds == costs.optimizer.denseMultiplyAdds)
  }

  @Test func storedGradientsCostBytes() throws {
    var optimizer = Optimizer.adam(untouchedRows: .skip)
    let fused = try train(.top(k: .count(2)), optimizer: optimizer).takeTallies()[0].costs
    optimizer.clipNorm = 1e9
    let trainer = try train(.top(k: .count(2)), optimizer: optimizer)
    let rows = Int((trainer.takeStatistics()[0].statistics.meanTouchedRows * 4).rounded())
    let stored = trainer.takeTallies()[0].costs
    #expect(stored.weightGradient.bytes == fused.weightGradient.bytes + 4 * rows * 12)
    #expect(stored.optimizer.bytes == fused.optimizer.bytes + 4 * rows * 12)
  }

  @Test func denseLayersCountNoUnits() throws {
    let tallies = try train(.dense, optimizer: .adam()).takeTallies()
    for tally in tallies {
      #expect(tally.keptCounts.isEmpty && tally.exampleCount == 0)
      #expect(
        tally.costs.weightGradient.multiplyAdds == tally.costs.weightGradient.denseMultiplyAdds)
      #expect(tally.costs.forward.bytes == tally.costs.forward.denseBytes)
    }
  }

  @Test func whereKCoversTheLayerAllUnitsAreKept() throws {
    let tally = try train(.top(k: .count(18)), optimizer: .adam()).takeTallies()[1]
    #expect(tally.exampleCount == 22)
    #expect(tally.keptCounts == [UInt32](repeating: 22, count: 16))
  }

  @Test(arguments: [SelectionPolicy.top(k: .count(3)), .unified(k: .count(3)), .dense])
  func gatesAreCounted(selection: SelectionPolicy) throws {
    let sample = LSTMSample(hidden: 5, inputSize: 4, directions: 2, lengths: [3, 1, 4], seed: 7)
    let trainer = sample.makeTrainer(
      selection, optimizer: .adam(untouchedRows: .skip), context: ComputeContext(threadCount: 2))
    try trainer.train(on: sample)
    let positions = sample.packing.positionCount
    let hidden = sample.hidden
    let touched = trainer.workspaces.map { $0.support.countTouchedOutputs() }
    let naive = trainer.workspaces.map { workspace -> [UInt32] in
      var counts = [UInt32](repeating: 0, count: 4 * hidden)
      guard workspace.k > 0 else { return [] }
      let padded = sample.padded
      for position in 0..<positions {
        for entry in workspace.entries(ofPosition: position) {
          counts[entry.row / padded * hidden + entry.row % padded] += 1
        }
      }
      return counts
    }
    let tallies = trainer.takeTallies()
    #expect(tallies.map(\.name) == ["forward", "backward"])
    for (direction, tally) in tallies.enumerated() {
      let inputs = sample.inputSize
      #expect(tally.keptCounts == naive[direction])
      let kept = Int(tally.keptCounts.reduce(0, +))
      let all = 4 * hidden * positions
      let done = selection == .dense ? all : kept
      #expect(tally.costs.weightGradient.multiplyAdds == done * (inputs + hidden))
      #expect(tally.costs.inputGradient.denseMultiplyAdds == all * (inputs + hidden))
      let rows = selection == .dense ? 4 * hidden : touched[direction]
      #expect(tally.costs.optimizer.multiplyAdds == 5 * rows * (inputs + hidden))
    }
  }

  @Test func gradientsOfPaddingCountForNoUnit() throws {
    let sample = LSTMSample(hidden: 5, inputSize: 4, directions: 2, lengths: [3, 1, 4], seed: 7)
    let trainer = sample.makeTrainer(
      .top(k: .count(3)), optimizer: .adam(untouchedRows: .skip))
    var gradient = sample.outputGradient
    let last = gradient.columnCount - 1
    for row in 0..<gradient.rowCount { gradient[row, last] = 100 }
    try trainer.train(sample.input, gradient, packing: sample.packing)
    for tally in trainer.takeTallies() {
      #expect(tally.keptCounts.count == 4 * 5)
      #expect(tally.keptCounts.allSatisfy { $0 <= sample.packing.positionCount })
    }
  }
}
