import MePropCore
import Testing
import _MePropTestSupport

/// The example that a selection finds a NaN in, or `nil` where it finds none.
func brokenExample(_ select: () throws -> Void) -> Int? {
  do {
    try select()
    return nil
  } catch {
    return (error as? NaNGradientError)?.example
  }
}

/// Top-k per example: exactly what a full sort gives, on every instruction set.
@Suite struct SelectionTests {
  /// Selects and compares with the full sort: outputs, values, and how many.
  private func check(
    _ d: Matrix, k: Int, on set: InstructionSet, norms: [Float]? = nil, _ comment: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let context = ComputeContext(instructionSet: set)
    let support = GradientSupport()
    try support.selectTop(k, of: d, norms: norms, context: context)
    for example in 0..<d.rowCount {
      let row = d.withRow(example) { Array($0) }
      let expected = NaiveReference.topIndices(of: row.map(Double.init), count: k)
      let found = support.entries(ofExample: example)
      #expect(
        found.map(\.output) == expected, "\(comment), k \(k), example \(example), \(set)",
        sourceLocation: sourceLocation)
      #expect(
        found.map(\.value) == found.map { row[$0.output] }, "\(comment): values",
        sourceLocation: sourceLocation)
    }
  }

  @Test(arguments: InstructionSet.available)
  func agreesWithAFullSort(set: InstructionSet) throws {
    var random = Philox(seed: 100)
    for seed in 0..<60 {
      let n = random.nextInt(in: 1...300)
      let d = random.nextMatrix(random.nextInt(in: 1...4), n)
      for k in Set([1, random.nextInt(in: 1...n), max(1, n - 1), n]) {
        try check(d, k: k, on: set, "normal numbers, case \(seed)")
      }
    }
  }

  @Test(arguments: InstructionSet.available)
  func tiesGoToTheLowerIndex(set: InstructionSet) throws {
    var random = Philox(seed: 101)
    for seed in 0..<60 {
      let n = random.nextInt(in: 1...150)
      var d = Matrix(rowCount: 3, columnCount: n)
      for row in 0..<3 {
        for column in 0..<n { d[row, column] = Float(random.nextInt(in: -3...3)) }
      }
      try check(d, k: random.nextInt(in: 1...n), on: set, "whole numbers, case \(seed)")
    }
  }

  @Test(arguments: InstructionSet.available)
  func everyWidthAroundAVector(set: InstructionSet) throws {
    var random = Philox(seed: 102)
    for n in [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 500] {
      let d = random.nextMatrix(2, n)
      for k in Set([1, (n + 1) / 2, n]) { try check(d, k: k, on: set, "width \(n)") }
    }
  }

  /// More entries than are listed apart (512), and rows so wide that comparisons are made again
  /// (8,192).
  @Test(arguments: InstructionSet.available)
  func manyEntriesOfWideRows(set: InstructionSet) throws {
    var random = Philox(seed: 106)
    for (n, k) in [
      (600, 511), (600, 512), (600, 513), (3_000, 700), (8_192, 20), (8_193, 20), (8_209, 40),
      (9_001, 600), (9_001, 9_000),
    ] {
      var d = random.nextMatrix(2, n)
      try check(d, k: k, on: set, "wide")
      // With ties across the whole row.
      for column in 0..<n { d[1, column] = Float(random.nextInt(in: -40...40)) }
      try check(d, k: k, on: set, "wide, with ties")
    }
  }

  /// Of several broken examples the first is named, whatever thread finds which.
  @Test func theFirstNaNIsNamed() {
    var random = Philox(seed: 107)
    var d = random.nextMatrix(400, 300)
    for example in [37, 190, 220, 399] { d[example, example % 300] = .nan }
    for threads in 1...3 {
      let context = ComputeContext(threadCount: threads)
      let support = GradientSupport()
      #expect(
        brokenExample { try support.selectTop(20, of: d, context: context) } == 37,
        "\(threads) threads")
    }
  }

  @Test(arguments: InstructionSet.available)
  func hugeDynamicRange(set: InstructionSet) throws {
    var random = Philox(seed: 103)
    for seed in 0..<30 {
      let n = random.nextInt(in: 2...200)
      var d = Matrix(rowCount: 2, columnCount: n)
      for row in 0..<2 {
        for column in 0..<n {
          // Any bit pattern that is not NaN: subnormals, infinities and both zeros are among them.
          var value = Float(bitPattern: random.next32())
          if value.isNaN { value = .infinity }
          d[row, column] = value
        }
      }
      for k in Set([1, n / 2, n]) { try check(d, k: k, on: set, "any bits, case \(seed)") }
    }
  }

  @Test(arguments: InstructionSet.available)
  func subnormalsAndInfinities(set: InstructionSet) throws {
    let tiny = Float.leastNonzeroMagnitude
    let rows = Matrix([
      [0, tiny, -tiny, 2 * tiny, 0, -0.0, tiny],
      [.infinity, 1, -.infinity, 2, .greatestFiniteMagnitude, 0, -3],
      [0, 0, 0, tiny, 0, 0, 0],
      [1e-37, -9000 * tiny, 700 * tiny, -60 * tiny, 5 * tiny, -5 * tiny, 3 * tiny],
    ])
    for k in 1...7 { try check(rows, k: k, on: set, "extremes") }
  }

  @Test(arguments: InstructionSet.available)
  func zerosAreNeverSelected(set: InstructionSet) throws {
    var d = Matrix(rowCount: 4, columnCount: 90)
    d[1, 70] = -2
    d[2, 3] = 1e-30
    d[2, 89] = 1e30
    for column in 0..<90 { d[3, column] = column % 2 == 0 ? -0.0 : 0 }
    for k in [1, 2, 3, 90] { try check(d, k: k, on: set, "mostly zero") }
    let support = GradientSupport()
    try support.selectTop(5, of: d, context: ComputeContext(instructionSet: set))
    #expect(support.entries(ofExample: 0).isEmpty)
    #expect(support.entries(ofExample: 2).map(\.output) == [3, 89])
    #expect(support.touchedOutputs == [3, 70, 89])
  }

  @Test(arguments: InstructionSet.available)
  func equalRows(set: InstructionSet) throws {
    for value in [1, -1, .leastNonzeroMagnitude, 3e38, -.infinity] as [Float] {
      let d = Matrix([
        Array(repeating: value, count: 77), (0..<77).map { $0 % 2 == 0 ? value : -value },
      ])
      for k in [1, 20, 76, 77] { try check(d, k: k, on: set, "all \(value)") }
    }
  }

  @Test(arguments: InstructionSet.available)
  func wrongNormsChangeNothing(set: InstructionSet) throws {
    var random = Philox(seed: 104)
    let d = random.nextMatrix(5, 123)
    for norm in [0, 1e-30, 1, 1e30, .infinity, .nan, -1] as [Float] {
      try check(
        d, k: 11, on: set, norms: Array(repeating: norm, count: 5), "norms of \(norm)")
    }
  }

  @Test(arguments: InstructionSet.available)
  func signsDoNotMatter(set: InstructionSet) throws {
    var random = Philox(seed: 105)
    let context = ComputeContext(instructionSet: set)
    for _ in 0..<20 {
      let d = random.nextMatrix(1, 100)
      var flipped = d
      for column in 0..<100 where random.next32() & 1 == 0 { flipped[0, column] *= -1 }
      let a = GradientSupport()
      let b = GradientSupport()
      try a.selectTop(13, of: d, context: context)
      try b.selectTop(13, of: flipped, context: context)
      #expect(a.entries(ofExample: 0).map(\.output) == b.entries(ofExample: 0).map(\.output))
      #expect(
        b.entries(ofExample: 0).map(\.value) == b.touchedOutputs.map { flipped[0, $0] })
    }
  }

  @Test func followsPermutationsAndIsIdempotent() throws {
    var random = Philox(seed: 106)
    let context = ComputeContext()
    for _ in 0..<20 {
      let d = random.nextMatrix(1, 97)
      var order = (0..<97).map(UInt32.init)
      random.shuffle(&order)
      var permuted = Matrix(rowCount: 1, columnCount: 97)
      for (to, from) in order.enumerated() { permuted[0, to] = d[0, Int(from)] }
      let support = GradientSupport()
      try support.selectTop(9, of: permuted, context: context)
      let mapped = support.entries(ofExample: 0).map { Int(order[$0.output]) }.sorted()
      try support.selectTop(9, of: d, context: context)
      let kept = support.entries(ofExample: 0)
      #expect(mapped == kept.map(\.output))
      var masked = Matrix(rowCount: 1, columnCount: 97)
      for entry in kept { masked[0, entry.output] = entry.value }
      try support.selectTop(9, of: masked, context: context)
      #expect(support.entries(ofExample: 0).map(\.output) == kept.map(\.output))
    }
  }

  @Test(arguments: InstructionSet.available)
  func aNaNIsAnErrorThatNamesTheExample(set: InstructionSet) {
    var random = Philox(seed: 107)
    let context = ComputeContext(instructionSet: set)
    for n in [1, 17, 64, 200] {
      for k in Set([1, (n + 1) / 2, n]) {
        for nan in [Float.nan, -Float.nan, Float(bitPattern: 0x7f80_0001)] {
          var d = random.nextMatrix(5, n)
          d[3, random.nextInt(in: 0...(n - 1))] = nan
          if n > 1 { d[3, 0] = .infinity }
          d[3, n - 1] = nan
          #expect(
            brokenExample {
              try GradientSupport().selectTop(k, of: d, context: context)
            } == 3)
        }
      }
    }
  }

  @Test func aWorkspaceServesManyShapes() throws {
    var random = Philox(seed: 108)
    let support = GradientSupport()
    let context = ComputeContext()
    for (rows, n, k) in [
      (3, 40, 5), (9, 12, 12), (1, 300, 100), (0, 7, 2), (4, 40, 1), (20, 33, 7),
    ] {
      let d = random.nextMatrix(rows, n)
      try support.selectTop(k, of: d, context: context)
      #expect(support.batchSize == rows && support.k == k && support.outputSize == n)
      for example in 0..<rows {
        let row = d.withRow(example) { $0.map(Double.init) }
        #expect(
          support.entries(ofExample: example).map(\.output)
            == NaiveReference.topIndices(of: row, count: k))
      }
    }
  }

  @Test func threadsDoNotChangeTheResult() throws {
    var random = Philox(seed: 109)
    let d = random.nextMatrix(300, 400)
    let reference = GradientSupport()
    try reference.selectTop(21, of: d, context: ComputeContext(threadCount: 1))
    for threads in [2, 3] {
      let support = GradientSupport()
      try support.selectTop(21, of: d, context: ComputeContext(threadCount: threads))
      for example in 0..<300 {
        let found = support.entries(ofExample: example)
        let expected = reference.entries(ofExample: example)
        #expect(found.map(\.output) == expected.map(\.output))
        #expect(found.map(\.value) == expected.map(\.value))
      }
    }
  }
}
