import MePropCore
import Testing
import _MePropTestSupport

/// Activations, their derivatives, and gathering of bytes.
@Suite struct ElementwiseTests {
  /// What ``differentiateLayer`` returns.
  private struct Differentiated {
    var d: Matrix
    var sums: Matrix
    var norms: [Float]
  }

  private func differentiate(
    _ dz: Matrix, output: Matrix, _ activation: Activation, dropout: Dropout = .none,
    memory: Matrix? = nil, beta: Float = 0, context: ComputeContext
  ) -> Differentiated {
    var result = Differentiated(
      d: dz, sums: Matrix(rowCount: 1, columnCount: dz.columnCount),
      norms: Array(repeating: -1, count: dz.rowCount))
    var scratch = Matrix(rowCount: 0, columnCount: dz.columnCount)
    context.differentiate(
      &result.d, output: output, activation: activation, dropout: dropout, memory: memory,
      beta: beta, partialSums: &scratch, columnSums: &result.sums, norms: &result.norms)
    return result
  }

  @Test(arguments: InstructionSet.available, Activation.allCases)
  func activationsAgreeWithTheNaiveOnes(set: InstructionSet, activation: Activation) {
    var random = Philox(seed: 600)
    let context = ComputeContext(instructionSet: set)
    for (rows, columns) in [(1, 1), (3, 15), (5, 17), (2, 64), (7, 131)] {
      let pre = random.nextMatrix(rows, columns, scale: 3)
      let bias = random.nextMatrix(1, columns)
      var y = pre
      context.activate(&y, bias: bias, activation: activation)
      var expected = DoubleMatrix(rowCount: rows, columnCount: columns)
      for row in 0..<rows {
        for column in 0..<columns {
          expected[row, column] = NaiveReference.activate(
            Double(pre[row, column] + bias[0, column]), activation)
        }
      }
      // Documented: absolute error below 3e-7; identity and ReLU are exact.
      let isExact = activation == .identity || activation == .relu
      expectClose(y, expected, atol: isExact ? 0 : 3e-7, rtol: 0, "\(set)")
      expectZeroPadding(y)
    }
  }

  @Test(arguments: InstructionSet.available)
  func activationsOfExtremes(set: InstructionSet) {
    let context = ComputeContext(instructionSet: set)
    let input: [Float] = [
      0, -0.0, .leastNonzeroMagnitude, -1e-20, 20, -20, 88, -88, 200, -200, 3e38, -3e38, .infinity,
      -.infinity,
    ]
    for activation in Activation.allCases {
      var y = Matrix([input])
      context.activate(&y, bias: Matrix(rowCount: 1, columnCount: 14), activation: activation)
      let expected = input.map { NaiveReference.activate(Double($0), activation) }
      expectClose(y.elements, expected, atol: 3e-7, rtol: 0, "\(activation), \(set)")
      var nan = Matrix([[1, .nan, -1]])
      context.activate(&nan, bias: Matrix(rowCount: 1, columnCount: 3), activation: activation)
      #expect(nan.elements.map(\.isNaN) == [false, true, false], "\(activation), \(set)")
    }
  }

  @Test(arguments: InstructionSet.available, Activation.allCases)
  func derivativesAgreeWithTheNaiveOnes(set: InstructionSet, activation: Activation) {
    var random = Philox(seed: 601)
    let context = ComputeContext(instructionSet: set)
    for (rows, columns) in [(1, 1), (4, 17), (16, 33), (17, 8), (50, 131)] {
      let pre = random.nextMatrix(rows, columns, scale: 2)
      let dz = random.nextMatrix(rows, columns)
      let memory = random.nextMatrix(1, columns)
      var output = pre
      context.activate(
        &output, bias: Matrix(rowCount: 1, columnCount: columns), activation: activation)
      for beta in [0, 0.9] as [Float] {
        let found = differentiate(
          dz, output: output, activation, memory: beta == 0 ? nil : memory, beta: beta,
          context: context)
        var expected = DoubleMatrix(dz)
        for row in 0..<rows {
          for column in 0..<columns {
            expected[row, column] *= NaiveReference.derivative(
              at: Double(pre[row, column]), activation)
            expected[row, column] += Double(beta) * Double(memory[0, column])
          }
        }
        // Derivatives of tanh and the logistic function come from outputs right to 3e-7 (twice
        // that in 1 − y²), times gradients of up to 4.
        expectClose(found.d, expected, atol: 3e-6, rtol: 1e-6, "\(set)")
        let rowNorms = (0..<rows).map { expected.row($0).reduce(0) { $0 + abs($1) } }
        expectClose(found.norms, rowNorms, atol: 1e-5, rtol: 1e-5)
        expectClose(found.sums.elements, expected.columnSums(), atol: 1e-4, rtol: 1e-5)
        expectZeroPadding(found.d)
        expectZeroPadding(found.sums)
      }
    }
  }

