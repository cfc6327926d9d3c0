import MePropCore
import Testing
import _MePropTestSupport

/// The forward product's three ways, each against the naive product.
@Suite struct ForwardProductTests {
  /// A matrix whose entries are zero with probability `zeroShare`.
  private func input(
    _ rows: Int, _ columns: Int, zeroShare: Double, _ random: inout Philox
  ) -> Matrix {
    var x = random.nextMatrix(rows, columns)
    for row in 0..<rows {
      for column in 0..<columns where random.nextDouble(in: 0...1) < zeroShare {
        x[row, column] = 0
      }
    }
    return x
  }

  @Test(arguments: InstructionSet.available, [0, 0.5, 0.9, 1])
  func everyWayAgreesWithTheNaiveProduct(set: InstructionSet, zeroShare: Double) {
    var random = Philox(seed: 310)
    let context = ComputeContext(instructionSet: set)
    // Batches below, at and above the borders between the ways; odd sizes of the layer.
    for batchSize in [1, 2, 3, 4, 5, 6, 9, 19, 31, 32, 33, 63, 64, 65] {
      for (n, m) in [(1, 1), (3, 17), (16, 16), (18, 65), (33, 70)] {
        let x = input(batchSize, m, zeroShare: zeroShare, &random)
        let w = random.nextMatrix(n, m)
        var y = random.nextMatrix(batchSize, n)
        ForwardProduct().multiply(x, byTransposeOf: w, into: &y, context: context)
        let expected = NaiveReference.multiply(DoubleMatrix(x), byTransposeOf: DoubleMatrix(w))
        // Up to 70 terms of size 1, each rounding below 2⁻²⁴ of a sum of about 10.
        expectClose(y, expected, atol: 4e-5, rtol: 0, "\(batchSize) x \(m) to \(n), \(set)")
        expectZeroPadding(y)
      }
    }
  }

  /// Where weights stay, narrow layers do without the library, and a copy of the weights is kept.
  @Test(arguments: InstructionSet.available, [0, 0.3, 0.9, 1])
  func everyWayOfWeightsThatStayAgreesToo(set: InstructionSet, zeroShare: Double) {
    var random = Philox(seed: 316)
    let context = ComputeContext(instructionSet: set)
    // Outputs below, at and above the borders, and blocks of all numbers of lines.
    for batchSize in [5, 31, 32, 63, 64, 300] {
      for (n, m) in [(10, 17), (32, 64), (33, 70), (100, 65), (154, 33), (256, 40), (257, 130)] {
        let x = input(batchSize, m, zeroShare: zeroShare, &random)
        let w = random.nextMatrix(n, m)
        let product = ForwardProduct()
        var (y, again) = (random.nextMatrix(batchSize, n), random.nextMatrix(batchSize, n))
        for _ in 0..<2 {
          again = y
          product.multiply(x, byTransposeOf: w, into: &y, weightsStay: true, context: context)
        }
        let expected = NaiveReference.multiply(DoubleMatrix(x), byTransposeOf: DoubleMatrix(w))
        // Up to 130 terms of size 1.
        expectClose(y, expected, atol: 1e-4, rtol: 0, "\(batchSize) x \(m) to \(n), \(set)")
        expectSameBits(y, again)
        expectZeroPadding(y)
        var thin = Matrix(rowCount: batchSize, columnCount: n)
        context.multiplyThin(x, byTransposeOf: w, into: &thin, weightsStay: true)
        expectClose(thin, expected, atol: 1e-4, rtol: 0, "\(batchSize) x \(m) to \(n), \(set)")
        expectZeroPadding(thin)
      }
    }
  }

  /// Bias and activation give the same bits as a pass of their own, whichever way the product goes.
  @Test(arguments: InstructionSet.available, Activation.allCases)
  func biasAndActivationFollow(set: InstructionSet, activation: Activation) {
    var random = Philox(seed: 314)
    let context = ComputeContext(instructionSet: set)
    for precision in Precision.allCases {
      for (batchSize, zeroShare) in [(3, 0), (40, 0.9), (40, 0), (80, 0.9), (80, 0), (600, 0.9)] {
        let x = input(batchSize, 150, zeroShare: zeroShare, &random)
        let w = random.nextMatrix(37, 150)
        let bias = random.nextMatrix(1, 37)
        let product = ForwardProduct(precision: precision)
        var expected = Matrix(rowCount: batchSize, columnCount: 37)
        product.multiply(x, byTransposeOf: w, into: &expected, context: context)
        context.activate(&expected, bias: bias, activation: activation)
        var y = Matrix(rowCount: batchSize, columnCount: 37)
        product.multiply(
          x, byTransposeOf: w, bias: bias, activation: activation, into: &y, context: context)
        #expect(y == expected, "\(set), \(precision), \(batchSize), \(zeroShare)")
        expectZeroPadding(y)
      }
    }
  }

