import MePropCore
import Testing
import _MePropTestSupport

/// Batch top-k: exactly what a full sort of the matrix gives, on every instruction set.
@Suite struct BatchTopTests {
  /// The kept entries of all examples, as places in the matrix, by a full sort.
  private func expected(_ d: Matrix, _ count: Int) -> [Int] {
    NaiveReference.topIndices(of: d.elements.map(Double.init), count: count)
  }

  private func check(
    _ support: GradientSupport, _ d: Matrix, _ budget: Int, _ comment: Comment,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    var places: [Int] = []
    for example in 0..<d.rowCount {
      for entry in support.entries(ofExample: example) {
        places.append(example * d.columnCount + entry.output)
        #expect(entry.value == d[example, entry.output], comment, sourceLocation: sourceLocation)
      }
    }
    #expect(places == expected(d, budget), comment, sourceLocation: sourceLocation)
    #expect(support.entryCount == places.count, comment, sourceLocation: sourceLocation)
  }

  /// One support for matrices whose scales and shapes change, so that the guesses of the step
  /// before are good, too high, and far too low.
  @Test(arguments: InstructionSet.available)
  func agreesWithAFullSort(set: InstructionSet) throws {
    let context = ComputeContext(instructionSet: set)
    let support = GradientSupport()
    var random = Philox(seed: 120)
    for step in 0..<120 {
      let n = step < 60 ? 37 : random.nextInt(in: 1...200)
      let rows = random.nextInt(in: 1...12)
      var d = random.nextMatrix(rows, n)
      let scale: Float = [1, 1, 1, 1e-3, 1e4, 1e-30, 0x1p-140][step % 7]
      for row in 0..<rows {
        // Some examples are right already, and some have no gradient.
        let own = scale * (random.nextInt(in: 0...2) == 0 ? 1e-4 : 1)
        let isEmpty = random.nextInt(in: 0...5) == 0
        for column in 0..<n { d[row, column] *= isEmpty ? 0 : own }
      }
      for budget in Set([1, random.nextInt(in: 1...(rows * n)), rows * n]) {
        try support.selectBatchTop(BatchBudget(budget), of: d, context: context)
        check(support, d, budget, "step \(step), budget \(budget), \(set)")
      }
    }
  }

  @Test(arguments: InstructionSet.available)
  func tiesGoToTheLowerExampleAndThenOutput(set: InstructionSet) throws {
    let context = ComputeContext(instructionSet: set)
    let support = GradientSupport()
    var random = Philox(seed: 121)
    for step in 0..<60 {
      let (rows, n) = (random.nextInt(in: 1...9), random.nextInt(in: 1...90))
      var d = Matrix(rowCount: rows, columnCount: n)
      for row in 0..<rows {
        for column in 0..<n { d[row, column] = Float(random.nextInt(in: -2...2)) }
      }
      let budget = random.nextInt(in: 1...(rows * n))
      try support.selectBatchTop(BatchBudget(budget), of: d, context: context)
      check(support, d, budget, "step \(step), budget \(budget)")
    }
  }

  @Test(arguments: InstructionSet.available)
  func anyBitsThatAreNoNaN(set: InstructionSet) throws {
    let context = ComputeContext(instructionSet: set)
    let support = GradientSupport()
    var random = Philox(seed: 122)
    for step in 0..<40 {
      let (rows, n) = (random.nextInt(in: 1...5), random.nextInt(in: 1...150))
      var d = Matrix(rowCount: rows, columnCount: n)
      for row in 0..<rows {
        for column in 0..<n {
          var value = Float(bitPattern: random.next32())
          if value.isNaN { value = .infinity }
          d[row, column] = value
        }
      }
      let budget = random.nextInt(in: 1...(rows * n))
      try support.selectBatchTop(BatchBudget(budget), of: d, context: context)
      check(support, d, budget, "step \(step), budget \(budget)")
    }
  }

  /// Each block of outputs has a budget of its own.
  @Test func blocksAreSelectedApart() throws {
    let context = ComputeContext()
    let support = GradientSupport()
    var random = Philox(seed: 123)
    for step in 0..<30 {
      let rows = random.nextInt(in: 1...7)
      var d = Matrix(rowCount: rows, columnCount: 96)
      // 29 units and three columns of padding a block.
      for row in 0..<rows {
        for column in 0..<96 where column % 32 < 29 {
          d[row, column] = random.nextNormal() * Float(1 + column / 32 * 50)
        }
      }
      let budget = random.nextInt(in: 1...(rows * 29))
      try support.selectBatchTop(
        BatchBudget(budget), of: d, blockCount: 3, context: context)
      for row in 0..<rows {
        let outputs = support.entries(ofExample: row).map(\.output)
        #expect(outputs == outputs.sorted(), "step \(step)")
      }
      for block in 0..<3 {
        var part = Matrix(rowCount: rows, columnCount: 32)
        for row in 0..<rows {
          for column in 0..<32 { part[row, column] = d[row, block * 32 + column] }
        }
        let found = (0..<rows).flatMap { row in
          support.entries(ofExample: row).map(\.output).filter { $0 / 32 == block }
            .map { row * 32 + $0 % 32 }
        }
        #expect(found == expected(part, budget), "step \(step), block \(block)")
      }
    }
  }

