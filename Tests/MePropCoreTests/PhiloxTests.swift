import MePropCore
import Testing
import _MePropTestSupport

@Suite struct PhiloxTests {
  /// The known answers of Random123 (kat_vectors, philox4x32-10).
  @Test func knownAnswers() {
    let zeros = Philox.words(seed: 0, stream: 0, block: 0)
    #expect(zeros == (0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8))
    let ones = Philox.words(seed: .max, stream: .max, block: .max)
    #expect(ones == (0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd))
    // Counter words 243f6a88 85a308d3 13198a2e 03707344, key words a4093822 299f31d0.
    let pi = Philox.words(
      seed: 0x299f_31d0_a409_3822, stream: 0x0370_7344_1319_8a2e, block: 0x85a3_08d3_243f_6a88)
    #expect(pi == (0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1))
  }

  @Test func numbersAreTheWordsOfBlocksInOrder() {
    var random = Philox(seed: 7, stream: 9)
    for block in 0..<3 {
      let words = Philox.words(seed: 7, stream: 9, block: UInt64(block))
      #expect(random.next32() == words.0)
      #expect(random.next32() == words.1)
      #expect(random.next() == UInt64(words.3) << 32 | UInt64(words.2))
    }
  }

  @Test func seedsAndStreamsAreApart() {
    var numbers = Set<UInt64>()
    for seed in 0..<4 as Range<UInt64> {
      for purpose in [RandomPurpose.initialization, .order, .dropout, .selection, .task, .pruning] {
        for index in 0..<3 {
          var random = Philox(seed: seed, stream: purpose.stream(index))
          numbers.insert(random.next())
        }
      }
    }
    #expect(numbers.count == 4 * 6 * 3)
  }

  @Test func equalMeansSamePlace() {
    var a = Philox(seed: 1, stream: 2)
    var b = Philox(seed: 1, stream: 2)
    #expect(a == b)
    _ = a.next32()
    #expect(a != b)
    _ = b.next32()
    #expect(a == b)
    #expect(a.next() == b.next())
    #expect(Philox(seed: 1, stream: 2) != Philox(seed: 1, stream: 3))
  }

  @Test(arguments: [1, 2, 3, 7, 10, 1000, 0x8000_0001, .max] as [UInt32])
  func numbersBelowABound(bound: UInt32) {
    var random = Philox(seed: 3, stream: UInt64(bound))
    var largest: UInt32 = 0
    for _ in 0..<2000 {
      let number = random.next(below: bound)
      #expect(number < bound)
      largest = max(largest, number)
    }
    #expect(Double(largest) >= 0.98 * Double(bound - 1), "2000 numbers leave the top 2 % empty")
  }

  @Test func numbersBelowABoundAreUniform() {
    var random = Philox(seed: 5)
    var counts = [Double](repeating: 0, count: 7)
    for _ in 0..<14_000 { counts[Int(random.next(below: 7))] += 1 }
    let chiSquare = counts.reduce(0) { $0 + ($1 - 2000) * ($1 - 2000) / 2000 }
    #expect(chiSquare < 22.46, "99.9 % of the chi-square distribution of 6 degrees of freedom")
  }

  @Test func uniformNumbersAreBelowOne() {
    var random = Philox(seed: 11)
    var sum = 0.0
    for _ in 0..<20_000 {
      let number = random.nextUniform()
      #expect(number >= 0 && number < 1)
      #expect((number * 0x1p24).rounded() == number * 0x1p24)
      sum += Double(number)
    }
    // Deviation of the mean: sqrt(1/12/20000) = 0.002; four of them.
    #expect(abs(sum / 20_000 - 0.5) < 0.0082)
  }

  @Test func normalNumbersHaveTheirMoments() {
    var random = Philox(seed: 12)
    var sums = (0.0, 0.0, 0.0)
    let count = 40_000
    for _ in 0..<count {
      let number = Double(random.nextNormal())
      #expect(number.isFinite)
      sums = (
        sums.0 + number, sums.1 + number * number, sums.2 + number * number * number * number
      )
    }
    // Deviations of the means of x, x², x⁴: 1, √2 and √96 over √count; four of each.
    #expect(abs(sums.0 / Double(count)) < 4 * 0.005)
    #expect(abs(sums.1 / Double(count) - 1) < 4 * 0.0071)
    #expect(abs(sums.2 / Double(count) - 3) < 4 * 0.049)
  }

  @Test func shufflesArePermutationsAndRepeatable() {
    for count in [0, 1, 2, 3, 100] {
      var items = (0..<count).map(UInt32.init)
      var random = Philox(seed: 1, stream: RandomPurpose.order.stream(1))
      random.shuffle(&items)
      #expect(items.sorted() == (0..<count).map(UInt32.init))
      var again = (0..<count).map(UInt32.init)
      var same = Philox(seed: 1, stream: RandomPurpose.order.stream(1))
      same.shuffle(&again)
      #expect(again == items)
      var other = (0..<count).map(UInt32.init)
      var next = Philox(seed: 1, stream: RandomPurpose.order.stream(2))
      next.shuffle(&other)
      if count == 100 { #expect(other != items) }
    }
  }

  @Test func everyOrderIsEquallyLikely() {
    var counts: [[UInt32]: Double] = [:]
    var random = Philox(seed: 8)
    for _ in 0..<2400 {
      var items: [UInt32] = [0, 1, 2, 3]
      random.shuffle(&items)
      counts[items, default: 0] += 1
    }
    #expect(counts.count == 24)
    let chiSquare = counts.values.reduce(0) { $0 + ($1 - 100) * ($1 - 100) / 100 }
    #expect(chiSquare < 49.73, "99.9 % of the chi-square distribution of 23 degrees of freedom")
  }
}
