import MePropCore
import MePropNN
import Testing
import _CMePropAllocationCounter
import _MePropTestSupport

/// No step allocates once its shapes are known.
///
/// Counted on the thread that trains, with every allocation function of the program interposed (Linux with glibc). The
/// dense library allocates for itself, at most once a product; its calls are told apart by their return addresses.
///
/// Swift that is not optimized allocates for closures and temporary arrays, so this is measured in release only.
@Suite(
  .enabled(
    if: !_isDebugAssertConfiguration() && allocation_counter_works() != 0,
    "allocations are counted in optimized builds with glibc only"))
struct AllocationTests {
  /// Allocations of the package in 40 steps after 40 for warming up, which are twice what statistics sample at.
  private func allocations(ofStep step: (Int) throws -> Void) rethrows -> Int {
    for index in 0..<40 { try step(index) }
    allocation_counter_begin("libdnnl")
    for index in 40..<80 { try step(index) }
    var library = 0
    let all = allocation_counter_end(&library)
    return all - library
  }

  /// The same of a trainer on random batches, of whose inputs `inputShare` are not zero.
  private func allocations(
    _ policy: SelectionPolicy, batchSize: Int, precision: Precision,
    untouched: Optimizer.UntouchedRows, dropout: Float = 0, clipNorm: Float? = nil,
    inputShare: Float = 1, threads: Int = 1
  ) throws -> Int {
    var random = Philox(seed: 340)
    let network = MLP(inputSize: 90, hiddenSizes: [70, 60], outputSize: 10, seed: 3)
    var optimizer = Optimizer.adam(untouchedRows: untouched)
    optimizer.clipNorm = clipNorm
    let trainer = MLPTrainer(
      network, optimizer: optimizer, selection: policy, dropout: dropout, precision: precision,
      context: ComputeContext(threadCount: threads))
    let batches = (0..<4).map { _ in
      var input = random.nextMatrix(batchSize, 90)
      for row in 0..<batchSize {
        for column in 0..<90 where random.nextUniform() >= inputShare { input[row, column] = 0 }
      }
      return (input, (0..<batchSize).map { _ in Int32(random.next(below: 10)) })
    }
    return try allocations { step in
      try trainer.train(batches[step % 4].0, labels: batches[step % 4].1)
    }
  }

  @Test func theCounterCounts() {
    allocation_counter_begin("libdnnl")
    let kept = (1...3).map { [Int](repeating: $0, count: $0 * 100) }
    var library = 0
    let all = allocation_counter_end(&library)
    #expect(all >= 3 && library == 0, "\(kept.count)")
  }

  @Test(
    arguments: [
      SelectionPolicy.dense, .top(k: .count(7), memory: 0.9),
      .top(k: .count(7), memory: 0.9, scope: .slot), .top(k: .count(50)),
      .unified(k: .count(9)), .unified(k: .count(9), groupSize: 4), .random(k: .count(7)),
      // More than are not zero in a batch of one, a number that changes from step to step.
      .unified(k: .count(45)),
    ], [Precision.f32, .bf16])
  func stepsAllocateNothing(policy: SelectionPolicy, precision: Precision) throws {
    for batchSize in [1, 6, 80] {
      for untouched in Optimizer.UntouchedRows.allCases {
        let found = try allocations(
          policy, batchSize: batchSize, precision: precision, untouched: untouched)
        #expect(found == 0, "batch \(batchSize), \(untouched)")
      }
    }
  }

  @Test(arguments: [SelectionPolicy.dense, .top(k: .count(7), memory: 0.9), .unified(k: .count(9))])
  func stepsOfTwoThreadsOnMostlyZerosAllocateNothing(policy: SelectionPolicy) throws {
    for batchSize in [6, 80, 300] {
      let found = try allocations(
        policy, batchSize: batchSize, precision: .f32, untouched: .skip, inputShare: 0.2,
        threads: 2)
      #expect(found == 0, "batch \(batchSize)")
    }
  }

  @Test func stepsWithDropoutAndClippingAllocateNothing() throws {
    let found = try allocations(
      .top(k: .count(7)), batchSize: 6, precision: .f32, untouched: .skip, dropout: 0.2,
      clipNorm: 1)
    #expect(found == 0)
  }

  @Test(
    arguments: [
      SelectionPolicy.dense, .top(k: .count(5), memory: 0.9), .top(k: .count(5)),
      .unified(k: .count(5)),
    ], LSTMPrecision.allCases)
  func stepsOfAnLSTMAllocateNothing(policy: SelectionPolicy, precision: LSTMPrecision) throws {
    for untouched in Optimizer.UntouchedRows.allCases {
      let sample = LSTMSample(
        hidden: 40, inputSize: 30, directions: 2, lengths: [7, 3, 5], seed: 341)
      let trainer = LSTMLayerTrainer(
        sample.weights, optimizer: .adam(untouchedRows: untouched), selection: policy,
        precision: precision, context: ComputeContext())
      let (input, gradient) = (sample.input, sample.outputGradient)
      let found = try allocations { step in
        trainer.forward(input, packing: sample.packing)
        try trainer.propagate(
          gradient, packing: sample.packing, selection: policy, step: step + 1, seed: 1,
          stream: step)
        trainer.computeInputGradient()
        _ = trainer.update(input: input, step: step + 1)
      }
      #expect(found == 0, "\(untouched)")
    }
  }

  @Test(
    arguments: [SelectionPolicy.dense, .top(k: .count(5), memory: 0.9), .unified(k: .count(5))],
    Optimizer.UntouchedRows.allCases)
  func stepsOfAFeatureLayerAllocateNothing(
    policy: SelectionPolicy, untouched: Optimizer.UntouchedRows
  ) throws {
    let layer = FeatureLayer(
      symbolCount: 50, size: 8, positionCount: 6, outputSize: 40, embeddingScale: 1,
      initialization: .uniformFanIn, seed: 3, firstStream: 0)
    let trainer = FeatureLayerTrainer(
      layer, activation: .relu, optimizer: .adam(untouchedRows: untouched), selection: policy,
      context: ComputeContext())
    var random = Philox(seed: 342)
    let features = (0..<(30 * 6)).map { _ in UInt32(random.next(below: 50)) }
    let gradient = random.nextMatrix(30, 40)
    trainer.forward(features, batchSize: 30, dropout: .none)
    trainer.outputGradient = gradient
    var times = PhaseTimes()
    let found = try allocations { step in
      trainer.forward(features, batchSize: 30, dropout: .none)
      for row in 0..<30 { trainer.outputGradient.copyRow(row, from: gradient, row: row) }
      try trainer.backward(
        policy: policy, step: step + 1, seed: 1, stream: UInt64(step), rateFactor: 1, times: &times)
    }
    #expect(found == 0)
  }
}
