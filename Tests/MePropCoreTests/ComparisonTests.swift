import MePropCore
import Testing
import _MePropTestSupport

/// The helper that all other tests rely on must itself be able to say no.
@Suite struct ComparisonTests {
  private let expected: [Double] = [1, -2, 3]

  @Test func acceptsWhatIsClose() {
    #expect(mismatch(expected, expected, atol: 0, rtol: 0) == nil)
    #expect(mismatch([1 + 1e-7, -2, 3] as [Double], expected, atol: 0, rtol: 1e-6) == nil)
    #expect(mismatch([1 + 1e-7, -2, 3] as [Double], expected, atol: 1e-6, rtol: 0) == nil)
    #expect(mismatch([] as [Double], [] as [Double], atol: 0, rtol: 0) == nil)
    #expect(mismatch([.infinity] as [Double], [.infinity] as [Double], atol: 0, rtol: 0) == nil)
    #expect(mismatch([1] as [Float], [1] as [Double], atol: 0, rtol: 0) == nil)
    #expect(mismatch([0] as [Double], [-0.0] as [Double], atol: 0, rtol: 0) == nil)
  }

  @Test func rejectsShortAndLongArrays() {
    #expect(
      mismatch([1, -2] as [Double], expected, atol: 9, rtol: 9)
        == .shape(found: [2], expected: [3]))
    #expect(mismatch([1, -2, 3, 0] as [Double], expected, atol: 9, rtol: 9) != nil)
    #expect(mismatch([] as [Double], expected, atol: 9, rtol: 9) != nil)
  }

  @Test func rejectsAnotherShapeOfAsManyValues() {
    let row = Matrix([[1, -2, 3]])
    #expect(
      mismatch(row, expected, atol: 9, rtol: 9) == .shape(found: [1, 3], expected: [3]))
    #expect(mismatch(row, DoubleMatrix(rowCount: 3, columnCount: 1), atol: 9, rtol: 9) != nil)
  }

  @Test func rejectsNaNEverywhere() {
    #expect(mismatch([1, .nan, 3] as [Double], expected, atol: 9, rtol: 9) != nil)
    #expect(mismatch(expected, [1, .nan, 3] as [Double], atol: 9, rtol: 9) != nil)
    #expect(mismatch([.nan] as [Double], [.nan] as [Double], atol: 9, rtol: 9) != nil)
    #expect(mismatch([.nan] as [Double], [0] as [Double], atol: .infinity, rtol: 0) != nil)
  }

  @Test func rejectsInfinities() {
    #expect(mismatch([.infinity] as [Double], [1] as [Double], atol: 1, rtol: 1) != nil)
    #expect(mismatch([.infinity] as [Double], [-.infinity] as [Double], atol: 1, rtol: 1) != nil)
    #expect(mismatch([1] as [Double], [.infinity] as [Double], atol: 1, rtol: 1) != nil)
  }

  @Test func rejectsAllZeros() {
    #expect(mismatch([0, 0, 0] as [Double], expected, atol: 1e-3, rtol: 1e-3) != nil)
    #expect(mismatch(expected, [0, 0, 0] as [Double], atol: 1e-3, rtol: 1e-3) != nil)
    let zeros = Matrix(rowCount: 1, columnCount: 2)
    #expect(mismatch(zeros, Matrix([[0, 1e-3]]), atol: 1e-6, rtol: 0.5) != nil)
  }

  @Test func namesTheWorstPlace() throws {
    let found = Matrix([[1, 2, 3], [4, 5.5, 6.25]])
    let wanted = Matrix([[1, 2, 3], [4, 5, 6]])
    let result = try #require(mismatch(found, wanted, atol: 0.125, rtol: 0))
    #expect(
      result == .value(index: [1, 1], found: 5.5, expected: 5, excess: 4, count: 2))
    #expect(
      result.description
        == "at [1, 1]: found 5.5, expected 5.0; error 0.5 is 4.0 times what is allowed; 2 "
        + "such values"
    )
    #expect(
      Mismatch.shape(found: [2], expected: [3]).description == "shape is [2], expected [3]")
  }

  @Test func theHelpersRecordIssues() {
    withKnownIssue { expectClose([1, 2] as [Double], expected, atol: 9, rtol: 9) }
    withKnownIssue { expectClose([0, 0, 0] as [Double], expected, atol: 1e-3, rtol: 1e-3) }
    withKnownIssue { expectClose([.nan] as [Double], [.nan] as [Double], atol: 9, rtol: 9) }
    withKnownIssue { expectSameBits(Matrix([[0]]), Matrix([[-0.0]])) }
    withKnownIssue { expectSameBits(Matrix([[0]]), Matrix([[0, 0]])) }
    expectClose(expected, expected, atol: 0, rtol: 0)
    expectSameBits(Matrix([[1, .nan]]), Matrix([[1, .nan]]))
  }
}

@Suite struct GradientCheckTests {
  @Test func derivativesOfAKnownFunction() {
    // f = x³ y + 1e3 z has the gradient (3 x² y, x³, 1e3).
    let point = [2.0, -3.0, 100.0]
    let found = GradientCheck.centralDifferences(
      of: { $0[0] * $0[0] * $0[0] * $0[1] + 1e3 * $0[2] }, at: point)
    expectClose(found, [-36, 8, 1000] as [Double], atol: 0, rtol: 1e-7)
  }

  @Test(arguments: [1, 4])
  func softmaxCrossEntropy(batchSize: Int) {
    var random = Philox(seed: 21, stream: UInt64(batchSize))
    let logits = DoubleMatrix(random.nextMatrix(batchSize, 5, scale: 2))
    let labels = random.nextLabels(batchSize, classCount: 5)
    let found = NaiveReference.crossEntropyGradient(logits, labels: labels)
    let expected = GradientCheck.centralDifferences(
      of: { point in
        let moved = DoubleMatrix(rowCount: batchSize, columnCount: 5, elements: point)
        let losses = (0..<batchSize).map {
          NaiveReference.crossEntropy(moved.row($0), label: Int(labels[$0]))
        }
        return losses.reduce(0, +) / Double(batchSize)
      }, at: logits.elements)
    expectClose(found.elements, expected, atol: 1e-9, rtol: 1e-6)
  }

  @Test(arguments: Activation.allCases)
  func activations(activation: Activation) {
    let points = [-3.0, -1.1, -0.2, 0.3, 0.9, 2.5]
    let found = points.map { NaiveReference.derivative(at: $0, activation) }
    let expected = points.map { point in
      GradientCheck.centralDifferences(
        of: { NaiveReference.activate($0[0], activation) }, at: [point])[0]
    }
    expectClose(found, expected, atol: 1e-9, rtol: 1e-6)
  }
}
