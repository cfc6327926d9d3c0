import MePropCore
import Testing
import _MePropTestSupport

/// Unified and random selection, and the unit memory that selection leaves.
@Suite struct UnifiedSelectionTests {
  @Test(arguments: InstructionSet.available)
  func agreesWithAFullSortOfColumnSums(set: InstructionSet) throws {
    var random = Philox(seed: 200)
    let context = ComputeContext(instructionSet: set)
    for seed in 0..<40 {
      let n = random.nextInt(in: 1...130)
      let batchSize = random.nextInt(in: 1...20)
      let d = random.nextExactMatrix(batchSize, n)
      let k = random.nextInt(in: 1...n)
      for group in [nil, 1, 3, batchSize, batchSize + 5] {
        let support = GradientSupport()
        try support.selectUnified(k, of: d, groupSize: group, context: context)
        let expected = NaiveReference.unifiedIndices(
          of: DoubleMatrix(d), count: k, groupSize: group ?? batchSize)
        for example in 0..<batchSize {
          let found = support.entries(ofExample: example)
          #expect(
            found.map(\.output) == expected[example],
            "case \(seed), \(batchSize) x \(n), k \(k), groups of \(String(describing: group))")
          #expect(found.map(\.value) == found.map { d[example, $0.output] })
        }
        let isOneGroup = group == nil || batchSize <= (group ?? 0)
        #expect((support.sharedOutputs != nil) == isOneGroup)
        if isOneGroup { #expect(support.sharedOutputs?.count == expected[0].count) }
      }
    }
  }

  @Test func theLastGroupMayBeShort() throws {
    // Groups of two: examples 0 and 1, 2 and 3, and 4 alone.
    let d = Matrix([[3, 0, -1], [-3, 4, 1], [0, 1, 1], [0, -1, 1.5], [1, 0, 2]])
    let support = GradientSupport()
    try support.selectUnified(1, of: d, groupSize: 2, context: ComputeContext())
    #expect(
      (0..<5).map { support.entries(ofExample: $0).map(\.output) } == [[0], [0], [2], [2], [2]])
    #expect(
      (0..<5).map { support.entries(ofExample: $0).map(\.value) } == [[3], [-3], [1], [1.5], [2]])
    #expect(support.sharedOutputs == nil)
    #expect(support.touchedOutputs == [0, 2])
  }

  @Test func anExampleOfAGroupMayKeepZeros() throws {
    let d = Matrix([[0, 5, 0], [0, 0, 1]])
    let support = GradientSupport()
    try support.selectUnified(3, of: d, context: ComputeContext())
    #expect(support.sharedOutputs?.count == 2)
    #expect(support.entries(ofExample: 0).map(\.output) == [1, 2])
    #expect(support.entries(ofExample: 0).map(\.value) == [5, 0])
  }

  @Test(arguments: InstructionSet.available)
  func aNaNIsAnErrorThatNamesTheGroup(set: InstructionSet) {
    var random = Philox(seed: 201)
    var d = random.nextMatrix(10, 40)
    d[7, 11] = .nan
    let context = ComputeContext(instructionSet: set)
    #expect(
      brokenExample {
        try GradientSupport().selectUnified(4, of: d, groupSize: 3, context: context)
      } == 6)
    #expect(
      brokenExample {
        try GradientSupport().selectUnified(4, of: d, context: context)
      } == 0)
  }

  @Test func threadsDoNotChangeTheResult() throws {
    var random = Philox(seed: 202)
    let d = random.nextMatrix(600, 700)
    let reference = GradientSupport()
    try reference.selectUnified(33, of: d, groupSize: 50, context: ComputeContext(threadCount: 1))
    for threads in [2, 3] {
      let support = GradientSupport()
      try support.selectUnified(
        33, of: d, groupSize: 50, context: ComputeContext(threadCount: threads))
      for example in 0..<600 {
        #expect(
          support.entries(ofExample: example).map(\.output)
            == reference.entries(ofExample: example).map(\.output))
      }
    }
  }
}

