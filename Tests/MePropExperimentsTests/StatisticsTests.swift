import MePropExperiments
import Testing

/// Against values of tables (Abramowitz and Stegun, table 26.10) and of Student's own example.
@Suite struct StatisticsTests {
  @Test func samples() {
    let sample = Sample([2, 4, 4, 4, 5, 5, 7, 9])
    #expect(sample.mean == 5)
    #expect(abs((sample.deviation ?? 0) - (32.0 / 7).squareRoot()) < 1e-12)
    #expect(Sample([3]).deviation == nil)
    #expect(Sample([]).mean.isNaN)
  }

  @Test(arguments: [
    (1.0, 0.975, 12.706), (2, 0.975, 4.303), (3, 0.95, 2.353), (4, 0.975, 2.776),
    (9, 0.995, 3.250), (30, 0.975, 2.042), (120, 0.9, 1.289), (4, 0.025, -2.776), (7, 0.5, 0),
  ])
  func quantiles(freedom: Double, probability: Double, expected: Double) {
    let found = StudentT.quantile(probability, freedom: freedom)
    #expect(abs(found - expected) < 6e-4)
    #expect(abs(StudentT.cumulative(found, freedom: freedom) - probability) < 1e-12)
  }

  @Test func distributionsInClosedForm() {
    for t in [-3.0, -0.4, 0, 0.1, 1, 2.5, 40] {
      // Two degrees of freedom: ½ + t ⁄ (2 √(2 + t²)).
      let two = 0.5 + t / (2 * (2 + t * t).squareRoot())
      #expect(abs(StudentT.cumulative(t, freedom: 2) - two) < 1e-12)
    }
    // One is Cauchy's distribution: ½ + arctan(t) ⁄ π.
    #expect(abs(StudentT.cumulative(1, freedom: 1) - 0.75) < 1e-12)
  }

  /// Hours of sleep that two drugs gained ten patients (Student, 1908): t = 4.0621, p = 0.00283.
  @Test func studentsOwnExample() throws {
    let first = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
    let second = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
    let comparison = PairedComparison(second, minus: first)
    #expect(abs(comparison.difference - 1.58) < 1e-12)
    #expect(abs(try #require(comparison.pValue) - 0.002833) < 1e-6)
    let interval = try #require(comparison.interval)
    #expect(abs(interval.lowerBound - 0.7001142) < 1e-6)
    #expect(abs(interval.upperBound - 2.4598858) < 1e-6)
    #expect(comparison.verdict(margin: 0.1) == .better)
    #expect(PairedComparison(first, minus: second).verdict(margin: 0.1) == .worse)
  }

  @Test func verdictsRestOnTheInterval() {
    let base = [98.1, 98.0, 98.2, 98.1, 98.0]
    let close = [98.11, 98.01, 98.19, 98.11, 98.0]
    #expect(PairedComparison(close, minus: base).verdict(margin: 0.1) == .noLoss)
    #expect(PairedComparison(close, minus: base).verdict(margin: 1e-4) == .withinNoise)
    let wild = [98.6, 97.4, 98.7, 97.7, 98.1]
    #expect(PairedComparison(wild, minus: base).verdict(margin: 0.1) == .withinNoise)
    #expect(PairedComparison([98], minus: [97]).verdict(margin: 0.1) == .untested)
    // Without spread there is nothing to test by, as where training never leaves chance.
    let constant = PairedComparison([10.3, 10.3], minus: [10.3, 10.3])
    #expect(constant.difference == 0)
    #expect(constant.interval == nil)
    #expect(constant.pValue == nil)
    #expect(constant.verdict(margin: 0.1) == .untested)
  }
}
