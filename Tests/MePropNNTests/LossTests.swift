import MePropCore
import MePropNN
import Testing
import _MePropTestSupport

/// Values and gradients of all losses against their formulas in double precision, which are held to
/// central differences first.
@Suite struct LossTests {
  /// What a loss gave for a batch.
  private struct Result {
    var sum: LossSum
    var gradient: Matrix
    var losses: [Float]
  }

  private func differentiate<L: Loss>(
    _ loss: L, _ output: Matrix, _ targets: L.Targets, weights: [Float] = []
  ) -> Result {
    // What was there before must not matter.
    var gradient = Matrix(rowCount: output.rowCount, columnCount: output.columnCount)
    for row in 0..<output.rowCount {
      for column in 0..<output.columnCount { gradient[row, column] = .nan }
    }
    var losses = [Float](repeating: .nan, count: output.rowCount + 2)
    var scratch = loss.makeScratch()
    let context = ComputeContext()
    var sum = LossSum(sum: 0, weight: 0)
    // Twice, with the same memory.
    for _ in 0..<2 {
      sum = loss.differentiate(
        output, targets, weights: weights, into: &gradient, losses: &losses, &scratch,
        context: context)
    }
    return Result(sum: sum, gradient: gradient, losses: Array(losses.prefix(output.rowCount)))
  }

  /// Compares a loss with its formula, and the formula with central differences.
  private func check<L: Loss>(
    _ loss: L, _ naive: NaiveLoss, _ output: Matrix, _ targets: L.Targets,
    _ naiveTargets: NaiveLoss.Targets, weights: [Float] = [], _ comment: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let y = DoubleMatrix(output)
    let w = weights.map(Double.init)
    let gradient = naive.gradient(y, naiveTargets, weights: w)
    if y.elements.allSatisfy({ abs($0) < 10 }) {
      let differences = GradientCheck.centralDifferences(
        of: { naive.mean(y.with($0), naiveTargets, weights: w) }, at: y.elements)
      expectClose(
        gradient.elements, differences, atol: 1e-8, rtol: 1e-6, "\(comment): formula",
        sourceLocation: sourceLocation)
    }
    let found = differentiate(loss, output, targets, weights: weights)
    // e^x is right to 2e-7; sums have up to eight terms. A loss is a difference of logits, which
    // are right to half a unit in the last place.
    let rtol = 16 * 0x1p-24
    let atol = y.elements.reduce(rtol) { max($0, 0x1p-24 * abs($1)) }
    expectClose(
      [found.sum.mean], [naive.mean(y, naiveTargets, weights: w)], atol: atol, rtol: rtol,
      "\(comment): mean", sourceLocation: sourceLocation)
    expectClose(
      found.losses, naive.losses(y, naiveTargets), atol: atol, rtol: rtol, "\(comment): losses",
      sourceLocation: sourceLocation)
    expectClose(
      found.gradient, gradient,
      atol: rtol * gradient.elements.reduce(1e-3) { max($0, abs($1)) }, rtol: rtol,
      "\(comment): gradient", sourceLocation: sourceLocation)
  }

  /// Weights of rows: none, some of them zero, all zero.
  private static let weights: [[Float]] = [[], [1, 0, 2.5, 0.5, 0], [0, 0, 0, 0, 0]]

  @Test(arguments: weights, [Float(1), 100])
  func softmaxCrossEntropy(weights: [Float], scale: Float) {
    for columns in [1, 3, 17] {
      for (index, classWeights) in [[], [0.5, 2, 0]].enumerated() as EnumeratedSequence<[[Float]]>
      where classWeights.isEmpty || columns == 3 {
        var random = Philox(seed: UInt64(columns + index))
        let labels = random.nextLabels(5, classCount: columns)
        check(
          SoftmaxCrossEntropy(classWeights: classWeights),
          .softmax(classWeights: classWeights.map(Double.init)),
          random.nextMatrix(5, columns, scale: scale), labels, .labels(labels), weights: weights,
          "softmax of \(columns), weights \(weights), classes \(classWeights)")
      }
    }
  }

  @Test(arguments: weights, [Float(1), 100])
  func binaryCrossEntropy(weights: [Float], scale: Float) {
    for classWeights in [[], [0.5, 2, 0]] as [[Float]] {
      var random = Philox(seed: 3)
      var targets = Matrix(rowCount: 5, columnCount: 3)
      for row in 0..<5 { for column in 0..<3 { targets[row, column] = random.nextUniform() } }
      targets[0, 0] = 0
      targets[1, 1] = 1
      check(
        BinaryCrossEntropy(classWeights: classWeights),
        .binary(classWeights: classWeights.map(Double.init)),
        random.nextMatrix(5, 3, scale: scale), targets, .values(DoubleMatrix(targets)),
        weights: weights, "binary, weights \(weights), labels \(classWeights)")
    }
  }

