import MePropCore
import Testing
import _MePropTestSupport

/// How often each output is kept, against counting entry by entry.
@Suite struct KeptCountTests {
  private enum Way: CaseIterable {
    case top, unified, grouped, random

    func select(_ k: Int, of d: Matrix, in support: GradientSupport) throws {
      let context = ComputeContext()
      switch self {
      case .top: try support.selectTop(k, of: d, context: context)
      case .unified: try support.selectUnified(k, of: d, context: context)
      case .grouped: try support.selectUnified(k, of: d, groupSize: 2, context: context)
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
          #expect(support.addKeptCounts(to: &counts) == entries, "\(way)")
          #expect(counts == expected, "\(way)")
          var none: [UInt32] = []
          #expect(support.addKeptCounts(to: &none) == entries && none.isEmpty)
        }
      }
    }
  }
}
