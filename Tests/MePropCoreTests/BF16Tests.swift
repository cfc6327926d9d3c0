import MePropCore
import Testing
import _MePropTestSupport

/// Rounding to bf16, and products of rounded operands.
@Suite struct BF16Tests {
  /// The nearest bf16 number, ties to the even one, by comparing both neighbours.
  private func nearest(_ value: Float) -> Float {
    let below = Float(bitPattern: value.bitPattern & 0xFFFF_0000)
    guard below != value, value.isFinite else { return value }
    let above = Float(bitPattern: below.bitPattern + 0x1_0000)
    let (down, up) = (abs(value - below), abs(above - value))
    if down != up { return down < up ? below : above }
    return below.bitPattern >> 16 & 1 == 0 ? below : above
  }

  private func nearest(_ matrix: Matrix) -> Matrix {
    Matrix(
      rowCount: matrix.rowCount, columnCount: matrix.columnCount,
      elements: matrix.elements.map(nearest))
  }

  @Test(arguments: InstructionSet.available)
  func numbersAreRoundedToTheNearest(set: InstructionSet) {
    let ties = (0..<40).map { Float(bitPattern: 0x3F80_8000 + UInt32($0) * 0x4000) }
    let special: [Float] = [
      0, -0, 1, -1, 1e-30, -1e30, 3.0e38, .infinity, -.infinity, .leastNormalMagnitude,
    ]
    let values = special + ties + ties.map { -$0 } + ties.map(\.nextUp) + ties.map(\.nextDown)
    let source = Matrix([values, values.reversed()])
    var target = BF16Matrix(rowCount: 2, columnCount: values.count)
    let context = ComputeContext(instructionSet: set)
    context.round(source, into: &target)
    for row in 0..<2 {
      for column in values.indices {
        let expected = nearest(source[row, column])
        #expect(target[row, column].bitPattern == expected.bitPattern, "\(source[row, column])")
      }
    }
    var broken = BF16Matrix(rowCount: 1, columnCount: 2)
    context.round(Matrix([[.nan, Float(bitPattern: 0xFFFF_FFFF)]]), into: &broken)
    #expect(broken[0, 0].isNaN && broken[0, 1].isNaN)
  }

  @Test(arguments: InstructionSet.available)
  func productsAgreeWithTheNaiveProductOfRoundedNumbers(set: InstructionSet) {
    var random = Philox(seed: 320)
    let context = ComputeContext(instructionSet: set)
    for batchSize in [1, 2, 3, 4, 5, 6, 7, 11, 59, 60, 61, 64, 121] {
      for (n, m) in [(1, 1), (3, 17), (16, 16), (18, 65), (33, 70)] {
        let x = random.nextMatrix(batchSize, m)
        let w = random.nextMatrix(n, m)
        var y = random.nextMatrix(batchSize, n)
        ForwardProduct(precision: .bf16).multiply(x, byTransposeOf: w, into: &y, context: context)
        let expected = NaiveReference.multiply(
          DoubleMatrix(nearest(x)), byTransposeOf: DoubleMatrix(nearest(w)))
        // Up to 70 exact products of size 1, each sum rounded to 2⁻²⁴ of about 10.
        expectClose(y, expected, atol: 4e-5, rtol: 0, "\(batchSize) x \(m) to \(n), \(set)")
        expectZeroPadding(y)
      }
    }
  }

  @Test(arguments: InstructionSet.available, [0.5, 0.9, 1])
  func zerosAreSkippedInRoundedNumbersToo(set: InstructionSet, zeroShare: Double) {
    var random = Philox(seed: 323)
    let context = ComputeContext(instructionSet: set)
    for (n, m) in [(1, 1), (3, 17), (16, 16), (31, 64), (33, 65), (48, 70), (140, 130)] {
      var x = random.nextMatrix(64, m)
      for row in 0..<64 {
        for column in 0..<m where random.nextDouble(in: 0...1) < zeroShare { x[row, column] = 0 }
      }
      let product = ForwardProduct(precision: .bf16)
      var w = random.nextMatrix(n, m)
      var y = random.nextMatrix(64, n)
      for _ in 0..<2 {
        product.multiply(x, byTransposeOf: w, into: &y, context: context)
        let expected = NaiveReference.multiply(
          DoubleMatrix(nearest(x)), byTransposeOf: DoubleMatrix(nearest(w)))
        expectClose(y, expected, atol: 8e-5, rtol: 0, "\(m) to \(n), \(set)")
        expectZeroPadding(y)
        w = random.nextMatrix(n, m)
        product.weightsDidChange(rows: ArraySlice(0..<UInt32(n)))
      }
    }
  }

  /// More columns and more examples than are multiplied at once.
  @Test(arguments: InstructionSet.available, [(5, 40, 1_100), (513, 17, 40), (1_030, 33, 33)])
  func partsOfLargeProductsAreSummed(set: InstructionSet, shape: (Int, Int, Int)) {
    let (batchSize, n, m) = shape
    var random = Philox(seed: 324)
    let x = random.nextMatrix(batchSize, m)
    let w = random.nextMatrix(n, m)
    var y = random.nextMatrix(batchSize, n)
    ForwardProduct(precision: .bf16).multiply(
      x, byTransposeOf: w, into: &y, context: ComputeContext(instructionSet: set))
    let expected = NaiveReference.multiply(
      DoubleMatrix(nearest(x)), byTransposeOf: DoubleMatrix(nearest(w)))
    // Up to 1,100 products, sums of about 33.
    expectClose(y, expected, atol: 4e-4, rtol: 0, "\(batchSize) x \(m) to \(n), \(set)")
    expectZeroPadding(y)
  }

  /// Without matrix tiles, which keep no copy.
  @Test func onlyRowsThatChangedAreRoundedAgain() {
    var random = Philox(seed: 321)
    let context = ComputeContext(instructionSet: .portable)
    let product = ForwardProduct(precision: .bf16)
    let x = random.nextMatrix(7, 40)
    var w = random.nextMatrix(24, 40)
    var y = Matrix(rowCount: 7, columnCount: 24)
    product.multiply(x, byTransposeOf: w, into: &y, context: context)
    let before = y
    // Told of row 3 only: a change of row 5 must not be seen, one of row 3 must.
    w[3, 0] += 1
    w[5, 0] += 1
    product.weightsDidChange(rows: [3, 3])
    product.multiply(x, byTransposeOf: w, into: &y, context: context)
    for example in 0..<7 {
      #expect(y[example, 5] == before[example, 5])
      #expect(y[example, 3] != before[example, 3])
    }
    product.weightsDidChange()
    product.multiply(x, byTransposeOf: w, into: &y, context: context)
    let expected = NaiveReference.multiply(
      DoubleMatrix(nearest(x)), byTransposeOf: DoubleMatrix(nearest(w)))
    expectClose(y, expected, atol: 4e-5, rtol: 0)
  }

  @Test func threadsDoNotChangeTheBits() {
    var random = Philox(seed: 322)
    let x = random.nextMatrix(70, 300)
    let w = random.nextMatrix(333, 300)
    let results = (1...3).map { threads in
      var y = Matrix(rowCount: 70, columnCount: 333)
      ForwardProduct(precision: .bf16).multiply(
        x, byTransposeOf: w, into: &y, context: ComputeContext(threadCount: threads))
      return y
    }
    expectSameBits(results[1], results[0])
    expectSameBits(results[2], results[0])
  }
}