  @Test func theFirstNaNIsNamed() {
    var random = Philox(seed: 124)
    var d = random.nextMatrix(400, 300)
    for example in [37, 190, 399] { d[example, example % 300] = .nan }
    for threads in 1...3 {
      let context = ComputeContext(threadCount: threads)
      let support = GradientSupport()
      #expect(
        brokenExample {
          try support.selectBatchTop(BatchBudget(8_000), of: d, context: context)
        } == 37, "\(threads) threads")
    }
  }

  @Test func anyThreadCountGivesTheSameEntries() throws {
    var random = Philox(seed: 125)
    let d = random.nextMatrix(300, 400)
    for threads in 1...3 {
      let support = GradientSupport()
      try support.selectBatchTop(
        BatchBudget(6_000), of: d, context: ComputeContext(threadCount: threads))
      check(support, d, 6_000, "\(threads) threads")
    }
  }

  @Test func aBudgetIsAMeanPerExample() {
    #expect(BatchBudget(.count(20), outputSize: 500, batchSize: 128).count == 2_560)
    #expect(BatchBudget(.count(20), outputSize: 10, batchSize: 3).count == 30)
    // A share may be less than one an example.
    #expect(BatchBudget(.ratio(0.005), outputSize: 50, batchSize: 10).count == 3)
    #expect(BatchBudget(.ratio(0.001), outputSize: 50, batchSize: 10).count == 1)
  }
}

/// Threshold sampling: the entries of its rule, the exact gradient on average, near the budget.
@Suite struct SampledSelectionTests {
  /// Gradients as they are: many small entries, few large ones.
  private func gradients(_ rows: Int, _ n: Int, _ random: inout Philox) -> Matrix {
    var d = random.nextMatrix(rows, n)
    for row in 0..<rows {
      let own = abs(random.nextNormal()) + 0.01
      for column in 0..<n { d[row, column] *= d[row, column] * d[row, column] * own }
    }
    return d
  }

  @Test(arguments: InstructionSet.available)
  func entriesAreThoseOfTheRule(set: InstructionSet) throws {
    let context = ComputeContext(instructionSet: set)
    let support = GradientSupport()
    var random = Philox(seed: 130)
    for step in 0..<40 {
      let (rows, n) = (random.nextInt(in: 1...9), random.nextInt(in: 1...200))
      let d = gradients(rows, n, &random)
      let budget = BatchBudget(random.nextInt(in: 1...max(1, rows * n / 4)))
      // The share that fits, found by the first step.
      var shares: [Float] = [0]
      for _ in 0..<8 {
        try support.selectSampled(
          budget, of: d, shares: &shares, seed: 7, stream: 1_000, context: context)
      }
      let share = shares[0]
      try support.selectSampled(
        budget, of: d, shares: &shares, seed: 7, stream: UInt64(step), context: context)
      let norms = (0..<rows).map { row in d.withRow(row) { $0.reduce(0) { $0 + abs($1) } } }
      let whole = norms.reduce(0) { $0 + Double($1) }
      let threshold = Float(whole / Double(budget.count)) * share
      for row in 0..<rows {
        let numbers = NaiveReference.sampleNumbers(
          seed: 7, stream: UInt64(step), row: row, count: n)
        var expected: [(Int, Float)] = []
        for column in 0..<n {
          let value = d[row, column]
          // As kernels round: the number times 2^-24 times the threshold.
          guard abs(value) > Float(numbers[column] * 0x1p24) * (threshold * 0x1p-24) else {
            continue
          }
          expected.append((column, max(abs(value), threshold) * (value < 0 ? -1 : 1)))
        }
        let found = support.entries(ofExample: row)
        #expect(found.map(\.output) == expected.map(\.0), "step \(step), row \(row), \(set)")
        #expect(found.map(\.value) == expected.map(\.1), "step \(step), row \(row), \(set)")
      }
      let sum = d.elements.reduce(0.0) { $0 + Double(min(abs($1), threshold)) }
      let corrected = Double(share) * sum / Double(threshold) / Double(budget.count)
      #expect(abs(Double(shares[0]) - corrected) < 1e-5 * corrected + 1e-6, "step \(step)")
    }
  }