  /// What one product prepares for the next gives the same bits, and is taken for nothing else.
  @Test(arguments: InstructionSet.available)
  func aPreparedInputIsThatInput(set: InstructionSet) {
    var random = Philox(seed: 315)
    let context = ComputeContext(instructionSet: set)
    for precision in Precision.allCases {
      for (batchSize, width) in [(3, 16), (40, 33), (80, 64), (530, 50)] {
        let x = input(batchSize, 150, zeroShare: 0.5, &random)
        let (w, v) = (random.nextMatrix(width, 150), random.nextMatrix(21, width))
        let bias = random.nextMatrix(1, width)
        let (first, second) = (
          ForwardProduct(precision: precision), ForwardProduct(precision: precision)
        )
        var y = Matrix(rowCount: batchSize, columnCount: width)
        var (z, fresh) = (
          Matrix(rowCount: batchSize, columnCount: 21), Matrix(rowCount: batchSize, columnCount: 21)
        )
        for isRead in [true, false] {
          first.multiply(
            x, byTransposeOf: w, bias: bias, activation: .relu, into: &y, preparing: second,
            context: context)
          let read = isRead ? y : random.nextMatrix(batchSize, width)
          second.multiply(read, byTransposeOf: v, into: &z, context: context)
          ForwardProduct(precision: precision).multiply(
            read, byTransposeOf: v, into: &fresh, context: context)
          #expect(z == fresh, "\(set), \(precision), \(batchSize), read: \(isRead)")
        }
      }
    }
  }

  /// A row with its numbers rounded to eight bits, as numbers and as wholes of a scale.
  private func rounded(_ row: [Float]) -> (wholes: [Int], scale: Float) {
    let largest = row.reduce(0) { max($0, abs($1)) }
    guard largest > 0 else { return (row.map { _ in 0 }, 0) }
    let factor = 127 / largest
    return (row.map { Int(($0 * factor).rounded(.toNearestOrEven)) }, largest / 127)
  }

  /// Sums of eight-bit numbers are exact, so that all instruction sets give the same bits; outputs
  /// below, at and above blocks of 64, examples below, at and above blocks of 32.
  @Test(arguments: InstructionSet.available, [0, 0.9])
  func productsOfBytesAreExact(set: InstructionSet, zeroShare: Double) {
    var random = Philox(seed: 320)
    let context = ComputeContext(threadCount: 2, instructionSet: set)
    for batchSize in [1, 7, 31, 32, 33, 100] {
      for (n, m) in [(32, 17), (64, 64), (65, 3), (100, 1), (500, 70), (130, 784)] {
        var x = input(batchSize, m, zeroShare: zeroShare, &random)
        for column in 0..<m where batchSize > 1 { x[0, column] = 0 }
        let w = random.nextMatrix(n, m)
        var y = random.nextMatrix(batchSize, n)
        ForwardProduct(precision: .int8).multiply(x, byTransposeOf: w, into: &y, context: context)
        let inputs = (0..<batchSize).map { x.withRow($0) { rounded(Array($0)) } }
        for output in 0..<n {
          let weights = w.withRow(output) { rounded(Array($0)) }
          for (example, input) in inputs.enumerated() {
            let sum = zip(input.wholes, weights.wholes).reduce(0) { $0 + $1.0 * $1.1 }
            #expect(y[example, output] == Float(sum) * (input.scale * weights.scale))
          }
        }
        expectZeroPadding(y)
      }
    }
  }

  /// A number that is not finite shows in its row or column; narrow layers read floats.
  @Test func productsOfBytesTellWhatIsNotFinite() {
    var random = Philox(seed: 321)
    let context = ComputeContext()
    for bad in [Float.nan, .infinity, -.infinity] {
      var (x, w) = (random.nextMatrix(5, 30), random.nextMatrix(40, 30))
      x[2, 29] = bad
      w[7, 3] = bad
      var y = Matrix(rowCount: 5, columnCount: 40)
      ForwardProduct(precision: .int8).multiply(x, byTransposeOf: w, into: &y, context: context)
      for example in 0..<5 {
        for output in 0..<40 {
          #expect(y[example, output].isFinite == (example != 2 && output != 7))
        }
      }
    }
    let (x, w) = (random.nextMatrix(9, 30), random.nextMatrix(31, 30))
    var y = Matrix(rowCount: 9, columnCount: 31)
    var exact = y
    ForwardProduct(precision: .int8).multiply(x, byTransposeOf: w, into: &y, context: context)
    ForwardProduct().multiply(x, byTransposeOf: w, into: &exact, context: context)
    expectSameBits(y, exact)
  }

