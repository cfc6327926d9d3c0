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
    if: !_isDebugAssertConfiguration(), "allocations are counted in optimized builds only"))
struct AllocationTests {
  /// Allocations of `steps` steps after some for warming up: the package's, and the dense library's.
  private func allocations(
    _ policy: SelectionPolicy, batchSize: Int, precision: Precision,
    untouched: Optimizer.UntouchedRows,
    dropout: Float = 0, clipNorm: Float? = nil
  ) throws -> (own: Int, library: Int) {
    var random = Philox(seed: 340)
    let network = MLP(inputSize: 90, hiddenSizes: [70, 60], outputSize: 10, seed: 3)
    var optimizer = Optimizer.adam(untouchedRows: untouched)
    optimizer.clipNorm = clipNorm
    let trainer = MLPTrainer(
      network, optimizer: optimizer, selection: policy, dropout: dropout, precision: precision,
      context: ComputeContext())
    let batches = (0..<4).map { _ in
      (random.nextMatrix(batchSize, 90), (0..<batchSize).map { _ in Int32(random.next(below: 10)) })
    }
    // Twice what statistics sample at, so that their memory is there too.
    for step in 0..<40 { try trainer.train(batches[step % 4].0, labels: batches[step % 4].1) }
    allocation_counter_begin("libdnnl")
    for step in 0..<40 { try trainer.train(batches[step % 4].0, labels: batches[step % 4].1) }
    var library = 0
    let all = allocation_counter_end(&library)
    return (all - library, library)
  }

  @Test(.enabled(if: allocation_counter_works() != 0, "allocations are counted with glibc only"))
  func theCounterCounts() {
    allocation_counter_begin("libdnnl")
    let kept = (1...3).map { [Int](repeating: $0, count: $0 * 100) }
    var library = 0
    let all = allocation_counter_end(&library)
    #expect(all >= 3 && library == 0, "\(kept.count)")
  }

  @Test(
    .enabled(if: allocation_counter_works() != 0, "allocations are counted with glibc only"),
    arguments: [
      SelectionPolicy.dense, .top(k: .count(7), memory: 0.9), .top(k: .count(50)),
      .unified(k: .count(9)), .unified(k: .count(9), groupSize: 4), .random(k: .count(7)),
      // More than are not zero in a batch of one, a number that changes from step to step.
      .unified(k: .count(45)),
    ], [Precision.f32, .bf16])
  func stepsAllocateNothing(policy: SelectionPolicy, precision: Precision) throws {
    for batchSize in [1, 6, 80] {
      for untouched in Optimizer.UntouchedRows.allCases {
        let found = try allocations(
          policy, batchSize: batchSize, precision: precision, untouched: untouched)
        #expect(found.own == 0, "batch \(batchSize), \(untouched)")
      }
    }
  }

  @Test(.enabled(if: allocation_counter_works() != 0, "allocations are counted with glibc only"))
  func stepsWithDropoutAndClippingAllocateNothing() throws {
    let found = try allocations(
      .top(k: .count(7)), batchSize: 6, precision: .f32, untouched: .skip, dropout: 0.2,
      clipNorm: 1)
    #expect(found.own == 0)
  }
}