@Suite struct RandomSelectionTests {
  @Test func keepsExactlyKDistinctOutputs() throws {
    var random = Philox(seed: 210)
    for _ in 0..<40 {
      let n = random.nextInt(in: 1...200)
      let k = random.nextInt(in: 1...n)
      let d = random.nextMatrix(3, n)
      let support = GradientSupport()
      try support.selectRandom(k, of: d, seed: 5, stream: random.next())
      for example in 0..<3 {
        let entries = support.entries(ofExample: example)
        #expect(entries.count == k)
        #expect(zip(entries, entries.dropFirst()).allSatisfy { $0.output < $1.output })
        #expect(entries.allSatisfy { $0.output < n && $0.value == d[example, $0.output] })
      }
    }
  }

  @Test func isRepeatableAndDependsOnSeedAndStream() throws {
    let d = Matrix(rowCount: 4, columnCount: 500)
    func outputs(seed: UInt64, stream: UInt64) throws -> [[Int]] {
      let support = GradientSupport()
      try support.selectRandom(20, of: d, seed: seed, stream: stream)
      return (0..<4).map { support.entries(ofExample: $0).map(\.output) }
    }
    let first = try outputs(seed: 1, stream: 2)
    #expect(try outputs(seed: 1, stream: 2) == first)
    #expect(try outputs(seed: 2, stream: 2) != first)
    #expect(try outputs(seed: 1, stream: 3) != first)
    #expect(Set(first).count == 4, "examples draw their own outputs")
  }

  @Test(arguments: [(10, 1), (10, 3), (10, 9), (70, 7)])
  func isUniform(n: Int, k: Int) throws {
    let batchSize = 4000
    let d = Matrix(rowCount: batchSize, columnCount: n)
    let support = GradientSupport()
    try support.selectRandom(k, of: d, seed: 77, stream: 1)
    var counts = [Double](repeating: 0, count: n)
    for example in 0..<batchSize {
      for entry in support.entries(ofExample: example) { counts[entry.output] += 1 }
    }
    let mean = Double(batchSize * k) / Double(n)
    // Without replacement counts vary less: the variance of one is mean · (1 − k / n).
    let scale = mean * (1 - Double(k) / Double(n)) * Double(n) / Double(n - 1)
    let chiSquare = counts.reduce(0) { $0 + ($1 - mean) * ($1 - mean) / scale }
    // The 99.9 % quantiles of 9 and of 69 degrees of freedom.
    #expect(chiSquare < (n == 10 ? 27.88 : 111.1))
    #expect(chiSquare > (n == 10 ? 1.15 : 36), "too even to be random: chi-square \(chiSquare)")
  }

  @Test func aNaNThatIsChosenIsAnError() {
    var d = Matrix(rowCount: 3, columnCount: 8)
    d[1, 5] = .nan
    #expect(
      brokenExample {
        try GradientSupport().selectRandom(8, of: d, seed: 1, stream: 1)
      } == 1)
  }
}

@Suite struct UnitMemoryTests {
  @Test(arguments: InstructionSet.available)
  func isTheMeanOfWhatSelectionLeft(set: InstructionSet) throws {
    var random = Philox(seed: 220)
    let context = ComputeContext(instructionSet: set)
    for batchSize in [1, 2, 13, 40] {
      let d = random.nextMatrix(batchSize, 37)
      let support = GradientSupport()
      try support.selectTop(5, of: d, context: context)
      let exact = DoubleMatrix(d)
      let kept = NaiveReference.topIndices(of: exact, count: 5)
      let s = NaiveReference.masked(exact, keeping: kept)
      let sums = Matrix([exact.columnSums().map { Float($0) }])
      var memory = random.nextMatrix(1, 37)
      support.storeRemainder(in: &memory, columnSums: sums)
      let expected = NaiveReference.remainder(of: exact, kept: s)
      // Each sum has batchSize terms of size 1; their errors stay below batchSize ulp before the
      // mean.
      expectClose(memory.elements, expected, atol: 1.2e-6, rtol: 0)
      #expect(mismatch(memory.elements, s.columnSums(), atol: 1e-3, rtol: 0) != nil)
    }
  }

  @Test func isZeroWhereEverythingIsKept() throws {
    var random = Philox(seed: 221)
    let d = random.nextExactMatrix(6, 19)
    let support = GradientSupport()
    try support.selectTop(19, of: d, context: ComputeContext())
    var memory = random.nextMatrix(1, 19)
    support.storeRemainder(
      in: &memory, columnSums: Matrix([DoubleMatrix(d).columnSums().map { Float($0) }]))
    #expect(memory == Matrix(rowCount: 1, columnCount: 19))
  }
}