  @Test(arguments: weights)
  func regression(weights: [Float]) {
    var random = Philox(seed: 4)
    let (output, targets) = (random.nextMatrix(5, 3, scale: 2), random.nextMatrix(5, 3))
    let naive = NaiveLoss.Targets.values(DoubleMatrix(targets))
    check(SquaredError(), .squared, output, targets, naive, weights: weights, "squared error")
    for delta in [Float(0.5), 1, 3] {
      check(
        HuberLoss(delta: delta), .huber(delta: Double(delta)), output, targets, naive,
        weights: weights, "Huber \(delta)")
    }
  }

  @Test func huberIsBothOfItsParts() {
    let output = Matrix([[2, -2, 0.5, -0.5, 1]])
    let found = differentiate(
      HuberLoss(delta: 1), output, Matrix(rowCount: 1, columnCount: 5))
    #expect(found.gradient.elements == [1, -1, 0.5, -0.5, 1])
    #expect(found.losses == [1.5 + 1.5 + 0.125 + 0.125 + 0.5])
  }

  @Test(arguments: weights)
  func pair(weights: [Float]) {
    var random = Philox(seed: 5)
    let output = random.nextMatrix(5, 7)
    let labels = random.nextLabels(5, classCount: 3)
    let targets = random.nextMatrix(5, 4)
    let cases: [([Float], Float)] = [
      ([], 1), ([], 0.3), ([0.5, 2, 1], 0.3), ([0, 0, 0], 0.3), ([0.5, 2, 1], 0),
    ]
    for (classWeights, factor) in cases {
      let loss = PairLoss(
        SoftmaxCrossEntropy(classWeights: classWeights), SquaredError(), split: 3, factor: factor)
      check(
        loss,
        .pair(
          .softmax(classWeights: classWeights.map(Double.init)), .squared, split: 3,
          factor: Double(factor)), output, (labels, targets),
        .pair(.labels(labels), .values(DoubleMatrix(targets))), weights: weights,
        "pair, weights \(weights), classes \(classWeights), factor \(factor)")
    }
  }

  @Test func pairOfPairs() {
    var random = Philox(seed: 6)
    let output = random.nextMatrix(4, 6)
    let labels = random.nextLabels(4, classCount: 2)
    let (a, b) = (random.nextMatrix(4, 3), random.nextMatrix(4, 1))
    check(
      PairLoss(
        SoftmaxCrossEntropy(), PairLoss(HuberLoss(), SquaredError(), split: 3, factor: 2),
        split: 2, factor: 0.5),
      .pair(
        .softmax(), .pair(.huber(delta: 1), .squared, split: 3, factor: 2), split: 2, factor: 0.5),
      output, (labels, (a, b)),
      .pair(.labels(labels), .pair(.values(DoubleMatrix(a)), .values(DoubleMatrix(b)))), "pairs")
  }

  // MARK: Large and broken numbers

  @Test func largeLogitsDoNotOverflow() {
    let output = Matrix([[100, -100, 0], [-100, 100, 100], [-100, -100, -100]])
    for labels in [[0, 1, 2], [1, 0, 0]] as [[Int32]] {
      check(SoftmaxCrossEntropy(), .softmax(), output, labels, .labels(labels), "softmax")
      for label in labels {
        var targets = Matrix(rowCount: 3, columnCount: 3)
        for row in 0..<3 { targets[row, Int(label)] = 1 }
        check(
          BinaryCrossEntropy(), .binary(), output, targets, .values(DoubleMatrix(targets)),
          "binary")
      }
    }
  }

