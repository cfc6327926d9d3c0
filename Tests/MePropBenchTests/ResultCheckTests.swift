import MePropBench
import MePropCore
import Testing

/// Right results pass, wrong ones do not.
@Suite struct ResultCheckTests {
  private let context = ComputeContext(threadCount: 1)

  private func product(_ a: Matrix, _ b: Matrix, _ row: Int, _ column: Int) -> ReferenceSum {
    var sum = ReferenceSum()
    for inner in 0..<a.columnCount { sum.add(a[row, inner], b[inner, column]) }
    return sum
  }

  @Test func aSumThatLacksATermIsRefused() throws {
    var random = Philox(seed: 1)
    let a = randomMatrix(7, 2_000, &random)
    let b = randomMatrix(2_000, 9, &random)
    var found = Matrix(rowCount: 7, columnCount: 9)
    context.multiply(a, by: b, into: &found)
    func check(_ found: Matrix) throws {
      try ResultCheck.sums("product", found, rows: Array(0..<7), columns: Array(0..<9)) {
        product(a, b, $0, $1)
      }
    }
    try check(found)
    var wrong = found
    // What a term is, about: its mean magnitude is 2 / π.
    wrong[3, 4] -= 0.6
    #expect(throws: WrongResultError.self) { try check(wrong) }
    wrong = found
    wrong[6, 8] = .nan
    #expect(throws: WrongResultError.self) { try check(wrong) }
    wrong = Matrix(rowCount: 7, columnCount: 9)
    #expect(throws: WrongResultError.self) { try check(wrong) }
  }

  @Test func selectionIsExact() throws {
    var random = Philox(seed: 2)
    var d = randomMatrix(5, 40, &random)
    // Equal magnitudes, of which the lower outputs are kept, and an example with next to nothing.
    for output in 0..<40 { d[1, output] = output % 2 == 0 ? 1 : -1 }
    for output in 0..<40 { d[2, output] = output == 17 ? 3 : 0 }
    let support = GradientSupport()
    try support.selectTop(6, of: d, context: context)
    try ResultCheck.selection(support, of: d, k: 6)
    #expect(throws: WrongResultError.self) { try ResultCheck.selection(support, of: d, k: 5) }
    var other = d
    other[4, support.entries(ofExample: 4)[2].output] *= 1.000_000_2
    #expect(throws: WrongResultError.self) { try ResultCheck.selection(support, of: other, k: 6) }
    other = d
    other[1, 39] = 1.5
    #expect(throws: WrongResultError.self) { try ResultCheck.selection(support, of: other, k: 6) }
  }

  @Test func unifiedSelectionKeepsTheLargestSums() throws {
    var random = Philox(seed: 3)
    let d = randomMatrix(12, 30, &random)
    let support = GradientSupport()
    try support.selectUnified(5, of: d, context: context)
    try ResultCheck.unifiedSelection(support, of: d, k: 5)
    #expect(throws: WrongResultError.self) {
      try ResultCheck.unifiedSelection(support, of: d, k: 6)
    }
    let kept = support.entries(ofExample: 0).map(\.output)
    var other = d
    let dropped = try #require((0..<30).first { !kept.contains($0) })
    for example in 0..<12 { other[example, dropped] *= 100 }
    #expect(throws: WrongResultError.self) {
      try ResultCheck.unifiedSelection(support, of: other, k: 5)
    }
  }

  static let rules: [UpdateRule] = [
    UpdateRule(formula: .gradientDescent, rate: 0.01),
    UpdateRule(formula: .momentum(0.9), rate: 0.01),
    UpdateRule(formula: .adaGrad(epsilon: 1e-6), rate: 0.01),
    UpdateRule(
      formula: .adam(beta1: 0.9, beta2: 0.999, secondCorrection: 1.2, epsilon: 1e-8), rate: 0.01),
  ]

  @Test(arguments: rules)
  func aWrongUpdateIsRefused(_ rule: UpdateRule) throws {
    var random = Philox(seed: 4)
    let gradient = randomMatrix(6, 20, &random)
    var weights = randomMatrix(6, 20, &random)
    var moments = Moments(count: rule.momentCount, rowCount: 6, columnCount: 20)
    let before = ParameterState(weights, moments)
    context.update(&weights, &moments, by: rule, gradient: gradient)
    let after = ParameterState(weights, moments)
    func check(_ after: ParameterState, _ rule: UpdateRule, isVisited: Bool = true) throws {
      try ResultCheck.update(
        "update", from: before, to: after, by: rule, rows: Array(0..<6), columns: Array(0..<20)
      ) { row, column in
        guard isVisited || row != 5 else { return nil }
        var sum = ReferenceSum()
        sum.add(gradient[row, column], 1)
        return sum
      }
    }
    try check(after, rule)
    var otherRule = rule
    otherRule.rate *= 1.001
    #expect(throws: WrongResultError.self) { try check(after, otherRule) }
    #expect(throws: WrongResultError.self) { try check(after, rule, isVisited: false) }
    var other = after
    other.weights[2, 7] = before.weights[2, 7]
    #expect(throws: WrongResultError.self) { try check(other, rule) }
    other = after
    if rule.momentCount > 0 {
      var first = after.moments.first
      first[5, 19] *= 1.001
      other.moments = Moments(first: first, second: after.moments.second)
      #expect(throws: WrongResultError.self) { try check(other, rule) }
    }
  }

  @Test(arguments: [1, 7, 40, 500, 784, 2_048])
  func placesAreSpreadOverAll(size: Int) {
    let places = ResultCheck.places(size)
    #expect(places.first == 0 && places.last == size - 1)
    #expect(places.count <= 44 && places.count >= min(size, 20))
    #expect(places == places.sorted() && Set(places).count == places.count)
    #expect(ResultCheck.places(0).isEmpty)
  }
}
