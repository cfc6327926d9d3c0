import MePropBench
import MePropCore
import Testing

/// The rows of a benchmark.
final class CollectedRows {
  var rows: [BenchmarkRow] = []
  var progress: [String] = []

  /// A benchmark with little time, on a machine of given peaks.
  func benchmark(
    precisions: [Precision] = [.f32], isInterrupted: @escaping () -> Bool = { false }
  ) -> Benchmark {
    var settings = BenchmarkSettings(threads: 1)
    settings.precisions = precisions
    settings.secondsPerRow = 0.001
    return Benchmark(
      settings, context: ComputeContext(threadCount: 1),
      limits: MachineLimits(multiplyAdds: 50_000, bytes: 10_000), isInterrupted: isInterrupted,
      progress: { self.progress.append($0) }, report: { self.rows.append($0) })
  }
}

@Suite struct KernelBenchmarkTests {
  private func plan(_ batchSize: Int, gradientShares: [Float] = [1, 0.4]) -> KernelPlan {
    let shape = LayerShape(batchSize: batchSize, inputSize: 64, outputSize: 40, k: 4)
    var plan = KernelPlan(
      layers: [shape], updates: [shape],
      switchLayers: gradientShares.map {
        LayerShape(batchSize: batchSize, inputSize: 64, outputSize: 40, k: 4, gradientShare: $0)
      }, switchCounts: [4, 20])
    plan.bufferBytes = 1 << 16
    return plan
  }

  /// A small layer goes through all checks and timings.
  @Test(arguments: [10, 40], [[Precision.f32], [.f32, .bf16], [.int8]])
  func aSmallLayer(batchSize: Int, precisions: [Precision]) throws {
    let collected = CollectedRows()
    try collected.benchmark(precisions: precisions).runKernels(plan(batchSize))
    let names = collected.rows.map { "\($0.name) \($0.k) \($0.precision.rawValue)" }
    let forward = precisions.map { "forward, 19 % of the input not zero 4 \($0.rawValue)" }
    let switches = ["", ", 40 % not zero"].flatMap { share in
      [4, 20].flatMap { k in
        precisions.map { "both products, beside masked dense\(share) \(k) \($0.rawValue)" }
      }
    }
    let layer = [
      "selection top-k 4 f32", "input gradient 4 f32", "weight gradient 4 f32", "backward 4 f32",
      "selection batch top-k 4 f32", "selection sampled 4 f32", "backward, batch top-k 4 f32",
      "backward, sampled 4 f32",
      "weight gradient + adam, touched rows 4 f32", "weight gradient + adam, all rows 4 f32",
    ]
    let updates = [
      "adam, all rows 40 f32", "adam, touched rows 4 f32", "adagrad, touched rows 4 f32",
      "gradient descent, touched rows 4 f32",
    ]
    #expect(names == layer + forward + updates + switches)
    for row in collected.rows {
      #expect(row.group == "kernels" && row.threads == 1 && row.batchSize == batchSize)
      #expect(row.inputSize == 64 && row.outputSize == 40)
      #expect(row.microseconds > 0 && row.torchMicroseconds == nil, "\(row)")
      #expect((row.denseMicroseconds ?? 0) > 0 || row.name.hasPrefix("selection"), "\(row)")
      let hasLimit = row.precision == .f32 && !row.name.hasPrefix("both products")
      #expect(hasLimit ? (row.limitShare ?? 0) > 0 : row.limitShare == nil, "\(row)")
    }
  }

  @Test func anInterruptionEndsIt() {
    let collected = CollectedRows()
    let benchmark = collected.benchmark(isInterrupted: { collected.rows.count >= 4 })
    #expect(throws: BenchmarkInterrupted.self) { try benchmark.runKernels(plan(10)) }
    #expect(collected.rows.count == 4)
  }

  @Test func theStandardPlanHasTheShapesOfThePaper() {
    let plan = KernelPlan.standard
    #expect(plan.layers.contains { $0.inputSize == 784 && $0.outputSize == 500 && $0.k == 20 })
    #expect(plan.updates.map(\.outputSize) == [500, 2_048])
    #expect(plan.switchLayers.map(\.batchSize) == [10, 10, 50, 50, 128, 128])
    #expect(plan.switchLayers.map(\.gradientShare) == [1, 0.4, 1, 0.4, 1, 0.4])
    #expect(plan.switchCounts == [20, 50, 80, 150, 200, 250, 300, 350])
  }

  @Test func aTableOfWideLayersHasARowForEachK() throws {
    let collected = CollectedRows()
    let benchmark = collected.benchmark()
    try benchmark.runTable7(width: 24)
    try benchmark.runTable8(width: 24)
    #expect(collected.rows.map(\.k) == [8, 16, 8, 16])
    for row in collected.rows {
      #expect(row.group == "widths" && row.outputSize == 24)
      #expect((row.denseMicroseconds ?? 0) > 0)
    }
    #expect(collected.rows.prefix(2).allSatisfy { ($0.limitShare ?? 0) > 0 })
  }

  @Test func forecastsGrowWithTheWidth() {
    let benchmark = CollectedRows().benchmark()
    let widths = [512, 2_048, 8_192]
    for forecast in [
      widths.map { benchmark.forecastSeconds(ofTable7: $0) },
      widths.map { benchmark.forecastSeconds(ofTable8: $0) },
    ] {
      #expect(forecast[0] > 0 && forecast[0] < forecast[1] && forecast[1] < forecast[2])
    }
    // 10 turns of a dense step of 2.7 s on such a machine, and what is sparse.
    #expect((20...120).contains(benchmark.forecastSeconds(ofTable7: 8_192)))
  }
}