  @Test(arguments: InstructionSet.available)
  func eachExampleMayHaveItsOwnMemory(set: InstructionSet) {
    var random = Philox(seed: 603)
    let context = ComputeContext(instructionSet: set)
    for (rows, columns) in [(1, 1), (3, 17), (17, 8), (20, 131)] {
      let dz = random.nextMatrix(rows, columns)
      // As after a smaller batch: more rows than examples.
      let memory = random.nextMatrix(rows + 2, columns)
      let found = differentiate(
        dz, output: dz, .identity, memory: memory, beta: 0.7, context: context)
      var expected = DoubleMatrix(dz)
      for row in 0..<rows {
        for column in 0..<columns {
          expected[row, column] += 0.7 * Double(memory[row, column])
        }
      }
      expectClose(found.d, expected, atol: 1e-6, rtol: 1e-6, "\(set)")
      expectClose(found.sums.elements, expected.columnSums(), atol: 1e-4, rtol: 1e-5)
    }
  }

  @Test func reluPassesNothingAtZero() {
    let context = ComputeContext()
    let found = differentiate(
      Matrix([[5, 5, 5]]), output: Matrix([[0, 1e-30, -0.0]]), .relu, context: context)
    #expect(found.d == Matrix([[0, 5, 0]]))
    #expect(found.sums == Matrix([[0, 5, 0]]))
    #expect(found.norms == [5])
  }

  @Test(arguments: Activation.allCases)
  func threadsDoNotChangeTheBits(activation: Activation) {
    var random = Philox(seed: 602)
    let (rows, columns) = (400, 530)
    let pre = random.nextMatrix(rows, columns)
    let dz = random.nextMatrix(rows, columns)
    let dropout = Dropout(rate: 0.3, seed: 1, stream: 2)
    var results: [Differentiated] = []
    var outputs: [Matrix] = []
    for threads in 1...3 {
      let context = ComputeContext(threadCount: threads)
      var output = pre
      context.activate(
        &output, bias: Matrix(rowCount: 1, columnCount: columns), activation: activation,
        dropout: dropout)
      outputs.append(output)
      results.append(
        differentiate(
          dz, output: output, activation, dropout: dropout,
          memory: Matrix([dz.withRow(0) { Array($0) }]),
          beta: 0.5, context: context))
    }
    for threads in 1...2 {
      expectSameBits(outputs[threads], outputs[0])
      expectSameBits(results[threads].d, results[0].d)
      expectSameBits(results[threads].sums, results[0].sums)
      #expect(results[threads].norms == results[0].norms)
    }
  }

  // MARK: Dropout

