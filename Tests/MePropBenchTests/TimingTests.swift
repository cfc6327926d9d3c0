import MePropBench
import Testing

@Suite struct TimingTests {
  @Test func medianAndSpread() {
    let timing = Timing([8, 1, 4, 100, 6, 5, 2, 3])
    #expect(timing.microseconds == 5)
    // From 3, the third of eight, to 8.
    #expect(timing.spread == (8 - 3) / 5.0)
    #expect(Timing([7]) == Timing([7, 7, 7]))
    #expect(Timing([7]).spread == 0)
  }

  /// Operations that rotate their buffers by the number of a call never share one with their
  /// neighbor.
  @Test func operationsTakeTurnsAndCountTheirCalls() throws {
    var calls: [(operation: Int, call: Int)] = []
    let operations: [(Int) throws -> Void] = [
      { calls.append((0, $0)) }, { calls.append((1, $0)) }, { calls.append((2, $0)) },
    ]
    let samples = try Timing.samples(of: operations, seconds: 0, warmUp: 1, leastTurns: 4)
    #expect(samples.map(\.count) == [4, 4, 4])
    #expect(calls.map(\.operation) == (0..<15).map { $0 % 3 })
    #expect(calls.map(\.call) == Array(0..<15))
    #expect(try Timing.alternating(operations, seconds: 0).count == 3)
  }

  @Test func anInterruptionEndsTheTurns() {
    var calls = 0
    #expect(throws: BenchmarkInterrupted()) {
      _ = try Timing.alternating(
        [{ _ in calls += 1 }], seconds: 60, isInterrupted: { calls == 12 })
    }
    #expect(calls == 12)
  }

  @Test func theWorstDifferenceKeepsNaN() {
    var worst = WorstDifference()
    #expect(worst.value == 0 && worst.isBelow(1e-300))
    worst.add(0.5)
    worst.add(0.25)
    #expect(worst.value == 0.5 && worst.isBelow(0.6) && !worst.isBelow(0.5))
    worst.add(.nan)
    worst.add(0.25)
    #expect(worst.value.isNaN && !worst.isBelow(.infinity))
  }

  @Test func theRelativeDifferenceIsThatOfNorms() {
    var difference = RelativeDifference()
    #expect(difference.value == 0)
    difference.add(3, 3)
    difference.add(0, 4)
    #expect(difference.value == 0.8)
    difference.add(.nan, 1)
    #expect(difference.value.isNaN)
    var nothing = RelativeDifference()
    nothing.add(0, 0)
    #expect(nothing.value == 0)
    nothing.add(1e-3, 0)
    #expect(nothing.value > 1e100)
  }
}