  @Test(arguments: [(10, 0.0), (100, 0.0), (100, 0.9)], [false, true])
  func changedWeightsAreSeen(batch: (size: Int, zeroShare: Double), weightsStay: Bool) {
    var random = Philox(seed: 311)
    let context = ComputeContext()
    let product = ForwardProduct()
    let x = input(batch.size, 40, zeroShare: batch.zeroShare, &random)
    var y = Matrix(rowCount: batch.size, columnCount: 40)
    var w = random.nextMatrix(40, 40)
    for _ in 0..<3 {
      product.multiply(x, byTransposeOf: w, into: &y, weightsStay: weightsStay, context: context)
      let expected = NaiveReference.multiply(DoubleMatrix(x), byTransposeOf: DoubleMatrix(w))
      expectClose(y, expected, atol: 4e-5, rtol: 0)
      w = random.nextMatrix(40, 40)
      product.weightsDidChange()
    }
  }

  @Test(arguments: [(12, 0.0), (40, 0.0), (80, 0.9)])
  func threadsDoNotChangeTheBits(batchSize: Int, zeroShare: Double) {
    var random = Philox(seed: 312)
    let x = input(batchSize, 300, zeroShare: zeroShare, &random)
    let w = random.nextMatrix(333, 300)
    let results = (1...3).map { threads in
      var y = Matrix(rowCount: batchSize, columnCount: 333)
      ForwardProduct().multiply(
        x, byTransposeOf: w, into: &y, context: ComputeContext(threadCount: threads))
      return y
    }
    expectSameBits(results[1], results[0])
    expectSameBits(results[2], results[0])
  }

  /// Rows told one by one: few of them are copied by themselves, many by a new copy of all.
  @Test(
    arguments: [[1, 1, 1], [3, 3, 3], [9, 9, 9], [24, 24, 24], [1, 9, 1]],
    [Precision.f32, .int8])
  func changedRowsAreSeen(changedCounts: [Int], precision: Precision) {
    var random = Philox(seed: 313)
    let context = ComputeContext()
    let product = ForwardProduct(precision: precision)
    let x = input(70, 40, zeroShare: 0.9, &random)
    let n = precision == .f32 ? 24 : 70
    var y = Matrix(rowCount: 70, columnCount: n)
    var fresh = y
    var w = random.nextMatrix(n, 40)
    product.multiply(x, byTransposeOf: w, into: &y, context: context)
    for changedCount in changedCounts {
      let changed = (0..<changedCount).map { UInt32(($0 * 7 + 2) % n) }
      for row in changed { for column in 0..<40 { w[Int(row), column] = random.nextNormal() } }
      product.weightsDidChange(rows: changed[...])
      product.multiply(x, byTransposeOf: w, into: &y, context: context)
      ForwardProduct(precision: precision).multiply(
        x, byTransposeOf: w, into: &fresh, context: context)
      expectSameBits(y, fresh)
    }
  }

  /// Below, at and above the shapes and the shares from which zeros are skipped.
  @Test(arguments: Precision.allCases, [0, 0.5, 0.8, 1])
  func weightGradientsAgreeWithTheNaiveProduct(precision: Precision, zeroShare: Double) {
    var random = Philox(seed: 314)
    for threads in 1...2 {
      let context = ComputeContext(threadCount: threads)
      for (batchSize, n, m) in [
        (1, 3, 5), (64, 127, 70), (64, 128, 70), (99, 200, 33), (1030, 130, 65),
      ] {
        let x = input(batchSize, m, zeroShare: zeroShare, &random)
        let d = random.nextMatrix(batchSize, n)
        let w = random.nextMatrix(n, m)
        var y = Matrix(rowCount: batchSize, columnCount: n)
        let product = ForwardProduct(precision: precision)
        product.multiply(x, byTransposeOf: w, into: &y, context: context)
        var gradient = WeightGradient(outputSize: n, inputSize: m)
        product.weightGradient(ofDense: d, input: x, into: &gradient, context: context)
        let expected = NaiveReference.multiplyTranspose(
          of: DoubleMatrix(d), by: DoubleMatrix(x))
        expectClose(gradient.values, expected, atol: 1e-3, rtol: 0, "\(batchSize) x \(m), \(n)")
        expectZeroPadding(gradient.values)
        #expect(gradient.validRows == Array(0..<n))
      }
    }
  }

  @Test func threadsDoNotChangeTheBitsOfWeightGradients() {
    var random = Philox(seed: 315)
    let x = input(128, 300, zeroShare: 0.8, &random)
    let d = random.nextMatrix(128, 200)
    let w = random.nextMatrix(200, 300)
    let results = (1...3).map { threads in
      let context = ComputeContext(threadCount: threads)
      let product = ForwardProduct()
      var y = Matrix(rowCount: 128, columnCount: 200)
      product.multiply(x, byTransposeOf: w, into: &y, context: context)
      var gradient = WeightGradient(outputSize: 200, inputSize: 300)
      product.weightGradient(ofDense: d, input: x, into: &gradient, context: context)
      return gradient.values
    }
    expectSameBits(results[1], results[0])
    expectSameBits(results[2], results[0])
  }
}
