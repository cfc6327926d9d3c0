import MePropBench
import MePropCore
import MePropTaskBench
import Testing

/// The search for PyTorch's best, on times that are made up.
@Suite struct TorchVariantTests {
  private let start = TorchVariant(batchSize: 100, threads: 2)

  private func search(
    vendor: Bool, bf16: Bool, _ seconds: (TorchVariant) -> Double?
  ) -> (best: TorchVariant, tried: [TorchVariant], limits: [Double?]) {
    var tried: [TorchVariant] = []
    var limits: [Double?] = []
    let best = TorchVariant.fastest(
      from: start, batchSizes: [50, 200], triesVendorCheck: vendor, triesBF16: bf16
    ) { variant, limit in
      tried.append(variant)
      limits.append(limit)
      // As a process that is stopped.
      return seconds(variant).flatMap { $0 > limit ?? .infinity ? nil : $0 }
    }
    return (best, tried, limits)
  }

  @Test func eachPropertyIsTriedWithTheBestOfThoseBefore() {
    let (best, tried, limits) = search(vendor: true, bf16: true) { variant in
      (variant.batchSize == 200 ? 5 : 9) + (variant.precision == .bf16 ? -1 : 0)
        + (variant.threads == 1 ? 3 : 0)
    }
    #expect(best == TorchVariant(batchSize: 200, threads: 2, precision: .bf16))
    #expect(
      tried == [
        start, TorchVariant(batchSize: 50, threads: 2), TorchVariant(batchSize: 200, threads: 2),
        TorchVariant(batchSize: 200, threads: 2, satisfiesVendorCheck: true),
        TorchVariant(batchSize: 200, threads: 2, precision: .bf16),
        TorchVariant(batchSize: 200, threads: 1, precision: .bf16),
      ])
    #expect(limits == [nil, 9, 9, 5, 5, 4])
  }

  @Test func whatIsNotThereIsNotTried() {
    let (best, tried, _) = search(vendor: false, bf16: false) { $0.threads == 1 ? 1 : 2 }
    #expect(best == TorchVariant(batchSize: 100, threads: 1))
    #expect(tried.allSatisfy { $0.precision == .f32 && !$0.satisfiesVendorCheck })
    #expect(tried.count == 4)
  }

  @Test func oneThatReachesTheTargetIsBetterThanOneThatDoesNot() {
    let some = search(vendor: false, bf16: false) { $0.batchSize == 50 ? 70 : nil }
    #expect(some.best.batchSize == 50)
    let none = search(vendor: true, bf16: true) { _ in nil }
    #expect(none.best == start)
    #expect(none.limits.allSatisfy { $0 == nil })
  }
}
