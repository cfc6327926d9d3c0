import Foundation
import MePropReport
import Testing
import MePropCore

@Suite struct AxisScaleTests {
  @Test func endsArePlacedAtEnds() {
    let scale = AxisScale(2...6, from: 100, to: 20)
    #expect(scale.place(of: 2) == 100 && scale.place(of: 6) == 20 && scale.place(of: 4) == 60)
    let ratios = AxisScale(1...100, from: 0, to: 10, kind: .logarithmic)
    #expect(ratios.place(of: 1) == 0 && abs(ratios.place(of: 10) - 5) < 1e-12)
  }

  @Test func aSingleValueIsInTheMiddle() {
    for value in [-3.0, 0, 97.5, 1e9] {
      #expect(abs(AxisScale(value...value, from: 0, to: 10).place(of: value) - 5) < 1e-6)
    }
    let ratio = AxisScale(20...20, from: 0, to: 10, kind: .logarithmic)
    #expect(abs(ratio.place(of: 20) - 5) < 1e-12)
  }

  @Test func ticksAreNiceAndWithin() {
    var random = Philox(seed: 3)
    for _ in 0..<500 {
      let width = Double(random.nextUniform() + 1e-3) * pow(10, Double(random.next(below: 7)) - 3)
      let low = Double(random.nextUniform() - 0.5) * 1000 * width
      let scale = AxisScale(low...(low + width), from: 0, to: 1)
      let ticks = scale.niceTicks(5)
      #expect((2...8).contains(ticks.count), "\(low) \(width): \(ticks)")
      let step = ticks[1] - ticks[0]
      let digit = step / pow(10, (log10(step) + 1e-6).rounded(.down))
      #expect([1, 2, 5].contains { abs(digit - $0) < 1e-3 }, "\(low) \(width): \(ticks)")
      for tick in ticks {
        #expect(tick >= low - width * 1e-6 && tick <= low + width * 1.000001)
        #expect(abs(tick / step - (tick / step).rounded()) < 1e-3)
      }
    }
  }

  @Test func epochsHaveWholeTicks() {
    #expect(AxisScale(1...3, from: 0, to: 1).niceTicks(8, wholeNumbers: true) == [1, 2, 3])
    #expect(AxisScale(1...1, from: 0, to: 1).niceTicks(4, wholeNumbers: true) == [1])
  }

  @Test func domainsHoldTheirValues() {
    #expect(AxisScale.niceDomain(of: []) == 0...1)
    #expect(AxisScale.niceDomain(of: [.nan, 3, 7], includesZero: true, count: 4).contains(0))
    for values in [[98.1], [0.0], [0.3, 0.31], [-5, 5], [1e-7, 3e-7]] {
      let domain = AxisScale.niceDomain(of: values)
      #expect(values.allSatisfy(domain.contains))
      #expect(domain.lowerBound < domain.upperBound)
    }
  }
}

@Suite struct LabelPlacementTests {
  @Test func labelsKeepTheirDistanceOrderAndRange() {
    var random = Philox(seed: 11)
    for _ in 0..<300 {
      let count = Int(random.next(below: 9)) + 1
      let wanted = (0..<count).map { _ in Double(random.nextUniform()) * 200 - 20 }
      let places = LabelPlacement.spread(wanted, spacing: 15, in: 0...150)
      #expect(places.allSatisfy { $0 >= -1e-9 && $0 <= 150 + 1e-9 })
      let order = wanted.indices.sorted { (wanted[$0], $0) < (wanted[$1], $1) }
      for (first, second) in zip(order, order.dropFirst()) {
        #expect(places[second] - places[first] >= 15 - 1e-9)
      }
    }
  }

  @Test func labelsThatDoNotTouchStay() {
    #expect(LabelPlacement.spread([10, 90, 50], spacing: 15, in: 0...100) == [10, 90, 50])
    #expect(LabelPlacement.spread([-5], spacing: 15, in: 0...100) == [0])
    #expect(LabelPlacement.spread([], spacing: 15, in: 0...100) == [])
    #expect(LabelPlacement.spread([50, 50], spacing: 10, in: 0...100) == [45, 55])
  }

  @Test func tooManyShareTheRange() {
    let places = LabelPlacement.spread([5, 5, 5, 5, 5], spacing: 100, in: 0...40)
    #expect(places == [0, 10, 20, 30, 40])
  }

  @Test func ticksAreLeftOutUntilTheyFit() {
    let places = (0..<10).map { Double($0) * 10 }
    #expect(LabelPlacement.stride(places: places, widths: places.map { _ in 5 }, gap: 2) == 1)
    #expect(LabelPlacement.stride(places: places, widths: places.map { _ in 25 }, gap: 2) == 3)
    #expect(LabelPlacement.stride(places: [], widths: [], gap: 2) == 1)
  }
}