  /// A sum that is not finite tells the trainer that training is broken, also where the row does
  /// not count.
  @Test(arguments: [Float.nan, .infinity, -.infinity], weights)
  func brokenOutputsAreTold(value: Float, weights: [Float]) {
    for row in 0..<5 {
      var random = Philox(seed: 7)
      var output = random.nextMatrix(5, 4)
      let targets = random.nextMatrix(5, 4).rounded(toProbabilities: true)
      let labels = random.nextLabels(5, classCount: 3)
      output[row, 2] = value
      let place = "\(value) in row \(row), weights \(weights)"
      #expect(
        !differentiate(SquaredError(), output, targets, weights: weights).sum.sum.isFinite,
        "squared \(place)")
      #expect(
        !differentiate(HuberLoss(), output, targets, weights: weights).sum.sum.isFinite,
        "Huber \(place)")
      #expect(
        !differentiate(SoftmaxCrossEntropy(), output, labels, weights: weights).sum.sum.isFinite,
        "softmax \(place)")
      #expect(
        !differentiate(BinaryCrossEntropy(), output, targets, weights: weights).sum.sum.isFinite,
        "binary \(place)")
      for split in [2, 3] {
        var other = Matrix(rowCount: 5, columnCount: 4 - split)
        other.setToZero()
        let loss = PairLoss(SoftmaxCrossEntropy(), HuberLoss(), split: split)
        let twoLabels = labels.map { min($0, 1) }
        #expect(
          !differentiate(loss, output, (twoLabels, other), weights: weights).sum.sum.isFinite,
          "pair at \(split) \(place)")
      }
    }
  }

  @Test func ofNoWeightTheMeanIsZero() {
    #expect(LossSum(sum: 0, weight: 0).mean == 0)
    #expect(LossSum(sum: 3, weight: 2).mean == 1.5)
  }
}

extension DoubleMatrix {
  /// The matrix with other elements.
  fileprivate func with(_ elements: [Double]) -> DoubleMatrix {
    DoubleMatrix(rowCount: rowCount, columnCount: columnCount, elements: elements)
  }
}

extension Matrix {
  /// 1 for what is positive, 0 for the rest.
  fileprivate func rounded(toProbabilities: Bool) -> Matrix {
    Matrix(
      rowCount: rowCount, columnCount: columnCount, elements: elements.map { $0 > 0 ? 1 : 0 })
  }
}

// MARK: - Wrong calls

@Suite struct LossPreconditionTests {
  /// Calls that must stop the program.
  enum Misuse: Int, CaseIterable, Codable {
    case tooFewLabels, tooFewWeights, otherColumns, otherRows, classWeights, labelWeights
    case labelOutOfRange, shortLosses, splitAtZero, splitBeyond, deltaZero

    func perform() {
      let output = Matrix(rowCount: 2, columnCount: 3)
      switch self {
      case .tooFewLabels: call(SoftmaxCrossEntropy(), output, [1])
      case .tooFewWeights: call(SquaredError(), output, output, weights: [1])
      case .otherColumns: call(SquaredError(), output, Matrix(rowCount: 2, columnCount: 2))
      case .otherRows: call(HuberLoss(), output, Matrix(rowCount: 3, columnCount: 3))
      case .classWeights: call(SoftmaxCrossEntropy(classWeights: [1, 2]), output, [0, 1])
      case .labelWeights: call(BinaryCrossEntropy(classWeights: [1]), output, output)
      case .labelOutOfRange: call(SoftmaxCrossEntropy(), output, [0, 3])
      case .shortLosses: call(SquaredError(), output, output, room: 1)
      case .splitAtZero: _ = PairLoss(SquaredError(), SquaredError(), split: 0)
      case .splitBeyond:
        call(PairLoss(SquaredError(), SquaredError(), split: 3), output, (output, output))
      case .deltaZero: _ = HuberLoss(delta: 0)
      }
    }

    private func call<L: Loss>(
      _ loss: L, _ output: Matrix, _ targets: L.Targets, weights: [Float] = [], room: Int = 2
    ) {
      var gradient = output
      var losses = [Float](repeating: 0, count: room)
      var scratch = loss.makeScratch()
      _ = loss.differentiate(
        output, targets, weights: weights, into: &gradient, losses: &losses, &scratch,
        context: ComputeContext())
    }
  }

  @Test(arguments: Misuse.allCases)
  func wrongCallsStop(misuse: Misuse) async {
    await #expect(processExitsWith: .failure) { [misuse] in misuse.perform() }
  }

  @Test func rightCallsDoNot() async {
    await #expect(processExitsWith: .success) {
      var gradient = Matrix(rowCount: 2, columnCount: 3)
      var losses: [Float] = [0, 0]
      var scratch: Void = ()
      _ = SoftmaxCrossEntropy(classWeights: [1, 2, 3]).differentiate(
        gradient, [0, 2], weights: [1, 0], into: &gradient, losses: &losses, &scratch,
        context: ComputeContext())
    }
  }
}