  @Test(arguments: InstructionSet.available, Activation.allCases)
  func dropoutFollowsItsFormulaAndBackwardUsesTheSameMask(
    set: InstructionSet, activation: Activation
  ) {
    var random = Philox(seed: 603)
    let context = ComputeContext(instructionSet: set)
    for (rows, columns) in [(1, 1), (3, 63), (4, 64), (5, 65), (2, 200)] {
      let dropout = Dropout(rate: 0.4, seed: random.next(), stream: random.next())
      let factors = NaiveReference.dropoutFactors(dropout, rowCount: rows, columnCount: columns)
      let pre = random.nextMatrix(rows, columns)
      var output = pre
      context.activate(
        &output, bias: Matrix(rowCount: 1, columnCount: columns), activation: activation,
        dropout: dropout)
      var expected = DoubleMatrix(pre).map { NaiveReference.activate($0, activation) }
      for index in expected.elements.indices { expected.elements[index] *= factors.elements[index] }
      expectClose(output, expected, atol: 6e-7, rtol: 1e-6, "\(set)")
      expectZeroPadding(output)

      let dz = random.nextMatrix(rows, columns)
      let found = differentiate(dz, output: output, activation, dropout: dropout, context: context)
      var gradient = DoubleMatrix(dz)
      for index in gradient.elements.indices {
        let slope = NaiveReference.derivative(at: Double(pre.elements[index]), activation)
        gradient.elements[index] *= slope * factors.elements[index]
      }
      expectClose(found.d, gradient, atol: 6e-6, rtol: 1e-6, "\(set)")
    }
  }

  @Test(arguments: [0, 0.1, 0.5, 0.9] as [Float])
  func dropoutDropsItsShareAndKeepsTheMean(rate: Float) {
    let context = ComputeContext()
    let (rows, columns) = (200, 300)
    var y = Matrix(rowCount: rows, columnCount: columns)
    context.activate(
      &y, bias: Matrix([Array(repeating: 1, count: columns)]), activation: .identity,
      dropout: Dropout(rate: rate, seed: 9, stream: 10))
    let values = y.elements
    let dropped = Double(values.count { $0 == 0 }) / Double(rows * columns)
    // Deviation of a share of 60,000: √(p (1 − p) / 60,000) ≤ 0.0021; four of them.
    let deviation = (Double(rate) * (1 - Double(rate)) / Double(rows * columns)).squareRoot()
    #expect(abs(dropped - Double(rate)) <= 4 * deviation)
    #expect(values.allSatisfy { $0 == 0 || abs($0 - 1 / (1 - rate)) < 1e-6 })
    let mean = values.reduce(0) { $0 + Double($1) } / Double(rows * columns)
    #expect(abs(mean - 1) <= 4 * deviation / (1 - Double(rate)) + 1e-6)
    // Columns and rows are independent: no two rows and no two neighbor columns alike.
    if rate > 0 {
      let masks = Set((0..<rows).map { row in y.withRow(row) { $0.map { $0 == 0 } } })
      #expect(masks.count == rows)
    }
  }

  @Test func dropoutDependsOnSeedAndStream() {
    let context = ComputeContext()
    func outputs(seed: UInt64, stream: UInt64) -> Matrix {
      var y = Matrix(rowCount: 3, columnCount: 50)
      context.activate(
        &y, bias: Matrix([Array(repeating: 1, count: 50)]), activation: .relu,
        dropout: Dropout(rate: 0.5, seed: seed, stream: stream))
      return y
    }
    let first = outputs(seed: 1, stream: 1 << 40)
    #expect(outputs(seed: 1, stream: 1 << 40) == first)
    #expect(outputs(seed: 2, stream: 1 << 40) != first)
    #expect(outputs(seed: 1, stream: 1 << 41) != first)
    #expect(outputs(seed: 1 | 1 << 50, stream: 1 << 40) != first)
  }

  // MARK: Bytes

  @Test(arguments: InstructionSet.available)
  func bytesBecomeFloats(set: InstructionSet) {
    let context = ComputeContext(instructionSet: set)
    for columns in [1, 3, 4, 7, 8, 15, 16, 17, 33, 100] {
      let bytes = (0..<(columns * 6)).map { UInt8(truncatingIfNeeded: $0 * 37) }
      let examples: [UInt32] = [9, 5, 0, 3, 3]
      var x = Matrix(rowCount: 4, columnCount: columns)
      context.gather(bytes, examples: examples[1...], scale: 1 / 255, into: &x)
      for (row, example) in examples[1...].enumerated() {
        let expected = bytes[(Int(example) * columns)..<((Int(example) + 1) * columns)]
          .map { Float($0) * (1 / 255 as Float) }
        #expect(x.withRow(row) { Array($0) } == expected, "\(columns) columns, \(set)")
      }
      expectZeroPadding(x)
    }
  }
}
