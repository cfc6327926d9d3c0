import MePropCore
import Testing
import _MePropTestSupport

/// How often each output is kept, against counting entry by entry.
@Suite struct KeptCountTests {
  private enum Way: CaseIterable {
    case top, unified, grouped, batch, random

    func select(_ k: Int, of d: Matrix, in support: GradientSupport) throws {
      let context = ComputeContext()
      switch self {
      case .top: try support.selectTop(k, of: d, context: context)
      case .unified: try support.selectUnified(k, of: d, context: context)
      case .grouped: try support.selectUnified(k, of: d, groupSize: 2, context: context)
      case .batch: try support.selectBatchTop(BatchBudget(k), of: d, context: context)
      case .random: try support.selectRandom(k, of: d, seed: 1, stream: 1)
      }
    }
  }

  @Test func countsAreThoseOfTheEntries() throws {
    var random = Philox(seed: 210)
    let support = GradientSupport()
    for way in Way.allCases {
      for _ in 0..<20 {
        let n = random.nextInt(in: 1...70)
        let batchSize = random.nextInt(in: 1...9)
        let d = random.nextExactMatrix(batchSize, n)
        try way.select(random.nextInt(in: 1...n), of: d, in: support)
        var expected = (0..<n).map { UInt32($0) }
        var entries = 0
        for example in 0..<batchSize {
          for entry in support.entries(ofExample: example) {
            expected[entry.output] += 1
            entries += 1
          }
        }
        // Counts are added to what is there, also after products regrouped the support.
        for everyOutput in [false, true] {
          support.regroup(everyOutput: everyOutput)
          var counts = (0..<n).map { UInt32($0) }
          support.addKeptCounts(to: &counts)
          #expect(counts == expected, "\(way)")
          var none: [UInt32] = []
          support.addKeptCounts(to: &none)
          #expect(none.isEmpty && support.entryCount == entries)
        }
      }
    }
  }

  @Test func outputsOfPaddingAreNotCounted() throws {
    // Blocks of three outputs, each followed by a zero.
    let d = Matrix([[1, 2, 3, 4, 5, 6, 7, 8], [8, 7, 6, 5, 4, 3, 2, 1]])
    let support = GradientSupport()
    try support.selectTop(5, of: d, context: ComputeContext())
    var counts = [UInt32](repeating: 10, count: 6)
    support.addKeptCounts(to: &counts, blockSize: 3, paddedSize: 4)
    #expect(counts == [11, 11, 11, 12, 11, 11])
  }
}
