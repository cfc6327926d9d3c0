import MePropBench
import Testing

@Suite struct ImageBenchmarkTests {
  /// The convolution's gradient is checked, and all rows are measured.
  @Test func rowsAreThere() throws {
    let collected = CollectedRows()
    try collected.benchmark().runImages()
    let kinds = ["dense", "sampled 5 %", "top-k 5 %", "top-k 1 %"]
    #expect(
      collected.rows.map(\.name)
        == kinds.map { "convolution, back propagation, \($0)" } + kinds.map { "whole step, \($0)" })
    for row in collected.rows {
      #expect(row.group == "images" && row.batchSize == 64 && row.outputSize == 4_096)
      #expect(row.microseconds > 0 && row.denseMicroseconds ?? 0 > 0)
    }
    #expect(collected.rows.map(\.k) == [4_096, 205, 205, 41, 4_096, 205, 205, 41])
  }
}
