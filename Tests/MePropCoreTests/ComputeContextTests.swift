import MePropCore
import Testing
import _MePropTestSupport

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The worker pool, through the context that owns it.
@Suite struct ComputeContextTests {
  /// Where a loop counts how often each unit of its range was done.
  private struct Counting {
    var counts: UnsafeMutablePointer<Int32>
  }

  /// Adds one to each unit of a range, on `context`; `work` decides whether threads take part.
  private func count(
    _ counts: inout [Int32], context: ComputeContext, grain: Int = 1, work: Int = .max / 2
  ) {
    let size = counts.count
    counts.withUnsafeMutableBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return }
      var arguments = Counting(counts: base)
      let addOne = Kernel<Counting> { arguments, begin, end in
        guard let job = arguments?.assumingMemoryBound(to: Counting.self) else { return }
        for unit in begin..<end { job.pointee.counts[unit] += 1 }
      }
      context.run(addOne, &arguments, count: size, grain: grain, work: work)
    }
  }

  @Test(arguments: [1, 2, 3, 5])
  func everyUnitIsDoneOnce(threads: Int) {
    let context = ComputeContext(threadCount: threads)
    #expect(context.threadCount == threads)
    for size in [0, 1, 2, 3, 4, 7, 16, 63, 64, 65, 1000] {
      for grain in [1, 3, 4, 16, 100] {
        var counts = [Int32](repeating: 0, count: size)
        count(&counts, context: context, grain: grain)
        #expect(counts.allSatisfy { $0 == 1 }, "\(size) units, grain \(grain), \(threads) threads")
      }
    }
  }

  @Test(arguments: [2, 3, 4])
  func manySmallLoopsLoseNothing(threads: Int) {
    let context = ComputeContext(threadCount: threads)
    var counts = [Int32](repeating: 0, count: 37)
    for round in 1...20_000 {
      count(&counts, context: context)
      // Now and then only one thread, so that loops of both kinds follow one another.
      if round % 100 == 0 { count(&counts, context: context, work: 1) }
    }
    #expect(counts.allSatisfy { $0 == 20_200 })
  }

  @Test func workersThatSleepWakeUp() async throws {
    let context = ComputeContext(threadCount: 3)
    var counts = [Int32](repeating: 0, count: 100)
    for _ in 0..<20 {
      count(&counts, context: context)
      // Longer than idle workers spin.
      try await Task.sleep(nanoseconds: 3_000_000)
    }
    #expect(counts.allSatisfy { $0 == 20 })
  }

  @Test func contextsComeAndGo() {
    for round in 0..<200 {
      let context = ComputeContext(threadCount: 1 + round % 4)
      guard round % 2 == 0 else { continue }  // the others never run a loop
      var counts = [Int32](repeating: 0, count: 10)
      count(&counts, context: context)
      #expect(counts.allSatisfy { $0 == 1 })
    }
  }

  @Test func contextsDoNotDisturbEachOther() {
    let contexts = (0..<3).map { ComputeContext(threadCount: 2 + $0) }
    var counts = [[Int32]](repeating: [Int32](repeating: 0, count: 50), count: 3)
    for _ in 0..<500 {
      for index in contexts.indices { count(&counts[index], context: contexts[index]) }
    }
    for index in contexts.indices { #expect(counts[index].allSatisfy { $0 == 500 }) }
  }

  @Test(arguments: InstructionSet.available)
  func theEnvironmentForcesAnInstructionSet(set: InstructionSet) async {
    await #expect(processExitsWith: .success) { [name = set.rawValue as String] in
      setenv("MEPROP_SIMD", name, 1)
      guard ComputeContext().instructionSet.rawValue == name else { exit(1) }
      unsetenv("MEPROP_SIMD")
      let best = InstructionSet.preferred
      setenv("MEPROP_SIMD", "abacus", 1)
      guard InstructionSet.preferred == best else { exit(2) }
    }
  }

  @Test func instructionSetsAreWhatTheyClaim() {
    #expect(InstructionSet.portable.isAvailable)
    #expect(InstructionSet.preferred.isAvailable)
    #expect(ComputeContext.availableThreads >= 1)
    for set in InstructionSet.available {
      #expect(ComputeContext(instructionSet: set).instructionSet == set)
    }
    #if arch(x86_64)
      #expect(!InstructionSet.neon.isAvailable && !InstructionSet.neondot.isAvailable)
    #elseif arch(arm64)
      #expect(InstructionSet.neon.isAvailable)
      let others: [InstructionSet] = [.avx2, .avx512, .avx512vnni, .avx512bf16, .amx]
      #expect(!others.contains(where: \.isAvailable))
    #endif
  }
}