  /// E[s] = d: the mean over many seeds, within five standard errors of each entry.
  @Test func theMeanOverManySeedsIsTheGradient() throws {
    let context = ComputeContext()
    let support = GradientSupport()
    var random = Philox(seed: 131)
    let (rows, n, trials) = (4, 50, 20_000)
    let d = gradients(rows, n, &random)
    var shares: [Float] = [0]
    let budget = BatchBudget(20)
    for seed in 0..<10 {
      try support.selectSampled(
        budget, of: d, shares: &shares, seed: UInt64(seed), stream: 0, context: context)
    }
    let whole = d.elements.reduce(0) { $0 + Double(abs($1)) }
    let threshold = whole / 20 * Double(shares[0])
    var sums = [Double](repeating: 0, count: rows * n)
    for trial in 0..<trials {
      var fixed = shares
      try support.selectSampled(
        budget, of: d, shares: &fixed, seed: 9, stream: UInt64(trial), context: context)
      for row in 0..<rows {
        for entry in support.entries(ofExample: row) {
          sums[row * n + entry.output] += Double(entry.value)
        }
      }
    }
    for (place, value) in d.elements.enumerated() {
      let size = Double(abs(value))
      let deviation = size >= threshold ? 0 : (size * (threshold - size)).squareRoot()
      let mean = sums[place] / Double(trials)
      #expect(
        abs(mean - Double(value)) <= 5 * deviation / Double(trials).squareRoot() + 1e-6 * size,
        "entry \(place): mean \(mean), gradient \(value)")
    }
    // The comparison can fail: without the correction small entries would be too small.
    #expect(d.elements.contains { Double(abs($0)) < threshold / 2 })
  }

  /// Numbers of different examples and steps have nothing to do with each other.
  @Test func numbersOfAnEntryAreUniformOverSteps() {
    var bins = [Int](repeating: 0, count: 16)
    var pairs = 0.0
    let trials = 16_000
    var last = 0.5
    for trial in 0..<trials {
      let number = NaiveReference.sampleNumbers(
        seed: 3, stream: UInt64(trial / 4), row: trial % 4, count: 12)[11]
      bins[Int(number * 16)] += 1
      pairs += (number - 0.5) * (last - 0.5)
      last = number
    }
    let expected = Double(trials) / 16
    let chiSquared = bins.reduce(0) { $0 + (Double($1) - expected) * (Double($1) - expected) }
    // 15 degrees of freedom: 37.7 has a probability of one in a thousand.
    #expect(chiSquared / expected < 37.7)
    #expect(abs(pairs / Double(trials)) < 4 / 12 / Double(trials).squareRoot())
  }

  /// After the first steps the number kept is within 3 % of the budget, and two deviations of as
  /// many independent draws.
  @Test func theBudgetIsKept() throws {
    let context = ComputeContext()
    let support = GradientSupport()
    var random = Philox(seed: 132)
    for k in [2, 5, 20] {
      var shares: [Float] = [0]
      for step in 0..<30 {
        var d = gradients(100, 300, &random)
        // The scale falls as the loss does, and jumps.
        let scale = Float(step % 7 == 0 ? 30 : 1) / Float(step + 1)
        for row in 0..<100 { for column in 0..<300 { d[row, column] *= scale } }
        try support.selectSampled(
          BatchBudget(k * 100), of: d, shares: &shares, seed: 1, stream: UInt64(step),
          context: context)
        let kept = Double(support.entryCount) / Double(k * 100)
        let allowed = 0.03 + 2 / Double(k * 100).squareRoot()
        if step >= 3 { #expect(abs(kept - 1) < allowed, "k \(k), step \(step): \(kept)") }
      }
    }
  }

  @Test func blocksAndThreads() throws {
    var random = Philox(seed: 133)
    var d = Matrix(rowCount: 200, columnCount: 256)
    for row in 0..<200 {
      for column in 0..<256 where column % 64 < 60 {
        d[row, column] = random.nextNormal() * Float(1 + column / 64 * 10)
      }
    }
    var all: [[(Int, Float)]] = []
    for threads in 1...3 {
      let support = GradientSupport()
      var shares = [Float](repeating: 0, count: 4)
      for step in 0..<6 {
        try support.selectSampled(
          BatchBudget(600), of: d, blockCount: 4, shares: &shares, seed: 1,
          stream: UInt64(step), context: ComputeContext(threadCount: threads))
      }
      for block in 0..<4 {
        let kept = (0..<200).reduce(0) { sum, row in
          sum + support.entries(ofExample: row).filter { $0.output / 64 == block }.count
        }
        #expect(abs(kept - 600) < 60, "block \(block): \(kept)")
      }
      let entries = (0..<200).flatMap { row in
        support.entries(ofExample: row).map { (row * 256 + $0.output, $0.value) }
      }
      if let first = all.first {
        #expect(
          first.map(\.0) == entries.map(\.0) && first.map(\.1) == entries.map(\.1),
          "\(threads) threads")
      }
      all.append(entries)
    }
  }

  @Test func nothingIsKeptOfZerosAndNaNIsNamed() throws {
    let context = ComputeContext()
    let support = GradientSupport()
    var random = Philox(seed: 134)
    var shares: [Float] = [0]
    var d = random.nextMatrix(5, 40)
    try support.selectSampled(
      BatchBudget(30), of: d, shares: &shares, seed: 1, stream: 1, context: context)
    #expect(support.entryCount > 0)
    try support.selectSampled(
      BatchBudget(30), of: Matrix(rowCount: 5, columnCount: 40), shares: &shares, seed: 1,
      stream: 2, context: context)
    #expect(support.entryCount == 0)
    d[3, 7] = .nan
    #expect(
      brokenExample {
        try support.selectSampled(
          BatchBudget(30), of: d, shares: &shares, seed: 1, stream: 3, context: context)
      } == 3)
  }
}
